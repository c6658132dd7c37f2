"""The recharge table: a money order reaches the meter exactly once, or a person is told that nobody can know.

    order n for this meter (one open money order per meter)
      read                        -> judge by count, total bought and balance together
        not applied  -> journal "writing" -> write ONCE -> read again
        applied      -> DONE          (also: an earlier write whose answer was lost)
        anything else, twice          -> UNCLEAR: a person decides with both readings on the screen
      silence, crash, restart         -> the next turn starts by READING, never by writing

Real meters answer yes and do nothing, answer no and have done it, and lose power between balance and count. So neither
answer is a fact that ends an order, and the count alone proves nothing: balance or the total-bought register must tell
the same story.

`judge` is pure: what was read, what is remembered -> a fact.
`RechargeRules.table` is the whole strategy: (phase, fact) -> action.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto
from types import MappingProxyType

import msgspec

from prewatt.field.gateway.turns import Action, Fact, Judgement, Memory, Phase, Table, Values
from prewatt.link.messages import Kind, Order

PRICE_E4_ASSUMED = 50_000  # 5 yuan per kWh: above any Chinese retail price, where the meter's own prices are not known
ENERGY_STEP_WH = 10  # a register counts 0.01 kWh
_HOUR_MS = 3_600_000
_FEN_DIVISOR = 100_000  # Wh x 1e-4 yuan/kWh -> fen, as in units

_STANDARD: dict[tuple[Phase, Fact], Action] = {
    (Phase.FRESH, Fact.SILENT): Action.LATER,
    (Phase.FRESH, Fact.BEFORE): Action.WRITE,
    (Phase.FRESH, Fact.FORBIDDEN): Action.REFUSE,
    (Phase.FRESH, Fact.CANCEL): Action.CANCEL,
    (Phase.FRESH, Fact.EXPIRED): Action.EXPIRE,
    (Phase.FRESH, Fact.AFTER): Action.DONE,
    (Phase.FRESH, Fact.DOUBT): Action.LATER,
    (Phase.FRESH, Fact.NEITHER): Action.UNCLEAR,
    (Phase.WRITTEN, Fact.SILENT): Action.LATER,
    (Phase.WRITTEN, Fact.BEFORE): Action.WRITE,
    (Phase.WRITTEN, Fact.EARLY): Action.LATER,
    (Phase.WRITTEN, Fact.FORBIDDEN): Action.REFUSE,
    (Phase.WRITTEN, Fact.CANCEL): Action.CANCEL,
    (Phase.WRITTEN, Fact.EXPIRED): Action.EXPIRE,
    (Phase.WRITTEN, Fact.WORN_OUT): Action.REFUSE,
    (Phase.WRITTEN, Fact.AFTER): Action.DONE,
    (Phase.WRITTEN, Fact.DOUBT): Action.LATER,
    (Phase.WRITTEN, Fact.NEITHER): Action.UNCLEAR,
    (Phase.WRITTEN, Fact.ACKED): Action.READ,
    (Phase.WRITTEN, Fact.DENIED): Action.READ,
    (Phase.WRITTEN, Fact.UNANSWERED): Action.READ,
}
STANDARD: Table = MappingProxyType(_STANDARD)


class RechargeRules(msgspec.Struct, frozen=True):
    """The strategy as data, so that a test can swap in a bad one and see it caught."""

    table: Mapping[tuple[Phase, Fact], Action] = STANDARD
    journal_first: bool = True  # the step is on disk before the bytes leave
    writes_max: int = 3  # over the whole life of the order
    calm_ms: int = (
        5_000  # how long a write may still be under way in a converter; no order ends "not applied" or UNCLEAR sooner
    )


class Limits(msgspec.Struct, frozen=True):
    """What this meter can have used at most: its rating, and the highest price it may charge."""

    rating_w: int
    ct_ratio: int = 1
    price_e4_max: int = PRICE_E4_ASSUMED


class Story(Flag):
    """Which of the two stories a piece of evidence allows. Both: it cannot tell. None: it contradicts both."""

    NONE = 0
    BEFORE = auto()
    AFTER = auto()
    BOTH = BEFORE | AFTER


def judge(
    *,
    order: Order,
    proof: str,
    memory: Memory,
    values: Values,
    now: int,
    limits: Limits,
    rules: RechargeRules,
    forbidden: str = "",
) -> Judgement:
    """The fact in one reading taken at `now` (ms). `forbidden`: why the profile cannot send this order, or empty."""
    if not memory.writes and (reason := malformed(order)):
        return Judgement(fact=Fact.FORBIDDEN, reason=reason)
    story = told_by(order=order, proof=proof, memory=memory, values=values, now=now, limits=limits)
    if story is Story.AFTER:
        return Judgement(fact=Fact.AFTER)
    if story is not Story.BEFORE:
        return _doubt(memory, values=values, order=order, now=now, rules=rules)
    ending = _why_not(
        order, values=values, memory=memory, now=now, rules=rules, forbidden=forbidden or _misses(proof, values)
    )
    calm_at = memory.before_at_ms + rules.calm_ms
    # A power cut can tear a purchase so that its count no longer protects it: no proof makes an early repeat safe.
    if memory.writes and now < calm_at:
        return Judgement(fact=Fact.EARLY, again_at_ms=calm_at)
    return ending or Judgement(fact=Fact.BEFORE)


def told_by(*, order: Order, proof: str, memory: Memory, values: Values, now: int, limits: Limits) -> Story:
    """Which story all the evidence together tells. BEFORE and AFTER are proofs; anything else is not."""
    if order.kind is Kind.OPEN:
        return _opened(order, memory=memory, values=values, now=now, limits=limits)
    count = _by_count(order, proof, values)
    if memory.before is None:
        return _first_look(order, proof=proof, count=count, values=values)
    bought = _by_bought(order, proof, memory.before, values)
    balance = _by_balance(order, memory, values, now=now, limits=limits)
    money = balance if bought is None else bought
    together = count & money & balance
    return together if together in (Story.BEFORE, Story.AFTER) and money == together else Story.NONE


def _first_look(order: Order, *, proof: str, count: Story, values: Values) -> Story:
    """Nothing of this order has left this gateway (or its journal is new): only the centre's memory can be compared."""
    if order.bought_before_fen is None or proof == "absolute" or "bought_fen" not in values:
        return Story.BEFORE if Story.BEFORE in count else Story.NONE
    together = count & _by_bought_from(order, order.bought_before_fen, values["bought_fen"])
    return together if together in (Story.BEFORE, Story.AFTER) else Story.NONE


