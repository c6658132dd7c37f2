"""Placing, leasing, withdrawing and ending orders. Money itself moves in `settlement`; here only the order's own
state changes.

A money order holds the meter's row while it is placed or ended, so that one meter has one head of the queue and one
next count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import connection, transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Concat

from prewatt.domain.control import values as control
from prewatt.domain.control.models import Stop
from prewatt.domain.dispatch import queries
from prewatt.domain.dispatch.models import SERIAL_KINDS, Contradiction, Kind, MeterOrder, Unseen
from prewatt.domain.dispatch.states import OPEN, State, Step, after
from prewatt.domain.estate.models import Meter
from prewatt.link import messages as link

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.staff.models import Operator

LEASE = timedelta(seconds=60)
# A gateway never forgets what it took; asking again this rarely also wakes one whose disk was replaced.
TAKEN_LEASE = timedelta(minutes=15)
SWITCH_VALID = timedelta(minutes=10)
# An opening whose first money needs a higher ceiling leaves when the order of its own id and this one has ended.
BEFORE = "-before"
BATCH = "batch"  # the cause of an order that is one of many
BATCH_WINDOW = 64  # so many of them may be at one gateway without an answer: the rest can still be stopped here
BATCH_PATIENCE = timedelta(seconds=60)  # those of silent meters do not hold up the others for longer
AUTOMATIC = (BATCH, "arrears")  # causes of trips that the site's stop keeps here
LAPSE_GRACE = timedelta(minutes=5)  # a leased switching order may have been carried out: give its answer time to come


class OrderIdTaken(Exception):
    """The id already stands for another order. Nothing was placed. Trying again does not help: draw the form again."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} exists with other content; nothing was placed and no money moved")


class OrderEnded(Exception):
    """The order has already ended, so it cannot be cancelled. No money moved. Look at its outcome instead."""

    def __init__(self, order: MeterOrder) -> None:
        super().__init__(
            f"order {order.pk} has already ended ({order.state}); it cannot be cancelled and no money moved"
        )


class OrderUnclear(Exception):
    """Nobody knows yet whether the meter took the order, so it cannot be cancelled.

    The money stays reserved until a person decides.
    """

    def __init__(self, order: MeterOrder) -> None:
        super().__init__(
            f"order {order.pk} is unclear: nobody knows yet whether the meter took it. "
            "The money stays reserved; decide with both readings on the screen instead of cancelling"
        )


def lock_meter(meter_id: int) -> Meter:
    """Hold the meter's row until the transaction ends: its queue of money orders and its next count are ours.

    Returns it as it stands now.
    """
    return Meter.objects.select_for_update(no_key=True, of=("self",)).get(pk=meter_id)


def hold_meter(meter_id: int) -> None:
    """`lock_meter` for a caller who needs nothing of the meter."""
    Meter.objects.select_for_update(no_key=True).order_by().values_list("pk").get(pk=meter_id)


@transaction.atomic
def place(
    *,
    order_id: str,
    meter: Meter,
    kind: link.Kind,
    now: datetime,
    operator: Operator | None = None,
    opening_id: int | None = None,
    amount_fen: int | None = None,
    values: Mapping[str, int] | None = None,
    cause: tuple[str, str] = ("operator", ""),
    expires_at: datetime | None = None,
) -> MeterOrder:
    """Place an order; the same id again returns the first one. Money orders queue behind one that is on its way.

    Switching orders expire (`expires_at`, by default after ten minutes) rather than arriving late. Raises OrderIdTaken.
    """
    first = MeterOrder.objects.filter(pk=order_id).first()
    if first is None and kind in SERIAL_KINDS:
        hold_meter(meter.pk)
        first = MeterOrder.objects.filter(pk=order_id).first()
    if first is not None:
        return _same(first, meter, kind, amount_fen)
    return place_held(
        order_id=order_id,
        meter=meter,
        kind=kind,
        now=now,
        operator=operator,
        opening_id=opening_id,
        amount_fen=amount_fen,
        values=values,
        cause=cause,
        expires_at=expires_at,
    )


