"""能耗查询 and 预付费表日用能: what stood on the registers at both ends of a period, and what was used day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest

from prewatt.domain.estate.models import Meter, Opening, RatioChange, ratio_in
from prewatt.domain.metering.board import span
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import Reading, UsageDay, UsageMonth, UsageOfAll
from prewatt.domain.metering.queries import closed_through, zone
from prewatt.domain.metering.usage import Days, Per, Pieces, Sums, pieces

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FACTOR = 1  # 实际抄表倍率: our registers are read in Wh, so nothing else multiplies them
STALE_MS = 86_400_000  # a reading this long before an edge of the period is said to be old


@dataclass(frozen=True, slots=True)
class Wanted:
    """Days from `first_day` to `last_day`, both included, in the site's zone. Empty values do not narrow."""

    first_day: date
    last_day: date
    building_id: int | None = None
    floors: str = ""  # a number or a span
    text: str = ""  # room, meter, circuit, tenant

    @property
    def start_ms(self) -> int:
        return day_start_ms(self.first_day, zone())

    @property
    def end_ms(self) -> int:
        return day_start_ms(self.last_day + timedelta(days=1), zone())


def sheet(*, operator: Operator, wanted: Wanted) -> QuerySet[Meter, Any]:
    """A row for each meter that showed its register, as a dict: `before_wh`/`before_ms` is its last reading at or
    before the period's beginning (else its first within the period), `after_wh`/`after_ms` the last one at or before
    its end, `used_wh` = (本次 - 上次) x 实际抄表倍率 x 互感器倍率. `moved`: the register fell or the ratio changed in
    between, so the formula does not hold and `used_wh` is what was counted hour by hour instead.
    """
    found = Meter.objects.for_operator(operator).filter(meters_wanted(wanted, ""))
    if wanted.end_ms <= wanted.start_ms:
        found = found.none()
    edges = found.annotate(
        before_ms=Coalesce(_edge("taken_ms", upto=wanted.start_ms), _edge("taken_ms", since=wanted.start_ms)),
        after_ms=_edge("taken_ms", upto=wanted.end_ms),
        before_wh=Coalesce(_edge("energy_wh", upto=wanted.start_ms), _edge("energy_wh", since=wanted.start_ms)),
        after_wh=_edge("energy_wh", upto=wanted.end_ms),
    ).filter(after_ms__isnull=False)  # then there is one before it, or it is the first itself: one look, not three
    named = edges.alias(counted_wh=_counted(wanted)).annotate(
        ratio_=ratio_in(),
        moved=Case(
            When(Q(after_wh__lt=F("before_wh")) | _ratio_changed(wanted), then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        ),
    )
    rows: QuerySet[Meter, Any] = named.annotate(
        used_wh=Case(
            When(moved=True, then=Coalesce(F("counted_wh"), Value(0))),
            default=(F("after_wh") - F("before_wh")) * FACTOR * F("ratio_"),
        ),
        room_number=Coalesce(F("room__number"), Value("")),
        tenant=tenant_at("pk", wanted.end_ms),
        old_ms=Greatest(_at(wanted.start_ms) - F("before_ms"), _at(wanted.end_ms) - F("after_ms")),
    )
    return rows


@dataclass(frozen=True, slots=True)
class ByUse:
    """The sheet in the order of what was used, for one page at a time: only two readings of each meter are looked at
    to find the order, and only the rows of the page are made.
    """

    rows: QuerySet[Meter, Any]
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, part: slice) -> list[Meter]:
        found = {row.pk: row for row in self.rows.filter(pk__in=self.order[part])}
        return [found[pk] for pk in self.order[part] if pk in found]


def by_use(*, operator: Operator, wanted: Wanted, falling: bool) -> ByUse:
    """`sheet`, sorted by `used_wh` and the meter's number."""
    found = Meter.objects.for_operator(operator).filter(meters_wanted(wanted, "")).order_by("number")
    if wanted.end_ms <= wanted.start_ms:
        found = found.none()
    looks = found.values_list(
        "pk",
        ratio_in(),
        Coalesce(_edge("energy_wh", upto=wanted.start_ms), _edge("energy_wh", since=wanted.start_ms)),
        _edge("energy_wh", upto=wanted.end_ms),
    )
    shown = [(pk, ratio, before, after) for pk, ratio, before, after in looks if after is not None]
    moved = _ratios_changed(wanted) | {pk for pk, _ratio, before, after in shown if after < before}
    counted = dict(found.filter(pk__in=moved).values_list("pk", _counted(wanted)).order_by()) if moved else {}
    used = {
        pk: (counted.get(pk) or 0) if pk in moved else (after - before) * FACTOR * ratio
        for pk, ratio, before, after in shown
    }
    rising = sorted(used, key=used.__getitem__)
    return ByUse(sheet(operator=operator, wanted=wanted), rising[::-1] if falling else rising)


def _at(at_ms: int) -> Value:
    """A moment for the database, wide enough: PostgreSQL takes a bare number here for a narrow one."""
    return Value(at_ms, output_field=BigIntegerField())


def _edge(column: str, *, upto: int | None = None, since: int | None = None) -> Subquery:
    """The last reading up to a moment, or the first since one: one step in the index of readings for each meter."""
    mine = Reading.objects.filter(meter_id=OuterRef("pk"), energy_wh__isnull=False)
    if upto is not None:
        return Subquery(mine.filter(taken_ms__lte=upto).order_by("-taken_ms").values(column)[:1])
    return Subquery(mine.filter(taken_ms__gt=since).order_by("taken_ms").values(column)[:1])


