"""What was compared, within the operator's buildings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Case, F, QuerySet, Sum, Value, When

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter
from prewatt.domain.reconciliation.models import Acceptance, Line, Run, Total, Verdict

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.staff.models import Operator

SUMS = ("books_fen", "meter_fen", "unbooked_fen", "moving_fen", "surplus_fen", "unexplained_fen")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`day` None: the newest comparison."""

    day: date | None = None
    verdict: str = ""
    building: str = ""  # its code
    text: str = ""
    cause: str = ""


def latest() -> Run | None:
    return Run.objects.filter(at__isnull=False).order_by("-day").first()


def run_of(day: date | None) -> Run | None:
    return latest() if day is None else Run.objects.filter(day=day, at__isnull=False).first()


def lines(*, operator: Operator, wanted: Wanted) -> QuerySet[Line]:
    """His meters' lines of one day. Where a meter hangs today says whose it is."""
    run = run_of(wanted.day)
    found = Line.objects.filter(run=run) if run else Line.objects.none()
    if not (operator.is_active and operator.all_buildings):
        found = found.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))
    if wanted.verdict:
        found = found.filter(verdict=wanted.verdict)
    if wanted.cause:
        found = found.filter(cause=wanted.cause)
    if wanted.building:
        found = found.filter(building__code=wanted.building)
    if wanted.text:
        meters = Meter.objects.filter(estate.fitting(wanted.text)).order_by().values("pk")
        found = found.filter(meter__in=meters)
    rank = Case(*(When(verdict=verdict, then=Value(at)) for at, verdict in enumerate(Verdict)))
    # Fetched for a page's own lines: joined, ten thousand rows would be joined to be sorted.
    return found.annotate(rank=rank).prefetch_related("meter__room", "opening__customer", "building")


def sums(found: QuerySet[Line]) -> dict[str, int]:
    """Of what is listed; what is not known counts nothing."""
    total = found.order_by().aggregate(**{name: Sum(name) for name in SUMS})
    return {name: int(fen or 0) for name, fen in total.items()}


def totals(*, operator: Operator) -> QuerySet[Total]:
    """The sums of his buildings, day by day. What hangs in no building is for those who see them all."""
    found = Total.objects.filter(run__at__isnull=False).select_related("building", "run")
    if operator.is_active and operator.all_buildings:
        return found
    return found.filter(
        building__in=[one.pk for one in estate.buildings(operator=operator)] if operator.is_active else []
    )


def of_run(run: Run, *, operator: Operator) -> list[Total]:
    """That day's sums of his buildings, in the order of the buildings."""
    return list(totals(operator=operator).filter(run=run).order_by("building__sort", "building__code"))


def differing_counts() -> list[tuple[int, int | None, int, int | None, datetime | None, int | None]]:
    """Meters whose purchase count the newest comparison could not explain: (meter, opening …) for alarms."""
    run = latest()
    found = Line.objects.filter(run=run, verdict=Verdict.DIFFERS).exclude(count_meter=F("count_books"))
    rows = found.values_list("meter_id", "opening_id", "count_books", "count_meter", "read_at", "building_id")
    return list(rows) if run else []


def differing_money() -> list[tuple[int, int, int | None, str, datetime | None, int | None, int]]:
    """Meters whose count agrees and whose money the newest comparison could not explain: (meter, opening …) for alarms.

    What two people have taken into the books since is explained.
    """
    run = latest()
    if run is None:
        return []
    since = Acceptance.objects.filter(at__gt=run.at).values("opening")
    found = Line.objects.filter(run=run, verdict=Verdict.DIFFERS, count_meter=F("count_books"))
    names = ("meter_id", "opening_id", "unexplained_fen", "cause", "read_at", "building_id", "meter__bus_id")
    return list(found.exclude(opening__in=since).values_list(*names))


def accepted(opening: Opening) -> list[Acceptance]:
    """What was taken into this account's books, the newest first."""
    return list(Acceptance.objects.filter(opening=opening).select_related("operator", "second_person").order_by("-at"))
