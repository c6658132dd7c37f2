"""Money on its way back, on the way it came: first off the meter when it is there, then out of the wallet, then the
provider is asked. Never more than was paid.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.payments.channel import BackAsk, BackFact, Channel, Forged, NotTaken, Standing, Unreachable
from prewatt.domain.payments.keeping import keep
from prewatt.domain.payments.models import (
    BACK_COUNTS,
    Attempt,
    BackStanding,
    Became,
    Heard,
    PaidBack,
    State,
    Verdict,
)
from prewatt.domain.payments.refusals import MoreThanPaid, NotKept, NotPaid, OrderIdTaken, StillOnItsWay
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, returning
from prewatt.domain.vending.models import BackState, SaleState
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.vending.models import Refund, Reversal

FIRST_PAUSE, PAUSE_MAX = timedelta(seconds=30), timedelta(hours=1)


def left_fen(attempt: Attempt) -> int:
    """What may still go back."""
    gone = attempt.backs.filter(state__in=BACK_COUNTS).aggregate(fen=Sum("amount_fen"))["fen"] or 0
    return int(attempt.paid_fen or 0) - int(gone)


def kept_fen(attempt: Attempt) -> int:
    """What of it lies in the wallet because it became no sale, or because the provider would not take it back."""
    refused = attempt.backs.filter(state=BackStanding.REFUSED).aggregate(fen=Sum("amount_fen"))["fen"] or 0
    taken = attempt.backs.filter(refund=None, reversal=None).aggregate(fen=Sum("amount_fen"))["fen"] or 0
    own_fen = int(attempt.paid_fen or 0) if attempt.became == Became.WALLET else 0
    return own_fen + int(refused) - int(taken)


@transaction.atomic
def give_back(
    *,
    form_id: str,
    attempt: Attempt,
    amount: Money | str | int,
    reason: str,
    operator: Operator,
    now: datetime,
    tender: str = "",
    address: str = "",
) -> PaidBack:
    """Pay back by the channel it came by; the same form again is the same refund. The worker asks the provider.

    Money on the meter is taken back first, which needs a fresh reading; money in the wallet goes at once. `tender`
    names another way (cash …) for money that lies in the wallet. Raises a `Refused` subclass, and nothing is booked.
    """
    meter = dispatch.lock_meter(attempt.meter_id)
    held = Attempt.objects.select_for_update(of=("self",)).select_related("sale").get(pk=attempt.pk)
    money = checks.parse_amount(amount)
    first = PaidBack.objects.filter(form_id=form_id).first()
    if first is not None:
        if (first.attempt_id, first.amount_fen) != (held.pk, money.fen):
            raise OrderIdTaken(_("This form was already used for another refund. Nothing was booked. Open a new form."))
        return first
    checks.check_operator(operator, Right.REFUND, meter)
    tender = checks.check_tender(tender or held.channel)
    _check_back(held, money, reason)
    back = PaidBack(
        back_no=_back_no(form_id, now),
        form_id=form_id,
        attempt=held,
        amount_fen=money.fen,
        tender=tender,
        reason=reason.strip()[:200],
        operator=operator,
        asked_at=now,
        state=BackStanding.ASKING,
        state_at=now,
        next_ask_at=now,
    )
    if kept_fen(held) >= money.fen:
        _out_of_wallet(back, now)
    else:
        _off_the_meter(back, meter, operator, now=now, address=address)
    back.save(force_insert=True)
    staff.log(
        operator=operator,
        action="payment.back",
        target=f"payment {held.order_no}",
        after={"amount_fen": money.fen, "tender": tender, "reason": back.reason, "back": back.back_no},
        address=address,
        now=now,
    )
    return back


def _back_no(form_id: str, now: datetime) -> str:
    return f"R{now:%Y%m%d}{hashlib.sha256(form_id.encode()).hexdigest()[:15]}"


def _check_back(held: Attempt, money: Money, reason: str) -> None:
    if held.state != State.PAID:
        raise NotPaid(_("This payment was not paid. Nothing was booked; there is nothing to pay back."))
    if not reason.strip():
        raise returning.NoteNeeded
    fits_fen = left_fen(held)
    if money.fen > fits_fen:
        said = _("More than was paid cannot go back. Nothing was booked. At most %(fits)s yuan are left of it.")
        raise MoreThanPaid(said % {"fits": Money(max(0, fits_fen))}, max(0, fits_fen))


def _out_of_wallet(back: PaidBack, now: datetime) -> None:
    wallet = accounts.wallet(back.attempt.customer_id)
    ledger.lock(wallet)
    if ledger_queries.available_fen(wallet) < back.amount_fen:
        raise NotKept(_("The wallet no longer holds this money. Nothing was booked. Look at the wallet's transfers."))
    ledger.post(
        key=f"payback:{back.back_no}:paid",
        cause=ledger.Cause("payback", back.back_no),
        debit=wallet,
        credit=accounts.tender(back.tender),
        amount_fen=back.amount_fen,
        at=now,
    )
    if back.tender != back.attempt.channel:
        back.state, back.next_ask_at = BackStanding.DONE, None


def _off_the_meter(back: PaidBack, meter: Meter, operator: Operator, *, now: datetime, address: str) -> None:
    """By vending's own operations; what is still on its way to the meter is neither here nor there."""
    sale = back.attempt.sale
    if sale is None or back.tender != back.attempt.channel:
        raise NotKept(_("This money does not lie in the wallet. Nothing was booked. Choose the way it was paid by."))
    if sale.state in (SaleState.PAID, SaleState.UNCLEAR):
        raise StillOnItsWay(
            _("It is on its way to the meter. Nothing was booked. Wait until it has arrived, or cancel its order.")
        )
    if sale.state == SaleState.WAITING:
        if back.amount_fen != sale.amount_fen:
            said = _("It waits in the wallet and can only go back as a whole. Nothing was booked.")
            raise MoreThanPaid(said, sale.amount_fen)
        back.refund = returning.pay_out(
            refund_id=back.back_no,
            sale_id=sale.pk,
            tender=back.tender,
            operator=operator,
            now=now,
            note=back.reason,
            address=address,
        )
    else:
        back.refund = returning.refund(
            refund_id=back.back_no,
            meter=meter,
            amount=Money(back.amount_fen),
            tender=back.tender,
            operator=operator,
            now=now,
            note=back.reason,
            address=address,
        )
    if back.refund.state != BackState.DONE:
        back.state, back.next_ask_at = BackStanding.METER, now


