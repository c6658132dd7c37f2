"""All meters at once, their states worked out by the database: what ten thousand meters need of a page.

The rule of the states is `states.all_states`; the same rule stands here once more as an expression, and a test holds
the two together. Counting, sorting and cutting pages is left to the database; only a page's own meters are looked at
closely (`lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, Case, Count, F, FilteredRelation, Q, Sum, Value, When

from prewatt.domain.control import values as control
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter, MeterQuerySet, ratio_in
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.forecast.rule import Left
from prewatt.domain.metering import balances
from prewatt.domain.metering.queries import Standing, energy_today, standings, visible
from prewatt.domain.metering.states import FORCED_ON, State

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.models import Plan

# The worst first.
WORST = (State.OWE, State.OFF, State.LOST, State.AL2, State.AL1, State.HOLD, State.OPEN, State.NONE)
NO_PLAN = "none"
IDS_TOGETHER = 500
Stated = Any  # a MeterQuerySet with what `_stated` adds: the model's own type does not know those names
_NUMBER = BigIntegerField()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which meters are meant. Empty: all of them. `floors` is a number or a span such as 11-20."""

    text: str = ""
    building: str = ""
    floors: str = ""
    state: str = ""
    gateway: str = ""
    bus: str = ""
    plan: str = ""  # its id; "none": without a plan
    differs: bool = False  # shows other settings than were sent


def board(*, operator: Operator, wanted: Wanted | None = None) -> Stated:
    """The active meters within his buildings that are wanted, each with `net_fen` and `shown`, its state's code."""
    asked = wanted or Wanted()
    found = _stated(_placed(visible(operator), asked))
    return found.filter(shown=asked.state) if asked.state else found


def _placed(meters: MeterQuerySet, wanted: Wanted) -> MeterQuerySet:
    if wanted.text:
        meters = meters.filter(estate.fitting(wanted.text))
    if wanted.building:
        meters = meters.filter(room__floor__building__code=wanted.building)
    if floors := span(wanted.floors):
        meters = meters.filter(room__floor__number__range=floors)
    if wanted.gateway:
        meters = meters.filter(bus__gateway__code=wanted.gateway)
    if wanted.bus:
        meters = meters.filter(bus__code=wanted.bus)
    if wanted.plan:
        plan = None if wanted.plan == NO_PLAN else int(wanted.plan)
        meters = meters.filter(plan_use__plan=plan)
    return meters.filter(pk__in=control.differing().values("meter")) if wanted.differs else meters


def span(text: str) -> tuple[int, int] | None:
    """11 or 11-20; a minus in front is a floor below ground. What is neither is no filter."""
    text = text.replace("–", "-").replace("~", "-").replace(" ", "").upper().replace("F", "").replace("B", "-")
    first, dash, last = text.lstrip("-").partition("-")
    sign = -1 if text.startswith("-") else 1
    if not (first.isdecimal() and (last.isdecimal() or not dash) and len(first) < 5 and len(last) < 5):
        return None
    low = sign * int(first)
    return (min(low, int(last)), max(low, int(last))) if dash else (low, low)


# The rule of `states.all_states`, in its order of precedence.
_RULE: tuple[tuple[State, Q], ...] = (
    (State.NONE, Q(current__isnull=True)),
    (State.LOST, Q(state__isnull=True) | Q(state__lost=True)),
    (State.HOLD, Q(state__forced=FORCED_ON)),
    (State.OFF, Q(state__relay_closed=0)),
    (State.OWE, Q(due_fen__lte=0)),
    (State.AL2, Q(due_fen__lte=F("alarm2_fen"))),
    (State.AL1, Q(due_fen__lte=F("alarm1_fen"))),
)


def _stated(meters: MeterQuerySet) -> Stated:
    shown = Case(*(When(holds, then=Value(state.value)) for state, holds in _RULE), default=Value(State.OPEN.value))
    current = FilteredRelation("openings", condition=Q(openings__closed_at__isnull=True))
    found = meters.annotate(current=current).annotate(net_fen=balances.NET).annotate(due_fen=balances.DUE)
    return found.annotate(shown=shown)


_UNHEARD = dict(_RULE)[State.NONE] & Q(state__isnull=True)  # and nobody has an account: it may hang in no wall yet
_LOST = dict(_RULE)[State.LOST] & ~_UNHEARD
_MONEY_RULE = [(state, holds) for state, holds in _RULE if state in (State.OWE, State.AL2, State.AL1)]


