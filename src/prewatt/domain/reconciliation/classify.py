"""Why a meter does not hold what the books predict: pure, whole fen, from one account's facts to named causes.

Shown less predicted is what the meter was given beyond the books, less what it deducted beyond its rated use, plus
what the books call used and the meter does not. Each fen of it belongs to exactly one part, or is left over and said
to be unexplained. Evidence is a code with its figures, so that it can be frozen and read in any language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations

from prewatt.units.values import round_half_up

FEN_E7 = 100_000  # 1e-4 yuan per kWh times Wh, in a fen
REGISTER_STEP_WH = 10  # a meter shows 0.01 kWh: what lies below may belong to either side of midnight
TELLING = 5  # a quotient of two ratios is believed from so many times the tolerance on
ORDERS_TOGETHER = 3
ORDERS_TRIED = 24
# Transformers as they are sold, as ratios to 5 A.
RATIOS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 25, 30, 40, 50, 60, 80, 100, 120, 150, 160, 200, 240, 300, 400)


class Cause(StrEnum):
    ROUNDING = "rounding"
    PRICE = "price"
    RATIO = "ratio"
    MISSED = "missed"
    FOREIGN = "foreign"
    COUNT = "count"
    CHANGED = "changed"
    TAMPER = "tamper"
    NOT_READ = "not_read"
    UNEXPLAINED = "unexplained"


Figures = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Evidence:
    code: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeterDay:
    """`energy_wh` by band, ratio applied. Prices by band in 1e-4 yuan per kWh; None: not known.

    `deducted_fen` None or not `whole`: a reading is missing, so nothing is said of that day yet.
    """

    day: date
    energy_wh: Mapping[str, int]
    deducted_fen: int | None
    desired_e4: Mapping[str, int] | None
    reported_e4: Mapping[str, int] | None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class MoneyOrder:
    """`amount_fen` as it moves the total bought: negative for a refund. `done`: the books have it as confirmed."""

    id: str
    amount_fen: int
    state: str
    done: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`over_booked_fen`: booked as used beyond what the meter has deducted. `fell_wh`: how far its register fell."""

    days: Sequence[MeterDay] = ()
    ratio: int = 1
    ratios: Sequence[int] = ()  # what else was set on this meter once
    orders: Sequence[MoneyOrder] = ()
    count_books: int = 0
    count_meter: int | None = None
    bought_books_fen: int | None = None
    bought_meter_fen: int | None = None
    over_booked_fen: int = 0
    fell_wh: int = 0

    @property
    def beyond_fen(self) -> int:
        """What the meter was given beyond the books; 0 while one of them is not known."""
        if self.bought_books_fen is None or self.bought_meter_fen is None:
            return 0
        return self.bought_meter_fen - self.bought_books_fen

    @property
    def count_ahead(self) -> int:
        return 0 if self.count_meter is None else self.count_meter - self.count_books


@dataclass(frozen=True, slots=True)
class Part:
    """`amount_fen`: positive where the meter holds more than predicted because of it."""

    cause: Cause
    amount_fen: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Classified:
    drift_fen: int  # shown less predicted
    parts: tuple[Part, ...]  # the largest first

    @property
    def unexplained_fen(self) -> int:
        return sum(part.amount_fen for part in self.parts if part.cause == Cause.UNEXPLAINED)

    @property
    def cause(self) -> Cause | None:
        """The first to look at; None where nothing has to be said."""
        return next((part.cause for part in self.parts if part.cause != Cause.ROUNDING), None)


def classify(facts: Facts) -> Classified:
    found = [*_account(facts), *_by_days(facts)]
    total = facts.beyond_fen + facts.over_booked_fen
    total -= sum(one.deducted_fen - rated for one, rated in _judged(facts.days) if one.deducted_fen is not None)
    return Classified(total, tuple(sorted(found, key=lambda part: (-abs(part.amount_fen), part.cause))))


def rated_fen(energy_wh: Mapping[str, int], prices_e4: Mapping[str, int]) -> int:
    """What that energy costs at those prices, rounded once."""
    return round_half_up(sum(wh * prices_e4[band] for band, wh in energy_wh.items() if wh), FEN_E7)


# --- the account ----------------------------------------------------------------------------------------------------


def _account(facts: Facts) -> Iterator[Part]:
    beyond, ahead = facts.beyond_fen, facts.count_ahead
    if beyond or ahead:
        yield _given(facts, beyond, ahead)
    if facts.over_booked_fen:
        cause = Cause.CHANGED if facts.fell_wh else Cause.UNEXPLAINED
        told = [Evidence("over_booked", {"fen": facts.over_booked_fen})]
        if facts.fell_wh:
            told.append(Evidence("register_fell", {"wh": facts.fell_wh}))
        yield Part(cause, facts.over_booked_fen, tuple(told))


def _given(facts: Facts, beyond: int, ahead: int) -> Part:
    registers = Evidence(
        "registers",
        {"count_books": facts.count_books, "count_meter": facts.count_books + ahead, "fen": beyond},
    )
    if facts.fell_wh and ahead < 0:
        return Part(Cause.CHANGED, beyond, (registers, Evidence("register_fell", {"wh": facts.fell_wh})))
    if not beyond:
        return Part(Cause.COUNT, 0, (registers,))
    if orders := _matching(facts, beyond, ahead):
        code = "order_on_meter" if beyond > 0 else "order_not_on_meter"
        told = (Evidence(code, {"order": one.id, "state": one.state, "fen": one.amount_fen}) for one in orders)
        return Part(Cause.MISSED, beyond, (registers, *told))
    if beyond > 0 and ahead > 0:
        return Part(Cause.FOREIGN, beyond, (registers, Evidence("no_order", {"times": ahead, "fen": beyond})))
    if beyond > 0 and ahead == 0:
        return Part(Cause.TAMPER, beyond, (registers, Evidence("money_without_purchase", {"fen": beyond})))
    return Part(Cause.UNEXPLAINED, beyond, (registers,))


