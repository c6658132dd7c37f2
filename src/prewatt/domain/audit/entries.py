"""The operation log as somebody may read it, and whether one entry still fits its seal."""

from __future__ import annotations

from enum import StrEnum

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.models import LogEntry, LogSeal, Operator
from prewatt.domain.staff.sealing import GENESIS, canonical, link
from prewatt.domain.vending.models import Refund, Reversal


class Seal(StrEnum):
    SEALED = "sealed"
    NOT_YET = "not_yet"
    BROKEN = "broken"


def visible(*, operator: Operator) -> QuerySet[LogEntry]:
    """Who sees all buildings reads everything. Somebody limited to buildings reads

    - what he did himself, wherever, and
    - what anybody did to a meter of his buildings, to an order for one, or to a refund or reversal on one: entries
      whose target is “meter NUMBER”, “order ID”, or such a refund's or reversal's id. Its place today counts.

    Everything else (people, roles, settings, other buildings, entries about no meter) does not exist for him.
    """
    if not operator.is_active:
        return LogEntry.objects.none()
    if operator.all_buildings:
        return LogEntry.objects.all()
    mine = Meter.objects.for_operator(operator).order_by()
    meters = mine.annotate(as_target=Concat(Value("meter "), F("number"))).values("as_target")
    orders = MeterOrder.objects.filter(meter__in=mine.values("pk")).order_by()
    named = orders.annotate(as_target=Concat(Value("order "), Cast("pk", CharField()))).values("as_target")
    return LogEntry.objects.filter(
        Q(operator=operator)
        | Q(target__in=meters)
        | Q(target__in=named)
        | Q(target__in=Refund.objects.filter(meter__in=mine.values("pk")).order_by().values("pk"))
        | Q(target__in=Reversal.objects.filter(meter__in=mine.values("pk")).order_by().values("pk"))
    )


def seal_of(entry: LogEntry) -> tuple[Seal, LogSeal | None]:
    """Recomputed now from the entry and the seal before it. The whole chain is what `prewatt audit` walks."""
    seal = LogSeal.objects.filter(entry=entry).first()
    if seal is None:
        return Seal.NOT_YET, None
    before = LogSeal.objects.filter(seq=seal.seq - 1).first()
    if before is None and seal.seq != 1:
        return Seal.BROKEN, seal
    fits = link(before.sha256 if before else GENESIS, canonical(entry)) == seal.sha256
    return (Seal.SEALED if fits else Seal.BROKEN), seal
