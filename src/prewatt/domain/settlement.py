"""The only place where a meter's answer becomes money or state.

An answer may come twice, late, from the wrong gateway, or against what a person has decided meanwhile. Whatever comes,
money moves at most once an order: the order's state says whether it has moved, the ledger's keys would refuse a
second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.billing import queries as billing
from prewatt.domain.billing import rating
from prewatt.domain.control import values as control
from prewatt.domain.control.models import SETTING_NAMES
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import SERIAL_KINDS, Contradiction, CountCorrection, Decision, MeterOrder, Unseen
from prewatt.domain.dispatch.states import OPEN, State, Step
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger.models import Kind as TransferKind
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.metering import sums
from prewatt.domain.metering.closing import day_start_ms, hours_closed_to_ms
from prewatt.domain.metering.models import Reading, UsageDay
from prewatt.domain.metering.queries import zone
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.rules.timeline import CannotPrice
from prewatt.domain.turns import give_way
from prewatt.domain.vending import checks, effects, leaving, news, returning
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Refund, Sale, SaleState
from prewatt.link.messages import MONEY_KINDS, Answer, Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.staff.models import Operator


log = structlog.get_logger()
DAYS_PER_TRANSACTION = 20  # some ten questions each: who sells meanwhile waits for tens of milliseconds
_TELLS = Q(purchase_count__isnull=False) | Q(bought_fen__isnull=False)  # a reading that tells of purchases
_METER_FIELDS = frozenset(SETTING_NAMES) & {field.name for field in Meter._meta.get_fields()}


class Settled(StrEnum):
    """What became of an answer.

    The last three moved nothing and are kept for a person (`dispatch.queries.contradictions`).
    """

    SETTLED = "settled"
    REPEATED = "repeated"
    CONTRADICTS = "contradicts"
    UNKNOWN = "unknown_order"
    FOREIGN = "foreign_meter"


class Book:
    """How an answer and a closed day move money.

    A strategy of its own so that the torture run can swap in a bad one and must catch it.
    """

    def moved(self, order: MeterOrder, following: State) -> bool:
        """Has this step been taken already?"""
        return order.state == following

    def booked_fen(self, opening_id: int, day: date) -> int:
        """What of a day's use is booked already."""
        return used_fen(opening_id, day=day)

    def confirm(self, order: MeterOrder, *, now: datetime) -> None:
        self._end(order, TransferKind.CONFIRMED, now)

    def release(self, order: MeterOrder, *, now: datetime) -> None:
        self._end(order, TransferKind.VOIDED, now)

    def _end(self, order: MeterOrder, kind: TransferKind, now: datetime) -> None:
        keys = (f"order:{order.pk}", f"order:{order.pk}:carried")
        for pending in Transfer.objects.filter(key__in=keys).order_by("pk"):
            cause = ledger.Cause(pending.cause_kind, pending.cause_id)
            ledger.settle(pending=pending.key, kind=kind, cause=cause, at=now)


BOOK = Book()


@transaction.atomic
def settle(answer: Answer, *, gateway: Gateway, now: datetime) -> Settled:
    """Take one answer of a gateway. The same answer again changes nothing. Never raises for what the answer says."""
    order = dispatch.held(answer.order_id)
    if order is None:
        return _keep(answer, gateway, Settled.UNKNOWN, None, now)
    if order.meter.bus.gateway_id != gateway.pk or order.meter.number != answer.meter:
        return _keep(answer, gateway, Settled.FOREIGN, order, now)
    following = dispatch.step(order, Step(answer.outcome.value))
    if following is None or (order.kind in SERIAL_KINDS and order.count is None):  # never given to any gateway
        return _keep(answer, gateway, Settled.CONTRADICTS, order, now)
    if BOOK.moved(order, following):
        return Settled.REPEATED
    dispatch.record_answer(order, following, answer, now=now)
    apply(order, following, now=now)
    if following not in OPEN and order.kind in MONEY_KINDS:
        _count_as_shown(order, now=now)
    if order.kind in (Kind.PRICES, Kind.LIMITS) and order.after:  # read back: no look since may have come whole
        control.shown_at([(order.answered_at or now, order.meter_id, order.after)])
    if order.kind in SERIAL_KINDS and following not in OPEN:
        dispatch.advance(order.meter_id)
    return Settled.SETTLED


