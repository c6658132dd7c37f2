"""The names that a profile may give to what it reads, and the whole-number unit that each travels and is stored in.

`scale` is how many stored units make one unit of the name's own suffix: `voltage_a_v` is stored in tenths of a volt.
Shown to people and in JSON (`as_display`), a value is in the unit of its suffix; on the link and in the database it
is the whole number.
"""

from __future__ import annotations

QUANTITIES: dict[str, int] = {
    # energy, whole Wh as the register shows it: behind a CT the centre multiplies
    # (用电量 = Δ × 互感器倍率)
    "energy_wh": 1,
    "energy_sharp_wh": 1,
    "energy_peak_wh": 1,
    "energy_flat_wh": 1,
    "energy_valley_wh": 1,
    "energy_deep_wh": 1,
    "energy_export_wh": 1,
    # electrical state
    "voltage_a_v": 10,
    "voltage_b_v": 10,
    "voltage_c_v": 10,
    "current_a_a": 1000,
    "current_b_a": 1000,
    "current_c_a": 1000,
    "power_w": 1,
    "power_a_w": 1,
    "power_b_w": 1,
    "power_c_w": 1,
    "reactive_var": 1,
    "power_factor": 1000,
    "frequency_hz": 100,
    # money on the meter
    "balance_fen": 1,
    "purchase_count": 1,
    "bought_fen": 1,  # everything ever credited, refunds taken off
    "overdraft_fen": 1,
    "alarm1_fen": 1,
    "alarm2_fen": 1,
    "ceiling_fen": 1,
    "overdraft_limit_fen": 1,
    "price_sharp_e4": 1,
    "price_peak_e4": 1,
    "price_flat_e4": 1,
    "price_valley_e4": 1,
    "price_deep_e4": 1,
    # limits and switching
    "overload_limit_w": 1,
    "overload_trips": 1,
    "relay_closed": 1,  # 1 power is on
    "relay_command": 1,  # 1 commanded on; differs from relay_closed while a breaker waits for a hand
    "forced": 1,  # 0 prepaid logic, 1 forced off 拉闸, 2 forced on 保电
    "prepaid_open": 1,  # 1 the meter counts money down
    "state_arrears": 1,
    "state_alarm1": 1,
    "state_alarm2": 1,
    "state_overload": 1,
    # the meter's clock
    "clock_ms": 1,  # UTC milliseconds; a profile decodes the meter's local clock with the site's zone offset
    "ct_ratio": 1,
}


def as_display(values: dict[str, int]) -> dict[str, int | float]:
    """The same values in the unit of their suffix: {"voltage_a_v": 2298} -> {"voltage_a_v": 229.8}."""
    return {name: value if QUANTITIES[name] == 1 else value / QUANTITIES[name] for name, value in values.items()}
