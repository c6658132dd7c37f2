"""Three lists held against each other, day by day: the provider's bill, our attempts, and what was credited.

A day closes by itself when nothing is left unexplained; otherwise somebody explains each difference, or signs the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import BillLine, Channel, Forged, Line, NotTaken, Unreachable
from prewatt.domain.payments.models import (
    Attempt,
    BackStanding,
    Became,
    Bill,
    BillRow,
    Difference,
    Heard,
    Kind,
    PaidBack,
    State,
)
from prewatt.domain.payments.refusals import ChannelOff, NotClosable
from prewatt.domain.payments.seller import USERNAME
from prewatt.domain.payments.taking import settle_fact
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.checks import NoRight
from prewatt.domain.vending.models import Sale, SaleState

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

READY_AT = time(10)  # of the day after, on the site's clock: providers write their bills in the morning
DAYS_BACK = 7
FIRST_PAUSE, PAUSE_MAX = timedelta(minutes=10), timedelta(hours=2)
COMPARED_TOGETHER = 10
ASKED_TOGETHER = 20
WORD_MAX = 400
AGREES = "agrees"  # the word of a difference that ended by itself

log = structlog.get_logger()


def tend(*, now: datetime) -> int:
    """One bounded turn: bills that are due are fetched, open days compared again. Returns how many bills came."""
    _expect(now)
    fetched = 0
    due = Bill.objects.filter(fetched_at=None, next_try_at__lte=now).order_by("next_try_at", "pk")
    for bill in due[:COMPARED_TOGETHER]:
        fetched += _fetch(bill, now)
    for bill in Bill.objects.filter(closed_at=None).exclude(fetched_at=None).order_by("day")[:COMPARED_TOGETHER]:
        compare(bill, now=now)
    return fetched


def _expect(now: datetime) -> None:
    """A bill of each of the last days on which a channel had anything to do with us."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in range(1, DAYS_BACK + 1)]
    for offer in channels.offers():
        known = set(Bill.objects.filter(channel=offer.name, day__in=days).values_list("day", flat=True))
        first = Attempt.objects.filter(channel=offer.name).order_by("created_at").first()
        for day in days:
            if day in known or first is None or day < timezone.localdate(first.created_at):
                continue
            ready = datetime.combine(day + timedelta(days=1), READY_AT, timezone.get_default_timezone())
            Bill.objects.get_or_create(channel=offer.name, day=day, defaults={"next_try_at": ready})


def _fetch(bill: Bill, now: datetime) -> bool:
    """No transaction is open while the provider is asked. Claimed first: two workers fetch once."""
    mine = Bill.objects.filter(pk=bill.pk, fetched_at=None, next_try_at=bill.next_try_at)
    pause = min(PAUSE_MAX, FIRST_PAUSE * (2 ** min(bill.tries, 6)))
    if not mine.update(next_try_at=now + pause, tries=bill.tries + 1):
        return False
    none_says, lines = "", list[BillLine]()
    try:
        channel = channels.channel(bill.channel)
        lines = list(channel.bill(bill.day, now=now))
    except (Unreachable, Forged, ChannelOff) as error:
        log.warning("payment_bill_not_ready", channel=bill.channel, day=bill.day.isoformat(), why=str(error)[:200])
        return False
    except NotTaken as error:
        none_says = str(error)[:300]
    _keep(bill, lines, none_says, now)
    compare(bill, now=now)
    if _ask_about(channel, bill, now):
        compare(bill, now=now)
    return True