@transaction.atomic
def follow_meter(back: PaidBack, *, now: datetime) -> bool:
    """The meter has given it back, or kept it."""
    held = PaidBack.objects.select_for_update(of=("self",)).select_related("refund").get(pk=back.pk)
    if held.state != BackStanding.METER or held.refund is None:
        return False
    match held.refund.state:
        case BackState.DONE:
            held.state, held.next_ask_at = BackStanding.ASKING, now
        case BackState.REFUSED | BackState.CANCELLED:
            held.state, held.next_ask_at, held.says = BackStanding.CANCELLED, None, held.refund.reason
        case _:
            held.next_ask_at = now + FIRST_PAUSE
            held.save(update_fields=["next_ask_at"])
            return False
    held.state_at = now
    held.save(update_fields=["state", "state_at", "next_ask_at", "says"])
    return True


@transaction.atomic
def adopt(row: Refund | Reversal, *, attempt: Attempt, now: datetime) -> PaidBack:
    """The counter turned an online sale round, or paid it out by its own channel: the provider has to be asked too."""
    kind = "refund" if hasattr(row, "from_wallet") and row._meta.model_name == "refund" else "reversal"
    return PaidBack.objects.get_or_create(
        form_id=f"{kind}:{row.pk}"[:64],
        defaults={
            "back_no": _back_no(f"{kind}:{row.pk}", now),
            "attempt": attempt,
            "amount_fen": row.amount_fen,
            "tender": row.tender,
            "reason": (row.note or kind)[:200],
            "operator_id": row.operator_id,
            kind: row,
            "asked_at": now,
            "state": BackStanding.ASKING,
            "state_at": now,
            "next_ask_at": now,
        },
    )[0]