def _by_count(order: Order, proof: str, values: Values) -> Story:
    if proof == "none" or (proof == "order_id" and "purchase_count" not in values):
        return Story.BOTH
    shown = values.get("purchase_count")
    if order.count is None or shown is None:
        return Story.BEFORE  # may not be written at all: `_misses` and `_why_not` refuse it
    return {order.count - 1: Story.BEFORE, order.count: Story.AFTER}.get(shown, Story.NONE)


def _by_bought(order: Order, proof: str, before: Values, values: Values) -> Story | None:
    """None where the meter has no such register. An absolute write may leave it alone, so there it proves nothing."""
    if proof == "absolute" or "bought_fen" not in before or "bought_fen" not in values:
        return None
    return _by_bought_from(order, before["bought_fen"], values["bought_fen"])


def _by_bought_from(order: Order, before_fen: int, shown_fen: int) -> Story:
    return {before_fen: Story.BEFORE, before_fen + delta_fen(order): Story.AFTER}.get(shown_fen, Story.NONE)


def _by_balance(order: Order, memory: Memory, values: Values, *, now: int, limits: Limits) -> Story:
    """The balance may have fallen by what can have been used since, and by nothing else."""
    before = memory.before
    if before is None or "balance_fen" not in values or "balance_fen" not in before:
        return Story.BOTH
    both = "overdraft_fen" in before and "overdraft_fen" in values
    was, shown = net_fen(before, overdraft=both), net_fen(values, overdraft=both)
    used_max = used_fen_max(before, values, elapsed_ms=now - memory.before_at_ms, limits=limits)
    hides_debt = was == 0 and not both and delta_fen(order) > 0  # the recharge pays it first
    story = Story.NONE
    if was - used_max <= shown <= was:
        story |= Story.BEFORE
    if was + delta_fen(order) - used_max <= shown <= was + delta_fen(order) or (
        hides_debt and 0 <= shown <= delta_fen(order)
    ):
        story |= Story.AFTER
    return story


def _opened(order: Order, *, memory: Memory, values: Values, now: int, limits: Limits) -> Story:
    """开户 sets balance and count together. A meter that already shows exactly that and counts money down is open."""
    wanted = order.amount_fen or 0
    used_max = limits_used(limits, now - memory.before_at_ms) if memory.writes else 0
    fits = values.get("purchase_count", 0) == 0 and wanted - used_max <= values.get("balance_fen", wanted) <= wanted
    if fits and (values.get("prepaid_open") == 1 or ("prepaid_open" not in values and memory.writes)):
        return Story.AFTER
    if memory.before is None:
        return Story.BEFORE
    same_count = values.get("purchase_count") == memory.before.get("purchase_count")
    same_open = values.get("prepaid_open") == memory.before.get("prepaid_open")
    untouched = Story.BEFORE in _by_balance(order, memory, values, now=now, limits=limits)
    return Story.BEFORE if same_count and same_open and untouched else Story.NONE