def _count_as_shown(order: MeterOrder, *, now: datetime) -> None:
    """A power cut can tear count and money apart where the count is no proof: once it is proven whether the money is
    there, follow the meter. A total that does not fit the books is somebody else's recharge: that is left to a person.
    """
    shown = order.after.get("purchase_count")
    opening = Opening.objects.get(pk=_opening_id(order))
    if order.state != State.DONE and order.after.get("bought_fen") != dispatch_queries.expected_bought_fen(opening):
        return
    delta = 0 if shown is None else shown - dispatch_queries.expected_count(opening)
    if delta:
        CountCorrection.objects.create(opening=opening, order=order, delta=delta, reason="count_torn", at=now)


def _keep(answer: Answer, gateway: Gateway, why: Settled, order: MeterOrder | None, now: datetime) -> Settled:
    dispatch.contradict(answer, gateway=gateway, why=why.value, order=order, now=now)
    return why


def apply(order: MeterOrder, state: State, *, now: datetime) -> None:
    """What an order's new state means for the money: one explicit match. The caller holds the meter."""
    match Kind(order.kind), state:
        case Kind.RECHARGE, State.DONE:
            BOOK.confirm(order, now=now)
            effects.arrived(order, now=now)
        case Kind.RECHARGE, State.REFUSED | State.EXPIRED | State.CANCELLED:
            BOOK.release(order, now=now)
            effects.waits(order, now=now)
        case Kind.REFUND, State.DONE:
            BOOK.confirm(order, now=now)
            effects.taken_back(order, now=now)
        case Kind.REFUND, State.REFUSED | State.EXPIRED | State.CANCELLED:
            BOOK.release(order, now=now)
            effects.not_taken_back(order, cancelled=state == State.CANCELLED, now=now)
        case Kind.OPEN, State.DONE:
            _opened(order)
            BOOK.confirm(order, now=now)
            effects.arrived(order, now=now)
            effects.opened(order, now=now)
        case Kind.OPEN, State.REFUSED | State.EXPIRED | State.CANCELLED:
            BOOK.release(order, now=now)
            effects.waits(order, now=now)
            Opening.objects.filter(pk=_opening_id(order), closed_at__isnull=True).update(closed_at=now)
            _withdraw_queued(order, now=now)
        case ((Kind.RECHARGE | Kind.REFUND | Kind.OPEN), State.UNCLEAR):
            effects.unclear(order, now=now)
        case ((Kind.PRICES | Kind.LIMITS), State.DONE):
            _set(order)
        case ((Kind.SWITCH_OFF | Kind.SWITCH_ON | Kind.HOLD | Kind.RELEASE), State.DONE):
            news.switched(order, now=now)
            if order.kind == Kind.SWITCH_OFF:
                effects.recalled_too_late(order, now=now)
        case _:
            pass  # TAKEN, and all orders that carry no money: their state says everything


def _opened(order: MeterOrder) -> None:
    """The meter's registers when the account opened are where its counting starts."""
    bought = order.after.get("bought_fen")
    Opening.objects.filter(pk=_opening_id(order)).update(
        count_base=order.after.get("purchase_count", 0),
        bought_base_fen=None if bought is None else bought - (order.amount_fen or 0),
    )


def _set(order: MeterOrder) -> None:
    """The meter obeys these from now on: its state on every page is judged by them."""
    values = {name: value for name, value in order.values.items() if name in _METER_FIELDS}
    if values:
        Meter.objects.filter(pk=order.meter_id).update(**values)