def alarming(*, over: Q, near: Q) -> Stated:
    """Active meters, whoever asks, that are lost, `near` an overload, or whose money is low, by the rule of the states.

    Each with `money`: owe, al2, al1 or empty, also where another state is shown before it; `is_lost`; `is_over`,
    `is_near`. A meter without an account has no money to be low; one that was never heard of and has none is not lost.
    """
    money = Case(
        When(dict(_RULE)[State.NONE], then=Value("")),
        *(When(holds, then=Value(state.value)) for state, holds in _MONEY_RULE),
        default=Value(""),
    )
    meters = _stated(Meter.objects.filter(active=True)).annotate(
        money=money,
        is_lost=_yes(_LOST),
        is_over=_yes(over),
        is_near=_yes(near),
    )
    return meters.filter(Q(is_lost=True) | Q(is_near=True) | ~Q(money=""))


def accounts() -> Stated:
    """Every meter with an account, in use or not: what the books know of."""
    return _stated(Meter.objects.all()).filter(current__isnull=False)


def lost(*, operator: Operator) -> Stated:
    """His meters that do not answer, by the rule of the states, whether anybody has an account on them or not."""
    return _stated(visible(operator)).filter(_LOST)


def _yes(holds: Q) -> Case:
    return Case(When(holds, then=Value(value=True)), default=Value(value=False))


def counts(meters: Stated) -> dict[State, int]:
    """How many of a board's meters are in each state, in order of precedence, zeros included. One query."""
    found = dict(meters.order_by().values_list("shown").annotate(number=Count("pk")))
    return {state: found.get(state.value, 0) for state in State}


RANK = Case(
    *(When(holds, then=Value(WORST.index(state))) for state, holds in _RULE), default=Value(WORST.index(State.OPEN))
)
# Hours that the money lasts by the mean of the coming week; unknown for who has none or uses none. Lists are sorted by
# it; what is shown is the forecast's own figure (`Line.left`), which also knows the days of the week.
LASTS = Case(
    When(net_fen__gt=0, outlook__mean_fen__gt=0, then=F("net_fen") * 24 / F("outlook__mean_fen")),
    When(
        net_fen__gt=0,
        state__per_day_fen__gt=0,
        current__platform_terms__isnull=True,
        then=F("net_fen") * 24 / F("state__per_day_fen"),
    ),
    output_field=_NUMBER,
)
# What a list of meters may be sorted by -> expressions.
ORDERS: dict[str, tuple[Any, ...]] = {
    "state": (RANK, F("room__number"), F("number")),
    "room": (F("room__number"), F("number")),
    "tenant": (F("current__customer__name"), F("number")),
    "number": (F("number"),),
    "balance": (F("net_fen"), F("number")),
    "lasts": (LASTS, F("number")),
    "power": (F("state__power_w") * ratio_in(), F("number")),
    "count": (F("state__purchase_count"), F("number")),
    "energy": (F("state__energy_wh"), F("number")),
    "ct": (F("ct_ratio"), F("number")),
    "plan": (F("plan_use__plan__name"), F("room__number"), F("number")),
    "taken": (F("state__taken_at"), F("number")),
    "bus": (F("bus__gateway__code"), F("bus__code"), F("unit"), F("number")),
    "gateway": (F("bus__gateway__code"), F("bus__code"), F("unit"), F("number")),
    "unit": (F("unit"), F("number")),
    "profile": (F("profile"), F("number")),
    "building": (F("room__floor__building__code"), F("room__number"), F("number")),
}


def ordered(meters: Stated, name: str, *, falling: bool = False) -> Stated:
    """What is not known comes last, whichever way."""
    return meters.order_by(*(_key(key, falling=falling and at == 0) for at, key in enumerate(ORDERS[name])))


def _key(key: Any, *, falling: bool) -> Any:
    return key.desc(nulls_last=True) if falling else key.asc(nulls_last=True)


@dataclass(frozen=True, slots=True)
class Line:
    """One meter of the list, looked at closely."""

    standing: Standing
    today_wh: int | None
    per_day_fen: int | None
    plan: Plan | None
    differs: bool  # the meter shows other settings than were sent
    left: Left | None = None  # how long the money lasts, by the forecast; None where there is none
    idle: bool = False  # no use lately

    @property
    def meter(self) -> Meter:
        return self.standing.meter

    @property
    def state(self) -> State:
        return self.standing.state

    @property
    def days_left(self) -> float | None:
        if self.left is not None or self.idle:
            return self.left.days if self.left else None
        balance = self.standing.balance_fen
        if not self.per_day_fen or self.per_day_fen < 0 or balance is None or balance <= 0:
            return None
        return balance / self.per_day_fen

    @property
    def power_w(self) -> int | None:
        """Active power, CT ratio applied; None while nobody knows it."""
        latest = self.standing.latest
        known = latest is not None and latest.power_w is not None and not latest.lost
        return latest.power_w * self.meter.ratio if known and latest and latest.power_w is not None else None


