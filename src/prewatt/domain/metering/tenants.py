"""What each tenant used. A day belongs to whoever had the account at its end, as the sheet of daily use has it.

A meter with one tenant all the time is read from sums of months like everything else. Only where an account began or
ended within the span its months are looked at one by one, and the days only of those in which it happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum

from prewatt.domain.estate.models import Opening
from prewatt.domain.metering.models import UsageDay, UsageMonth
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.quick import raw
from prewatt.domain.metering.scope import Scope, everything, meters
from prewatt.domain.metering.usage import Days, Sums, pieces

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

NOBODY = 0  # the key of what was used while there was no account
_Found = defaultdict[int, Sums]


class Stay(NamedTuple):
    """An account on a meter, from its first day to its last; None: it is open."""

    customer: int
    first: date
    last: date | None

    def touches(self, first: date, last: date) -> bool:
        return self.first <= last and (self.last is None or self.last >= first)


def by_tenant(*, operator: Operator, scope: Scope, days: Days, newest: date) -> dict[int, Sums]:
    """Customer id, or NOBODY -> what was used by him. `newest` is the last closed day."""
    stays, cut = _stays(operator, scope, days), pieces(days, newest)
    holders = {meter: _holder(its, days.first, days.last) for meter, its in stays.items()}
    moved = {meter: its for meter, its in stays.items() if holders[meter] is None}
    found: _Found = defaultdict(Sums)
    for meter, sums in _whole(operator, scope, cut.months, cut.days):
        if meter not in moved:
            found[holders.get(meter) or NOBODY] += sums
    for customer, sums in _of_moved(moved, cut.months, cut.days):
        found[customer] += sums
    return dict(found)


def _stays(operator: Operator, scope: Scope, days: Days) -> dict[int, list[Stay]]:
    """The accounts that touch the span, by meter, the latest first."""
    here = zone()
    begins, ends = (datetime.combine(day, time(), here) for day in (days.first, days.last + timedelta(days=1)))
    rows = Opening.objects.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=begins), opened_at__lt=ends)
    if not everything(operator, scope):
        rows = rows.filter(meter__in=meters(operator=operator, scope=scope).values("pk"))
    found: defaultdict[int, list[Stay]] = defaultdict(list)
    for meter, customer, opened_at, closed_at in rows.order_by("-opened_at", "-pk").values_list(
        "meter_id", "customer_id", "opened_at", "closed_at"
    ):
        found[meter].append(Stay(customer, _day(opened_at, here), _day(closed_at, here) if closed_at else None))
    return found


def _day(at: datetime, here: ZoneInfo) -> date:
    return at.astimezone(here).date()


def _holder(stays: Sequence[Stay], first: date, last: date) -> int | None:
    """Who had the account at the end of each of these days; NOBODY; None when it was not one alone."""
    touching = [one for one in stays if one.touches(first, last)]
    if not touching:
        return NOBODY
    latest = touching[0]
    alone = latest.first <= first and (latest.last is None or latest.last >= last)
    return latest.customer if alone else None


def _month_end(month: date) -> date:
    """`month` is its first day."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _whole(
    operator: Operator, scope: Scope, months: tuple[date, date] | None, spans: Sequence[Days]
) -> Iterator[tuple[int, Sums]]:
    rows: list[QuerySet[UsageMonth, tuple[int, ...]] | QuerySet[UsageDay, tuple[int, ...]]] = []
    added = {"wh": Sum("energy_wh"), "fen": Sum("deducted_fen")}
    if months:
        of_months = UsageMonth.objects.filter(month__range=months).order_by()
        rows.append(of_months.values_list("meter_id").annotate(**added, n=Sum("days")))
    for span in spans:
        of_days = UsageDay.objects.filter(day__range=(span.first, span.last)).order_by()
        rows.append(of_days.values_list("meter_id").annotate(**added, n=Count("pk")))
    mine = None if everything(operator, scope) else meters(operator=operator, scope=scope).values("pk")
    for part in rows:
        for meter, wh, fen, number in raw(part if mine is None else part.filter(meter__in=mine)):
            yield meter, Sums(int(wh), int(fen or 0), int(number))


def _of_moved(
    moved: Mapping[int, Sequence[Stay]], months: tuple[date, date] | None, spans: Sequence[Days]
) -> Iterator[tuple[int, Sums]]:
    """Meters whose account began, ended or changed hands in the span."""
    if not moved:
        return
    split: defaultdict[date, list[int]] = defaultdict(list)
    if months:
        rows = UsageMonth.objects.filter(month__range=months, meter__in=moved).order_by()
        for meter, month, wh, fen, number in rows.values_list("meter_id", "month", "energy_wh", "deducted_fen", "days"):
            holder = _holder(moved[meter], month, _month_end(month))
            if holder is None:
                split[month].append(meter)
            else:
                yield holder, Sums(wh, fen or 0, number)
    for span in spans:
        yield from _days_of(moved, list(moved), span)
    for month, which in split.items():
        yield from _days_of(moved, which, Days(month, _month_end(month)))


def _days_of(moved: Mapping[int, Sequence[Stay]], which: Sequence[int], span: Days) -> Iterator[tuple[int, Sums]]:
    rows = UsageDay.objects.filter(meter__in=which, day__range=(span.first, span.last)).order_by()
    for meter, day, wh, fen in rows.values_list("meter_id", "day", "energy_wh", "deducted_fen"):
        yield _holder(moved[meter], day, day) or NOBODY, Sums(wh, fen or 0, 1)