def _withdraw_queued(order: MeterOrder, *, now: datetime) -> None:
    """The account never opened: what queues behind it has no account to go to. Its money waits in the wallet."""
    queued = MeterOrder.objects.filter(opening=order.opening_id, state=State.QUEUED).exclude(pk=order.pk)
    for waiting in queued.order_by("placed_at", "id"):
        dispatch.end(waiting, State.CANCELLED, reason="account_not_opened", now=now)
        apply(waiting, State.CANCELLED, now=now)


def _opening_id(order: MeterOrder) -> int:
    assert order.opening_id is not None  # `place` gives every money order and every opening order one
    return order.opening_id


@transaction.atomic
def cancel(*, order_id: str, operator: Operator, now: datetime, address: str = "") -> MeterOrder:
    """Cancel an order. One that never left the centre ends at once and its money waits in the wallet; for any other
    the gateway
    is asked, and it ends only when a reading proves that the meter did not take it. Raises dispatch.OrderEnded,
    OrderUnclear.
    """
    asked = MeterOrder.objects.select_related("meter").get(pk=order_id)
    checks.check_operator(operator, _right(asked), asked.meter)
    before = asked.state
    order = dispatch.cancel(order_id=order_id, now=now)
    if order.state == State.CANCELLED and before != State.CANCELLED:
        apply(order, State.CANCELLED, now=now)
    staff.log(
        operator=operator,
        action="cancel",
        target=f"order {order_id}",
        before={"state": before},
        after={"state": str(order.state)},
        address=address,
        now=now,
    )
    return order


@transaction.atomic
def pay_back_instead(
    *,
    refund_id: str,
    sale_id: str,
    tender: str,
    operator: Operator,
    now: datetime,
    note: str = "",
    address: str = "",
) -> Refund | None:
    """Pay back a sale that waits for its meter. What never left the centre is cancelled and paid at once.

    None: a gateway has the order, so it was only asked to cancel it. The money can be paid when a reading has proven
    that the meter did not take it; call again then. Raises dispatch.OrderEnded, OrderUnclear, and what `pay_out` does.
    """
    sale = Sale.objects.select_related("meter", "order").get(pk=sale_id)
    checks.check_operator(operator, Right.REFUND, sale.meter)
    asked = sale.order  # none where the platform bills: such a sale never waits for a meter
    if asked is not None and sale.state == SaleState.PAID and not Refund.objects.filter(pk=refund_id).exists():
        order = dispatch.cancel(order_id=asked.pk, now=now)
        if order.state == State.CANCELLED:
            apply(order, State.CANCELLED, now=now)
        staff.log(
            operator=operator,
            action="cancel",
            target=f"order {order.pk}",
            before={"state": asked.state},
            after={"state": str(order.state), "instead": "pay_back"},
            address=address,
            now=now,
        )
        if order.state != State.CANCELLED:
            return None
    return returning.pay_out(
        refund_id=refund_id, sale_id=sale_id, tender=tender, operator=operator, now=now, note=note, address=address
    )


def _right(order: MeterOrder) -> Right:
    """Who may place an order may take it back."""
    match Kind(order.kind):
        case Kind.RECHARGE:
            return Right.SELL
        case Kind.REFUND:
            return Right.REVERSE if order.cause_kind == "reversal" else Right.REFUND
        case Kind.OPEN:
            return Right.OPEN_ACCOUNT
        case Kind.SWITCH_OFF | Kind.SWITCH_ON:
            return Right.SWITCH
        case Kind.HOLD | Kind.RELEASE:
            return Right.HOLD
        case _:
            return Right.METER_ORDERS


class NotUnclear(Refused):
    code = "not_unclear"

    def __init__(self, order: MeterOrder) -> None:
        super().__init__(
            _("Order %(order)s is not unclear (it is: %(state)s). Nothing was booked; there is nothing to decide.")
            % {"order": order.pk, "state": order.get_state_display()}
        )


class ReasonNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(_("A decision needs its reason in words. Nothing was booked. Say what the readings show."))


class SecondPersonNeeded(Refused):
    code = "second_person_needed"

    def __init__(self, difference_fen: int) -> None:
        super().__init__(
            _(
                "The readings differ from this decision by %(difference)d fen, which would be booked as an adjustment. "
                "Nothing was booked. A second person has to confirm."
            )
            % {"difference": difference_fen}
        )


@transaction.atomic
def decide(
    *,
    order_id: str,
    applied: bool,
    operator: Operator,
    reason: str,
    now: datetime,
    second_person: Operator | None = None,
    address: str = "",
) -> Decision:
    """A person's word on an unclear order: is the money on the meter? The same word again returns the first decision.

    What the readings show beyond that word is booked beside it, never over it: a difference in the purchase count as a
    CountCorrection, a difference in the total bought as an adjustment transfer, which needs a second person.
    Raises NotUnclear, ReasonNeeded, SecondPersonNeeded, and NoRight or OutOfScope.
    """
    order = dispatch.held(order_id)
    if order is None:
        raise MeterOrder.DoesNotExist(order_id)
    first = Decision.objects.filter(order=order).first()
    if first is not None and first.applied == applied:
        return first
    following = dispatch.step(order, Step.DECIDED_APPLIED if applied else Step.DECIDED_NOT)
    if order.state != State.UNCLEAR or following is None:
        raise NotUnclear(order)
    checks.check_operator(operator, Right.DECIDE, order.meter)
    if not reason.strip():
        raise ReasonNeeded
    decision = Decision.objects.create(
        order=order,
        applied=applied,
        reason=reason.strip()[:400],
        operator=operator,
        second_person=second_person,
        before=order.before,
        after=order.after,
        at=now,
    )
    order.state, order.reason, order.ended_at = following, "decided", now
    order.save(update_fields=["state", "reason", "ended_at"])
    apply(order, following, now=now)
    _realign(order, order.after, operator=operator, second_person=second_person, reason=reason, now=now)
    dispatch.advance(order.meter_id)
    staff.log(
        operator=operator,
        action="decide",
        target=f"order {order_id}",
        before={"state": "unclear", "readings": {"before": order.before, "after": order.after}},
        after={"applied": applied, "reason": reason, "second_person": getattr(second_person, "username", "")},
        address=address,
        now=now,
    )
    return decision


def _realign(
    order: MeterOrder,
    shown: Mapping[str, int],
    *,
    operator: Operator,
    second_person: Operator | None,
    reason: str,
    now: datetime,
) -> None:
    """Book what the meter's registers show beyond the books, in the open: count first, then money."""
    opening = Opening.objects.get(pk=_opening_id(order))
    delta = shown.get("purchase_count", 0) - dispatch_queries.expected_count(opening)
    if "purchase_count" in shown and delta:
        CountCorrection.objects.create(
            opening=opening, order=order, delta=delta, reason=reason.strip()[:400], operator=operator, at=now
        )
    expected_fen = dispatch_queries.expected_bought_fen(opening)
    if expected_fen is None or "bought_fen" not in shown:
        return
    difference_fen = shown["bought_fen"] - expected_fen
    if difference_fen:
        if second_person is None or second_person.pk == operator.pk or not second_person.is_active:
            raise SecondPersonNeeded(difference_fen)
        _adjust(order, opening, difference_fen, now)


def _adjust(order: MeterOrder, opening: Opening, difference_fen: int, now: datetime) -> None:
    """The meter holds more (or less) than the books explain; from here on they agree again."""
    account = accounts.meter(opening.pk)
    debit, credit = (accounts.ADJUSTMENT, account) if difference_fen > 0 else (account, accounts.ADJUSTMENT)
    booked = Transfer.objects.filter(cause_kind="adjustment", cause_id=order.pk).count()
    ledger.post(
        key=f"adjustment:{order.pk}:{booked + 1}",
        cause=ledger.Cause("adjustment", order.pk),
        debit=debit,
        credit=credit,
        amount_fen=abs(difference_fen),
        at=now,
    )


