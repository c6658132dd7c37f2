"""分表平衡: what a meter counted against the sum of the meters below it; the rest is lost on the way, or not measured.

A register counts on while nobody looks: a gap in the middle of a period costs its sum nothing. What is not known is
the register at the period's edges, before a meter's first day and after its last. A balance in which any figure is
not known names the meter, and has no difference at all: a gap is never a loss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from prewatt.domain.estate.models import Meter, MeterQuerySet
from prewatt.domain.metering.closing import MIDNIGHT_SWEEP_MS, day_start_ms
from prewatt.domain.metering.models import UsageDay, UsageMonth
from prewatt.domain.metering.queries import closed_through, zone
from prewatt.domain.metering.quick import raw
from prewatt.domain.metering.usage import Days, pieces
from prewatt.domain.vending.records import ClosingLine
from prewatt.units.values import round_half_up

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

LOOSE_MS = 2 * 3_600_000  # no reading for so long before an edge: the register there is a guess


class Gap(StrEnum):
    NOTHING = "nothing"  # no closed day at all
    MISSING = "missing"  # some days are not closed: it began later, or ended, or is lost
    EDGE = "edge"  # no reading stood near the first or the last midnight


class Trouble(NamedTuple):
    """Why a meter's sum over the period is not known. `days` are those without any figure."""

    gap: Gap
    days: int


class Part(NamedTuple):
    """One place below a meter: the meter there now, and those that hung there before it (换表) counted in."""

    meter: int
    number: str
    wh: int
    trouble: Trouble | None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """`own` is the meter above, in its own place. Differences are None unless every figure is known."""

    own: Part
    below: Sequence[Part]

    @property
    def below_wh(self) -> int:
        return sum(one.wh for one in self.below)

    @property
    def troubled(self) -> list[Part]:
        return [one for one in (self.own, *self.below) if one.trouble is not None]

    @property
    def complete(self) -> bool:
        return not self.troubled

    @property
    def lost_wh(self) -> int | None:
        return self.own.wh - self.below_wh if self.complete else None

    @property
    def lost_e5(self) -> int | None:
        """In thousandths of a percent of what the meter above counted."""
        lost_wh = self.lost_wh
        return None if lost_wh is None or self.own.wh <= 0 else round_half_up(lost_wh * 100_000, self.own.wh)


class _Used(NamedTuple):
    wh: int = 0
    days: int = 0


_NOTHING = _Used()
_Named = tuple[int, str]  # a meter's id and number


def parents(operator: Operator) -> MeterQuerySet:
    """His meters that feed others."""
    below = Meter.objects.filter(parent=OuterRef("pk"))
    return Meter.objects.for_operator(operator).filter(Exists(below)).order_by()


def balances(*, operator: Operator, above: MeterQuerySet, days: Days) -> dict[int, Balance]:
    """Meter id -> its balance over the closed days of the span, for some of his `parents`. Five queries in all."""
    changes = _changes()
    below, facts = _below(operator, changes), _Facts(days, changes)
    return {
        pk: Balance(facts.parts([(pk, number), *changes.before(pk)])[0], facts.parts(below[pk]))
        for pk, number in above.values_list("pk", "number")
    }


class _Changes:
    """换表: which meter stands now where another one stood."""

    def __init__(self, rows: Sequence[tuple[int, int, str, int | None]]) -> None:
        self.rows = rows  # old meter, new one, the old one's number and parent; the newest first
        self._next = {old: new for old, new, _number, _parent in rows}

    def now(self, pk: int) -> int:
        seen: set[int] = set()
        while pk in self._next and pk not in seen:
            seen.add(pk)
            pk = self._next[pk]
        return pk

    def before(self, pk: int) -> list[_Named]:
        return [(old, number) for old, _new, number, _parent in self.rows if old != pk and self.now(old) == pk]


def _changes() -> _Changes:
    lines = ClosingLine.objects.filter(new_meter__isnull=False, meter__active=False).order_by("-state_at")
    return _Changes(list(lines.values_list("meter_id", "new_meter_id", "meter__number", "meter__parent_id")))


def _below(operator: Operator, changes: _Changes) -> Mapping[int, list[_Named]]:
    """What hangs below each meter; one that was changed before anybody said what fed it hung where the new one does."""
    fed = Meter.objects.for_operator(operator).filter(parent__isnull=False).order_by("number")
    found: defaultdict[int, list[_Named]] = defaultdict(list)
    parent_of: dict[int, int] = {}
    for pk, number, parent in raw(fed.values_list("pk", "number", "parent_id")):
        found[parent].append((pk, number))
        parent_of[pk] = parent
    for old, new, number, said in changes.rows:
        if said is None and new in parent_of:
            parent_of[old] = parent_of[new]
            found[parent_of[new]].append((old, number))
    return found


