"""Reading accounts: the register of openings, and how an opening comes to its meter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from prewatt.domain.dispatch.models import Kind, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.metering.models import MeterState
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.queries import ProgressStep

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

GONE = (SaleState.REVERSED, SaleState.RETURNED)
ENDED_OTHERWISE = (State.REFUSED, State.EXPIRED, State.CANCELLED, State.UNCLEAR)


def accounts(*, operator: Operator) -> QuerySet[Opening]:
    """Openings on meters of the operator's buildings, open and closed, with what was bought on each.

    `sold_fen` and `sold_count` leave out what was reversed or paid back again.
    """
    kept = Sale.objects.filter(opening=OuterRef("pk")).exclude(state__in=GONE).order_by().values("opening")
    return (
        Opening.objects.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))
        .select_related("customer__created_by", "meter__room__floor__building", "meter__state", "opened_by")
        .select_related("platform_terms", "standing")
        .annotate(
            sold_fen=Coalesce(Subquery(kept.annotate(fen=Sum("amount_fen")).values("fen")), 0),
            sold_count=Coalesce(
                Subquery(kept.annotate(count=Count("pk")).values("count"), output_field=IntegerField()), 0
            ),
        )
    )


def matching(found: QuerySet[Opening], text: str) -> QuerySet[Opening]:
    """Accounts whose tenant, telephone, room or numbers fit."""
    word = text.strip()
    return found.filter(
        Q(customer__name__icontains=word)
        | Q(customer__contact__icontains=word)
        | Q(customer__number__icontains=word)
        | Q(customer__phone__contains=word)
        | Q(customer__pinyin__startswith=word.lower())
        | Q(meter__number__icontains=word)
        | Q(meter__room__number__icontains=word)
    )


def people(*, text: str, operator: Operator, limit: int = 8) -> list[Customer]:
    """Known tenants by name, number, telephone, initials or room."""
    word = text.strip()
    if not word:
        return []
    mine = Customer.objects.for_operator(operator)
    hit = (
        Q(name__icontains=word)
        | Q(contact__icontains=word)
        | Q(number__icontains=word)
        | Q(phone__contains=word)
        | Q(pinyin__startswith=word.lower())
        | Q(openings__closed_at__isnull=True, openings__meter__room__number__iexact=word)
    )
    return list(mine.filter(hit).distinct().order_by("number")[:limit])


def free_meters(*, text: str, operator: Operator, limit: int = 8, out_of_use: bool = False) -> list[Meter]:
    """Meters without an account, by room or number, the exact one first; in use, or also those that stand ready."""
    word = text.strip()
    if not word:
        return []
    open_ = Opening.objects.filter(closed_at__isnull=True).values("meter")
    found = Meter.objects.for_operator(operator).exclude(pk__in=open_)
    found = found if out_of_use else found.filter(active=True)
    found = found.filter(Q(room__number__icontains=word) | Q(number__icontains=word))
    some = found.select_related("room__floor__building", "bus", "state").order_by("room__number", "number")
    rows = list(some[: limit * 5])
    rows.sort(key=lambda meter: word.lower() not in ((meter.room.number if meter.room else "").lower(), meter.number))
    return rows[:limit]


@dataclass(frozen=True, slots=True)
class OpeningProgress:
    """已收款 → 下发中 → 已到账 of one opening, and the settings that travel with it."""

    opening: Opening
    order: MeterOrder
    sale: Sale | None
    steps: tuple[ProgressStep, ProgressStep, ProgressStep]
    settings: tuple[MeterOrder, ...]
    lost: bool

    @property
    def ended(self) -> bool:
        """The money's way is over. Settings may still be on theirs."""
        return self.order.state not in OPEN or self.order.state == State.UNCLEAR

    @property
    def moving(self) -> bool:
        return not self.ended or any(one.state in OPEN for one in self.settings)


def progress(openings: Iterable[Opening]) -> dict[int, OpeningProgress]:
    """By opening, for those that were opened by an order. Three queries."""
    by_pk = {opening.pk: opening for opening in openings}
    orders = list(MeterOrder.objects.filter(opening__in=by_pk, kind=Kind.OPEN).order_by("placed_at"))
    sales = {sale.order_id: sale for sale in Sale.objects.filter(order__in=[one.pk for one in orders])}
    with_it = MeterOrder.objects.filter(cause_kind="opening", cause_id__in=[one.pk for one in orders])
    settings: dict[str, list[MeterOrder]] = {}
    for one in with_it.exclude(kind=Kind.OPEN).order_by("kind"):
        settings.setdefault(one.cause_id, []).append(one)
    lost = set(
        MeterState.objects.filter(meter__in=[one.meter_id for one in orders], lost=True).values_list("meter", flat=True)
    )
    return {
        one.opening_id: OpeningProgress(
            opening=by_pk[one.opening_id],
            order=one,
            sale=sales.get(one.pk),
            steps=_steps(one, sales.get(one.pk)),
            settings=tuple(settings.get(one.pk, ())),
            lost=one.meter_id in lost,
        )
        for one in orders
        if one.opening_id is not None
    }


def _steps(order: MeterOrder, sale: Sale | None) -> tuple[ProgressStep, ProgressStep, ProgressStep]:
    paid = ProgressStep("paid", "done", order.placed_at, "" if sale else "nothing_paid")
    if order.state == State.DONE:
        sent = ProgressStep("sending", "done", order.leased_at or order.ended_at)
        return (paid, sent, ProgressStep("arrived", "done", order.ended_at))
    if order.state in ENDED_OTHERWISE:
        sent = ProgressStep("sending", "done", order.leased_at or order.ended_at)
        return (paid, sent, ProgressStep("arrived", "failed", order.ended_at, order.reason or order.state))
    return (
        paid,
        ProgressStep("sending", "now", order.taken_at or order.leased_at),
        ProgressStep("arrived", "later", None),
    )