@transaction.atomic
def accept_late(
    *,
    contradiction_id: int,
    operator: Operator,
    second_person: Operator,
    reason: str,
    now: datetime,
    address: str = "",
) -> None:
    """A late answer proved that the meter did take an order that was settled otherwise: bring the books to the meter.

    A sale's money that still waits in the wallet moves to the meter; anything else is an adjustment. Accepting twice
    is once.
    Raises ReasonNeeded, SecondPersonNeeded.
    """
    kept = Contradiction.objects.get(pk=contradiction_id)
    order = dispatch.held(kept.order_ref)
    kept.refresh_from_db()  # as it stands now that the meter is ours
    if order is None or order.opening_id is None or kept.seen_at is not None:
        return
    for person in (operator, second_person):
        checks.check_operator(person, Right.DECIDE, order.meter)
    if not reason.strip():
        raise ReasonNeeded
    if kept.outcome == "done" and order.kind in (Kind.RECHARGE, Kind.OPEN):
        effects.arrived_late(order, now=now)
    shown = kept.answer.get("after", {})
    _realign(order, shown, operator=operator, second_person=second_person, reason=reason, now=now)
    leaving.settle_rest(order.opening_id, now=now)
    dispatch.mark_seen([kept], operator=operator, resolution=reason.strip(), now=now)
    staff.log(
        operator=operator,
        action="accept_late",
        target=f"order {order.pk}",
        before={"state": order.state},
        after={"outcome": kept.outcome, "reason": reason, "second_person": second_person.username},
        address=address,
        now=now,
    )


@transaction.atomic
def post_usage_day(*, opening: Opening, day: date, deducted_fen: int, now: datetime) -> int:
    """Usage of a closed day, meter to revenue: what the meter itself deducted. Returns the fen booked by this call.

    Called again with another figure (the day was closed again after late readings), it books the difference as a new
    transfer.
    """
    dispatch.lock_meter(opening.meter_id)
    if Opening.objects.filter(pk=opening.pk, closed_at__isnull=False).exists():
        return 0  # it ended while we waited, settled to the last fen
    cause = ledger.Cause("usage", f"{opening.pk}:{day.isoformat()}")
    rows = Transfer.objects.filter(cause_kind=cause.kind, cause_id=cause.id)
    account = accounts.meter(opening.pk)
    difference_fen = deducted_fen - BOOK.booked_fen(opening.pk, day)
    if difference_fen == 0:
        return 0
    forth = difference_fen > 0
    ledger.post(
        key=f"usage:{cause.id}:{rows.count() + 1}",
        cause=cause,
        debit=account if forth else accounts.REVENUE,
        credit=accounts.REVENUE if forth else account,
        amount_fen=abs(difference_fen),
        at=now,
    )
    return difference_fen


def post_closed_days(*, now: datetime, limit: int = 2000) -> int:
    """Post the usage of up to `limit` closed days that the ledger does not know yet, or knows otherwise.

    Returns how many days. A day belongs to the account that is open on it; one without is only marked. Days that must
    wait (for a price, for their hours) hold up no other meter's.
    """
    posted, after = 0, (0, date.min)
    while posted < limit and (rows := _unposted(after, limit - posted)):
        for start in range(0, len(rows), DAYS_PER_TRANSACTION):
            if start or after[0]:
                give_way()
            with transaction.atomic():
                posted += sum(_post_day(row, now) for row in rows[start : start + DAYS_PER_TRANSACTION])
        after = (rows[-1].meter_id, rows[-1].day)
    return posted