def ask_back(*, channel: Channel, back: PaidBack, now: datetime) -> bool:
    """Ask the provider, outside any transaction; asking twice is safe. Raises Unreachable."""
    attempt = back.attempt
    ask = BackAsk(
        back_no=back.back_no,
        order_no=attempt.order_no,
        channel_no=attempt.channel_no,
        amount_fen=back.amount_fen,
        total_fen=int(attempt.paid_fen or 0),
        reason=back.reason,
        asked_at=back.asked_at,
        paid_at=attempt.paid_at or attempt.created_at,
    )
    try:
        fact = channel.query_refund(ask, now=now) if back.asked else None
        if fact is None or fact.standing in (Standing.ABSENT, Standing.UNKNOWN):
            fact = channel.refund(ask, now=now)
    except NotTaken as error:
        fact = BackFact(back.back_no, attempt.order_no, Standing.CLOSED, raw=str(error))
    except Forged as error:
        raise Unreachable(str(error)) from error
    settle_back(channel=channel.name, fact=fact, now=now)
    return fact.standing in (Standing.PAID, Standing.CLOSED)


@transaction.atomic
def hear_back(*, channel: str, fact: BackFact, now: datetime, address: str, body: str) -> None:
    """A notification about a refund books nothing either: the provider is asked."""
    mine = PaidBack.objects.filter(pk=fact.back_no, attempt__channel=channel)
    verdict = Verdict.REPEATED if mine.exists() else Verdict.NO_ORDER
    if mine.filter(state__in=(BackStanding.ASKING, BackStanding.UNKNOWN)).update(next_ask_at=now):
        verdict = Verdict.ASKED
    _keep_back(channel, Heard.NOTICE, verdict, fact, now, body=body, address=address)


@transaction.atomic
def settle_back(*, channel: str, fact: BackFact, now: datetime) -> Verdict:
    """Take what a provider has answered about a refund. One that it refuses brings the money back into the wallet."""
    mine = PaidBack.objects.filter(pk=fact.back_no, attempt__channel=channel)
    verdict = Verdict.NO_ORDER
    if mine.exists():
        verdict = _settled(mine.select_for_update(of=("self",)).select_related("attempt").get(), fact, now)
    if verdict != Verdict.NOTHING:
        _keep_back(channel, Heard.BACK, verdict, fact, now)
    return verdict


def _keep_back(
    channel: str, heard: Heard, verdict: Verdict, fact: BackFact, now: datetime, *, body: str = "", address: str = ""
) -> None:
    keep(
        channel,
        heard,
        verdict,
        now=now,
        order_no=fact.order_no,
        says=f"refund {fact.back_no} {fact.standing.value}",
        amount_fen=fact.amount_fen,
        body=body or fact.raw,
        address=address,
    )


def _settled(back: PaidBack, fact: BackFact, now: datetime) -> Verdict:
    if back.state not in (BackStanding.ASKING, BackStanding.UNKNOWN):
        return Verdict.REPEATED
    match fact.standing:
        case Standing.PAID:
            back.state, back.channel_no = BackStanding.DONE, fact.channel_no[:64]
        case Standing.CLOSED:
            back.state = BackStanding.REFUSED
            _into_wallet(back, now)
        case _:
            if back.state == BackStanding.UNKNOWN:
                return Verdict.NOTHING
            back.state = BackStanding.UNKNOWN
    back.state_at, back.says = now, fact.raw[:300]
    if back.state != BackStanding.UNKNOWN:
        back.next_ask_at = None
    back.save(update_fields=["state", "state_at", "channel_no", "says", "next_ask_at"])
    differs = fact.amount_fen is not None and fact.amount_fen != back.amount_fen
    return Verdict.AMOUNT if differs else Verdict.TAKEN


def _into_wallet(back: PaidBack, now: datetime) -> None:
    ledger.post(
        key=f"payback:{back.back_no}:returned",
        cause=ledger.Cause("payback", back.back_no),
        debit=accounts.tender(back.tender),
        credit=accounts.wallet(back.attempt.customer_id),
        amount_fen=back.amount_fen,
        at=now,
    )
    staff.log(
        operator=None,
        action="payment.back_refused",
        target=f"payment {back.attempt_id}",
        after={"back": back.back_no, "amount_fen": back.amount_fen},
        now=now,
    )