@transaction.atomic
def _keep(bill: Bill, lines: list[BillLine], none_says: str, now: datetime) -> None:
    held = Bill.objects.select_for_update(of=("self",)).get(pk=bill.pk)
    held.rows.all().delete()
    rows = [
        BillRow(
            bill=held,
            nth=nth,
            kind=one.kind.value,
            order_no=one.order_no[:64],
            channel_no=one.channel_no[:64],
            back_no=one.back_no[:64],
            amount_fen=one.amount_fen,
            fee_fen=one.fee_fen,
            at=one.at,
            raw=one.raw[:2000],
        )
        for nth, one in enumerate(lines, 1)
    ]
    BillRow.objects.bulk_create(rows, batch_size=500)
    held.paid_fen = sum(one.amount_fen for one in rows if one.kind == Line.PAID)
    held.back_fen = sum(one.amount_fen for one in rows if one.kind == Line.BACK)
    held.fee_fen = sum(one.fee_fen if one.kind != Line.FEE else one.amount_fen for one in rows)
    held.fetched_at, held.none_says = now, none_says
    held.save()


def _ask_about(channel: Channel, bill: Bill, now: datetime) -> int:
    """The bill says paid and our books do not: the provider is asked once more, and signs."""
    missed = bill.differences.filter(kind=Kind.NOT_OURS, ended_at=None, attempt__isnull=False)
    asked = 0
    for one in missed.select_related("attempt")[:ASKED_TOGETHER]:
        assert one.attempt is not None  # asked for
        try:
            fact = channel.query(one.attempt.order_no, created_at=one.attempt.created_at, now=now)
        except (Unreachable, Forged):
            break
        settle_fact(channel=channel.name, fact=fact, now=now, heard=Heard.QUERY)
        asked += 1
    return asked


@dataclass(frozen=True, slots=True)
class Found:
    key: str
    kind: Kind
    ours_fen: int | None
    theirs_fen: int | None
    attempt: Attempt | None = None
    back: PaidBack | None = None
    order_no: str = ""
    channel_no: str = ""


@transaction.atomic
def compare(bill: Bill, *, now: datetime) -> int:
    """Hold the three lists against each other. What agrees now ends by itself; returns what is open. A closed day stays
    as it was closed.
    """
    held = Bill.objects.select_for_update(of=("self",)).get(pk=bill.pk)
    if held.closed_at is not None or held.fetched_at is None:
        return 0
    found = {one.key: one for one in _differences(held)}
    for known in held.differences.all():
        one = found.pop(known.key, None)
        if one is None and known.ended_at is None:
            known.ended_at, known.word = now, AGREES
            known.save(update_fields=["ended_at", "word"])
        if one is not None and known.ended_at is not None and known.ended_by_id is None:
            known.ended_at, known.word = None, ""
            known.save(update_fields=["ended_at", "word"])
    Difference.objects.bulk_create(
        [
            Difference(
                bill=held,
                key=one.key,
                kind=one.kind,
                attempt=one.attempt,
                back=one.back,
                order_no=one.order_no,
                channel_no=one.channel_no,
                ours_fen=one.ours_fen,
                theirs_fen=one.theirs_fen,
                since=now,
            )
            for one in found.values()
        ]
    )
    open_now = held.differences.filter(ended_at=None).count()
    held.matched = held.rows.filter(kind__in=(Line.PAID, Line.BACK)).count() - _of_rows(held)
    if not open_now:
        held.closed_at = now
    held.save(update_fields=["matched", "closed_at"])
    return open_now


def _of_rows(bill: Bill) -> int:
    of_rows = (Kind.NOT_OURS, Kind.AMOUNT, Kind.BACK_UNKNOWN, Kind.BACK_AMOUNT, Kind.BACK_TWICE)
    return bill.differences.filter(kind__in=of_rows, ended_at=None).count()


def _differences(bill: Bill) -> Iterator[Found]:
    yield from _paid_rows(bill)
    yield from _not_on_bill(bill)
    yield from _not_credited(bill)
    yield from _back_rows(bill)
    yield from _backs_not_on_bill(bill)
    for row in bill.rows.filter(kind=Line.OTHER):
        yield Found(
            f"provider:{row.nth}",
            Kind.PROVIDER,
            None,
            row.amount_fen,
            Attempt.objects.filter(pk=row.order_no).first(),
            order_no=row.order_no,
            channel_no=row.channel_no,
        )


