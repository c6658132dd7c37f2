"""失联: meters and gateways out of contact at this moment, the longest gone first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Gateway, GatewayEvent
from prewatt.domain.metering import board
from prewatt.domain.metering.board import Stated, span
from prewatt.domain.metering.queries import GATEWAY_SILENT_S, visible
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


_MONEY_IN = (Kind.RECHARGE, Kind.OPEN)


@dataclass(frozen=True, slots=True)
class Wanted:
    text: str = ""
    building: str = ""  # codes
    floors: str = ""
    gateway: str = ""
    bus: str = ""
    waits: bool = False  # only those for which orders wait


def meters(*, operator: Operator, wanted: Wanted) -> Stated:
    """Each with `gone_since`, `answered_at`, `tenant`, and the orders that wait for it: `waiting`, `waiting_fen`."""
    orders = MeterOrder.objects.filter(meter=OuterRef("pk"), state__in=OPEN).order_by().values("meter")
    money = orders.filter(kind__in=_MONEY_IN)
    found = board.lost(operator=operator).annotate(
        gone_since=Coalesce("state__lost_since", "state__taken_at", "current__opened_at"),
        answered_at=Coalesce("state__last_answer_at", "state__taken_at"),
        waiting=Coalesce(Subquery(orders.annotate(number=Count("pk")).values("number")), 0),
        waiting_fen=Coalesce(Subquery(money.annotate(fen=Sum("amount_fen")).values("fen")), 0),
    )
    return _placed(found, wanted).select_related("room__floor__building", "bus__gateway", "state")


def sums(*, operator: Operator, wanted: Wanted) -> tuple[int, int]:
    """How many orders wait for all of them together, and with how much money."""
    gone = meters(operator=operator, wanted=wanted).order_by().values("pk")
    orders = MeterOrder.objects.filter(meter__in=gone, state__in=OPEN)
    money = Sum("amount_fen", filter=Q(kind__in=_MONEY_IN))
    found = orders.aggregate(number=Count("pk"), fen=money)
    return found["number"], int(found["fen"] or 0)


def _placed(found: Stated, wanted: Wanted) -> Stated:
    if wanted.text:
        found = found.filter(estate.fitting(wanted.text))
    if wanted.building:
        found = found.filter(room__floor__building__code=wanted.building)
    if floors := span(wanted.floors):
        found = found.filter(room__floor__number__range=floors)
    if wanted.gateway:
        found = found.filter(bus__gateway__code=wanted.gateway)
    if wanted.bus:
        found = found.filter(bus__code=wanted.bus)
    return found.filter(waiting__gt=0) if wanted.waits else found


@dataclass(frozen=True, slots=True)
class LostGateway:
    """`told`: the code of the last thing it told. Meters are those that he may see."""

    gateway: Gateway
    meters: int
    lost: int
    buses: int
    waiting: int
    told: str
    told_at: datetime | None

    @property
    def gone_since(self) -> datetime | None:
        """None: it never reported."""
        return self.gateway.last_seen_at


def gateways(*, operator: Operator, now: datetime) -> list[LostGateway]:
    """Those that should read a meter of his and are silent for two minutes: never heard of first, then longest gone."""
    silent = Q(last_seen_at__isnull=True) | Q(last_seen_at__lt=now - timedelta(seconds=GATEWAY_SILENT_S))
    mine = visible(operator).order_by()
    found = list(Gateway.objects.filter(silent, pk__in=mine.values("bus__gateway")))
    if not found:
        return []
    rows = (
        mine.filter(bus__gateway__in=found)
        .values_list("bus__gateway")
        .annotate(number=Count("pk"), lost=Count("pk", filter=Q(state__lost=True)), buses=Count("bus", distinct=True))
    )
    parts = {pk: (number, lost, buses) for pk, number, lost, buses in rows}
    orders = MeterOrder.objects.filter(state__in=OPEN, meter__in=mine.values("pk"), meter__bus__gateway__in=found)
    waiting = dict(orders.order_by().values_list("meter__bus__gateway").annotate(number=Count("pk")))
    told = _told(found)
    lines = [LostGateway(one, *parts[one.pk], waiting.get(one.pk, 0), *told.get(one.pk, ("", None))) for one in found]
    return sorted(lines, key=lambda line: (line.gone_since is not None, line.gone_since or now, line.gateway.code))


def _told(found: Iterable[Gateway]) -> dict[int, tuple[str, datetime | None]]:
    """Only what concerns the gateway itself: what it told of meters may be of other buildings."""
    events = GatewayEvent.objects.filter(gateway__in=found, meter_number="").order_by()
    last = [pk for _gateway, pk in events.values_list("gateway").annotate(last=Max("pk"))]
    rows = GatewayEvent.objects.filter(pk__in=last).values_list("gateway", "code", "at")
    return {gateway: (code, at) for gateway, code, at in rows}