class _Facts:
    """What is known of every meter in the span, read once."""

    def __init__(self, days: Days, changes: _Changes) -> None:
        newest = closed_through()
        yesterday = days.first - timedelta(days=1)
        self.changes = changes
        self.days = Days(days.first, min(days.last, newest or yesterday))
        changed = {one for old, new, _number, _parent in changes.rows for one in (old, new)}
        fed = Q(parent__isnull=False) | Exists(Meter.objects.filter(parent=OuterRef("pk")))
        self.meters = Meter.objects.filter(fed | Q(pk__in=changed)).order_by().values("pk")
        self.length = len(self.days)
        self.used = self._used(newest or yesterday)
        self.begins_loose, self.ends_loose = self._loose(self._begins_loose()), self._loose(self._ends_loose())
        self.known = self._known(changed)

    def _used(self, newest: date) -> dict[int, _Used]:
        if not len(self.days):
            return {}
        cut = pieces(self.days, newest)
        rows: list[QuerySet[Any, Any]] = []
        if cut.months:
            months = UsageMonth.objects.filter(month__range=cut.months, meter__in=self.meters).order_by()
            rows.append(months.values_list("meter_id").annotate(Sum("energy_wh"), Sum("days")))
        for span in cut.days:
            single = UsageDay.objects.filter(day__range=(span.first, span.last), meter__in=self.meters).order_by()
            rows.append(single.values_list("meter_id").annotate(Sum("energy_wh"), Count("pk")))
        found: dict[int, _Used] = {}
        for pk, wh, days in (row for part in rows for row in raw(part)):
            before = found.get(pk)
            known = (int(wh), int(days)) if before is None else (before.wh + int(wh), before.days + int(days))
            found[pk] = _Used(*known)
        return found

    def _loose(self, edge: Q) -> set[int]:
        """The meters whose register at this edge of the span is a guess."""
        return {pk for (pk,) in raw(UsageDay.objects.filter(edge).order_by().values_list("meter_id"))}

    def _begins_loose(self) -> Q:
        start_ms = day_start_ms(self.days.first, zone())
        guessed = Q(first_ms__lt=start_ms - LOOSE_MS) | Q(first_ms__gt=start_ms + MIDNIGHT_SWEEP_MS)
        return Q(day=self.days.first) & guessed

    def _ends_loose(self) -> Q:
        end_ms = day_start_ms(self.days.last + timedelta(days=1), zone())
        return Q(day=self.days.last, last_ms__lt=end_ms - LOOSE_MS)

    def _known(self, changed: set[int]) -> dict[int, set[date]]:
        """The closed days of meters that were changed: together they may be whole."""
        if not changed:
            return {}
        rows = UsageDay.objects.filter(day__range=(self.days.first, self.days.last), meter__in=changed).order_by()
        found: defaultdict[int, set[date]] = defaultdict(set)
        for pk, day in rows.values_list("meter_id", "day"):
            found[pk].add(day)
        return found

    def parts(self, meters: Sequence[_Named]) -> list[Part]:
        """One for each place, by the number of the meter that is there now."""
        places: defaultdict[int, list[_Named]] = defaultdict(list)
        for pk, number in meters:
            places[self.changes.now(pk)].append((pk, number))
        return [self._part(now, members) for now, members in places.items()]

    def _part(self, now: int, members: Sequence[_Named]) -> Part:
        if len(members) == 1:
            pk, number = members[0]
            used = self.used.get(pk, _NOTHING)
            return Part(pk, number, used.wh, self._trouble_of(pk, used.days))
        pk, number = next((one for one in members if one[0] == now), members[0])
        wh = sum(self.used.get(one, _NOTHING).wh for one, _number in members)
        before = tuple(name for one, name in members if one != pk)
        return Part(pk, number, wh, self._trouble([one for one, _number in members]), before)

    def _trouble(self, members: Sequence[int]) -> Trouble | None:
        missing = self.length - len(set().union(*(self.known.get(one, set()) for one in members)))
        if missing or not self.length:
            return _missing(missing, self.length)
        edges = ((self.days.first, self.begins_loose), (self.days.last, self.ends_loose))
        firm = all(
            any(one not in loose and day in self.known.get(one, set()) for one in members) for day, loose in edges
        )
        return None if firm else Trouble(Gap.EDGE, 0)

    def _trouble_of(self, meter: int, days: int) -> Trouble | None:
        """Of a meter that was never changed: having as many days as there are, it has each of them."""
        if days < self.length or not self.length:
            return _missing(self.length - days, self.length)
        return Trouble(Gap.EDGE, 0) if meter in self.begins_loose or meter in self.ends_loose else None


def _missing(days: int, of: int) -> Trouble:
    return Trouble(Gap.NOTHING if days == of else Gap.MISSING, days)


def bridged(*, meters: Sequence[int], days: Days) -> dict[int, int]:
    """Meter id -> on how many days its readings stood more than two hours apart. Its sum holds all the same."""
    rows = UsageDay.objects.filter(meter__in=meters, day__range=(days.first, days.last), gap_s_max__gt=LOOSE_MS // 1000)
    return dict(rows.order_by().values_list("meter_id").annotate(Count("pk")))
