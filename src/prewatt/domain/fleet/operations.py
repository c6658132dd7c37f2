"""Orders for many meters at once: 电价下发, 设置下发, 保电, 恢复预付费, 拉闸, 合闸, 抄表, 校时.

The orders stand in the database at once; `dispatch.lease` feeds them to each gateway a window at a time, so that what
has not left can be stopped. Money is never ordered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from prewatt.domain import rows
from prewatt.domain.control import cutting
from prewatt.domain.control import operations as control
from prewatt.domain.control.models import Reported
from prewatt.domain.control.values import differences, differing
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.fleet import plans_alone
from prewatt.domain.fleet.models import Batch, BatchItem, BatchState, Skip
from prewatt.domain.fleet.refusals import (
    AboveCap,
    BadValues,
    BatchIdTaken,
    MayNot,
    NoMeters,
    NotABatch,
    NothingDiffers,
    NotRunning,
    TooManyMeters,
)
from prewatt.domain.fleet.sorting import VALUE_KINDS, Sorted, sort_out
from prewatt.domain.metering import prices
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.tariff import queries
from prewatt.link.messages import SWITCH_KINDS, Kind
from prewatt.units.values import Price

if TYPE_CHECKING:
    from prewatt.domain.control.models import Stop
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.models import Plan

METERS_MAX = 10_000
CHUNK = 500
VALUE_MAX = 2**31 - 1
FAILED = (State.REFUSED, State.EXPIRED, State.CANCELLED)
RIGHTS: Mapping[Kind, Right] = {
    Kind.PRICES: Right.METER_ORDERS,
    Kind.LIMITS: Right.METER_ORDERS,
    Kind.HOLD: Right.HOLD,
    Kind.RELEASE: Right.HOLD,
    Kind.SWITCH_OFF: Right.SWITCH,
    Kind.SWITCH_ON: Right.SWITCH,
    Kind.READ: Right.METER_ORDERS,
    Kind.CLOCK: Right.METER_ORDERS,
}


@transaction.atomic
def place_batch(
    *,
    batch_id: str,
    kind: Kind,
    meters: MeterQuerySet,
    operator: Operator,
    now: datetime,
    values: Mapping[str, int] | None = None,
    plan: Plan | None = None,
    round_down: bool = False,
    reason: str = "",
    note: str = "",
    override: str = "",
    second_person: Operator | None = None,
    address: str = "",
) -> Batch:
    """Place one order of `kind` to each of these meters that the operator may see. `batch_id` (at most 40 letters) is
    made when the form is drawn: the same again is the first batch.

    `values` are named as on the link: `price_flat_e4` … for PRICES, or a `plan`, which the meters then use;
    `alarm1_fen`, `alarm2_fen`, `overload_limit_w`, `ceiling_fen` for LIMITS; none for the others.
    SWITCH_OFF needs a `reason` of `control.Reason`, an `override` inside protected hours, and a `second_person` (one
    who has proven to be him) beyond the site's limit. `note` says why a price lies above the cap.
    A plan that no meter can hold is used without an order by meters that do not count the money themselves.
    `round_down`: a price too fine for a meter goes to it as the next lower one that it can show.
    Meters that cannot or need not be told are items without an order, with the reason. Raises `Refused` subclasses of
    `fleet.refusals` and `control.cutting`: nothing is sent then.
    """
    if (first := _first(batch_id, kind, operator)) is not None:
        return first
    mine = _chosen(kind, meters, operator)
    if plan is not None and kind == Kind.PRICES and plans_alone.beyond_meters(plan):
        asked = Batch(
            id=batch_id, kind=kind.value, plan=plan, operator=operator, placed_at=now, note=note.strip()[:200]
        )
        return _give(asked, plan, mine, address=address)
    if plan is not None and kind == Kind.PRICES:
        values = tariff.for_meters(plan, round_down=round_down)
    wanted = _wanted(kind, values or {})
    if kind == Kind.PRICES:
        _check_cap(wanted, note, now)
    asked = Batch(
        id=batch_id,
        kind=kind.value,
        values=dict(wanted),
        plan=plan,
        reason=reason,
        note=note.strip()[: cutting.NOTE_MAX],
        override=override.strip()[: cutting.NOTE_MAX],
        operator=operator,
        second_person=second_person,
        placed_at=now,
    )
    sorted_ = sort_out(kind=kind, meters=mine, values=lambda _meter_id: wanted, round_down=round_down)
    batch = _send(asked, sorted_, address=address)
    if plan is not None:
        sendable = [one.meter_id for one in sorted_ if one.skip in ("", Skip.SAME)]
        tariff.assign(plan=plan, meter_ids=sendable, operator=operator, now=now, address=address)
    return batch


def _give(asked: Batch, plan: Plan, meters: MeterQuerySet, *, address: str) -> Batch:
    """A plan that no meter can hold: it is used without an order where the meter does not count the money itself."""
    found = plans_alone.sorted_out(meters)
    given = [one.meter_id for one in found if one.skip == Skip.PLATFORM]
    if not given:
        raise tariff.NotForMeters(plan, queries.lost_of(plan))
    batch = _send(asked, found, address=address)
    tariff.assign(plan=plan, meter_ids=given, operator=asked.operator, now=asked.placed_at, address=address)
    return batch


@transaction.atomic
def send_again(
    *, batch_id: str, kind: Kind, meters: MeterQuerySet, operator: Operator, now: datetime, address: str = ""
) -> Batch:
    """What was sent last and is not what these meters show: each gets its own values again. PRICES or LIMITS."""
    if (first := _first(batch_id, kind, operator)) is not None:
        return first
    if kind not in VALUE_KINDS:
        raise NotABatch(kind.value)
    mine = _chosen(kind, meters, operator)
    wanted = _differing_values(kind, mine)
    if not wanted:
        raise NothingDiffers
    asked = Batch(id=batch_id, kind=kind.value, operator=operator, placed_at=now, note=_("sent again"))
    sorted_ = sort_out(kind=kind, meters=mine.filter(pk__in=wanted), values=lambda pk: wanted[pk])
    return _send(asked, sorted_, address=address)


def _first(batch_id: str, kind: Kind, operator: Operator) -> Batch | None:
    if kind == Kind.SWITCH_OFF:
        cutting.held_rules()  # the same form at the same moment waits here, and then finds the first batch
    first = Batch.objects.filter(pk=batch_id).first()
    if first is not None and (first.kind, first.operator_id) != (kind.value, operator.pk):
        raise BatchIdTaken
    return first


def _chosen(kind: Kind, meters: MeterQuerySet, operator: Operator) -> MeterQuerySet:
    """The meters of the choice that the operator may see, counted and bounded."""
    if kind not in RIGHTS:
        raise NotABatch(kind.value)
    if not operator.may(RIGHTS[kind]):
        raise MayNot(operator.username, str(RIGHTS[kind].label))
    visible = Meter.objects.for_operator(operator).order_by().values("pk")
    mine = Meter.objects.filter(pk__in=meters.order_by().values("pk")).filter(pk__in=visible).order_by("number")
    count = mine.count()
    if count == 0:
        raise NoMeters
    if count > METERS_MAX:
        raise TooManyMeters(count, METERS_MAX)
    return mine


def _wanted(kind: Kind, values: Mapping[str, int]) -> Mapping[str, int]:
    """The values of the order, checked."""
    known = VALUE_KINDS.get(kind)
    if known is None:
        return {}
    wanted = dict(values)
    if not wanted:
        raise BadValues(_("nothing is given"))
    for name, value in wanted.items():
        if name not in known or isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= VALUE_MAX:
            raise BadValues(name)
    if kind == Kind.PRICES and 0 in wanted.values():
        raise BadValues(_("a price is zero"))
    if wanted.get("alarm2_fen", 0) > wanted.get("alarm1_fen", VALUE_MAX):
        raise BadValues(_("alarm 2 lies above alarm 1"))
    return wanted


def _check_cap(wanted: Mapping[str, int], note: str, now: datetime) -> None:
    found = prices.cap_of(wanted, now=now)
    if found is not None and found.above and not note.strip():
        raise AboveCap(str(Price(found.asked_e4)), str(Price(found.allowed_e4)))


def _send(asked: Batch, sorted_: Sequence[Sorted], *, address: str) -> Batch:
    """After the guards have let it pass, this must succeed: batch, orders, items, log."""
    kind, now = Kind(asked.kind), asked.placed_at
    going = [one for one in sorted_ if not one.skip]
    why = _guard(asked, going)
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        return Batch.objects.get(pk=asked.pk)  # the same form, sent twice at the same moment
    ids = {one.meter_id: _order_id(asked.pk, one.meter_id, 1) for one in going}
    order = _order(asked, kind, 0, {}, tries=1)
    rows.insert(order, ("id", "meter_id", "values"), [(ids[one.meter_id], one.meter_id, one.values) for one in going])
    rows.insert(
        BatchItem(batch=asked),
        ("meter_id", "order_id", "skip", "detail", "tries"),
        [(one.meter_id, ids.get(one.meter_id), str(one.skip), one.detail, 0 if one.skip else 1) for one in sorted_],
    )
    if why is not None:
        cutting.record(ids.values(), why, operator=asked.operator, now=now)
    if not going:
        asked.state, asked.ended_at = BatchState.DONE, now
        asked.save(update_fields=["state", "ended_at"])
    _log(
        asked, f"fleet.{kind.value}", asked.operator, now, address, orders=len(going), skipped=len(sorted_) - len(going)
    )
    return asked


def _guard(asked: Batch, going: Sequence[Sorted]) -> cutting.Why | None:
    if asked.kind != Kind.SWITCH_OFF:
        return None
    if (stop := cutting.stop()) is not None:
        raise cutting.SiteStopped(stop)
    return cutting.check(
        meter_ids=[one.meter_id for one in going],
        reason=asked.reason,
        note=asked.note,
        override=asked.override,
        operator=asked.operator,
        second_person=asked.second_person,
        now=asked.placed_at,
    )


def _order_id(batch_id: str, meter_id: int, tries: int) -> str:
    return f"{batch_id}.{meter_id}.{tries}"


def _order(
    batch: Batch, kind: Kind, meter_id: int, values: Mapping[str, int], *, tries: int, at: datetime | None = None
) -> MeterOrder:
    placed_at = at or batch.placed_at
    return MeterOrder(
        id=_order_id(batch.pk, meter_id, tries),
        meter_id=meter_id,
        kind=kind.value,
        values=dict(values),
        cause_kind=dispatch.BATCH,
        cause_id=batch.pk,
        placed_by=batch.operator,
        placed_at=placed_at,
        expires_at=placed_at + dispatch.SWITCH_VALID if kind in SWITCH_KINDS else None,
    )


def _differing_values(kind: Kind, meters: MeterQuerySet) -> dict[int, dict[str, int]]:
    """Per meter what it is to be told again; meters to which such an order is on its way are left out."""
    on_its_way = MeterOrder.objects.filter(meter=OuterRef("meter"), kind=kind.value, state__in=OPEN)
    wrong = differing().filter(meter__in=meters.order_by().values("pk")).filter(~Exists(on_its_way))
    desired = {one.meter_id: one.known() for one in wrong}
    shown = {one.meter_id: one.known() for one in Reported.objects.filter(meter__in=wrong.values("meter"))}
    found = {}
    for meter_id, known in desired.items():
        off = [name for name in differences(known, shown.get(meter_id, {})) if name in VALUE_KINDS[kind]]
        if off:
            found[meter_id] = {name: known[name] for name in off}
    return found


@transaction.atomic
def stop_batch(*, batch_id: str, operator: Operator, now: datetime, address: str = "") -> Batch:
    """Nothing more of it leaves: what is still here is cancelled, what has left is recalled where that is possible.

    Stopping twice is stopping once.
    """
    batch = Batch.objects.select_for_update(of=("self",)).get(pk=batch_id)
    _may_change(batch, operator)
    if batch.state != BatchState.RUNNING:
        return batch
    orders = MeterOrder.objects.filter(cause_kind=dispatch.BATCH, cause_id=batch.pk)
    ended, recalled = dispatch.withdraw(orders, reason="stopped", now=now)
    batch.state, batch.ended_at, batch.stopped_by = BatchState.STOPPED, now, operator
    batch.save(update_fields=["state", "ended_at", "stopped_by"])
    _log(batch, "fleet.stop", operator, now, address, cancelled=ended, recalled=recalled)
    return batch


@transaction.atomic
def retry_failed(
    *,
    batch_id: str,
    operator: Operator,
    now: datetime,
    override: str = "",
    second_person: Operator | None = None,
    address: str = "",
) -> Batch:
    """A new order for each item whose last one was refused, expired or cancelled; the guards are asked again."""
    batch = Batch.objects.select_for_update(of=("self",)).select_related("operator").get(pk=batch_id)
    _may_change(batch, operator)
    kind = Kind(batch.kind)
    items = list(batch.items.filter(order__state__in=FAILED).select_related("order").order_by("pk"))
    meters = Meter.objects.filter(pk__in=[item.meter_id for item in items])
    values = {item.meter_id: item.order.values for item in items if item.order is not None}
    sorted_ = {one.meter_id: one for one in sort_out(kind=kind, meters=meters, values=lambda pk: values[pk])}
    going = [item for item in items if not sorted_[item.meter_id].skip]
    if not going:
        raise NotRunning
    batch.operator, batch.second_person, batch.override = operator, second_person, override.strip() or batch.override
    retried = Batch(
        kind=batch.kind,
        reason=batch.reason,
        note=batch.note,
        override=override,
        operator=operator,
        second_person=second_person,
        placed_at=now,
    )
    why = _guard(retried, [sorted_[item.meter_id] for item in going])
    orders = []
    for item in going:
        item.tries += 1
        order = _order(batch, kind, item.meter_id, values[item.meter_id], tries=item.tries, at=now)
        item.order = order
        orders.append(order)
    MeterOrder.objects.bulk_create(orders, batch_size=CHUNK)
    BatchItem.objects.bulk_update(going, ["order", "tries"], batch_size=CHUNK)
    if why is not None:
        cutting.record([order.pk for order in orders], why, operator=operator, now=now)
    Batch.objects.filter(pk=batch.pk).update(state=BatchState.RUNNING, ended_at=None, stopped_by=None)
    _log(batch, "fleet.retry", operator, now, address, orders=len(orders))
    return Batch.objects.get(pk=batch.pk)


def _may_change(batch: Batch, operator: Operator) -> None:
    """Whoever may give such an order to all of its meters may stop it and try again."""
    right = RIGHTS[Kind(batch.kind)]
    if not operator.may(right):
        raise MayNot(operator.username, str(right.label))
    if not operator.all_buildings:
        seen = Meter.objects.for_operator(operator).order_by().values("pk")
        if batch.items.exclude(meter__in=seen).exists():
            raise MayNot(operator.username, str(right.label))


def close_finished(*, now: datetime) -> int:
    """Batches of which nothing is on its way any more are done. Returns how many. For the worker."""
    on_its_way = BatchItem.objects.filter(batch=OuterRef("pk"), order__state__in=OPEN)
    finished = Batch.objects.filter(state=BatchState.RUNNING).filter(~Exists(on_its_way))
    return finished.update(state=BatchState.DONE, ended_at=now)


@transaction.atomic
def stop_site(*, operator: Operator, why: str, now: datetime, address: str = "") -> Stop:
    """The site's stop: no automatic trip and no batch of trips leaves any more, and what is on its way is recalled."""
    stop = control.start_stop(operator=operator, why=why, now=now, address=address)
    trips = MeterOrder.objects.filter(kind=Kind.SWITCH_OFF.value, cause_kind__in=dispatch.AUTOMATIC)
    dispatch.withdraw(trips, reason="site_stopped", now=now)
    return stop


def _log(batch: Batch, action: str, operator: Operator, now: datetime, address: str, **facts: int) -> None:
    staff.log(
        operator=operator,
        action=action,
        target=f"batch {batch.pk}",
        after={
            "values": batch.values,
            "plan": batch.plan.name if batch.plan else "",
            "reason": batch.reason,
            "note": batch.note,
            "override": batch.override,
            "second_person": batch.second_person.username if batch.second_person else "",
            **facts,
        },
        address=address,
        now=now,
    )
