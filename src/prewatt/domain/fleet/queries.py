"""Reads of batches: who sees which, how far one is, what became of each meter. Whatever counts, counts in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When

from prewatt.domain.control.models import Desired, Reported
from prewatt.domain.control.values import differences, differing
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.fleet.models import Batch, BatchItem, BatchState
from prewatt.domain.fleet.operations import FAILED
from prewatt.domain.fleet.sorting import VALUE_KINDS

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.staff.models import Operator

SKIPPED = "skipped"


def batches(*, operator: Operator) -> QuerySet[Batch]:
    """The batches that concern at least one meter which the operator may see, newest first."""
    found = Batch.objects.select_related("operator", "second_person", "plan").order_by("-placed_at", "id")
    if operator.all_buildings:
        return found
    seen = Meter.objects.for_operator(operator).order_by().values("pk")
    return found.filter(Exists(BatchItem.objects.filter(batch=OuterRef("pk"), meter__in=seen)))


@dataclass(frozen=True, slots=True)
class Progress:
    """`counts` by the order's state, and `skipped`; zeros included."""

    batch: Batch
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def skipped(self) -> int:
        return self.counts[SKIPPED]

    @property
    def sent(self) -> int:
        """How many got an order."""
        return self.total - self.skipped

    @property
    def done(self) -> int:
        return self.counts[State.DONE]

    @property
    def failed(self) -> int:
        """Refused, expired or cancelled: what `retry_failed` sends again."""
        return sum(self.counts[state] for state in FAILED)

    @property
    def waiting(self) -> int:
        """Still on their way, or not yet sent."""
        return sum(self.counts[state] for state in OPEN)

    @property
    def dealt(self) -> int:
        """Answered one way or the other, or given up."""
        return self.sent - self.waiting

    @property
    def percent(self) -> int:
        return 100 if not self.sent else 100 * self.dealt // self.sent

    @property
    def running(self) -> bool:
        """Something of it may still happen; also true after a stop while recalled orders have not answered."""
        return self.waiting > 0


def progress(batch: Batch, *, operator: Operator | None = None) -> Progress:
    """Counts of the items; with an operator, of those whose meters he may see. One query."""
    return progress_of([batch], operator=operator)[batch.pk]


def progress_of(found: list[Batch], *, operator: Operator | None = None) -> dict[str, Progress]:
    """The same for several batches, still one query."""
    rows = _seen(BatchItem.objects.filter(batch__in=[one.pk for one in found]), operator)
    counted = rows.order_by().values_list("batch", _STATE).annotate(count=Count("pk"))
    empty = {**dict.fromkeys((state.value for state in State), 0), SKIPPED: 0}
    counts = {one.pk: dict(empty) for one in found}
    for batch_id, state, count in counted:
        counts[batch_id][state] = count
    return {one.pk: Progress(one, counts[one.pk]) for one in found}


_STATE = Case(
    When(order__isnull=True, then=Value(SKIPPED)), default=F("order__state"), output_field=CharField(max_length=9)
)


def items(batch: Batch, *, operator: Operator, state: str = "") -> QuerySet[BatchItem]:
    """The items with their meters, rooms and orders, worst first; `state` an order's state, `failed` or `skipped`."""
    rows = _seen(batch.items.all(), operator).select_related("order", "meter__room__floor__building", "meter__state")
    if state == "failed":
        rows = rows.filter(order__state__in=FAILED)
    elif state == SKIPPED:
        rows = rows.filter(order__isnull=True)
    elif state:
        rows = rows.filter(order__state=state)
    worst = Case(
        When(order__state__in=(*FAILED, State.UNCLEAR), then=0),
        When(order__state__in=OPEN, then=1),
        When(order__isnull=True, then=2),
        default=3,
    )
    return rows.order_by(worst, "meter__number")


def running(*, operator: Operator) -> QuerySet[Batch]:
    return batches(operator=operator).filter(state=BatchState.RUNNING)


def _seen(rows: QuerySet[BatchItem], operator: Operator | None) -> QuerySet[BatchItem]:
    if operator is None or operator.all_buildings:
        return rows
    return rows.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))


# --- desired against reported -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A meter that shows something else than was sent to it. `off` is {name: (sent, shown)}."""

    meter: Meter
    desired: Desired
    reported: Reported
    off: Mapping[str, tuple[int, int]]
    on_its_way: bool  # an order with such values is: it may settle by itself


def differing_meters(*, operator: Operator) -> MeterQuerySet:
    """For counting, filtering the fleet grid, and choosing them all."""
    return Meter.objects.for_operator(operator).filter(active=True, pk__in=differing().values("meter"))


def differences_of(meters: MeterQuerySet) -> list[Difference]:
    """What differs, for a page of meters (already within the operator's buildings). Two queries."""
    found = list(meters.filter(pk__in=differing().values("meter")).select_related("room", "desired", "reported"))
    kinds = [kind.value for kind in VALUE_KINDS]
    moving = set(
        MeterOrder.objects.filter(meter__in=[one.pk for one in found], kind__in=kinds, state__in=OPEN).values_list(
            "meter", flat=True
        )
    )
    return [
        Difference(
            meter,
            meter.desired,
            meter.reported,
            differences(meter.desired.known(), meter.reported.known()),
            meter.pk in moving,
        )
        for meter in found
    ]


def overdue_to_read() -> Q:
    """Meters whose settings were never shown: nothing can be compared there."""
    return Q(reported__isnull=True)