def _matching(facts: Facts, beyond: int, ahead: int) -> tuple[MoneyOrder, ...]:
    """As many orders as the count is ahead (or behind), that come to this amount: the newest of them."""
    done = ahead < 0
    sign = -1 if done else 1
    tried = [one for one in facts.orders if one.done == done][:ORDERS_TRIED]
    if not 0 < abs(ahead) <= ORDERS_TOGETHER:
        return ()
    fitting = (some for some in combinations(tried, abs(ahead)) if sum(o.amount_fen for o in some) * sign == beyond)
    return next(fitting, ())


# --- day by day -----------------------------------------------------------------------------------------------------


def _judged(days: Iterable[MeterDay]) -> Iterator[tuple[MeterDay, int]]:
    for one in days:
        prices = one.desired_e4 or one.reported_e4
        if one.whole and one.deducted_fen is not None and prices is not None and _priced(one, prices):
            yield one, rated_fen(one.energy_wh, prices)


def _priced(one: MeterDay, prices: Mapping[str, int]) -> bool:
    return all(band in prices for band, wh in one.energy_wh.items() if wh)


def _by_days(facts: Facts) -> Iterator[Part]:
    """Days of one cause are one part, told from its first day on."""
    found: dict[Cause, list[tuple[MeterDay, int, Evidence]]] = {}
    for one, rated in _judged(facts.days):
        over = (one.deducted_fen or 0) - rated
        if over:
            cause, told = _why(one, rated, facts)
            found.setdefault(cause, []).append((one, -over, told))
    for cause, days in found.items():
        amount = sum(fen for _day, fen, _told in days)
        span = Evidence(
            "days", {"first": f"{days[0][0].day}", "last": f"{days[-1][0].day}", "days": len(days), "fen": amount}
        )
        yield Part(cause, amount, (span, days[0][2]))
    if gaps := [one for one in facts.days if not one.whole or one.deducted_fen is None]:
        told = Evidence("gap", {"first": f"{gaps[0].day}", "last": f"{gaps[-1].day}", "days": len(gaps)})
        yield Part(Cause.NOT_READ, 0, (told,))


def _why(one: MeterDay, rated: int, facts: Facts) -> tuple[Cause, Evidence]:
    deducted, room = one.deducted_fen or 0, tolerance_fen(one, facts.ratio)
    seen: dict[str, int | str] = {"day": f"{one.day}", "deducted": deducted, "rated": rated}
    if (by_meter := _by_its_own_prices(one, rated, room)) is not None:
        return Cause.PRICE, Evidence("price", seen | {"by_meter": by_meter} | _prices(one))
    if abs(deducted - rated) <= room:
        return Cause.ROUNDING, Evidence("within", seen | {"tolerance": room})
    if deducted < 0:
        return Cause.CHANGED, Evidence("counter_fell", seen)
    if not sum(one.energy_wh.values()):
        return Cause.TAMPER, Evidence("no_energy", seen)
    if deducted <= room:
        return Cause.TAMPER, Evidence("no_deduction", seen | {"wh": sum(one.energy_wh.values())})
    if other := _other_ratio(deducted, rated, room, facts):
        return Cause.RATIO, Evidence("ratio", seen | {"ratio": facts.ratio, "other": other})
    return Cause.UNEXPLAINED, Evidence("neither", seen)


def _by_its_own_prices(one: MeterDay, rated: int, room: int) -> int | None:
    """What the day costs by the prices that the meter shows, where that fits the deduction better: however little it
    is, a wrong price is no rounding.
    """
    if not one.desired_e4 or not one.reported_e4 or not _priced(one, one.reported_e4):
        return None
    by_meter = rated_fen(one.energy_wh, one.reported_e4)
    away = abs((one.deducted_fen or 0) - by_meter)
    return by_meter if away <= room and away < abs((one.deducted_fen or 0) - rated) else None


def tolerance_fen(one: MeterDay, ratio: int) -> int:
    """A fen for each band in use, and one step of the register at the dearest price."""
    prices = one.desired_e4 or one.reported_e4 or {}
    used = [band for band, wh in one.energy_wh.items() if wh]
    dearest = max((prices.get(band, 0) for band in used), default=0)
    return max(1, len(used)) + dearest * REGISTER_STEP_WH * ratio // FEN_E7


def _prices(one: MeterDay) -> dict[str, int | str]:
    desired, reported = one.desired_e4 or {}, one.reported_e4 or {}
    band = next(band for band, wh in one.energy_wh.items() if wh and desired[band] != reported[band])
    return {"band": band, "desired_e4": desired[band], "reported_e4": reported[band]}


def _other_ratio(deducted: int, rated: int, room: int, facts: Facts) -> int | None:
    """The ratio with which the meter's deduction fits. A ratio once set on this meter goes before any other."""
    if min(deducted, rated) < TELLING * room:
        return None
    near = sorted(RATIOS, key=lambda ratio: abs(deducted * facts.ratio - rated * ratio))
    for other in (*facts.ratios, *near[:1]):
        if other != facts.ratio and abs(deducted - round_half_up(rated * other, facts.ratio)) <= room * max(
            1, -(-other // facts.ratio)
        ):
            return other
    return None