def _doubt(memory: Memory, *, values: Values, order: Order, now: int, rules: RechargeRules) -> Judgement:
    since = now if memory.doubt_at_ms is None else memory.doubt_at_ms
    settled_at = max(since, memory.before_at_ms if memory.writes else 0) + rules.calm_ms
    if memory.doubt_at_ms is None or now < settled_at:
        return Judgement(fact=Fact.DOUBT, again_at_ms=settled_at)
    return Judgement(fact=Fact.NEITHER, reason=_what_differs(order, values))


def _what_differs(order: Order, values: Values) -> str:
    shown = values.get("purchase_count")
    if order.count is not None and shown is not None and shown not in (order.count - 1, order.count):
        return "count_mismatch"
    return "half_applied" if order.kind is not Kind.OPEN else "open_mismatch"


def _misses(proof: str, values: Values) -> str:
    """A meter that does not show what would prove the order may not be sent it."""
    if proof in ("purchase_count", "absolute") and "purchase_count" not in values:
        return "no_proof"
    return "no_proof" if "balance_fen" not in values and "bought_fen" not in values else ""


def _why_not(
    order: Order, *, values: Values, memory: Memory, now: int, rules: RechargeRules, forbidden: str
) -> Judgement | None:
    """Why an order that is not on the meter is not written (again), first reason first; None: write it."""
    if order.cancel:
        return Judgement(fact=Fact.CANCEL, reason="cancelled")
    if order.expires_at_ms is not None and now >= order.expires_at_ms:
        return Judgement(fact=Fact.EXPIRED, reason="expired")
    reason = forbidden or refusal(order, values)
    if reason:
        return Judgement(fact=Fact.FORBIDDEN, reason=reason)
    if memory.writes >= rules.writes_max:
        return Judgement(fact=Fact.WORN_OUT, reason="not_taken")
    return None


def malformed(order: Order) -> str:
    """Why no meter whatever could carry out this order, as a short code; empty: one could."""
    amount = order.amount_fen
    if order.kind is Kind.OPEN:
        return "bad_amount" if amount is None or amount < 0 else ""
    if amount is None or amount <= 0:
        return "bad_amount"
    return "bad_count" if order.count is None or order.count < 1 else ""


def refusal(order: Order, values: Values) -> str:
    """Why the meter as read may not be sent this order, as a short code; empty: it may."""
    amount = order.amount_fen or 0
    if order.kind is Kind.OPEN:
        return _ceiling(amount, values)
    if values.get("prepaid_open") == 0:
        return "not_open"
    if order.kind is Kind.REFUND:
        return "balance_too_small" if net_fen(values) < amount else ""
    return _ceiling(net_fen(values) + amount, values)


def _ceiling(balance_fen: int, values: Values) -> str:
    """Equal is allowed; a ceiling of zero means that none is set."""
    ceiling = values.get("ceiling_fen", 0)
    return "above_ceiling" if ceiling > 0 and balance_fen > ceiling else ""


def delta_fen(order: Order) -> int:
    amount = order.amount_fen or 0
    return -amount if order.kind is Kind.REFUND else amount


def net_fen(values: Values, *, overdraft: bool = True) -> int:
    """Balance less overdraft. A meter that shows debt as a negative balance shows it once, not twice."""
    balance = values.get("balance_fen", 0)
    return balance if balance < 0 or not overdraft else balance - values.get("overdraft_fen", 0)


def used_fen_max(before: Values, values: Values, *, elapsed_ms: int, limits: Limits) -> int:
    """What can have been used at most between two readings: by the rating, or less if the energy register says so."""
    by_rating = limits_used(limits, elapsed_ms)
    if "energy_wh" not in before or "energy_wh" not in values or values["energy_wh"] < before["energy_wh"]:
        return by_rating
    delta_wh = values["energy_wh"] - before["energy_wh"]
    return min(by_rating, _fen(limits, (delta_wh + 2 * ENERGY_STEP_WH) * limits.ct_ratio))


def limits_used(limits: Limits, elapsed_ms: int) -> int:
    step_wh = 2 * ENERGY_STEP_WH * limits.ct_ratio
    return _fen(limits, step_wh + limits.rating_w * limits.ct_ratio * max(0, elapsed_ms) // _HOUR_MS + 1)


def _fen(limits: Limits, energy_wh: int) -> int:
    """Rounded up: this is a bound, not a charge."""
    return -(-energy_wh * limits.price_e4_max // _FEN_DIVISOR) + 1
