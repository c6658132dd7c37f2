"""What a meter shows: its registers as named quantities in the stored units of `profiles.quantities`."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from prewatt.sim.tariff import RATES

if TYPE_CHECKING:
    from prewatt.sim.meter import Meter

_MILLI = 1000


def money(meter: Meter) -> dict[str, int]:
    """Money, limits and switch."""
    memory, balance = meter.memory, meter.balance_fen
    return {
        "balance_fen": balance,
        "overdraft_fen": max(0, -balance),
        "purchase_count": meter.purchase_count,
        "bought_fen": meter.bought_fen,
        "alarm1_fen": memory.alarm1_fen,
        "alarm2_fen": memory.alarm2_fen,
        "ceiling_fen": memory.ceiling_fen,
        "overdraft_limit_fen": memory.overdraft_limit_fen,
        "price_sharp_e4": memory.prices_e4[0],
        "price_peak_e4": memory.prices_e4[1],
        "price_flat_e4": memory.prices_e4[2],
        "price_valley_e4": memory.prices_e4[3],
        "price_deep_e4": memory.prices_e4[4],
        "overload_limit_w": memory.overload_limit_w,
        "overload_trips": memory.overload_trips,
        "relay_closed": int(memory.contact_closed),
        "relay_command": int(meter.relay_command),
        "forced": memory.forced,
        "prepaid_open": int(memory.opened),
        "state_arrears": int(memory.opened and (memory.arrears or balance <= 0)),
        "state_alarm1": int(memory.opened and balance <= memory.alarm1_fen),
        "state_alarm2": int(memory.opened and balance <= memory.alarm2_fen),
        "state_overload": int(memory.overload_open),
        "ct_ratio": meter.spec.ct_ratio,
    }


def energy(meter: Meter) -> dict[str, int]:
    """The registers and the clock. The total is the sum of the rates as each shows it."""
    registers = meter.registers_wh()
    shown = {f"energy_{rate}_wh": wh for rate, wh in zip(RATES, registers, strict=True)}
    shown["energy_wh"] = sum(registers)
    shown["clock_ms"] = meter.clock_ms(meter.at_ms)
    return shown


def electricity(meter: Meter) -> dict[str, int]:
    """Voltages wander a little, by salt and time; power and current are those of the secondary side (÷ CT)."""
    spec = meter.spec
    noise = (meter.at_ms // 10_000 * 2_654_435_761 + spec.salt * 40_503) & 0xFFFFFFFF
    power_w = meter.power_w // spec.ct_ratio
    factor, tangent = _factor(spec.salt)
    shares = (33 + noise % 3, 32 + (noise >> 4) % 3) if spec.phases == 3 else (100,)
    powers = [power_w * share // 100 for share in shares]
    powers += [power_w - sum(powers)] if spec.phases == 3 else []
    shown = {
        "power_w": power_w,
        "power_factor": factor if power_w else _MILLI,
        "reactive_var": power_w * tangent // _MILLI,
        "frequency_hz": 4998 + (noise >> 24) % 5,
    }
    for number, (phase, phase_w) in enumerate(zip("abc", powers, strict=False)):
        volt_tenths = 2285 + (noise >> 8 + 5 * number) % 31
        shown[f"voltage_{phase}_v"] = volt_tenths
        shown[f"power_{phase}_w"] = phase_w
        shown[f"current_{phase}_a"] = phase_w * 10 * _MILLI * _MILLI // (volt_tenths * factor)
    return shown


@lru_cache(maxsize=4096)
def _factor(salt: int) -> tuple[int, int]:
    """Power factor and its tangent, in thousandths."""
    factor = 900 + salt % 90
    return factor, math.isqrt(_MILLI**2 - factor**2) * _MILLI // factor