def _unposted(after: tuple[int, date], limit: int) -> list[UsageDay]:
    """The next after this (meter, day)."""
    meter_id, day = after
    waiting = UsageDay.objects.filter(posted_version__lt=F("version")).order_by("meter_id", "day")
    return list(waiting.filter(Q(meter_id__gt=meter_id) | Q(meter_id=meter_id, day__gt=day))[:limit])


def _post_day(row: UsageDay, now: datetime) -> bool:
    """False: it waits."""
    opening = _opening_on(row.meter_id, row.day)
    if opening is not None and billing.billed_here(opening.pk):
        return _post_rated(row, opening, now)
    deducted_fen = None if opening is None else _deducted_fen(row, opening)
    if opening is not None and deducted_fen is not None:
        post_usage_day(opening=opening, day=row.day, deducted_fen=deducted_fen, now=now)
    _mark_posted(row)
    return True


def _mark_posted(row: UsageDay) -> None:
    UsageDay.objects.filter(pk=row.pk, version=row.version).update(posted_version=row.version)


def _post_rated(row: UsageDay, opening: Opening, now: datetime) -> bool:
    """What the platform charges: all booked days and this one priced together, less what the others are booked at.

    So a ladder counts on, and what a late reading changes in later days comes with its own correction. A day that has
    no price waits for one, and a day whose hours a late reading is about to change waits for them.
    """
    if hours_closed_to_ms(row.meter_id) < day_start_ms(row.day + timedelta(days=1), zone()):
        return False
    days = [one for one in rating.days_of(opening) if one.posted_version or one.pk == row.pk]
    try:
        together_fen = rating.of_days(opening, days)
    except CannotPrice as error:
        log.warning("day_has_no_price", meter=row.meter_id, day=row.day.isoformat(), why=str(error))
        return False
    others_fen = used_fen(opening.pk) - used_fen(opening.pk, day=row.day)
    post_usage_day(opening=opening, day=row.day, deducted_fen=together_fen - others_fen, now=now)
    sums.keep_charged(row.meter_id, row.day, together_fen - others_fen)
    _mark_posted(row)
    return True


def used_fen(opening_id: int, *, day: date | None = None) -> int:
    """What is booked as used: of one day, or of all of them."""
    rows = Transfer.objects.filter(cause_kind="usage", cause_id__startswith=f"{opening_id}:")
    if day is not None:
        rows = rows.filter(cause_id=f"{opening_id}:{day.isoformat()}")
    out = rows.filter(debit__code="meter").aggregate(total=Sum("amount_fen"))["total"] or 0
    back = rows.filter(credit__code="meter").aggregate(total=Sum("amount_fen"))["total"] or 0
    return int(out) - int(back)


def _deducted_fen(row: UsageDay, opening: Opening) -> int | None:
    """By the meter's own counter (bought less balance) since the account's day before, or since it was opened: what ran
    between the opening and the first reading is in it.
    """
    since_ms = dispatch_queries.opened_ms(opening)
    if since_ms is None or row.last_ms < since_ms:
        return None  # what the meter deducted before it opened is nobody's
    if row.counter_fen is None:
        return row.deducted_fen
    # An account that opens between a midnight and its sweep is in that sweep, which ends a day that is not its own.
    own = {"day__gte": rating.first_day(opening), "day__lt": row.day}
    earlier = UsageDay.objects.filter(meter_id=row.meter_id, counter_fen__isnull=False, **own)
    before = earlier.filter(last_ms__gte=since_ms).order_by("-day").values_list("counter_fen", flat=True).first()
    began_fen = opening.bought_base_fen if before is None else before
    return row.deducted_fen if began_fen is None else row.counter_fen - began_fen


def _opening_on(meter_id: int, day: date) -> Opening | None:
    """Accounts that ended were settled to the last fen when they ended: no day that is closed later changes them."""
    end = datetime.combine(day + timedelta(days=1), time(), timezone.get_default_timezone())
    return Opening.objects.filter(meter_id=meter_id, opened_at__lt=end, closed_at__isnull=True).first()


