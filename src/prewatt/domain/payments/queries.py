"""Payments as they are shown: to the payer as two facts, paid and credited; to operators within their buildings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter
from prewatt.domain.payments.models import UNSETTLED, Attempt, Became, State
from prewatt.domain.vending.models import SaleState

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


@dataclass(frozen=True, slots=True)
class Progress:
    """Two facts. `ended`: nothing more will happen by itself, a page may stop asking."""

    paid: bool
    credited: bool
    paid_at: datetime | None
    credited_at: datetime | None
    ended: bool
    words: str  # in the payer's language


def progress(attempt: Attempt) -> Progress:
    """How far an order is, as it stands now: another attempt of the same order may be the one that was paid."""
    of_order = Attempt.objects.filter(order_id=attempt.order_id).select_related("sale")
    paid = of_order.filter(state=State.PAID).order_by("-became", "settled_at").first()  # "wallet" before "sale"
    sold = of_order.filter(became=Became.SALE).first()
    one = sold or paid
    if one is None:
        return _unpaid(of_order.get(pk=attempt.pk))
    credited = one.sale is not None and one.sale.state == SaleState.ARRIVED
    return Progress(
        paid=True,
        credited=credited,
        paid_at=one.paid_at,
        credited_at=one.sale.state_at if credited and one.sale else None,
        ended=credited or one.sale is None or one.sale.state in (SaleState.REVERSED, SaleState.RETURNED),
        words=_words(one),
    )


def _unpaid(one: Attempt) -> Progress:
    words = {
        State.CLOSED: _("This order is closed. Nothing was paid."),
        State.REFUSED: _("The provider did not take the order. Nothing was paid."),
        State.UNKNOWN: _("The provider does not answer. If you have paid, your money is safe: we keep asking."),
    }
    return Progress(
        False, False, None, None, one.state not in UNSETTLED, words.get(State(one.state), _("Not paid yet."))
    )


def _words(one: Attempt) -> str:
    if one.sale is None:
        return _("Paid. The money is in your wallet; the property office sees it and takes care of it.")
    match one.sale.state:
        case SaleState.ARRIVED:
            return _("Paid, and credited.")
        case SaleState.WAITING:
            return _("Paid. The meter did not take it; it waits in your wallet, and the property office sees it.")
        case SaleState.UNCLEAR:
            return _("Paid. The property office checks whether the meter has it.")
        case SaleState.REVERSED | SaleState.RETURNED:
            return _("Paid back.")
        case _:
            return _("Paid, on its way to the meter.")


def attempts(*, operator: Operator) -> QuerySet[Attempt]:
    """Within his buildings."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    found = Attempt.objects.select_related("meter__room__floor__building", "customer", "sale", "opening")
    return found if operator.all_buildings and operator.is_active else found.filter(meter__in=mine)