def place_held(
    *,
    order_id: str,
    meter: Meter,
    kind: link.Kind,
    now: datetime,
    operator: Operator | None = None,
    opening_id: int | None = None,
    amount_fen: int | None = None,
    values: Mapping[str, int] | None = None,
    cause: tuple[str, str] = ("operator", ""),
    expires_at: datetime | None = None,
    queue: bool | None = None,
) -> MeterOrder:
    """`place` for a caller who is in a transaction, holds the meter and knows that the id is new (else
    IntegrityError).
    """
    if expires_at is None and kind in link.SWITCH_KINDS:
        expires_at = now + SWITCH_VALID
    order = MeterOrder(
        id=order_id,
        meter=meter,
        opening_id=opening_id,
        kind=kind.value,
        amount_fen=amount_fen,
        values=dict(values or {}),
        cause_kind=cause[0],
        cause_id=cause[1],
        placed_by=operator,
        placed_at=now,
        expires_at=expires_at,
    )
    if kind in SERIAL_KINDS and not (_head_exists(meter.pk) if queue is None else queue):
        _number(order)
    order.save(force_insert=True)
    return order


def _same(first: MeterOrder, meter: Meter, kind: link.Kind, amount_fen: int | None) -> MeterOrder:
    if (first.meter_id, first.kind, first.amount_fen) != (meter.pk, kind.value, amount_fen):
        raise OrderIdTaken(first.pk)
    return first


def _head_exists(meter_id: int) -> bool:
    return MeterOrder.objects.filter(
        meter_id=meter_id, kind__in=SERIAL_KINDS, state__in=OPEN, count__isnull=False
    ).exists()


def _number(order: MeterOrder) -> None:
    """Make it the head of its meter's queue: the count that the meter will show, and the total bought that it shows
    now.
    """
    if order.kind == Kind.OPEN:
        order.count = 0
        return
    assert order.opening_id is not None  # a money order always has one (database constraint)
    count, order.bought_before_fen = queries.expected(order.opening_id)
    order.count = count + 1


def advance(meter_id: int) -> MeterOrder | None:
    """When no money order is on its way, the next one in the queue gets its count. Call with the meter locked."""
    if _head_exists(meter_id):
        return None
    waiting = MeterOrder.objects.filter(
        meter_id=meter_id, kind__in=SERIAL_KINDS, state=State.QUEUED, count__isnull=True
    )
    head = waiting.order_by("placed_at", "id").first()
    if head is not None:
        _number(head)
        head.save(update_fields=["count", "bought_before_fen"])
    return head


@transaction.atomic
def lease(*, gateway: Gateway, now: datetime, limit: int = link.ORDERS_PER_POLL_MAX) -> list[link.Order]:
    """Orders for a gateway's own meters: money first, then switching, then the rest; each group in the order of
    placing.

    An order that the gateway does not acknowledge within the lease is given again: the same id is the same order.
    """
    if not _any_open(gateway, now):
        return []
    limit = min(limit, link.ORDERS_PER_POLL_MAX)
    due = _due(gateway, now).annotate(turn=_TURN).order_by("turn", "placed_at", "id").select_related("meter")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",), no_key=True)
    orders = _as_fed(list(due[:limit]), gateway, now)
    open_ = [order.pk for order in orders if order.state != State.TAKEN]
    taken = [order.pk for order in orders if order.state == State.TAKEN]
    if open_:
        MeterOrder.objects.filter(pk__in=open_, state__in=(State.QUEUED, State.LEASED)).update(
            leased_at=Case(When(state=State.QUEUED, then=Value(now)), default=F("leased_at")),
            state=State.LEASED,
            lease_until=now + LEASE,
        )
    if taken:
        MeterOrder.objects.filter(pk__in=taken, state=State.TAKEN).update(lease_until=now + TAKEN_LEASE)
    sent = [order for order in orders if order.state == State.QUEUED and order.kind in (Kind.PRICES, Kind.LIMITS)]
    control.sent([(order.meter_id, order.values) for order in sent], now=now)
    return [as_message(order) for order in orders]


def _as_fed(orders: list[MeterOrder], gateway: Gateway, now: datetime) -> list[MeterOrder]:
    """A batch is fed to a gateway in portions. Its orders come last, so a portion that is out holds nothing else up."""
    fed = [order for order in orders if order.state == State.QUEUED and order.cause_kind == BATCH]
    return orders[: len(orders) - len(fed)] + fed[: max(0, _room(gateway, now))] if fed else orders


def waiting(*, gateway: Gateway, now: datetime) -> bool:
    """Would a lease give anything? Mostly one short read, for a poll that looks often."""
    if not _any_open(gateway, now):
        return False
    due = _due(gateway, now)
    return due.exclude(_FED).exists() or (due.filter(_FED).exists() and _room(gateway, now) > 0)