def _paid_rows(bill: Bill) -> Iterator[Found]:
    rows = bill.rows.filter(kind=Line.PAID).order_by().values("order_no").annotate(fen=Sum("amount_fen"), n=Count("pk"))
    totals = {row["order_no"]: int(row["fen"]) for row in rows}
    ours = Attempt.objects.filter(channel=bill.channel).in_bulk(list(totals))
    for order_no, fen in totals.items():
        attempt = ours.get(order_no)
        number = str(bill.rows.filter(order_no=order_no).values_list("channel_no", flat=True).first() or "")
        if attempt is None or attempt.state != State.PAID:
            key = f"paid:{order_no}"
            yield Found(key, Kind.NOT_OURS, None, fen, attempt, order_no=order_no, channel_no=number)
        elif attempt.paid_fen != fen:
            key = f"amount:{order_no}"
            yield Found(key, Kind.AMOUNT, attempt.paid_fen, fen, attempt, order_no=order_no, channel_no=number)


def _window(day: date) -> tuple[datetime, datetime]:
    zone = timezone.get_default_timezone()
    begin = datetime.combine(day, time(), zone)
    return begin, datetime.combine(day + timedelta(days=1), time(), zone)


def _paid_that_day(bill: Bill) -> Any:
    begin, end = _window(bill.day)
    return Attempt.objects.filter(channel=bill.channel, state=State.PAID, paid_at__gte=begin, paid_at__lt=end)


def _not_on_bill(bill: Bill) -> Iterator[Found]:
    """Two clocks differ at midnight: any day's bill of the channel may carry it."""
    billed = BillRow.objects.filter(bill__channel=bill.channel, kind=Line.PAID).values("order_no")
    for one in _paid_that_day(bill).exclude(order_no__in=billed):
        yield Found(
            f"missing:{one.order_no}",
            Kind.NOT_ON_BILL,
            one.paid_fen,
            None,
            one,
            order_no=one.order_no,
            channel_no=one.channel_no,
        )


def _not_credited(bill: Bill) -> Iterator[Found]:
    """Neither on the meter nor gone back, nor has anybody taken note of it in the wallet; and the other way round."""
    on_its_way = (SaleState.PAID, SaleState.UNCLEAR, SaleState.WAITING)
    paid = _paid_that_day(bill)
    sent = paid.filter(became=Became.SALE, sale__state__in=on_its_way)
    kept = paid.filter(became=Became.WALLET, seen_at=None, backs=None)
    for one in [*sent, *kept]:
        key = f"credit:{one.order_no}"
        yield Found(key, Kind.NOT_CREDITED, None, one.paid_fen, one, order_no=one.order_no, channel_no=one.channel_no)
    unpaid = Sale.objects.filter(operator__username=USERNAME, tender=bill.channel, business_day=bill.day)
    for sale in unpaid.exclude(attempt__state=State.PAID):
        yield Found(f"unpaid:{sale.pk}"[:100], Kind.NOT_PAID, sale.amount_fen, None, order_no=sale.pk)


def _back_rows(bill: Bill) -> Iterator[Found]:
    rows = list(bill.rows.filter(kind=Line.BACK).order_by("nth"))
    ours = PaidBack.objects.select_related("attempt").in_bulk([row.back_no for row in rows])
    seen = set[str]()
    for row in rows:
        back = ours.get(row.back_no)
        if back is None or back.attempt.channel != bill.channel or back.state != BackStanding.DONE:
            yield _of_back(f"back:{row.nth}", Kind.BACK_UNKNOWN, row, back)
        elif row.back_no in seen:
            yield _of_back(f"twice:{row.nth}", Kind.BACK_TWICE, row, back)
        elif back.amount_fen != row.amount_fen:
            yield _of_back(f"back-amount:{row.back_no}", Kind.BACK_AMOUNT, row, back)
        seen.add(row.back_no)