def compare_restored(*, now: datetime, limit: int = 500) -> int:
    """After a restore: meters that were read since and show what the books expect are free for new money.

    One that shows other purchases stays marked, and money that was sold to it meanwhile becomes unclear: a person
    decides with the reading on the screen. Returns how many meters were judged anew.
    """
    since = Unseen.objects.order_by("-since").values_list("since", flat=True).first()
    if since is None:
        return 0
    read = Reading.objects.filter(meter_id=OuterRef("meter_id"), taken_ms__gt=round(since.timestamp() * 1000))
    waiting = Unseen.objects.filter(Exists(read)).order_by("differs", "meter_id")  # what is silent holds nobody up
    return sum(_compare(meter_id, now) for meter_id in list(waiting.values_list("meter_id", flat=True)[:limit]))


@transaction.atomic
def _compare(meter_id: int, now: datetime) -> bool:
    dispatch.lock_meter(meter_id)
    unseen = Unseen.objects.filter(meter_id=meter_id).first()
    opening = Opening.objects.filter(meter_id=meter_id, closed_at__isnull=True).order_by("-opened_at").first()
    if unseen is None or opening is None:
        return bool(Unseen.objects.filter(meter_id=meter_id).delete()[0])
    money = MeterOrder.objects.filter(meter_id=meter_id, kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN))
    if money.filter(Q(placed_at__lte=unseen.since) | Q(state=State.UNCLEAR)).exists():
        return False  # its gateway remembers it and tells us, or a person is about to
    shown = _shown_since(opening, unseen.since)
    if shown is None:
        return False
    if _as_expected(opening, shown):
        unseen.delete()
        return True
    news = not unseen.differs or unseen.shown != shown
    unseen.differs, unseen.shown = True, shown
    unseen.save(update_fields=["differs", "shown"])
    for head in money.filter(state=State.QUEUED, count__isnull=False, opening=opening):
        _leave_to_a_person(head, shown, now=now)
    return news


def _as_expected(opening: Opening, shown: Mapping[str, int]) -> bool:
    count, bought_fen = dispatch_queries.expected(opening.pk)
    if bought_fen is not None and shown.get("bought_fen", bought_fen) != bought_fen:
        return False
    return shown.get("purchase_count", count) == count


def _shown_since(opening: Opening, since: datetime) -> dict[str, int] | None:
    """What the meter showed of its purchases after a moment; None while it did not. Nothing, if it never shows any.

    The proof of its last money order counts if it is newer than its last reading.
    """
    since_ms = round(since.timestamp() * 1000)
    read = Reading.objects.filter(meter_id=opening.meter_id, taken_ms__gt=since_ms)
    names = ("taken_ms", "purchase_count", "bought_fen", "balance_fen")
    newest = read.filter(_TELLS).order_by("-taken_ms").values(*names).first()
    last = dispatch_queries.last_money_done(opening)
    proven_ms = 0 if last is None or last.answered_at is None else round(last.answered_at.timestamp() * 1000)
    if last is not None and proven_ms > since_ms and (newest is None or newest["taken_ms"] <= proven_ms):
        return dict(last.after)
    if newest is not None:
        return {name: int(value) for name, value in newest.items() if value is not None and name != "taken_ms"}
    never = not Reading.objects.filter(_TELLS, meter_id=opening.meter_id).exists()
    return {} if never and read.exists() else None


def _leave_to_a_person(order: MeterOrder, shown: dict[str, int], *, now: datetime) -> None:
    """It never left: the meter's purchases are others than these books know, and this money may be one of them."""
    order.before = order.after = shown
    order.answered_at = now
    order.save(update_fields=["before", "after", "answered_at"])
    dispatch.end(order, State.UNCLEAR, reason="restored", now=now)
    apply(order, State.UNCLEAR, now=now)