def lines(ids: Sequence[int], *, now: datetime) -> list[Line]:
    """Those meters in that order. A fixed number of queries for each five hundred."""
    found: dict[int, Line] = {}
    for start in range(0, len(ids), IDS_TOGETHER):
        some = Meter.objects.filter(pk__in=ids[start : start + IDS_TOGETHER])
        today = energy_today(some, now=now)
        differing = set(control.differing().filter(meter__in=some.values("pk")).values_list("meter", flat=True))
        foreseen = forecast.ahead(ids[start : start + IDS_TOGETHER])
        for one in standings(some.select_related("plan_use__plan")):
            line = _line(one, today.get(one.meter.pk), differs=one.meter.pk in differing)
            found[one.meter.pk] = _foreseen(line, foreseen.get(one.meter.pk), now)
    return [found[pk] for pk in ids if pk in found]


def _line(one: Standing, today_wh: int | None, *, differs: bool) -> Line:
    use = getattr(one.meter, "plan_use", None)
    mean = one.latest.per_day_fen if one.latest and not one.balance.here else None
    return Line(one, today_wh, mean, use.plan if use else None, differs)


def _foreseen(line: Line, ahead: forecast.Ahead | None, now: datetime) -> Line:
    if ahead is None:
        return line
    return replace(line, left=ahead.left(line.standing.balance_fen, now=now), idle=ahead.idle)


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of meters that is asked for page by page: sorted and cut by the database, looked at when it is shown."""

    meters: Stated
    now: datetime
    known: int | None = None  # how many they are, where somebody has counted already

    def order_by(self, *names: str) -> Lines:
        """`names`: one of ORDERS, with "-" in front for falling; what follows it only ends the order."""
        name = names[0].removeprefix("-")
        return replace(self, meters=ordered(self.meters, name, falling=names[0].startswith("-")))

    def count(self) -> int:
        found: int = self.meters.count() if self.known is None else self.known
        return found

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[Line]:
        return lines(list(self.meters.values_list("pk", flat=True)[part]), now=self.now)

    def iterator(self, chunk_size: int = 2000) -> Iterator[Line]:
        ids = list(self.meters.values_list("pk", flat=True))
        for start in range(0, len(ids), chunk_size):
            yield from lines(ids[start : start + chunk_size], now=self.now)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection as somebody means it: these meters, or all that are wanted but these."""

    ids: frozenset[int] = frozenset()
    all_of: Wanted | None = None
    but: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Resolved:
    """`meters` in the order of the list. `dropped`: how many of the named ones are not his, or not in use any more."""

    meters: tuple[int, ...]
    dropped: int = 0


def resolve(chosen: Chosen, *, operator: Operator) -> Resolved:
    """The meters that are meant, within the operator's buildings and nowhere else."""
    if chosen.all_of is not None:
        found = ordered(board(operator=operator, wanted=chosen.all_of), "state")
        return Resolved(tuple(pk for pk in found.values_list("pk", flat=True) if pk not in chosen.but))
    mine = set(visible(operator).order_by().values_list("pk", flat=True)) if chosen.ids else set()
    kept = chosen.ids & mine
    return Resolved(tuple(sorted(kept)), len(chosen.ids) - len(kept))


def load_w(meters: Stated) -> int:
    """Active power of all reached meters, CT ratio applied."""
    reached = meters.order_by().filter(state__lost=False)
    return int(reached.aggregate(total=Sum(F("state__power_w") * ratio_in()))["total"] or 0)


def first(meters: Stated, states: Iterable[State], *, rows: int, now: datetime) -> list[Line]:
    """The first meters of some states, the poorest first within each."""
    rank = Case(*(When(shown=state.value, then=Value(at)) for at, state in enumerate(states)))
    found = meters.filter(shown__in=[state.value for state in states])
    ids = found.order_by(rank, F("net_fen").asc(nulls_first=True), "number").values_list("pk", flat=True)
    return lines(list(ids[:rows]), now=now)
