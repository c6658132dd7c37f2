"""Reads of metering: where every meter stands, what was used, who runs out, how the building's load goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q, Sum

from prewatt.domain.estate.models import Bus, Meter, MeterQuerySet, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.metering import balances
from prewatt.domain.metering.balances import Balance
from prewatt.domain.metering.closing import HOUR_MS, business_day, day_start_ms
from prewatt.domain.metering.models import MeterState, UsageDay, UsageHour
from prewatt.domain.metering.states import Facts, State, all_states

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FRESH_S = 180


@dataclass(frozen=True, slots=True)
class Standing:
    """One meter as every page shows it: its place, its tenant, its newest values and its state."""

    meter: Meter
    state: State
    states: tuple[State, ...]
    opening: Opening | None
    latest: MeterState | None
    balance: Balance

    @property
    def balance_fen(self) -> int | None:
        """What may still be used, net of overdraft."""
        return self.balance.fen

    @property
    def room(self) -> str:
        return self.meter.room.number if self.meter.room else self.meter.number

    @property
    def tenant(self) -> str:
        return self.opening.customer.name if self.opening else ""


def facts(meter: Meter, opening: Opening | None, latest: MeterState | None) -> Facts:
    """What the meter's state follows from; its money by the one answer of `balances`."""
    money = balances.of(opening, latest)
    return Facts(
        opened=opening is not None,
        lost=opening is not None if latest is None else latest.lost,
        balance_fen=money.fen,
        relay_closed=latest.relay_closed if latest else None,
        forced=latest.forced if latest else None,
        alarm1_fen=meter.alarm1_fen,
        alarm2_fen=meter.alarm2_fen,
        postpaid=money.postpaid,
    )


def standings(meters: MeterQuerySet) -> list[Standing]:
    """Two queries, whatever the number of meters."""
    found = list(meters.select_related("room__floor__building", "bus__gateway", "state"))
    open_ = Opening.objects.filter(meter__in=meters.order_by().values("pk"), closed_at__isnull=True)
    openings = {opening.meter_id: opening for opening in open_.select_related("customer", *balances.WITH_IT)}
    return [_standing(meter, openings.get(meter.pk)) for meter in found]


def standing(meter: Meter) -> Standing:
    opening = (
        Opening.objects.filter(meter=meter, closed_at__isnull=True)
        .select_related("customer", *balances.WITH_IT)
        .first()
    )
    return _standing(meter, opening)


def _standing(meter: Meter, opening: Opening | None) -> Standing:
    latest = getattr(meter, "state", None)
    return standing_of(meter, opening, latest)


def standing_of(meter: Meter, opening: Opening | None, latest: MeterState | None) -> Standing:
    """For who has fetched them already; the opening with `balances.WITH_IT`."""
    states = all_states(facts(meter, opening, latest))
    return Standing(meter, states[0], states, opening, latest, balances.of(opening, latest))


def visible(operator: Operator) -> MeterQuerySet:
    """The active meters that this operator may see."""
    return Meter.objects.for_operator(operator).filter(active=True)


def counts(found: Iterable[Standing]) -> dict[State, int]:
    """How many meters are in each state, in order of precedence, zeros included."""
    counted = Counter(one.state for one in found)
    return {state: counted.get(state, 0) for state in State}


def zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def today(now: datetime) -> date:
    return now.astimezone(zone()).date()


def hours(meters: MeterQuerySet, *, day: date) -> list[int]:
    """Wh of each hour of a day summed over the meters; as many entries as hours have begun to be known."""
    start_ms, end_ms = day_start_ms(day, zone()), day_start_ms(day + timedelta(days=1), zone())
    rows = UsageHour.objects.filter(
        meter__in=meters.order_by().values("pk"), start_ms__gte=start_ms, start_ms__lt=end_ms
    )
    summed = dict(rows.values_list("start_ms").annotate(total=Sum("energy_wh")).order_by("start_ms"))
    last = max(summed, default=start_ms - HOUR_MS)
    return [int(summed.get(at, 0)) for at in range(start_ms, last + 1, HOUR_MS)]


def energy_between(meters: MeterQuerySet, *, start_ms: int, end_ms: int) -> int:
    """Wh of the whole hours that begin in the span."""
    rows = UsageHour.objects.filter(
        meter__in=meters.order_by().values("pk"), start_ms__gte=start_ms, start_ms__lt=end_ms
    )
    return int(rows.aggregate(total=Sum("energy_wh"))["total"] or 0)


def load_now_w(found: Iterable[Standing]) -> int:
    """Active power of all reached meters, CT and PT ratio applied."""
    return sum(
        one.latest.power_w * one.meter.ratio
        for one in found
        if one.latest is not None and one.latest.power_w is not None and not one.latest.lost
    )