def _any_open(gateway: Gateway, now: datetime) -> bool:
    """Is there any order that a lease would have to think about? Most looks end here, with the cheapest question."""
    with connection.cursor() as cursor:  # each poll of each gateway asks this: not through the query builder
        at = connection.ops.adapt_datetimefield_value(now)
        cursor.execute(_ANY_OPEN, [gateway.pk, State.QUEUED.value, State.LEASED.value, State.TAKEN.value, at])
        return cursor.fetchone() is not None


_ANY_OPEN = """
    SELECT 1 FROM dispatch_meterorder o JOIN estate_meter m ON m.id = o.meter_id JOIN estate_bus b ON b.id = m.bus_id
    WHERE b.gateway_id = %s AND (o.state = %s OR (o.state IN (%s, %s) AND o.lease_until <= %s)) LIMIT 1
"""


def _due(gateway: Gateway, now: datetime) -> QuerySet[MeterOrder]:
    return MeterOrder.objects.filter(meter__bus__gateway=gateway).filter(_leasable(now))


_FED = Q(state=State.QUEUED, cause_kind=BATCH)


def _room(gateway: Gateway, now: datetime) -> int:
    """How many orders of batches the gateway may be given now. Recalled and repeated ones always go."""
    out = MeterOrder.objects.filter(
        meter__bus__gateway=gateway, cause_kind=BATCH, state__in=(State.LEASED, State.TAKEN)
    )
    return BATCH_WINDOW - out.filter(leased_at__gt=now - BATCH_PATIENCE).count()


