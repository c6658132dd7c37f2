"""What a tenant may see: everything starts from the customers of his own visit, and from when they moved in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from prewatt.domain.cutoff.models import Notice
from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.explaining import charged
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.forecast.rule import Left
from prewatt.domain.metering import balances
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.closing import HOUR_MS, day_start_ms
from prewatt.domain.metering.models import UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import Door, Message, State
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tenants import codes
from prewatt.domain.tenants.doors import customers
from prewatt.domain.tenants.models import Visit
from prewatt.domain.vending.models import Sale


def accounts(visit: Visit) -> QuerySet[Opening]:
    """The open accounts of whoever sits before this browser."""
    return of_customers(customers(visit))


def of_customers(mine: Iterable[Customer]) -> QuerySet[Opening]:
    found = Opening.objects.filter(customer__in=[one.pk for one in mine], closed_at__isnull=True)
    return found.select_related("customer", "meter__room__floor__building", *balances.WITH_IT).order_by(
        "meter__room__number", "meter__number"
    )


def purchases(mine: Iterable[Customer]) -> QuerySet[Sale]:
    """Everything that these customers bought, newest first; of closed accounts, too."""
    found = Sale.objects.filter(customer__in=[one.pk for one in mine])
    return found.select_related("meter__room", "order").order_by("-sold_at", "-series", "-number")


def messages(opening: Opening) -> QuerySet[Message]:
    """What was said to this tenant about this meter, newest first; no code of anybody's."""
    mine = Message.objects.filter(customer=opening.customer_id, meter=opening.meter_id, made_at__gte=opening.opened_at)
    return mine.filter(door=Door.TEXT).exclude(kind="code").exclude(state=State.EXPIRED).order_by("-made_at", "-pk")


def warnings(opening: Opening) -> QuerySet[Notice]:
    """What the rules of fair cut-off have told it, or are to tell, newest first."""
    return Notice.objects.filter(opening=opening).order_by("-at", "-pk")


def told_below(opening: Opening) -> int | None:
    """The balance below which a text goes to this tenant's phone, in fen. None: no text goes."""
    wanted = opening.texts and opening.alarm1_notify and not opening.inactive and bool(opening.customer.phone)
    if not wanted or "low1" in notices.rules().muted or not codes.can_send():
        return None
    return opening.meter.alarm1_fen or None


@dataclass(frozen=True, slots=True)
class Used:
    """`fen` None: not known. `bands`: Wh by the meter's own periods; empty where it counts none, or for hours."""

    at: date | datetime
    wh: int
    fen: int | None = None
    bands: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    opening: Opening
    standing: metering.Standing
    left: Left | None
    idle: bool
    today_wh: int
    today_fen: int | None
    yesterday_wh: int  # up to the same hour
    month_wh: int
    month_fen: int | None
    days: tuple[Used, ...]


def home(*, opening: Opening, now: datetime) -> Home:
    meter = opening.meter
    standing = metering.standing(meter)
    ahead = forecast.ahead([meter.pk]).get(meter.pk)
    today = metering.today(now)
    hours_today = hours(opening=opening, day=today)
    before = hours(opening=opening, day=today - timedelta(days=1))
    spent_fen = metering.meter_day(meter, now=now).spent_today_fen if began(opening) < today else None
    if spent_fen is not None and spent_fen < 0:  # a purchase that the last reading does not show yet
        spent_fen = None
    month = days(opening=opening, first=today.replace(day=1), last=today)
    today_wh = sum(one.wh for one in hours_today)
    return Home(
        opening=opening,
        standing=standing,
        left=ahead.left(standing.balance_fen, now=now) if ahead else None,
        idle=ahead is not None and ahead.idle,
        today_wh=today_wh,
        today_fen=spent_fen,
        yesterday_wh=sum(one.wh for one in before[: len(hours_today)]),
        month_wh=sum(one.wh for one in month if one.at != today) + today_wh,
        month_fen=_sum_fen([*(one.fen for one in month), spent_fen or 0]),
        days=tuple(days(opening=opening, first=today - timedelta(days=13), last=today - timedelta(days=1))),
    )


def _sum_fen(parts: Collection[int | None]) -> int | None:
    known = [one for one in parts if one is not None]
    return sum(known) if known else None


def began(opening: Opening) -> date:
    return opening.opened_at.astimezone(zone()).date()


def hours(*, opening: Opening, day: date) -> list[Used]:
    """The hours of a day from when the account began; what others used before stays theirs."""
    since_ms = max(day_start_ms(day, zone()), -(-round(opening.opened_at.timestamp() * 1000) // HOUR_MS) * HOUR_MS)
    end_ms = day_start_ms(day + timedelta(days=1), zone())
    rows = UsageHour.objects.filter(meter=opening.meter_id, start_ms__gte=since_ms, start_ms__lt=end_ms)
    found = dict(rows.order_by("start_ms").values_list("start_ms", "energy_wh"))
    last = max(found, default=since_ms - HOUR_MS)
    return [
        Used(datetime.fromtimestamp(at / 1000, zone()), max(0, int(found.get(at, 0))))
        for at in range(since_ms, last + 1, HOUR_MS)
    ]


def days(*, opening: Opening, first: date, last: date) -> list[Used]:
    """Closed days since the account began. The first one only in part: the tenant before used the rest."""
    since = max(first, began(opening) + timedelta(days=1))
    rows = list(UsageDay.objects.filter(meter=opening.meter_id, day__gte=since, day__lte=last).order_by("day"))
    booked = charged.by_day(opening_id=opening.pk, first=since, last=last) if rows else {}
    return [Used(row.day, int(row.energy_wh), booked.get(row.day, row.deducted_fen), _bands(row)) for row in rows]


def _bands(row: UsageDay) -> tuple[tuple[str, int], ...]:
    parts: dict[str, Any] = {band: int(getattr(row, f"energy_{band}_wh")) for band in BANDS}
    return tuple((band, wh) for band, wh in parts.items() if wh > 0)


def months(*, opening: Opening, last: date, count: int = 12) -> list[Used]:
    """Whole months and the running one, from closed days that are the tenant's own."""
    first = last.replace(day=1)
    for _n in range(count - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    since = max(first, began(opening) + timedelta(days=1))
    rows = UsageDay.objects.filter(meter=opening.meter_id, day__gte=since, day__lte=last).order_by()
    sums = {"wh": Sum("energy_wh"), "fen": Sum("deducted_fen"), **{band: Sum(f"energy_{band}_wh") for band in BANDS}}
    found = rows.values_list("day__year", "day__month").annotate(**sums).order_by("day__year", "day__month")
    booked = _booked_by_month(opening, since, last)
    return [
        Used(
            date(year, month, 1),
            int(wh),
            booked.get(date(year, month, 1), None if fen is None else int(fen)),
            tuple((band, int(part)) for band, part in zip(BANDS, parts, strict=True) if part and part > 0),
        )
        for year, month, wh, fen, *parts in found
    ]


def _booked_by_month(opening: Opening, first: date, last: date) -> dict[date, int]:
    """Of accounts that the platform bills the meter's own money says nothing."""
    if getattr(opening, "platform_terms", None) is None:
        return {}
    found: dict[date, int] = {}
    for day, fen in charged.by_day(opening_id=opening.pk, first=first, last=last).items():
        found[day.replace(day=1)] = found.get(day.replace(day=1), 0) + fen
    return found
