"""打印 and 补打: a receipt goes onto paper under its one number; every print after the first is marked and counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters, receipt_code, receipt_template
from prewatt.domain.vending.checks import NoRight, Refused
from prewatt.domain.vending.models import Print, Refund, Reversal, Sale
from prewatt.domain.vending.receipt_text import Document, Paper, fields, kind_of, laid_out

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class NotNumbered(Refused):
    code = "not_numbered"
    retry = True


class PrintIdTaken(Refused):
    code = "print_id_taken"


SEVERAL_MAX = 50


class TooMany(Refused):
    code = "too_many_receipts"


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
    _check(operator, [document])
    documents = on_one_paper(document, together=together)
    _lock(documents)
    first = Print.objects.filter(pk=print_id).first()
    if first is not None:
        if (first.series, first.number) != (document.series, document.number):
            raise PrintIdTaken(_("This button was already used for another receipt. Load the page again."))
        return first
    for one in documents:
        if one.pk != document.pk:
            _note(f"{print_id}-{one.number}", one, operator, now, address)
    return _note(print_id, document, operator, now, address)


@transaction.atomic
def print_several(
    *, print_id: str, documents: Sequence[Document], operator: Operator, now: datetime, address: str = ""
) -> list[Print]:
    """Note the prints of a queue of receipts, in its order. The same `print_id` again is the same prints.

    Raises TooMany, NotNumbered, NoRight; then none is noted.
    """
    if not 0 < len(documents) <= SEVERAL_MAX:
        raise TooMany(_("Between one and %(max)d receipts are printed at once.") % {"max": SEVERAL_MAX})
    _check(operator, documents)
    _lock(documents)
    return prints(print_id) or [
        _note(f"{print_id}.{one.receipt}", one, operator, now, address) for one in dict.fromkeys(documents)
    ]


def prints(print_id: str) -> list[Print]:
    """The prints that one press of a button noted, in the order of their papers."""
    found = Print.objects.select_related("operator")
    alone = found.filter(pk=print_id).first()
    return [alone] if alone else list(found.filter(pk__startswith=f"{print_id}.").order_by("pk"))


def _check(operator: Operator, documents: Sequence[Document]) -> None:
    if not any(operator.may(right) for right in (Right.SELL, Right.REFUND, Right.REVERSE)):
        raise NoRight(_("%(who)s may not print receipts. Ask an administrator.") % {"who": operator.username})
    if not all(one.number for one in documents):
        raise NotNumbered(
            _(
                "The money is not paid back yet, so there is no red receipt to print. Wait until the meter has "
                "confirmed."
            )
        )


def _lock(documents: Sequence[Document]) -> None:
    """Two windows that print at once count one after the other."""
    for meter_id in sorted({one.meter_id for one in documents}):
        dispatch.lock_meter(meter_id)


def _note(print_id: str, document: Document, operator: Operator, now: datetime, address: str) -> Print:
    number = document.number or 0
    same = Print.objects.filter(series=document.series, number=number)
    nth = int(same.aggregate(last=Max("nth"))["last"] or 0) + 1
    staff.log(
        operator=operator,
        action="print" if nth == 1 else "reprint",
        target=f"{'sale' if isinstance(document, Sale) else kind_of(document)} {document.receipt}",
        after={"nth": nth},
        address=address,
        now=now,
    )
    return Print.objects.create(id=print_id, series=document.series, number=number, nth=nth, operator=operator, at=now)


def on_one_paper(document: Document, *, together: bool) -> list[Document]:
    """The document, or all lines of its payment by number."""
    if not (together and isinstance(document, Sale) and document.payment_id is not None):
        return [document]
    found = Sale.objects.filter(payment=document.payment_id).select_related(*_RELATED, "payment")
    return list(found.order_by("number"))


_RELATED = ("meter__room__floor__building", "customer", "operator", "order")


def find(series: str, number: int, *, operator: Operator | None) -> Document | None:
    """The sale, refund or reversal with this receipt number, within the operator's buildings (None: all of them)."""
    meters = Meter.objects.for_operator(operator).values("pk") if operator else None
    models: tuple[type[Sale] | type[Refund] | type[Reversal], ...] = (Sale, Refund, Reversal)
    for model in models:
        related = [*_RELATED, "payment" if model is Sale else "sale"]
        found = model.objects.filter(series=series, number=number).select_related(*related)
        document = (found if meters is None else found.filter(meter__in=meters)).first()
        if document is not None:
            return document
    return None


def split(receipt: str) -> tuple[str, int] | None:
    """S2026-000123 -> ("S2026", 123); None for what is no receipt number."""
    series, _dash, number = receipt.strip().upper().rpartition("-")
    return (series, int(number)) if series and number.isascii() and number.isdecimal() and len(number) <= 9 else None


def paper(document: Document, *, together: bool, operator: Operator, now: datetime, template: str = "") -> Paper:
    """The receipt as it stands on paper; `together`: with the other lines of its payment.

    `operator` and `now`: of the print. `template`: instead of its building's own.
    """
    documents = on_one_paper(document, together=together)
    whole, lines = fields(documents, printed_by=operator, now=now, payee=counters.settings().payee)
    building = document.meter.room.floor.building if document.meter.room else None
    text = template or receipt_template.template_of(building, kind_of(document))
    red = not isinstance(document, Sale)
    return laid_out(text, whole, lines, red=red, code=receipt_code.code(documents))
