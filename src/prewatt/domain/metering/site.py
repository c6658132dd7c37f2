"""Figures of all meters of an operator together: what the dashboard asks for. Each is one query of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Max, Min, Q, Sum

from prewatt.domain.estate.models import Gateway, ratio_in
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.metering.board import LASTS, Line, Stated, lines
from prewatt.domain.metering.closing import HOUR_MS, day_start_ms
from prewatt.domain.metering.models import BuildingHour, Quarter
from prewatt.domain.metering.queries import GATEWAY_SILENT_S, visible, zone
from prewatt.domain.metering.sums import NO_ROOM, QUARTER_MS

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FRESH_S = 180
NEAR = 2  # by the mean so many times as long: looked at by the forecast, which knows the days of the week


@dataclass(frozen=True, slots=True)
class Vitals:
    """How many meters, how fresh what is known of them, and what they draw now."""

    meters: int
    fresh: int
    lost: int
    lost_since: datetime | None
    load_w: int
    full_at: datetime | None  # the newest reading of registers


def vitals(*, operator: Operator, now: datetime) -> Vitals:
    fresh = Q(state__taken_at__gte=now - timedelta(seconds=FRESH_S))
    lost, reached = Q(state__lost=True), Q(state__lost=False)
    seen = visible(operator).order_by().aggregate(
        meters=Count("pk"),
        fresh=Count("pk", filter=fresh),
        lost=Count("pk", filter=lost),
        lost_since=Min("state__lost_since", filter=lost),
        load=Sum(F("state__power_w") * ratio_in(), filter=reached),
        full_at=Max("state__energy_at", filter=Q(state__energy_at__lte=now)),
    )  # fmt: skip
    return Vitals(
        meters=seen["meters"],
        fresh=seen["fresh"],
        lost=seen["lost"],
        lost_since=seen["lost_since"],
        load_w=int(seen["load"] or 0),
        full_at=seen["full_at"],
    )


@dataclass(frozen=True, slots=True)
class RunsOut:
    lines: list[Line]
    count: int


def runs_out(meters: Stated, *, days: int, rows: int, now: datetime) -> RunsOut:
    """Whose money is used up within so many days, soonest first: the first of them, and how many they are."""
    near = meters.filter(current__isnull=False).annotate(lasts_h=LASTS).filter(lasts_h__lte=24 * days * NEAR)
    found = list(near.order_by("lasts_h", "number").values_list("pk", "net_fen", "lasts_h"))
    foreseen = forecast.ahead([pk for pk, _fen, _hours in found])
    lasting = [(_days_left(foreseen.get(pk), fen, hours, now), pk) for pk, fen, hours in found]
    short = sorted((left, pk) for left, pk in lasting if left is not None and left <= days)
    return RunsOut(lines([pk for _left, pk in short[:rows]], now=now), len(short))


def _days_left(ahead: forecast.Ahead | None, net_fen: int, mean_hours: int, now: datetime) -> float | None:
    if ahead is None:
        return mean_hours / 24
    return ahead.days(net_fen, now=now)


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """A gateway as the dashboard shows it: its part of the meters, and whether it was heard of lately."""

    gateway: Gateway
    online: bool
    buses: int
    reached: int
    meters: int


def gateway_lines(*, operator: Operator, now: datetime) -> list[GatewayLine]:
    """The silent ones first, then by code."""
    rows = (
        visible(operator)
        .order_by()
        .values_list("bus__gateway")
        .annotate(meters=Count("pk"), lines=Count("bus", distinct=True))
        .annotate(reached=Count("pk", filter=Q(state__lost=False)))
    )
    parts = {pk: (meters, buses, reached) for pk, meters, buses, reached in rows}
    gateways = Gateway.objects.in_bulk(list(parts))
    found = [_gateway_line(gateways[pk], parts[pk], now) for pk in parts]
    return sorted(found, key=lambda line: (line.online, line.gateway.code))


def _gateway_line(gateway: Gateway, part: tuple[int, int, int], now: datetime) -> GatewayLine:
    heard = gateway.last_seen_at
    online = heard is not None and now - heard <= timedelta(seconds=GATEWAY_SILENT_S)
    return GatewayLine(gateway, online, meters=part[0], buses=part[1], reached=part[2])


def _places(operator: Operator) -> list[int] | None:
    """The buildings whose sums are his; None: every one, and what hangs in no room."""
    if not operator.is_active:
        return []
    return None if operator.all_buildings else list(operator.buildings.values_list("pk", flat=True))


def _sums(
    model: type[BuildingHour] | type[Quarter], value: str, *, operator: Operator, from_ms: int, to_ms: int
) -> dict[int, int]:
    rows = model.objects.filter(start_ms__gte=from_ms, start_ms__lt=to_ms)
    places = _places(operator)
    if places is not None:
        rows = rows.filter(place__in=[place for place in places if place != NO_ROOM])
    return dict(rows.values_list("start_ms").annotate(total=Sum(value)).order_by("start_ms"))


def hours(*, operator: Operator, day: date) -> list[int]:
    """Wh of each hour of a day over his buildings; as many entries as hours have begun to be known."""
    from_ms, to_ms = _bounds(day)
    summed = _sums(BuildingHour, "energy_wh", operator=operator, from_ms=from_ms, to_ms=to_ms)
    last = max(summed, default=from_ms - HOUR_MS)
    return [int(summed.get(at, 0)) for at in range(from_ms, last + 1, HOUR_MS)]


def _bounds(day: date) -> tuple[int, int]:
    return day_start_ms(day, zone()), day_start_ms(day + timedelta(days=1), zone())


def load(*, operator: Operator, day: date, now: datetime) -> list[int | None]:
    """W in each quarter of an hour of a day. Where no load was written down, the mean of its hour; None: not known.

    The hour that runs has no mean yet: half of it would look like half the load.
    """
    from_ms, to_ms = _bounds(day)
    seen = _sums(Quarter, "power_w", operator=operator, from_ms=from_ms, to_ms=to_ms)
    used = _sums(BuildingHour, "energy_wh", operator=operator, from_ms=from_ms, to_ms=to_ms)
    over_ms = int(now.timestamp() * 1000) // HOUR_MS * HOUR_MS
    used = {at: wh for at, wh in used.items() if at < over_ms}
    return [_known(seen.get(at), used.get(at // HOUR_MS * HOUR_MS)) for at in range(from_ms, to_ms, QUARTER_MS)]


def _known(power_w: int | None, energy_wh: int | None) -> int | None:
    found = energy_wh if power_w is None else power_w
    return None if found is None else int(found)
