"""Reads of commissioning: whose bus, what was found, and how that differs from the estate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import Count, QuerySet

from prewatt.domain.commissioning.models import Inquiry, SeenFrame
from prewatt.domain.estate import scope
from prewatt.domain.estate.models import Bus, Meter
from prewatt.link.messages import InquiryKind

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

SUSPICIONS_MAX = 500


class Verdict(StrEnum):
    KNOWN = "known"
    WRONG_MODEL = "wrong_model"
    UNKNOWN = "unknown"  # it answers and is not in the estate
    MISSING = "missing"  # it is in the estate and does not answer
    TWICE = "twice"  # two answer to one address
    GARBLED = "garbled"  # every answer damaged


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a bus, as found and as known."""

    unit: int
    address: str
    verdict: Verdict
    meter: Meter | None = None
    profiles: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.address or str(self.unit)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """An address that two meters may have, and how that was noticed."""

    at: datetime
    bus: Bus
    label: str
    why: str  # `configured`, `twice` or `garbled`
    numbers: list[str]


def buses(operator: Operator) -> QuerySet[Bus]:
    """The buses that he may look at: a scan shows whatever is on the wire, so every meter there must be his."""
    found = Bus.objects.select_related("gateway").order_by("gateway__code", "code")
    if not operator.is_active:
        return found.none()
    if operator.all_buildings:
        return found
    mine = Meter.objects.for_operator(operator).order_by()
    others = Meter.objects.exclude(pk__in=mine.values("pk")).order_by()
    return found.filter(pk__in=mine.values("bus")).exclude(pk__in=others.values("bus"))


def with_meters(found: QuerySet[Bus]) -> QuerySet[Bus]:
    return found.annotate(meter_count=Count("meters"))


def inquiries(operator: Operator) -> QuerySet[Inquiry]:
    mine = buses(operator).order_by().values("pk")
    return Inquiry.objects.filter(bus__in=mine).select_related("bus__gateway", "operator")


def newest(*, bus: Bus, kinds: Iterable[InquiryKind], operator: Operator) -> Inquiry | None:
    """The last look of these kinds at this bus."""
    return inquiries(operator).filter(bus=bus, kind__in=[kind.value for kind in kinds]).order_by("-placed_at").first()


def meters(bus: Bus) -> list[Meter]:
    """The meters that a gateway asks on this bus, by address."""
    found = Meter.objects.filter(bus=bus, active=True).select_related("room__floor__building")
    return list(found.order_by("unit", "address", "number"))


def compare(inquiry: Inquiry) -> list[Place]:
    """What a scan found beside what the estate says, by address."""
    known = {(meter.unit if not meter.address else 0, meter.address): meter for meter in meters(inquiry.bus)}
    places = []
    for found in inquiry.found:
        meter = known.get((found["unit"] if not found["address"] else 0, found["address"]))
        verdict = _verdict(meter, found["profiles"], found["note"])
        places.append(Place(found["unit"], found["address"], verdict, meter, found["profiles"]))
    answered = {(place.unit, place.address) for place in places}
    for key, meter in known.items():
        silent = meter.unit in inquiry.missing if not meter.address else inquiry.state == "done"
        asked = inquiry.kind != InquiryKind.IDENTIFY and key not in answered
        if silent and asked:
            places.append(Place(meter.unit, meter.address, Verdict.MISSING, meter))
    return sorted(places, key=lambda place: (place.unit, place.address))


def _verdict(meter: Meter | None, profiles: list[str], note: str) -> Verdict:
    if note:
        return Verdict(note) if note in (Verdict.TWICE, Verdict.GARBLED) else Verdict.GARBLED
    if meter is None:
        return Verdict.UNKNOWN
    return Verdict.WRONG_MODEL if profiles and meter.profile not in profiles else Verdict.KNOWN


def frames(inquiry: Inquiry, *, after: int = 0, limit: int = 200) -> list[SeenFrame]:
    """The newest frames behind number `after`, oldest first."""
    newest_first = SeenFrame.objects.filter(inquiry=inquiry, number__gt=after).order_by("-number")[:limit]
    return list(newest_first)[::-1]


def suspicions(operator: Operator) -> list[Suspicion]:
    """Addresses used twice: as gateways told of their configuration, and as scans heard them. The newest first."""
    told = [*_configured_twice(operator), *_heard_twice(operator)]
    return sorted(told, key=lambda one: one.at, reverse=True)[:SUSPICIONS_MAX]


def _configured_twice(operator: Operator) -> Iterable[Suspicion]:
    """Once for each bus and address: a gateway repeats it with each configuration."""
    mine = {(bus.gateway_id, bus.code): bus for bus in buses(operator)}
    seen: dict[tuple[int, str, str], Suspicion] = {}
    events = scope.events(operator).filter(code="duplicate_address").order_by("-at")[:SUSPICIONS_MAX]
    for event in events:
        label = str(event.detail.get("address") or event.detail.get("unit", ""))
        key = (event.gateway_id, str(event.detail.get("bus", "")), label)
        bus = mine.get(key[:2])
        if bus is not None and key not in seen:
            seen[key] = Suspicion(event.at, bus, label, "configured", [])
        if key in seen and event.meter_number not in seen[key].numbers:
            seen[key].numbers.append(event.meter_number)
            seen[key].numbers.sort()
    return seen.values()


def _heard_twice(operator: Operator) -> Iterable[Suspicion]:
    """What the newest look that asked an address says of it; a later look that finds it sound clears it."""
    judged: set[tuple[int, int]] = set()
    looks = inquiries(operator).exclude(kind__in=[InquiryKind.READ, InquiryKind.WATCH]).order_by("-placed_at")
    for inquiry in looks[:SUSPICIONS_MAX]:
        for found in inquiry.found:
            key = (inquiry.bus_id, found["unit"])
            if found["address"] or key in judged:
                continue
            judged.add(key)
            if found["note"]:
                numbers = Meter.objects.filter(bus=inquiry.bus, unit=found["unit"], active=True)
                told = list(numbers.values_list("number", flat=True))
                at = inquiry.ended_at or inquiry.placed_at
                yield Suspicion(at, inquiry.bus, str(found["unit"]), found["note"], told)