def _counted(wanted: Wanted) -> Subquery:
    days = UsageDay.objects.filter(meter=OuterRef("pk"), day__gte=wanted.first_day, day__lte=wanted.last_day)
    return Subquery(days.order_by().values("meter").annotate(total=Sum("energy_wh")).values("total"))


def _ratio_changed(wanted: Wanted) -> Q:
    return Q(Exists(_changes(wanted).filter(meter=OuterRef("pk"))))


def _ratios_changed(wanted: Wanted) -> set[int]:
    return set(_changes(wanted).values_list("meter_id", flat=True))


def _changes(wanted: Wanted) -> QuerySet[RatioChange]:
    edges = [datetime.fromtimestamp(at_ms / 1000, zone()) for at_ms in (wanted.start_ms, wanted.end_ms)]
    return RatioChange.objects.filter(at__gte=edges[0], at__lt=edges[1])


def tenant_at(meter: str, at_ms: int) -> Subquery:
    at = datetime.fromtimestamp(at_ms / 1000, zone())
    lived = Opening.objects.filter(meter=OuterRef(meter), opened_at__lt=at).filter(
        Q(closed_at__isnull=True) | Q(closed_at__gte=at)
    )
    return Subquery(lived.order_by("-opened_at").values("customer__name")[:1])


def meters_wanted(wanted: Wanted, prefix: str) -> Q:
    narrow = Q(**{f"{prefix}room__floor__building": wanted.building_id}) if wanted.building_id else Q()
    if floors := span(wanted.floors):
        narrow &= Q(**{f"{prefix}room__floor__number__range": floors})
    if word := wanted.text.strip():
        hit = Q()
        for name in ("number", "circuit", "room__number"):
            hit |= Q(**{f"{prefix}{name}__icontains": word})
        openings = Opening.objects.filter(customer__name__icontains=word).order_by().values("meter")
        narrow &= hit | Q(**{f"{prefix}pk__in": openings})
    return narrow


_DAILY = ("day", "energy_wh", "deducted_fen", "gap_s_max", "meter_id", "number", "room_number", "building_name")


def daily(*, operator: Operator, wanted: Wanted) -> QuerySet[UsageDay, dict[str, Any]]:
    """Closed days, a row for each meter and day, with whoever lived there at the end of it."""
    lived = Opening.objects.filter(meter=OuterRef("meter"), opened_at__date__lte=OuterRef("day")).filter(
        Q(closed_at__isnull=True) | Q(closed_at__date__gte=OuterRef("day"))
    )
    named = _days(operator, wanted).annotate(
        number=F("meter__number"),
        room_number=Coalesce(F("meter__room__number"), Value("")),
        floor_number=F("meter__room__floor__number"),
        building_name=Coalesce(F("meter__room__floor__building__name"), Value("")),
        tenant=Subquery(lived.order_by("-opened_at").values("customer__name")[:1]),
    )
    rows: QuerySet[UsageDay, dict[str, Any]] = named.values(*_DAILY, "floor_number", "tenant")
    return rows


def daily_line(*, operator: Operator, wanted: Wanted, per: Per) -> dict[date, Sums]:
    """All the wanted meters together, by the first day of each day or month; `days` of each is its number of rows.

    By month it is read from the sums of months, and only the days that make no whole month from days: a year over ten
    thousand meters is 120,000 rows instead of 3,650,000.
    """
    days = Days(wanted.first_day, wanted.last_day)
    cut = Pieces(None, (days,)) if per == Per.DAY else pieces(days, closed_through() or days.last)
    found: dict[date, Sums] = {}
    rows: list[QuerySet[Any, Any]] = [_by_day(operator, wanted, span) for span in cut.days]
    if cut.months:
        rows.append(_by_month(operator, wanted, cut.months))
    for at, wh, fen, number in (row for part in rows for row in part):
        period = at if per == Per.DAY else at.replace(day=1)
        found[period] = found.get(period, Sums()) + Sums(int(wh), int(fen or 0), int(number))
    return dict(sorted(found.items()))


_ADDED = {"wh": Sum("energy_wh"), "fen": Sum("deducted_fen")}


def _by_day(operator: Operator, wanted: Wanted, span: Days) -> QuerySet[Any, Any]:
    if operator.is_active and operator.all_buildings and not meters_wanted(wanted, "meter__"):
        of_all = UsageOfAll.objects.filter(day__gte=span.first, day__lte=span.last, meters__gt=0)
        summed: QuerySet[UsageOfAll, Any] = of_all.values_list("day", "energy_wh", "deducted_fen", "meters")
        return summed
    found = _days(operator, replace(wanted, first_day=span.first, last_day=span.last)).order_by()
    rows: QuerySet[UsageDay, Any] = found.values_list("day").annotate(**_ADDED, n=Count("pk"))
    return rows


def _by_month(operator: Operator, wanted: Wanted, months: tuple[date, date]) -> QuerySet[UsageMonth, Any]:
    within = UsageMonth.objects.filter(meters_wanted(wanted, "meter__"), month__gte=months[0], month__lte=months[1])
    found = _mine(operator, within).order_by()
    rows: QuerySet[UsageMonth, Any] = found.values_list("month").annotate(**_ADDED, n=Sum("days"))
    return rows


def _days(operator: Operator, wanted: Wanted) -> QuerySet[UsageDay]:
    mine = UsageDay.objects.filter(
        meters_wanted(wanted, "meter__"), day__gte=wanted.first_day, day__lte=wanted.last_day
    )
    return _mine(operator, mine)


def _mine(operator: Operator, found: QuerySet[Any]) -> QuerySet[Any]:
    if operator.is_active and operator.all_buildings:
        return found
    return found.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))
