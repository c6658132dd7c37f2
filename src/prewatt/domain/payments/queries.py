"""Payments as they are shown: to the payer as two facts, paid and credited; to operators within their buildings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter
from prewatt.domain.payments.channels import label
from prewatt.domain.payments.models import UNSETTLED, Attempt, Became, Bill, Difference, Notice, State, Verdict
from prewatt.domain.staff.rights import Right
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
    if one.told_at is not None and one.state in UNSETTLED:
        said = _("%(channel)s says that you have paid. We are having it confirmed; that takes a few seconds.")
        return Progress(False, False, None, None, False, said % {"channel": label(one.channel)})
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: all of them. Days are the site's, of the asking."""

    state: str = ""  # a `State`, or one of WHERE
    channel: str = ""
    text: str = ""
    building_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None


KEPT, ON_ITS_WAY, CREDITED = "kept", "sending", "credited"
WHERE = (KEPT, ON_ITS_WAY, CREDITED)
_SENDING = (SaleState.PAID, SaleState.UNCLEAR, SaleState.WAITING)


def wanted_attempts(*, operator: Operator, wanted: Wanted) -> QuerySet[Attempt]:
    found = attempts(operator=operator)
    if wanted.state in State.values:
        found = found.filter(state=wanted.state)
    elif wanted.state == KEPT:
        found = found.filter(became=Became.WALLET)
    elif wanted.state in WHERE:
        sending = Q(sale__state__in=_SENDING)
        found = found.filter(sending if wanted.state == ON_ITS_WAY else ~sending, became=Became.SALE)
    if wanted.channel:
        found = found.filter(channel=wanted.channel)
    if wanted.building_id is not None:
        found = found.filter(meter__room__floor__building=wanted.building_id)
    if wanted.first_day is not None:
        found = found.filter(created_at__date__gte=wanted.first_day)
    if wanted.last_day is not None:
        found = found.filter(created_at__date__lte=wanted.last_day)
    if wanted.text:
        hit = Q(order_no__icontains=wanted.text) | Q(channel_no__icontains=wanted.text)
        hit |= Q(meter__number__icontains=wanted.text) | Q(meter__room__number__icontains=wanted.text)
        found = found.filter(hit | Q(customer__name__icontains=wanted.text))
    return found


def to_care_for(*, operator: Operator) -> int:
    """Payments in a wallet that nobody has taken note of, and differences in bills: the number in the frame."""
    kept = attempts(operator=operator).filter(became=Became.WALLET, seen_at=None).count()
    return kept + differences(operator=operator).filter(ended_at=None).count()


def notices(*, attempt: Attempt) -> QuerySet[Notice]:
    return Notice.objects.filter(channel=attempt.channel, order_no=attempt.order_no).order_by("-pk")


def _sees_bills(operator: Operator) -> bool:
    """A provider's bill is of every building."""
    return operator.is_active and operator.may(Right.REPORTS) and operator.all_buildings


def strange_notices(*, operator: Operator) -> QuerySet[Notice]:
    """What providers, or somebody who plays one, told us and we did not take."""
    taken = (Verdict.TAKEN, Verdict.ASKED, Verdict.REPEATED, Verdict.NOTHING)
    return Notice.objects.exclude(verdict__in=taken) if _sees_bills(operator) else Notice.objects.none()


def bills(*, operator: Operator) -> QuerySet[Bill]:
    found = Bill.objects.all() if _sees_bills(operator) else Bill.objects.none()
    return found.select_related("signed_by").annotate(
        unexplained=Count("differences", filter=Q(differences__ended_at=None))
    )


def differences(*, operator: Operator) -> QuerySet[Difference]:
    found = Difference.objects.all() if _sees_bills(operator) else Difference.objects.none()
    return found.select_related("bill", "owner", "ended_by", "attempt", "back")
