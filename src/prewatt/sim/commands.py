"""Commands by the names that profiles use, applied to a meter. Refusals are named; what was refused changed nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from prewatt.sim.memory import Refused
from prewatt.sim.tariff import RATES

if TYPE_CHECKING:
    from prewatt.sim.meter import Meter

Values = Mapping[str, int]
LIMITS = frozenset({"alarm1_fen", "alarm2_fen", "overdraft_limit_fen", "ceiling_fen", "overload_limit_w"})


def apply(meter: Meter, command: str, values: Values) -> None:
    """The meter has been advanced to the moment. Raises Refused."""
    handler = _COMMANDS.get(command)
    if handler is None:
        raise Refused("no_such_command")
    handler(meter, values)


def _recharge(meter: Meter, values: Values) -> None:
    meter.recharge(amount_fen=values["amount_fen"], count=values["count"])


def _refund(meter: Meter, values: Values) -> None:
    meter.refund(amount_fen=values["amount_fen"], count=values["count"])


def _open(meter: Meter, values: Values) -> None:
    meter.open_account(amount_fen=values["amount_fen"], count=values.get("count", 0))


def _switch_off(meter: Meter, _values: Values) -> None:
    """On hold a trip is refused: 保电."""
    if meter.memory.forced == 2:
        raise Refused("on_hold")
    meter.memory.forced = 1


def _switch_on(meter: Meter, _values: Values) -> None:
    """Ends a forced off, a reminder and an overload. Arrears end by money only."""
    memory = meter.memory
    if memory.forced == 2:
        return
    if memory.arrears and memory.opened:
        raise Refused("arrears")
    memory.forced, memory.button_awaited = 0, False
    memory.reminder_open, memory.reminder_until_ms = False, None
    memory.overload_open, memory.overload_until_ms, memory.overload_trips = False, None, 0


def _allow_on(meter: Meter, values: Values) -> None:
    """As switch on, but the tenant closes with the button (合闸允许)."""
    was_open = not meter.memory.contact_closed
    _switch_on(meter, values)
    meter.memory.button_awaited = was_open


def _hold(meter: Meter, _values: Values) -> None:
    meter.memory.forced, meter.memory.button_awaited = 2, False


def _release(meter: Meter, _values: Values) -> None:
    meter.memory.forced = 0


def _remind(meter: Meter, _values: Values) -> None:
    """A trip that the tenant may end at the meter (DL/T 645: 1D, 1E)."""
    if meter.memory.forced == 2:
        raise Refused("on_hold")
    meter.memory.reminder_open = True


def _prices(meter: Meter, values: Values) -> None:
    """The energy so far keeps its price: only what is counted from now on costs the new one."""
    for name, value in values.items():
        meter.memory.prices_e4[RATES.index(name.split("_")[1])] = value


def _limits(meter: Meter, values: Values) -> None:
    if not values.keys() <= LIMITS or any(value < 0 for value in values.values()):
        raise Refused("bad_value")
    for name, value in values.items():
        setattr(meter.memory, name, value)


def _clock(meter: Meter, values: Values) -> None:
    meter.memory.clock_set_ms, meter.memory.clock_set_at_ms = values["clock_ms"], meter.at_ms


_COMMANDS: dict[str, Callable[[Meter, Values], None]] = {
    "recharge": _recharge,
    "refund": _refund,
    "open": _open,
    "switch_off": _switch_off,
    "switch_on": _switch_on,
    "allow_on": _allow_on,
    "hold": _hold,
    "release": _release,
    "remind": _remind,
    "prices": _prices,
    "limits": _limits,
    "clock": _clock,
}
