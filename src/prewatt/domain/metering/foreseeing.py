"""Each meter's outlook from its closed days, once a day: energy by the rule of the forecast, money by what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import Max

from prewatt.domain import workdays
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.forecast import rule
from prewatt.domain.forecast.models import Outlook
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import today, zone

TOGETHER = 200
GAP_S_MAX = 6 * 3600  # a day bridged for longer says how much was used, but not on which day
PRICE_DAYS = 7

# (day, Wh, fen deducted, the longest gap in s)
_Day = tuple[date, int, int | None, int]


def foresee(*, now: datetime, limit: int = TOGETHER) -> int:
    """Make the outlook of up to `limit` meters for which a day was closed since theirs. Returns how many."""
    first = today(now)
    due = _due(first, limit)
    since = first - timedelta(days=rule.HISTORY_DAYS)
    days: defaultdict[int, list[_Day]] = defaultdict(list)
    rows = UsageDay.objects.filter(meter__in=due, day__gte=since, day__lt=first).order_by("day")
    for meter, day, wh, fen, gap_s in rows.values_list("meter_id", "day", "energy_wh", "deducted_fen", "gap_s_max"):
        days[meter].append((day, wh, fen, gap_s))
    charged = _charged(due, since)
    for meter, mine in charged.items():
        days[meter] = [(day, wh, mine.get(day), gap_s) for day, wh, _fen, gap_s in days[meter]]
    moved_in = _moved_in(due)
    made = [_made(pk, days[pk], moved_in.get(pk), first) for pk in due]
    Outlook.objects.bulk_create(
        made,
        update_conflicts=True,
        unique_fields=["meter"],
        update_fields=["first", "sums_fen", "mean_fen", "day_spread", "level_spread", "known_days"],
    )
    return len(due)


def _due(first: date, limit: int) -> list[int]:
    """Meters whose yesterday is closed and whose outlook is older than today; those that have none, at once."""
    fresh = Outlook.objects.filter(first=first).values("meter")
    closed = UsageDay.objects.filter(day=first - timedelta(days=1)).values("meter")
    found = Meter.objects.filter(active=True, pk__in=closed).exclude(pk__in=fresh).order_by("pk")
    return list(found.values_list("pk", flat=True)[:limit])


def _moved_in(meters: Sequence[int]) -> dict[int, date]:
    """The first whole day of the present tenants."""
    rows = Opening.objects.filter(meter__in=meters, closed_at__isnull=True).order_by()
    found = rows.values_list("meter_id").annotate(at=Max("opened_at"))
    return {pk: at.astimezone(zone()).date() + timedelta(days=1) for pk, at in found}


def _charged(meters: Sequence[int], since: date) -> dict[int, dict[date, int]]:
    """What is booked of each day, for accounts that the platform bills: their meters' own money says nothing."""
    here = Opening.objects.filter(meter__in=meters, closed_at__isnull=True, platform_terms__isnull=False)
    rows = here.values_list("pk", "meter_id", "opened_at")
    found = {pk: (meter, opened.astimezone(zone()).date()) for pk, meter, opened in rows}
    causes = {
        f"{pk}:{day.isoformat()}": (meter, day)
        for pk, (meter, began) in found.items()
        for day in _days(max(since, began), today_=since + timedelta(days=rule.HISTORY_DAYS))[-2 * PRICE_DAYS :]
    }
    charged: dict[int, dict[date, int]] = {meter: {} for meter, _began in found.values()}
    booked = Transfer.objects.filter(cause_kind="usage", cause_id__in=list(causes))
    for cause, code, fen in booked.values_list("cause_id", "debit__code", "amount_fen"):
        meter, day = causes[cause]
        charged[meter][day] = charged[meter].get(day, 0) + (fen if code == "meter" else -fen)
    return charged


def _days(first: date, *, today_: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((today_ - first).days)]


def _made(meter_id: int, days: Sequence[_Day], moved_in: date | None, first: date) -> Outlook:
    mine = [day for day in days if moved_in is None or day[0] >= moved_in] or days
    sure = [day for day in mine if day[3] <= GAP_S_MAX] or mine
    made = rule.outlook({day: wh for day, wh, _fen, _gap in sure}, first=first, like=workdays.like)
    price = _fen_per_wh(mine)
    if made is None or price is None:  # kept all the same, so that it is not asked for again today
        return Outlook(
            meter_id=meter_id, first=first, sums_fen=[], mean_fen=0, day_spread=0.0, level_spread=0.0, known_days=0
        )
    sums = rule.curve(made, price=price).sums
    return Outlook(
        meter_id=meter_id,
        first=first,
        sums_fen=list(sums),
        mean_fen=sums[rule.WEEK - 1] // rule.WEEK,
        day_spread=made.day_spread,
        level_spread=made.level_spread,
        known_days=made.known_days,
    )


def _fen_per_wh(days: Sequence[_Day]) -> float | None:
    """What a Wh cost lately, as the meter itself deducted: every price and band of it is in there. None: not known."""
    priced = [(wh, fen) for _day, wh, fen, _gap in days if fen is not None][-PRICE_DAYS:]
    energy = sum(wh for wh, _fen in priced)
    if not priced:
        return None
    return max(0, sum(fen for _wh, fen in priced)) / energy if energy > 0 else 0.0
