"""打印 and 补打: a receipt goes onto paper under its one number; every print after the first is marked and counted."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.checks import NoRight, Refused
from prewatt.domain.vending.models import Print, Refund, Reversal, Sale
from prewatt.domain.vending.receipt_text import DEFAULT, Document, Paper, fields, kind_of, laid_out

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class NotNumbered(Refused):
    code = "not_numbered"
    retry = True


class PrintIdTaken(Refused):
    code = "print_id_taken"


@transaction.atomic
def print_receipt(
    *,
    print_id: str,
    document: Document,
    operator: Operator,
    now: datetime,
    together: bool = False,
    address: str = "",
) -> Print:
    """Note that the receipt is printed. The first is number one, every later one a reprint of the same number.

    `print_id` is made when the button is drawn: the same again is the same print. `together` notes all lines of its
    payment, for all of them stand on the paper. Raises NotNumbered for money that is not paid back yet, NoRight.
    """
    if not any(operator.may(right) for right in (Right.SELL, Right.REFUND, Right.REVERSE)):
        raise NoRight(_("%(who)s may not print receipts. Ask an administrator.") % {"who": operator.username})
    if not document.number:
        raise NotNumbered(
            _(
                "The money is not paid back yet, so there is no red receipt to print. Wait until the meter has "
                "confirmed."
            )
        )
    documents = sorted(on_one_paper(document, together=together), key=lambda one: one.meter_id)
    for meter_id in dict.fromkeys(one.meter_id for one in documents):
        dispatch.lock_meter(meter_id)  # two windows that print at once count one after the other
    first = Print.objects.filter(pk=print_id).first()
    if first is not None:
        if (first.series, first.number) != (document.series, document.number):
            raise PrintIdTaken(_("This button was already used for another receipt. Load the page again."))
        return first
    for one in documents:
        if one.pk != document.pk:
            _note(f"{print_id}-{one.number}", one, operator, now, address)
    return _note(print_id, document, operator, now, address)


def _note(print_id: str, document: Document, operator: Operator, now: datetime, address: str) -> Print:
    number = document.number or 0
    same = Print.objects.filter(series=document.series, number=number)
    nth = int(same.aggregate(last=Max("nth"))["last"] or 0) + 1
    staff.log(
        operator=operator,
        action="print" if nth == 1 else "reprint",
        target=f"{kind_of(document)} {document.receipt}",
        after={"nth": nth},
        address=address,
        now=now,
    )
    return Print.objects.create(id=print_id, series=document.series, number=number, nth=nth, operator=operator, at=now)


def on_one_paper(document: Document, *, together: bool) -> list[Document]:
    """The document, or all lines of its payment by number."""
    if not (together and isinstance(document, Sale) and document.payment_id is not None):
        return [document]
    related = ("meter__room__floor__building", "customer", "operator", "order")
    return list(Sale.objects.filter(payment=document.payment_id).select_related(*related).order_by("number"))


def find(series: str, number: int, *, operator: Operator) -> Document | None:
    """The sale, refund or reversal with this receipt number, within the operator's buildings."""
    meters = Meter.objects.for_operator(operator).values("pk")
    models: tuple[type[Sale] | type[Refund] | type[Reversal], ...] = (Sale, Refund, Reversal)
    for model in models:
        related = ["meter__room__floor__building", "customer", "operator", "order", *(["sale"] * (model is not Sale))]
        found = model.objects.filter(series=series, number=number, meter__in=meters).select_related(*related).first()
        if found is not None:
            return found
    return None


def paper(
    document: Document,
    *,
    together: bool,
    operator: Operator,
    now: datetime,
    payee: str = "",
    template: str = DEFAULT,
) -> Paper:
    """The receipt as it stands on paper; `together`: with the other lines of its payment."""
    documents = on_one_paper(document, together=together)
    whole, lines = fields(documents, printed_by=operator, now=now, payee=payee)
    return laid_out(template, whole, lines, red=not isinstance(document, Sale))