def _of_back(key: str, kind: Kind, row: BillRow, back: PaidBack | None) -> Found:
    return Found(
        key,
        kind,
        back.amount_fen if back is not None and back.state == BackStanding.DONE else None,
        row.amount_fen,
        back.attempt if back else None,
        back,
        row.order_no,
        row.channel_no,
    )


def _backs_not_on_bill(bill: Bill) -> Iterator[Found]:
    begin, end = _window(bill.day)
    billed = BillRow.objects.filter(bill__channel=bill.channel, kind=Line.BACK).values("back_no")
    done = PaidBack.objects.filter(attempt__channel=bill.channel, tender=bill.channel, state=BackStanding.DONE)
    done = done.filter(state_at__gte=begin, state_at__lt=end)
    for one in done.exclude(back_no__in=billed).select_related("attempt"):
        key = f"back-missing:{one.back_no}"
        yield Found(key, Kind.BACK_MISSING, one.amount_fen, None, one.attempt, one, one.attempt_id, one.channel_no)


def _check(operator: Operator) -> None:
    """A bill is of every building."""
    if not (operator.is_active and operator.may(Right.DECIDE) and operator.all_buildings):
        said = _("%(who)s may not decide about bills. Nothing was changed. Ask the finance desk.")
        raise NoRight(said % {"who": operator.username})


@transaction.atomic
def take_over(*, difference: Difference, operator: Operator, now: datetime, address: str = "") -> Difference:
    """From now on somebody looks after it."""
    _check(operator)
    held = Difference.objects.select_for_update(of=("self",)).get(pk=difference.pk)
    if held.ended_at is None and held.owner_id != operator.pk:
        held.owner = operator
        held.save(update_fields=["owner"])
        staff.log(
            operator=operator,
            action="payment.take_over",
            target=f"difference {held.pk}",
            after={"kind": held.kind},
            address=address,
            now=now,
        )
    return held


@transaction.atomic
def explain(*, difference: Difference, word: str, operator: Operator, now: datetime, address: str = "") -> Difference:
    """A person's word ends it; money moves nowhere by it. The last one of a day closes the day."""
    _check(operator)
    held = Difference.objects.select_for_update(of=("self",)).select_related("bill").get(pk=difference.pk)
    if held.ended_at is not None:
        return held
    if not word.strip():
        raise NotClosable(_("A difference is explained in words. Nothing was changed. Say what it was."))
    held.ended_at, held.ended_by, held.word = now, operator, word.strip()[:WORD_MAX]
    held.save(update_fields=["ended_at", "ended_by", "word"])
    staff.log(
        operator=operator,
        action="payment.explain",
        target=f"difference {held.pk}",
        after={"kind": held.kind, "word": held.word},
        address=address,
        now=now,
    )
    if not Difference.objects.filter(bill=held.bill_id, ended_at=None).exists():
        Bill.objects.filter(pk=held.bill_id, closed_at=None).update(closed_at=now)
    return held


@transaction.atomic
def sign(*, bill: Bill, note: str, operator: Operator, now: datetime, address: str = "") -> Bill:
    """Close a day with what is open in it, or without its bill, on a person's word. Closed already: that."""
    _check(operator)
    held = Bill.objects.select_for_update(of=("self",)).get(pk=bill.pk)
    if held.closed_at is not None:
        return held
    if not note.strip():
        raise NotClosable(_("Something is unexplained in this day. Nothing was changed. Say why it is closed so."))
    held.closed_at, held.signed_by, held.signed_note = now, operator, note.strip()[:WORD_MAX]
    held.save(update_fields=["closed_at", "signed_by", "signed_note"])
    left = held.differences.filter(ended_at=None).count()
    staff.log(
        operator=operator,
        action="payment.sign_day",
        target=f"bill {held}",
        after={"left": left, "note": held.signed_note},
        address=address,
        now=now,
    )
    return held
