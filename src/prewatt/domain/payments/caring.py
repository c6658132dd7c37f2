"""What a person does with money that could not become its sale: send it on to the meter, or take note of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.payments.giving import kept_fen
from prewatt.domain.payments.models import Attempt, Became, Why
from prewatt.domain.payments.refusals import NotKept
from prewatt.domain.payments.taking import make_sale
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

NOTE_MAX = 400


@transaction.atomic
def send_on(*, attempt: Attempt, operator: Operator, now: datetime, address: str = "") -> Attempt:
    """Out of the wallet, to the account that it was paid for. Sent on already: that. Raises NotKept."""
    meter = dispatch.lock_meter(attempt.meter_id)
    held = Attempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
    if held.became == Became.SALE:
        return held
    checks.check_operator(operator, Right.SELL, meter)
    fen = int(held.paid_fen or 0)
    wallet = accounts.wallet(held.customer_id)
    ledger.lock(wallet)
    if held.became != Became.WALLET or kept_fen(held) < fen or ledger_queries.available_fen(wallet) < fen:
        raise NotKept(_("The wallet does not hold this payment any more. Nothing was booked. Look at what went back."))
    ledger.post(
        key=f"payment:{held.order_no}:sent_on",
        cause=ledger.Cause("payment", held.order_no),
        debit=wallet,
        credit=accounts.tender(held.channel),
        amount_fen=fen,
        at=now,
    )
    sale, why = make_sale(held, meter, fen, now)
    if sale is None:  # the exception takes the transfer along
        said = _("It cannot go to meter %(meter)s: %(why)s. Nothing was booked; %(amount)s yuan stay in the wallet.")
        raise NotKept(said % {"meter": meter.number, "why": Why(why).label, "amount": Money(fen)})
    held.sale, held.became = sale, Became.SALE
    held.seen_by, held.seen_at = operator, now
    held.save(update_fields=["sale", "became", "seen_by", "seen_at"])
    _log("payment.send_on", held, operator, now, address)
    return held


@transaction.atomic
def take_note(*, attempt: Attempt, note: str, operator: Operator, now: datetime, address: str = "") -> Attempt:
    """Somebody knows of it and says what he does about it; the money stays where it is."""
    held = Attempt.objects.select_for_update(of=("self",)).select_related("meter").get(pk=attempt.pk)
    checks.check_operator(operator, Right.REFUND, held.meter)
    if not note.strip():
        raise NotKept(_("Say in words what is done about it. Nothing was changed."))
    held.seen_by, held.seen_at, held.note = operator, now, note.strip()[:NOTE_MAX]
    held.save(update_fields=["seen_by", "seen_at", "note"])
    _log("payment.note", held, operator, now, address)
    return held


def _log(action: str, held: Attempt, operator: Operator, now: datetime, address: str) -> None:
    after = {"amount_fen": held.paid_fen, "note": held.note}
    staff.log(
        operator=operator, action=action, target=f"payment {held.order_no}", after=after, address=address, now=now
    )