_TURN = Case(
    When(_FED, then=Value(3)),
    When(kind__in=sorted(SERIAL_KINDS), then=Value(0)),
    When(kind__in=sorted(link.SWITCH_KINDS), then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


def _leasable(now: datetime) -> Q:
    queued = Q(state=State.QUEUED) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    serial = ~Q(kind__in=sorted(SERIAL_KINDS)) | Q(count__isnull=False)
    again = Q(state__in=(State.LEASED, State.TAKEN), lease_until__lte=now)
    trip = Q(kind=Kind.SWITCH_OFF, cause_kind__in=AUTOMATIC)
    free = ~trip | ~Exists(Stop.objects.filter(open=True))
    before = MeterOrder.objects.filter(pk=Concat(OuterRef("pk"), Value(BEFORE)), state__in=sorted(OPEN))
    turn = ~Q(kind=Kind.OPEN) | ~Exists(before)
    unseen = Unseen.objects.filter(meter=OuterRef("meter"), since__lt=OuterRef("placed_at"))
    seen = ~Q(kind__in=sorted(link.MONEY_KINDS)) | ~Exists(unseen)
    return (queued & serial & free & turn & seen) | again


def as_message(order: MeterOrder) -> link.Order:
    """The order as the gateway reads it."""
    return link.Order(
        order_id=order.pk,
        meter=order.meter.number,
        kind=link.Kind(order.kind),
        placed_at_ms=_ms(order.placed_at),
        expires_at_ms=None if order.expires_at is None else _ms(order.expires_at),
        amount_fen=order.amount_fen,
        count=order.count,
        bought_before_fen=order.bought_before_fen,
        values=order.values,
        cancel=order.cancel_asked_at is not None,
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


@transaction.atomic
def cancel(*, order_id: str, now: datetime) -> MeterOrder:
    """Ask for an order to be cancelled. One that never left the centre ends here; any other ends only when a reading
    proves
    that the meter did not take it, so the gateway is asked and the order stays open.

    For money use `settlement.cancel`, which also releases what was reserved. Raises OrderEnded, OrderUnclear.
    """
    order = held(order_id)
    if order is None:
        raise MeterOrder.DoesNotExist(order_id)
    if order.state == State.CANCELLED:
        return order
    if order.state == State.UNCLEAR:
        raise OrderUnclear(order)
    if order.state not in OPEN:
        raise OrderEnded(order)
    if order.state == State.QUEUED:
        end(order, State.CANCELLED, reason="cancelled", now=now)
    elif order.cancel_asked_at is None:
        order.cancel_asked_at = now
        order.lease_until = now  # the next poll carries the wish
        order.save(update_fields=["cancel_asked_at", "lease_until"])
    return order


def held(order_id: str) -> MeterOrder | None:
    """The order, held until the transaction ends; the meter first, as everywhere.

    None when nobody placed such an order.
    """
    found = MeterOrder.objects.filter(pk=order_id).values_list("meter_id", "kind").first()
    if found is None:
        return None
    meter_id, kind = found
    if kind in SERIAL_KINDS:
        hold_meter(meter_id)
    orders = MeterOrder.objects.select_for_update(of=("self",)).select_related("meter__bus", "opening")
    return orders.get(pk=order_id)


def end(order: MeterOrder, state: State, *, reason: str, now: datetime) -> None:
    """Bring an order to a final state (or to UNCLEAR) without an answer.

    What queued behind it moves up once it has ended.
    """
    order.state = state
    order.reason = reason[:64]
    order.ended_at = None if state in OPEN else now
    order.save(update_fields=["state", "reason", "ended_at"])
    if order.kind in SERIAL_KINDS and state not in OPEN:
        advance(order.meter_id)


def record_answer(order: MeterOrder, state: State, answer: link.Answer, *, now: datetime) -> None:
    """Write down an answer and the state that it leads to. The queue does not move yet: money settles first."""
    if state == State.TAKEN:
        order.state, order.taken_at, order.lease_until = state, now, now + TAKEN_LEASE
        order.save(update_fields=["state", "taken_at", "lease_until"])
        return
    order.state = state
    order.reason = answer.reason[:64]
    order.before, order.after, order.writes = answer.before, answer.after, answer.writes
    order.answered_at = datetime.fromtimestamp(answer.at_ms / 1000, tz=now.tzinfo)
    order.ended_at = None if state in OPEN else now
    order.save(update_fields=["state", "reason", "before", "after", "writes", "answered_at", "ended_at"])


def step(order: MeterOrder, one: Step) -> State | None:
    """What a step would lead to; None: it contradicts what is settled."""
    return after(State(order.state), one, money=order.kind in SERIAL_KINDS)


def contradict(
    answer: link.Answer, *, gateway: Gateway, why: str, order: MeterOrder | None, now: datetime
) -> Contradiction:
    """Keep an answer that must not move anything, for a person to look at. The same one again is kept once."""
    kept, _new = Contradiction.objects.get_or_create(
        order_ref=answer.order_id[:64],
        outcome=answer.outcome.value,
        gateway_code=gateway.code,
        defaults={
            "meter_number": answer.meter[:64],
            "why": why,
            "state": order.state if order else "",
            "answer": msgspec.to_builtins(answer),
            "first_at": now,
        },
    )
    return kept


def mark_seen(contradictions: Iterable[Contradiction], *, operator: Operator, resolution: str, now: datetime) -> int:
    """A person has looked, and says what was done about it."""
    keys = [one.pk for one in contradictions]
    return Contradiction.objects.filter(pk__in=keys, seen_at__isnull=True).update(
        seen_at=now, seen_by=operator, resolution=resolution[:400]
    )


def expire(*, now: datetime) -> int:
    """End switching orders whose time is over: those that never left at once, those that left when no answer came
    either.
    """
    late: QuerySet[MeterOrder, Any] = MeterOrder.objects.exclude(kind__in=sorted(SERIAL_KINDS))
    never_left = late.filter(state=State.QUEUED, expires_at__lte=now)
    silent = late.filter(state=State.LEASED, expires_at__lte=now - LAPSE_GRACE)
    ended = {"state": State.EXPIRED, "reason": "expired", "ended_at": now}
    return never_left.update(**ended) + silent.update(**ended)


def withdraw(orders: QuerySet[MeterOrder], *, reason: str, now: datetime) -> tuple[int, int]:
    """Take back many orders that carry no money: those that never left end here, for the others the gateway is asked.

    Returns how many of each.
    """
    orders = orders.exclude(kind__in=sorted(SERIAL_KINDS))
    ended = orders.filter(state=State.QUEUED).update(state=State.CANCELLED, reason=reason[:64], ended_at=now)
    out = orders.filter(state__in=(State.LEASED, State.TAKEN), cancel_asked_at__isnull=True)
    return ended, out.update(cancel_asked_at=now, lease_until=now)


def cancel_arrears_trips(*, meter: Meter, now: datetime) -> int:
    """A payment came in: a trip for arrears that is still on its way must not happen.

    Returns how many were stopped or recalled.
    """
    trips = MeterOrder.objects.filter(meter=meter, kind=Kind.SWITCH_OFF, cause_kind="arrears")
    stopped = trips.filter(state=State.QUEUED).update(state=State.CANCELLED, reason="paid", ended_at=now)
    recalled = trips.filter(state__in=(State.LEASED, State.TAKEN), cancel_asked_at__isnull=True)
    return stopped + recalled.update(cancel_asked_at=now, lease_until=now)
