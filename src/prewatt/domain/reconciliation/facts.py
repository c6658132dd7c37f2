"""What is known of one account for `classify`: its closed days, prices sent and shown, ratios, orders, registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db.models import Max, Q

from prewatt.domain.control.models import PRICE_NAMES, Desired, Reported, Settings
from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter, Opening, RatioChange
from prewatt.domain.metering.models import Reading, UsageDay
from prewatt.domain.metering.queries import today
from prewatt.domain.reconciliation.classify import ORDERS_TRIED, Classified, Facts, MeterDay, MoneyOrder, classify
from prewatt.domain.reconciliation.rule import Compared
from prewatt.domain.tariff.models import BANDS
from prewatt.link.messages import Kind

LOOKED_BACK = timedelta(days=31)
GAP_S_MAX = 6 * 3600
Prices = Mapping[str, int]


def explain(one: Compared, *, now: datetime) -> Classified:
    """Why this account's meter does not hold what the books predict. A fixed number of queries."""
    return classify(gather(one, now=now))


def gather(one: Compared, *, now: datetime) -> Facts:
    opening, meter = Opening.objects.get(pk=one.opening), Meter.objects.get(pk=one.meter)
    since = max(today(opening.opened_at) + timedelta(days=1), today(now) - LOOKED_BACK)
    bought = one.bought_books_fen
    beyond = 0 if bought is None or one.bought_meter_fen is None else one.bought_meter_fen - bought - one.moving_fen
    return Facts(
        days=_days(meter, since),
        ratio=meter.ct_ratio * meter.pt_ratio,
        ratios=tuple(RatioChange.objects.filter(meter=meter).values_list("ratio", flat=True)),
        orders=_orders(opening),
        count_books=one.count_books + bool(one.moving_fen),
        count_meter=one.count_meter,
        bought_books_fen=None if bought is None else bought + one.moving_fen,
        bought_meter_fen=one.bought_meter_fen,
        over_booked_fen=0 if beyond else max(0, -(one.unexplained_fen or 0)),
        fell_wh=_fell_wh(meter, max(opening.opened_at, now - LOOKED_BACK)),
    )


def _days(meter: Meter, since: date) -> Sequence[MeterDay]:
    sent, reported = _sent(meter), _known(Reported.objects.filter(meter=meter).first())
    found = UsageDay.objects.filter(meter=meter, day__gte=since).order_by("day")
    return [_day(one, *_prices(one.day, sent, reported)) for one in found]


def _day(one: UsageDay, desired: Prices | None, reported: Prices | None) -> MeterDay:
    energy = {band: int(getattr(one, f"energy_{band}_wh")) for band in BANDS}
    whole = one.gap_s_max <= GAP_S_MAX and sum(energy.values()) == one.energy_wh
    return MeterDay(one.day, energy, one.deducted_fen, desired, reported, whole)


def _prices(
    day: date, sent: Sequence[tuple[date, Prices]], reported: Prices | None
) -> tuple[Prices | None, Prices | None]:
    """Desired and shown on that day; neither on a day on which prices were sent: which hour had which is not known.

    What a meter showed is kept only as it is now. Where that is what was sent, it may have had the prices before.
    """
    if any(at == day for at, _values in sent):
        return None, None
    before = [values for at, values in sent if at < day]
    desired = before[-1] if before else None
    if desired is not None and desired == reported and len(before) > 1:
        return desired, before[-2]
    return desired, reported


def _sent(meter: Meter) -> Sequence[tuple[date, Prices]]:
    """Whole sets of prices that left for the meter, the oldest first."""
    orders = MeterOrder.objects.filter(meter=meter, kind__in=(Kind.PRICES, Kind.OPEN), leased_at__isnull=False)
    orders = orders.exclude(state__in=(State.CANCELLED, State.EXPIRED)).order_by("leased_at")
    rows = [(today(at), _by_band(values)) for at, values in orders.values_list("leased_at", "values") if at]
    found = [(day, prices) for day, prices in rows if prices]
    if not found and (known := Desired.objects.filter(meter=meter).first()) and (prices := _known(known)):
        return [(today(known.sent_at), prices)]
    return found


def _known(row: Settings | None) -> Prices | None:
    return _by_band(row.known()) if row is not None else None


def _by_band(values: Mapping[str, int]) -> Prices | None:
    found = {band: values[name] for band, name in zip(BANDS, PRICE_NAMES, strict=True) if name in values}
    return found or None


def _orders(opening: Opening) -> Sequence[MoneyOrder]:
    """The newest first. What still waits explains nothing."""
    found = MeterOrder.objects.filter(opening=opening, kind__in=sorted(SERIAL_KINDS)).exclude(kind=Kind.OPEN)
    rows = found.exclude(Q(state__in=sorted(OPEN)) & ~Q(state=State.UNCLEAR)).order_by("-placed_at", "-pk")
    return [
        MoneyOrder(pk, (fen or 0) * (-1 if kind == Kind.REFUND else 1), state, state == State.DONE)
        for pk, kind, fen, state in rows.values_list("pk", "kind", "amount_fen", "state")[: 2 * ORDERS_TRIED]
    ]


def _fell_wh(meter: Meter, since: datetime) -> int:
    """How far below its highest the register stands now."""
    found = Reading.objects.filter(meter=meter, taken_ms__gte=round(since.timestamp() * 1000), energy_wh__isnull=False)
    newest = found.order_by("-taken_ms").values_list("energy_wh", flat=True).first()
    highest = found.aggregate(wh=Max("energy_wh"))["wh"]
    return 0 if newest is None or highest is None else int(highest) - int(newest)
