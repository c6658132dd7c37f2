"""What a provider answers becomes money in the books: once, in one transaction, whatever comes twice, late or wrong.

A notification books nothing, however well it is signed: it makes the worker ask. Whoever steals a key that signs
notifications, or repeats an old one, moves no money.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.payments.channel import BackFact, Channel, Fact, Forged, Reply, Standing
from prewatt.domain.payments.giving import hear_back
from prewatt.domain.payments.keeping import keep, keep_forged
from prewatt.domain.payments.models import UNSETTLED, Attempt, Became, Heard, State, Verdict, Why
from prewatt.domain.payments.seller import seller
from prewatt.domain.staff import operations as staff
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.selling import AboveCeiling, sell_paid
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.vending.models import Sale


def take(*, channel: Channel, headers: Mapping[str, str], body: bytes, now: datetime, address: str = "") -> Reply:
    """A notification, as it knocked. Whatever it says, the answer is one that the provider understands; what is not
    signed is kept and changes nothing. Header names in lower case.
    """
    try:
        fact = channel.read_notice(headers, body, now=now)
    except Forged as error:
        keep_forged(channel.name, str(error), body, address, now)
        return channel.reply(taken=False)
    said = body.decode("utf-8", errors="replace")
    if isinstance(fact, BackFact):
        hear_back(channel=channel.name, fact=fact, now=now, address=address, body=said)
    else:
        _hear(channel=channel.name, fact=fact, now=now, address=address, body=said)
    return channel.reply(taken=True)


@transaction.atomic
def _hear(*, channel: str, fact: Fact, now: datetime, address: str, body: str) -> None:
    keep(
        channel,
        Heard.NOTICE,
        _heard(channel, fact, now),
        now=now,
        order_no=fact.order_no,
        says=f"{fact.standing.value} {fact.channel_no}".strip(),
        amount_fen=fact.amount_fen,
        body=body,
        address=address,
    )


def _heard(channel: str, fact: Fact, now: datetime) -> Verdict:
    """The provider is asked at once, also about an order that is closed: money may have come all the same."""
    attempt = Attempt.objects.filter(pk=fact.order_no, channel=channel).first()
    if attempt is None:
        return Verdict.NO_ORDER
    if attempt.state == State.PAID:
        return Verdict.AMOUNT if _is_of_another_amount(attempt, fact) else Verdict.REPEATED
    mine = Attempt.objects.filter(pk=attempt.pk).exclude(state=State.PAID)
    if fact.standing == Standing.PAID:
        mine.update(told_at=Coalesce("told_at", Value(now)), next_ask_at=now, asked=0)
        return Verdict.ASKED
    if fact.standing == Standing.CLOSED and mine.filter(state__in=UNSETTLED).update(next_ask_at=now):
        return Verdict.ASKED
    return Verdict.NOTHING


def _is_of_another_amount(attempt: Attempt, fact: Fact) -> bool:
    return fact.standing == Standing.PAID and fact.amount_fen not in (None, attempt.paid_fen)


@transaction.atomic
def settle_fact(*, channel: str, fact: Fact, now: datetime, heard: Heard) -> Verdict:
    """Take what a provider has answered about an order of ours. The same again changes nothing.

    One transaction: order exists, amount equals, state changes once, money booked, sale made. An answer that tells
    nothing new leaves no row.
    """
    verdict = _settle(channel, fact, now)
    if verdict in (Verdict.TAKEN, Verdict.AMOUNT):
        keep(
            channel,
            heard,
            verdict,
            now=now,
            order_no=fact.order_no,
            says=f"{fact.standing.value} {fact.channel_no}".strip(),
            amount_fen=fact.amount_fen,
            body=fact.raw,
        )
    return verdict


def _settle(channel: str, fact: Fact, now: datetime) -> Verdict:
    mine = Attempt.objects.filter(pk=fact.order_no, channel=channel)
    meter_id = mine.values_list("meter_id", flat=True).first()
    if meter_id is None:
        return Verdict.NO_ORDER
    meter = dispatch.lock_meter(meter_id)
    attempt = mine.select_for_update(of=("self",)).get()
    if fact.standing == Standing.PAID and fact.amount_fen is not None and fact.amount_fen > 0:
        return _paid(attempt, meter, fact, fact.amount_fen, now)
    if attempt.state not in UNSETTLED:
        return Verdict.REPEATED
    following = {Standing.WAITING: State.WAITING, Standing.CLOSED: State.CLOSED, Standing.UNKNOWN: State.UNKNOWN}
    state = following.get(fact.standing, State(attempt.state))
    if state == attempt.state:
        return Verdict.NOTHING
    attempt.state, attempt.state_at = state, now
    attempt.save(update_fields=["state", "state_at"])
    return Verdict.TAKEN if state == State.CLOSED else Verdict.NOTHING


def _paid(attempt: Attempt, meter: Meter, fact: Fact, paid_fen: int, now: datetime) -> Verdict:
    if attempt.state == State.PAID:  # its money is booked; a different word about it is kept and shown, never booked
        return Verdict.REPEATED if paid_fen == attempt.paid_fen else Verdict.AMOUNT
    sale, why = _sold(attempt, meter, paid_fen, now)
    if sale is None:
        _to_wallet(attempt, paid_fen, why, now)
    attempt.sale = sale
    attempt.became, attempt.why = (Became.SALE if sale else Became.WALLET), why
    attempt.state, attempt.state_at, attempt.settled_at = State.PAID, now, now
    attempt.paid_fen, attempt.paid_at = paid_fen, fact.paid_at or now
    attempt.channel_no, attempt.next_ask_at = fact.channel_no[:64], None
    attempt.save()
    others = Attempt.objects.filter(order_id=attempt.order_id, state__in=UNSETTLED).exclude(pk=attempt.pk)
    others.update(unwanted=True, next_ask_at=now)
    return Verdict.AMOUNT if why == Why.AMOUNT else Verdict.TAKEN


def _sold(attempt: Attempt, meter: Meter, paid_fen: int, now: datetime) -> tuple[Sale | None, str]:
    """The sale, or why there is none."""
    if paid_fen != attempt.amount_fen:
        return None, Why.AMOUNT
    if Attempt.objects.filter(order_id=attempt.order_id, state=State.PAID).exclude(pk=attempt.pk).exists():
        return None, Why.SECOND
    if attempt.state in (State.CLOSED, State.REFUSED):
        return None, Why.LATE
    return make_sale(attempt, meter, paid_fen, now)


def make_sale(attempt: Attempt, meter: Meter, fen: int, now: datetime) -> tuple[Sale | None, str]:
    """By vending's own operation. The caller holds the meter and the attempt."""
    seen = look(meter.pk)
    if why := _other_account(attempt, seen):
        return None, why
    try:
        made = sell_paid(
            sale_id=attempt.order_no,
            meter=meter,
            seen=seen,
            money=Money(fen),
            tender=attempt.channel,
            operator=seller(now),
            now=now,
        )
    except AboveCeiling:
        return None, Why.CEILING
    except Refused:  # being closed or changed, marked inactive, out of use: it was allowed when it was asked for
        return None, Why.NOT_SOLD
    return made, ""


def _other_account(attempt: Attempt, seen: Look) -> str:
    if seen.opening_id == attempt.opening_id:
        return Why.ACCOUNT_CLOSED if seen.closed else ""
    taken_over = not seen.closed and seen.customer_id != attempt.customer_id
    return Why.OTHER_TENANT if taken_over else Why.ACCOUNT_CLOSED


def _to_wallet(attempt: Attempt, paid_fen: int, why: str, now: datetime) -> None:
    """Whoever was asked to pay has it in the wallet, whatever became of the account."""
    ledger.post(
        key=f"payment:{attempt.order_no}:paid",
        cause=ledger.Cause("payment", attempt.order_no),
        debit=accounts.tender(attempt.channel),
        credit=accounts.wallet(attempt.customer_id),
        amount_fen=paid_fen,
        at=now,
    )
    staff.log(
        operator=None,
        action="payment.wallet",
        target=f"payment {attempt.order_no}",
        after={"amount_fen": paid_fen, "why": why},
        now=now,
    )
