"""The recharge table, walked row by row, and the evidence behind each fact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.field.gateway import recharge
from prewatt.field.gateway.recharge import Limits, RechargeRules, Story
from prewatt.field.gateway.turns import ENDS, Action, Fact, Judgement, Memory, Phase, Step, StepName, remember
from prewatt.link.messages import Kind, Order

T0 = 1_800_000_000_000
LIMITS = Limits(rating_w=52_800, price_e4_max=10_000)
RULES = RechargeRules()
SEEN = {"purchase_count": 4, "bought_fen": 50_000, "balance_fen": 12_345, "prepaid_open": 1, "ceiling_fen": 99_999_900}


def order(**changes: Any) -> Order:
    facts: dict[str, Any] = {"order_id": "o1", "meter": "m", "kind": Kind.RECHARGE, "placed_at_ms": T0}
    return Order(**{**facts, "amount_fen": 10_000, "count": 5, **changes})


def written(values: dict[str, int] = SEEN, *, writes: int = 1) -> Memory:
    return remember([Step(name=StepName.WRITING, at_ms=T0, values=dict(values))] * writes)


def judged(
    values: dict[str, int],
    *,
    memory: Memory | None = None,
    after_ms: int = 1_000,
    proof: str = "purchase_count",
    forbidden: str = "",
    **changes: Any,
) -> Judgement:
    return recharge.judge(
        order=order(**changes),
        proof=proof,
        memory=memory or Memory(),
        values=values,
        now=T0 + after_ms,
        limits=LIMITS,
        rules=RULES,
        forbidden=forbidden,
    )


APPLIED = {**SEEN, "purchase_count": 5, "bought_fen": 60_000, "balance_fen": 22_345}
LONG = RULES.calm_ms


def doubting(memory: Memory, at_ms: int = T0) -> Memory:
    return memory.after(Step(name=StepName.DOUBT, at_ms=at_ms))


# Every row that a reading can lead to: phase, fact, how it comes about, what follows.
ROWS: list[tuple[Phase, Fact, Judgement, Action]] = [
    (Phase.FRESH, Fact.BEFORE, judged(SEEN), Action.WRITE),
    (Phase.FRESH, Fact.FORBIDDEN, judged({**SEEN, "ceiling_fen": 22_344}), Action.REFUSE),
    (Phase.FRESH, Fact.CANCEL, judged(SEEN, cancel=True), Action.CANCEL),
    (Phase.FRESH, Fact.EXPIRED, judged(SEEN, expires_at_ms=T0), Action.EXPIRE),
    (Phase.FRESH, Fact.AFTER, judged(APPLIED, bought_before_fen=50_000), Action.DONE),
    (Phase.FRESH, Fact.DOUBT, judged({**SEEN, "purchase_count": 9}), Action.LATER),
    (
        Phase.FRESH,
        Fact.NEITHER,
        judged({**SEEN, "purchase_count": 9}, memory=doubting(Memory()), after_ms=LONG),
        Action.UNCLEAR,
    ),
    (Phase.WRITTEN, Fact.BEFORE, judged(SEEN, memory=written(), after_ms=LONG), Action.WRITE),
    (Phase.WRITTEN, Fact.EARLY, judged(SEEN, memory=written()), Action.LATER),
    (Phase.WRITTEN, Fact.FORBIDDEN, judged(SEEN, memory=written(), forbidden="x", after_ms=LONG), Action.REFUSE),
    (Phase.WRITTEN, Fact.CANCEL, judged(SEEN, memory=written(), cancel=True, after_ms=LONG), Action.CANCEL),
    (Phase.WRITTEN, Fact.EXPIRED, judged(SEEN, memory=written(), expires_at_ms=T0, after_ms=LONG), Action.EXPIRE),
    (Phase.WRITTEN, Fact.WORN_OUT, judged(SEEN, memory=written(writes=3), after_ms=LONG), Action.REFUSE),
    (Phase.WRITTEN, Fact.AFTER, judged(APPLIED, memory=written()), Action.DONE),
    (Phase.WRITTEN, Fact.DOUBT, judged({**APPLIED, "bought_fen": 50_000}, memory=written()), Action.LATER),
    (
        Phase.WRITTEN,
        Fact.NEITHER,
        judged({**APPLIED, "bought_fen": 50_000}, memory=doubting(written()), after_ms=LONG),
        Action.UNCLEAR,
    ),
]
# The rows that a line leads to: nothing came back, or an answer to a write, which is no proof whatever it says.
LINE_ROWS = [
    (Phase.FRESH, Fact.SILENT, Action.LATER),
    (Phase.WRITTEN, Fact.SILENT, Action.LATER),
    (Phase.WRITTEN, Fact.ACKED, Action.READ),
    (Phase.WRITTEN, Fact.DENIED, Action.READ),
    (Phase.WRITTEN, Fact.UNANSWERED, Action.READ),
]


@pytest.mark.parametrize(("phase", "fact", "judgement", "action"), ROWS, ids=lambda part: str(part)[:20])
def test_every_row_of_the_table_is_reached_and_leads_where_it_says(
    phase: Phase, fact: Fact, judgement: Judgement, action: Action
) -> None:
    assert judgement.fact is fact
    assert recharge.STANDARD[phase, fact] is action


@pytest.mark.parametrize(("phase", "fact", "action"), LINE_ROWS)
def test_no_answer_to_a_write_ends_an_order(phase: Phase, fact: Fact, action: Action) -> None:
    assert recharge.STANDARD[phase, fact] is action
    assert action not in ENDS


def test_the_rows_above_are_the_whole_table() -> None:
    walked = {row[:2] for row in ROWS} | {row[:2] for row in LINE_ROWS}
    assert walked == set(recharge.STANDARD)


def test_a_cancelled_order_with_a_write_on_its_way_is_looked_at_again_before_it_is_called_cancelled() -> None:
    early = judged(SEEN, memory=written(), cancel=True)
    assert early.again_at_ms == T0 + LONG


# --- half an order, in every way it can be torn --------------------------------------------------------------------

HALVES = {
    "balance moved, count did not": {**SEEN, "balance_fen": 22_345},
    "bought moved, count did not": {**SEEN, "bought_fen": 60_000},
    "balance and bought moved, count did not": {**SEEN, "bought_fen": 60_000, "balance_fen": 22_345},
    "count moved, nothing else": {**SEEN, "purchase_count": 5},
    "count and bought moved, balance did not": {**APPLIED, "balance_fen": 12_345},
    "count and balance moved, bought did not": {**APPLIED, "bought_fen": 50_000},
    "applied twice": {**SEEN, "purchase_count": 5, "bought_fen": 70_000, "balance_fen": 32_345},
    "the balance of two, the rest of one": {**APPLIED, "balance_fen": 32_345},
    "another order came between": {**APPLIED, "purchase_count": 6},
    "the count was cleared": {**SEEN, "purchase_count": 0},
}


@pytest.mark.parametrize("values", HALVES.values(), ids=HALVES.keys())
def test_half_an_order_is_a_matter_for_a_person(values: dict[str, int]) -> None:
    assert judged(values, memory=written()).fact is Fact.DOUBT
    unclear = judged(values, memory=doubting(written()), after_ms=LONG)
    assert unclear.fact is Fact.NEITHER
    assert unclear.reason in ("half_applied", "count_mismatch")


@pytest.mark.parametrize("values", list(HALVES.values())[:6], ids=list(HALVES)[:6])
def test_without_a_bought_register_the_balance_tells_the_same(values: dict[str, int]) -> None:
    bare = {name: value for name, value in values.items() if name != "bought_fen"}
    before = {name: value for name, value in SEEN.items() if name != "bought_fen"}
    if bare["purchase_count"] == 4 and bare["balance_fen"] == 12_345:
        assert judged(bare, memory=written(before), after_ms=LONG).fact is Fact.BEFORE
    elif bare["purchase_count"] == 5 and bare["balance_fen"] == 22_345:
        assert judged(bare, memory=written(before)).fact is Fact.AFTER
    else:
        assert judged(bare, memory=written(before)).fact is Fact.DOUBT


def test_without_a_bought_register_a_long_silence_that_could_hide_the_amount_is_not_decided() -> None:
    bare = {"purchase_count": 4, "balance_fen": 12_345}
    a_week = 7 * 86_400_000
    assert judged(bare, memory=written(bare), after_ms=LONG).fact is Fact.BEFORE
    assert judged(bare, memory=written(bare), after_ms=a_week).fact is Fact.DOUBT
    known = {**bare, "energy_wh": 5_000}
    # its energy register says: nothing used
    assert judged(known, memory=written(known), after_ms=a_week).fact is Fact.BEFORE


def test_use_since_the_write_is_allowed_for_and_no_more() -> None:
    hour = 3_600_000
    fits = {**APPLIED, "balance_fen": 22_345 - 5_280}  # 52.8 kWh at 1.00
    assert judged(fits, memory=written(), after_ms=hour).fact is Fact.AFTER
    beyond = {**APPLIED, "balance_fen": 22_345 - 5_300}
    assert judged(beyond, memory=written(), after_ms=hour).fact is Fact.DOUBT
    assert judged({**APPLIED, "balance_fen": 22_346}, memory=written(), after_ms=hour).fact is Fact.DOUBT


def test_overdraft_is_paid_first_and_counted_once() -> None:
    in_debt = {**SEEN, "balance_fen": 0, "overdraft_fen": 700}
    paid = {**APPLIED, "balance_fen": 9_300, "overdraft_fen": 0}
    assert judged(paid, memory=written(in_debt)).fact is Fact.AFTER
    assert judged({**paid, "balance_fen": 10_000}, memory=written(in_debt)).fact is Fact.DOUBT
    signed = {**SEEN, "balance_fen": -700, "overdraft_fen": 700}
    assert judged(paid, memory=written(signed)).fact is Fact.AFTER
    hidden = {name: value for name, value in in_debt.items() if name != "overdraft_fen"}
    assert judged({**APPLIED, "balance_fen": 9_300}, memory=written(hidden)).fact is Fact.AFTER


# --- the first look ---


def test_a_new_journal_believes_an_applied_order_only_with_the_centres_own_memory() -> None:
    assert judged(APPLIED).fact is Fact.DOUBT
    assert judged(APPLIED, bought_before_fen=50_000).fact is Fact.AFTER
    assert judged(APPLIED, bought_before_fen=49_000).fact is Fact.DOUBT


def test_a_meter_that_already_bought_the_amount_without_counting_it_is_not_written() -> None:
    assert judged({**SEEN, "bought_fen": 60_000}, bought_before_fen=50_000).fact is Fact.DOUBT
    assert judged({**SEEN, "bought_fen": 51_000}, bought_before_fen=50_000).fact is Fact.DOUBT
    assert judged(SEEN, bought_before_fen=50_000).fact is Fact.BEFORE


# --- refusals ---


@pytest.mark.parametrize(
    ("values", "changes", "reason"),
    [
        ({**SEEN, "prepaid_open": 0}, {}, "not_open"),
        ({**SEEN, "ceiling_fen": 22_344}, {}, "above_ceiling"),
        ({**SEEN, "ceiling_fen": 22_345}, {}, ""),  # equal is allowed
        ({**SEEN, "ceiling_fen": 0}, {}, ""),
        (SEEN, {"amount_fen": 0}, "bad_amount"),
        (SEEN, {"amount_fen": None}, "bad_amount"),
        (SEEN, {"kind": Kind.REFUND, "amount_fen": 12_346}, "balance_too_small"),
        (SEEN, {"kind": Kind.REFUND, "amount_fen": 12_345}, ""),
        ({"bought_fen": 1, "balance_fen": 1}, {}, "no_proof"),
        ({"purchase_count": 4}, {}, "no_proof"),
    ],
)
def test_what_a_reading_forbids_is_refused_by_name(
    values: dict[str, int], changes: dict[str, Any], reason: str
) -> None:
    judgement = judged(values, **changes)
    assert judgement.fact is (Fact.FORBIDDEN if reason else Fact.BEFORE)
    assert judgement.reason == reason


def test_an_order_without_a_count_is_never_guessed() -> None:
    assert judged(SEEN, count=None).reason == "bad_count"


# --- the other proofs ---


def test_a_refund_is_the_same_table_downwards() -> None:
    back = {**SEEN, "purchase_count": 5, "bought_fen": 40_000, "balance_fen": 2_345}
    assert judged(SEEN, kind=Kind.REFUND).fact is Fact.BEFORE
    assert judged(back, memory=written(), kind=Kind.REFUND).fact is Fact.AFTER
    assert judged({**back, "bought_fen": 50_000}, memory=written(), kind=Kind.REFUND).fact is Fact.DOUBT
    assert judged(APPLIED, memory=written(), kind=Kind.REFUND).fact is Fact.DOUBT


def test_an_absolute_write_is_proven_by_count_and_balance_and_waits_before_it_is_repeated() -> None:
    at_rest = {**APPLIED, "bought_fen": 50_000}
    assert judged(at_rest, memory=written(), proof="absolute").fact is Fact.AFTER
    assert judged(SEEN, memory=written(), proof="absolute").fact is Fact.EARLY
    assert judged(SEEN, memory=written(), proof="absolute", after_ms=LONG).fact is Fact.BEFORE
    assert judged({**at_rest, "balance_fen": 12_345}, memory=written(), proof="absolute").fact is Fact.DOUBT


def test_an_opening_is_absolute_too_and_waits_before_it_is_repeated() -> None:
    closed = {**SEEN, "prepaid_open": 0}
    opening: dict[str, Any] = {"kind": Kind.OPEN, "count": None, "memory": written(closed)}
    assert judged(closed, **opening).fact is Fact.EARLY
    assert judged(closed, **opening, after_ms=LONG).fact is Fact.BEFORE


def test_a_meter_without_any_count_is_decided_by_its_balance_and_waits_before_it_is_written_again() -> None:
    before = {"balance_fen": 12_345, "prepaid_open": 1}
    assert judged(before, proof="none").fact is Fact.BEFORE
    assert judged({"balance_fen": 22_340}, memory=written(before), proof="none").fact is Fact.AFTER
    assert judged({"balance_fen": 32_340}, memory=written(before), proof="none").fact is Fact.DOUBT
    assert judged(before, memory=written(before), proof="none").fact is Fact.EARLY
    assert judged(before, memory=written(before), proof="none", after_ms=LONG).fact is Fact.BEFORE


def test_a_meter_that_remembers_order_numbers_is_decided_by_money_and_by_its_count_if_it_has_one() -> None:
    before = {"balance_fen": 12_345, "bought_fen": 50_000}
    after = {"balance_fen": 22_345, "bought_fen": 60_000}
    assert judged(after, memory=written(before), proof="order_id").fact is Fact.AFTER
    assert judged(before, memory=written(before), proof="order_id", after_ms=LONG).fact is Fact.BEFORE
    assert judged({**APPLIED, "purchase_count": 7}, memory=written(), proof="order_id").fact is Fact.DOUBT


def test_opening_sets_count_and_balance_together() -> None:
    closed = {"purchase_count": 7, "balance_fen": 300, "prepaid_open": 0}
    opened = {"purchase_count": 0, "balance_fen": 10_000, "prepaid_open": 1}
    facts: dict[str, Any] = {"kind": Kind.OPEN, "count": None}
    assert judged(closed, proof="absolute", **facts).fact is Fact.BEFORE
    assert judged(opened, proof="absolute", **facts).fact is Fact.AFTER
    assert judged(opened, memory=written(closed), proof="absolute", **facts).fact is Fact.AFTER
    assert judged({**opened, "purchase_count": 7}, memory=written(closed), **facts).fact is Fact.DOUBT
    assert judged({**opened, "balance_fen": 300}, memory=written(closed), **facts).fact is Fact.DOUBT
    assert judged({**opened, "prepaid_open": 0}, memory=written(closed), **facts).fact is Fact.DOUBT
    assert judged(closed, memory=written(closed), after_ms=LONG, **facts).fact is Fact.BEFORE


# --- properties ---

fen = st.integers(0, 100_000)


@given(amount=st.integers(1, 100_000), balance=fen, bought=fen, count=st.integers(0, 9), used=st.integers(0, 50))
def test_no_reading_tells_both_stories_and_each_true_story_is_told(
    amount: int, balance: int, bought: int, count: int, used: int
) -> None:
    before = {"purchase_count": count, "bought_fen": bought, "balance_fen": balance + used, "overdraft_fen": 0}
    asked = order(amount_fen=amount, count=count + 1)

    def told(values: dict[str, int]) -> Story:
        return recharge.told_by(
            order=asked, proof="purchase_count", memory=written(before), values=values, now=T0 + 60_000, limits=LIMITS
        )

    untouched = {**before, "balance_fen": balance}
    applied = {**before, "purchase_count": count + 1, "bought_fen": bought + amount, "balance_fen": balance + amount}
    assert told(untouched) is Story.BEFORE
    assert told(applied) is Story.AFTER
    assert told({**untouched, "bought_fen": bought + amount}) is Story.NONE
    assert told({**applied, "bought_fen": bought}) is Story.NONE


@given(st.lists(st.sampled_from([StepName.WRITING, StepName.DOUBT, StepName.CALM]), max_size=8))
def test_memory_is_the_fold_of_its_steps(names: list[StepName]) -> None:
    steps = [Step(name=name, at_ms=T0 + at, values={"purchase_count": at}) for at, name in enumerate(names)]
    memory = remember(steps)
    assert memory.writes == names.count(StepName.WRITING)
    assert (memory.phase is Phase.WRITTEN) == bool(memory.writes)
    last = max((at for at, name in enumerate(names) if name is StepName.WRITING), default=None)
    assert memory.before == (None if last is None else {"purchase_count": last})