def daily_mean_fen(meter_ids: Iterable[int]) -> dict[int, int]:
    """What each meter deducts a day: mean over its last closed days (7 at most). Without one it is absent."""
    known = MeterState.objects.filter(meter__in=list(meter_ids), per_day_fen__isnull=False)
    return {pk: int(fen or 0) for pk, fen in known.values_list("meter_id", "per_day_fen")}


@dataclass(frozen=True, slots=True)
class MeterDay:
    """A meter's card: today so far against yesterday, and the month."""

    hours_today: list[int]
    hours_yesterday: list[int]
    energy_today_wh: int
    spent_today_fen: int | None
    energy_month_wh: int


def meter_day(meter: Meter, *, now: datetime) -> MeterDay:
    mine = Meter.objects.filter(pk=meter.pk)
    day = today(now)
    hours_today = hours(mine, day=day)
    month = day.replace(day=1)
    start_ms, end_ms = day_start_ms(month, zone()), day_start_ms(day + timedelta(days=1), zone())
    return MeterDay(
        hours_today=hours_today,
        hours_yesterday=hours(mine, day=day - timedelta(days=1)),
        energy_today_wh=sum(hours_today),
        spent_today_fen=_spent_since(meter, day),
        energy_month_wh=energy_between(mine, start_ms=start_ms, end_ms=end_ms),
    )


def _spent_since(meter: Meter, day: date) -> int | None:
    """Deducted since the last closed day ended; None while it is not known.

    Of an account that the platform bills: what is priced and not booked yet.
    """
    account = Opening.objects.filter(meter=meter, closed_at__isnull=True).select_related(*balances.WITH_IT).first()
    money = balances.of(account, None)
    if account is not None and money.here:
        booked_fen = ledger_queries.balance_fen(accounts.meter(account.pk))
        return None if money.fen is None else booked_fen - money.fen
    latest = MeterState.objects.filter(meter=meter).first()
    before = UsageDay.objects.filter(meter=meter, day__lt=day).order_by("-day").first()
    if latest is None or before is None or before.counter_fen is None:
        return None
    if latest.bought_fen is None or latest.balance_fen is None:
        return None
    balance = latest.balance_fen if latest.balance_fen < 0 else latest.balance_fen - (latest.overdraft_fen or 0)
    return latest.bought_fen - balance - before.counter_fen


def daily(meter: Meter, *, days: int, now: datetime) -> list[tuple[date, int]]:
    """The last closed days of a meter, oldest first: (day, Wh)."""
    since = today(now) - timedelta(days=days)
    rows = UsageDay.objects.filter(meter=meter, day__gte=since).order_by("day")
    return [(day, int(energy_wh)) for day, energy_wh in rows.values_list("day", "energy_wh")]


def closed_through() -> date | None:
    """The newest closed day of any meter: how far the history is complete."""
    newest: date | None = UsageDay.objects.aggregate(day=Max("day"))["day"]
    return newest


def day_of(at: datetime) -> date:
    return business_day(int(at.timestamp() * 1000), zone())


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the line to the building does, in a few short counts: for the frame around every page."""

    meters: int
    lost: int
    newest_at: datetime | None
    gateways: int
    gateways_online: int
    buses: int
    status_s: int  # how often the state of a meter is read

    @property
    def reached(self) -> int:
        return self.meters - self.lost


GATEWAY_SILENT_S = 120


def pulse(*, operator: Operator, now: datetime) -> Pulse:
    """One look at the meters and one at their buses."""
    mine = visible(operator).order_by()
    heard = now - timedelta(seconds=GATEWAY_SILENT_S)
    seen = mine.aggregate(
        meters=Count("pk"), lost=Count("pk", filter=Q(state__lost=True)), newest_at=Max("state__taken_at")
    )
    buses = Bus.objects.filter(Exists(mine.filter(bus=OuterRef("pk")))).order_by()
    lines = buses.aggregate(
        buses=Count("pk"),
        status_s=Max("status_s"),
        gateways=Count("gateway", distinct=True),
        online=Count("gateway", distinct=True, filter=Q(gateway__last_seen_at__gte=heard)),
    )
    return Pulse(
        meters=seen["meters"],
        lost=seen["lost"],
        newest_at=seen["newest_at"],
        gateways=lines["gateways"],
        gateways_online=lines["online"],
        buses=lines["buses"],
        status_s=lines["status_s"] or 0,
    )


def energy_today(meters: MeterQuerySet, *, now: datetime) -> dict[int, int]:
    """Wh of the local day so far, by meter. A meter of which nothing is known is absent."""
    rows = UsageHour.objects.filter(
        meter__in=meters.order_by().values("pk"), start_ms__gte=day_start_ms(today(now), zone())
    )
    return dict(rows.values_list("meter_id").annotate(total=Sum("energy_wh")).order_by("meter_id"))
