"""Switching and settings: orders that name a state to be in, not an amount to add.

拉闸, 合闸, 保电 and 恢复预付费 are read, written once a turn, and read back. What was commanded and what the contact
does are two facts: a breaker that waits for a hand is DONE with the reason `relay_differs`; both stand in the answer.
An order that expired is never sent. PRICES, LIMITS and CLOCK are written once and compared value by value.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from prewatt.field.gateway.turns import Action, Fact, Judgement, Memory, Phase, Table, Values
from prewatt.link.messages import SWITCH_KINDS, Kind, Order

SWITCH_OFF_LIFE_MS = 600_000  # an order to trip that carries no expiry of its own is not sent later than this
CLOCK_ERROR_MS_MAX = 5_000

# What a meter shows when it obeys; of these, whatever its profile can read must fit, and at least one must be readable.
HELD = 2  # `forced` on hold 保电
COMMANDED: Mapping[Kind, Mapping[str, int]] = MappingProxyType(
    {
        Kind.SWITCH_OFF: {"forced": 1, "relay_command": 0},
        Kind.SWITCH_ON: {"relay_command": 1},
        Kind.HOLD: {"forced": HELD},
        Kind.RELEASE: {"forced": 0},
    }
)
CONTACT: Mapping[Kind, int] = MappingProxyType({Kind.SWITCH_OFF: 0, Kind.SWITCH_ON: 1, Kind.HOLD: 1})

_STANDARD: dict[tuple[Phase, Fact], Action] = {
    (Phase.FRESH, Fact.SILENT): Action.LATER,
    (Phase.FRESH, Fact.BEFORE): Action.WRITE,
    (Phase.FRESH, Fact.AFTER): Action.DONE,
    (Phase.FRESH, Fact.EARLY): Action.LATER,
    (Phase.FRESH, Fact.FORBIDDEN): Action.REFUSE,
    (Phase.FRESH, Fact.CANCEL): Action.CANCEL,
    (Phase.FRESH, Fact.EXPIRED): Action.EXPIRE,
    (Phase.WRITTEN, Fact.SILENT): Action.LATER,
    (Phase.WRITTEN, Fact.BEFORE): Action.WRITE,
    (Phase.WRITTEN, Fact.AFTER): Action.DONE,
    (Phase.WRITTEN, Fact.EARLY): Action.LATER,
    (Phase.WRITTEN, Fact.FORBIDDEN): Action.REFUSE,
    (Phase.WRITTEN, Fact.CANCEL): Action.CANCEL,
    (Phase.WRITTEN, Fact.EXPIRED): Action.EXPIRE,
    (Phase.WRITTEN, Fact.WORN_OUT): Action.REFUSE,
    (Phase.WRITTEN, Fact.ACKED): Action.READ,
    (Phase.WRITTEN, Fact.DENIED): Action.READ,
    (Phase.WRITTEN, Fact.UNANSWERED): Action.READ,
}
STANDARD: Table = MappingProxyType(_STANDARD)


class SwitchRules(msgspec.Struct, frozen=True):
    table: Mapping[tuple[Phase, Fact], Action] = STANDARD
    writes_max: int = 3
    settle_ms: int = 10_000  # how long a contact may take to follow its command before the answer says that it did not


def expires_at_ms(order: Order) -> int | None:
    """When the order is too late.

    An order to trip always ends: power cut hours later, the tenant having paid, is harm.
    """
    if order.expires_at_ms is None and order.kind is Kind.SWITCH_OFF:
        return order.placed_at_ms + SWITCH_OFF_LIFE_MS
    return order.expires_at_ms


def without_reading(order: Order, *, memory: Memory, now: int) -> Judgement | None:
    """What is decided before the line is used: an order never sent, and cancelled or too late, needs no reading."""
    if memory.writes:
        return None
    if order.cancel:
        return Judgement(fact=Fact.CANCEL, reason="cancelled")
    expires_at = expires_at_ms(order)
    if expires_at is not None and now >= expires_at:
        return Judgement(fact=Fact.EXPIRED, reason="expired")
    return None


def judge(
    *, order: Order, memory: Memory, values: Values, now: int, rules: SwitchRules, forbidden: str = ""
) -> Judgement:
    """The fact in one reading taken at `now` (ms)."""
    if order.kind is Kind.READ:
        return Judgement(fact=Fact.AFTER)
    if is_obeyed(order, values=values, now=now):
        return _contact(order, memory=memory, values=values, now=now, rules=rules)
    expires_at = expires_at_ms(order)
    if order.cancel:
        return Judgement(fact=Fact.CANCEL, reason="cancelled")
    if expires_at is not None and now >= expires_at:
        return Judgement(fact=Fact.EXPIRED, reason="expired")
    if forbidden or not is_readable(order, values):
        return Judgement(fact=Fact.FORBIDDEN, reason=forbidden or "no_readback")
    if memory.writes >= rules.writes_max:
        return Judgement(fact=Fact.WORN_OUT, reason="not_taken")
    return Judgement(fact=Fact.BEFORE)


def is_obeyed(order: Order, *, values: Values, now: int) -> bool:
    """Whether the meter shows what the order asks for. The contact itself is another fact."""
    if order.kind is Kind.CLOCK:
        return abs(values.get("clock_ms", 0) - now) <= CLOCK_ERROR_MS_MAX
    wanted = wanted_values(order)
    seen = {name: value for name, value in wanted.items() if name in values}
    return is_readable(order, values) and all(values[name] == value for name, value in seen.items())


def is_readable(order: Order, values: Values) -> bool:
    if order.kind is Kind.CLOCK:
        return "clock_ms" in values
    wanted = wanted_values(order)
    if order.kind in SWITCH_KINDS:
        return any(name in values for name in wanted)
    return bool(wanted) and all(name in values for name in wanted)


def wanted_values(order: Order) -> Mapping[str, int]:
    if holds(order):
        return {**COMMANDED[Kind.SWITCH_ON], **COMMANDED[Kind.HOLD]}
    return COMMANDED.get(order.kind, order.values)


def holds(order: Order) -> bool:
    """Power that the meter's own balance must not take again: where the platform bills, on is on hold."""
    return order.kind is Kind.SWITCH_ON and order.values.get("hold") == 1


def commands(order: Order, *, before: Values) -> tuple[Kind, ...]:
    """What to send for a switching order. A meter on hold refuses a trip, so such a hold ends first."""
    if holds(order):
        return (Kind.HOLD,)
    if order.kind is Kind.SWITCH_OFF and order.values.get("release") == 1 and before.get("forced") == HELD:
        return (Kind.RELEASE, Kind.SWITCH_OFF)
    return (order.kind,)


def _contact(order: Order, *, memory: Memory, values: Values, now: int, rules: SwitchRules) -> Judgement:
    """The command stands. Give the contact time to follow, then say what it did."""
    wanted = CONTACT.get(order.kind)
    if wanted is None or values.get("relay_closed", wanted) == wanted:
        return Judgement(fact=Fact.AFTER)
    settled_at = memory.before_at_ms + rules.settle_ms
    if memory.writes and now < settled_at:
        return Judgement(fact=Fact.EARLY, again_at_ms=min(settled_at, now + 1_000))
    return Judgement(fact=Fact.AFTER, reason="relay_differs")
