"""后付费: the monthly statements of accounts that pay afterwards, made once a month's days are all booked."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from prewatt.domain.billing import rating
from prewatt.domain.billing.models import Billing, Statement, Terms
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger.models import MOVING, Transfer
from prewatt.domain.metering.models import Reading, UsageDay
from prewatt.domain.metering.queries import zone
from prewatt.domain.turns import give_way

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

MONTHS_TOGETHER = 24  # of one account in one turn: who was switched to it late catches up turn by turn


def make(*, now: datetime, limit: int = 200) -> int:
    """Make up to `limit` statements that are due. Returns how many."""
    made = 0
    found = Terms.objects.filter(billing=Billing.POSTPAID).annotate(last=Max("opening__statements__month"))
    for terms in found.select_related("opening").order_by("pk"):
        for month in _due(terms.opening, terms.last, now):
            if made == limit or not make_one(opening_id=terms.pk, month=month, now=now):
                break
            made += 1
        give_way()
    return made


def _due(opening: Opening, last: date | None, now: datetime) -> Iterator[date]:
    """Months that are over, oldest first, after the last one stated."""
    ends = now if opening.closed_at is None else opening.closed_at
    month = _following(last) if last else rating.first_day(opening).replace(day=1)
    final = _day(ends).replace(day=1)
    for _turn in range(MONTHS_TOGETHER):
        if month > final or (month == final and opening.closed_at is None):
            return
        yield month
        month = _following(month)


@transaction.atomic
def make_one(*, opening_id: int, month: date, now: datetime) -> bool:
    """False while a day of the month waits to be closed or booked; the same month again is the first statement."""
    opening = Opening.objects.get(pk=opening_id)
    dispatch.lock_meter(opening.meter_id)
    if Statement.objects.filter(opening=opening, month=month).exists():
        return True
    span = _span(opening, month)
    if opening.closed_at is None and not _booked(opening.meter_id, span.last):
        return False
    before = Statement.objects.filter(opening=opening).order_by("-month").first()
    sums = _sums(opening, span)
    rows = UsageDay.objects.filter(meter=opening.meter_id, day__range=(span.first, span.last)).order_by("day")
    days = list(rows)
    billed_fen = sums.earlier_fen + sums.used_fen
    Statement.objects.create(
        opening=opening,
        month=month,
        first_day=span.first,
        last_day=span.last,
        **_registers(opening.meter_id, days),
        energy_wh=sum(one.energy_wh for one in days),
        used_fen=sums.used_fen,
        corrected_fen=sums.earlier_fen - (before.billed_fen if before else 0),
        brought_fen=before.open_fen if before else 0,
        paid_fen=sums.paid_fen - _paid_before(opening),
        billed_fen=billed_fen,
        days=[[one.day.isoformat(), one.energy_wh, sums.by_day.get(one.day, 0)] for one in days],
        made_at=now,
    )
    return True


@dataclass(frozen=True, slots=True)
class _Span:
    """The account's days within a month; `end` is the moment before which a payment belongs to it."""

    first: date
    last: date
    end: datetime | None  # None: the account has ended, everything belongs to it


def _span(opening: Opening, month: date) -> _Span:
    first = max(month, rating.first_day(opening))
    last = month.replace(day=monthrange(month.year, month.month)[1])
    if opening.closed_at is not None and _day(opening.closed_at) <= last:
        return _Span(first, _day(opening.closed_at), None)
    return _Span(first, last, datetime.combine(_following(month), time(), zone()))


def _booked(meter_id: int, last: date) -> bool:
    days = UsageDay.objects.filter(meter=meter_id)
    waiting = days.filter(day__lte=last, posted_version__lt=F("version"))
    return days.filter(day__gte=last).exists() and not waiting.exists()


class _Sums(NamedTuple):
    """What the ledger says of the account up to the span's end. `earlier_fen`: of days before the span."""

    used_fen: int
    earlier_fen: int
    paid_fen: int
    by_day: dict[date, int]


def _sums(opening: Opening, span: _Span) -> _Sums:
    used = earlier = paid = 0
    by_day: dict[date, int] = {}
    for row in _moved(opening.pk):
        fen = -row.amount_fen if row.debit.code == "meter" else row.amount_fen  # onto the account
        if row.cause_kind == "usage":
            day = date.fromisoformat(row.cause_id.partition(":")[2])
            if span.first <= day <= span.last:
                used -= fen
                by_day[day] = by_day.get(day, 0) - fen
            elif day < span.first:
                earlier -= fen
        elif "revenue" in (row.debit.code, row.credit.code):  # what was left to charge when the account ended
            used -= fen if span.end is None else 0
        elif span.end is None or row.at < span.end:
            paid += fen
    return _Sums(used, earlier, paid, by_day)


def _moved(opening_id: int) -> QuerySet[Transfer]:
    mine = {"code": "meter", "owner": str(opening_id)}
    either = Q(**{f"debit__{k}": v for k, v in mine.items()}) | Q(**{f"credit__{k}": v for k, v in mine.items()})
    return Transfer.objects.filter(either, kind__in=MOVING).select_related("debit", "credit").order_by("pk")


def _paid_before(opening: Opening) -> int:
    return sum(Statement.objects.filter(opening=opening).values_list("paid_fen", flat=True))


def _registers(meter_id: int, days: list[UsageDay]) -> dict[str, int | datetime | None]:
    """The readings that bound the month, as the meter showed them."""
    if not days:
        return {}
    ends = {"from": days[0].first_ms, "to": days[-1].last_ms}
    shown = dict(
        Reading.objects.filter(meter=meter_id, taken_ms__in=ends.values()).values_list("taken_ms", "energy_wh")
    )
    found: dict[str, int | datetime | None] = {}
    for name, ms in ends.items():
        found |= {f"read_{name}_wh": shown.get(ms), f"read_{name}_at": datetime.fromtimestamp(ms / 1000, UTC)}
    return found


def _following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _day(at: datetime) -> date:
    return at.astimezone(zone()).date()


def statements(*, operator: Operator) -> QuerySet[Statement]:
    """Within the operator's buildings, with all that `left_fen` asks."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    found = Statement.objects.filter(opening__meter__in=mine)
    return found.select_related(
        "opening__customer", "opening__meter__room__floor__building", "opening__standing", "opening__platform_terms"
    )


def left_fen(one: Statement) -> int:
    """What is still open of this statement now: a payment goes to the oldest first."""
    if one.opening.closed_at is not None:
        return 0  # it ended settled to the last fen
    return max(0, min(one.amount_fen, one.billed_fen - one.opening.standing.put_fen))


# Of which something is still open now.
OPEN = Q(billed_fen__gt=F("opening__standing__put_fen"), opening__closed_at__isnull=True)
