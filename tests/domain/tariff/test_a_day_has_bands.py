"""The bands of a day behind a chart: those of the plan that most meters use, among the plans that have hours."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from counter import NOW, Counter
from prewatt.domain.estate.models import Meter
from prewatt.domain.tariff.bands import Span, _spans, bands_of
from prewatt.domain.tariff.operations import assign
from prewatt.domain.tariff.rules.plan import Slot
from prewatt.domain.tariff.versions import add_version

DAY = date(2026, 6, 1)


@pytest.fixture
def counter(db: None) -> Counter:
    return Counter(meters=3)


def hours(name: str, evening: str) -> dict[str, Any]:
    table = [["00:00", "valley"], ["08:00", "flat"], [evening, "peak"], ["22:00", "valley"]]
    version = {
        "prices": {"valley": "0.3", "flat": "0.7", "peak": "1.1"},
        "tables": {"usual": [{"at": at, "band": band} for at, band in table]},
        "calendar": [{"table": "usual"}],
    }
    return {"format": "prewatt-tariff-1", "name": name, "versions": [version]}


def use(counter: Counter, document: dict[str, Any], *meters: Meter) -> None:
    name = document["name"]
    facts: dict[str, Any] = {"key": name, "plan": None, "name": name, "effective_from": None, "now": NOW}
    plan = add_version(document=document, day=NOW.date(), operator=counter.admin, **facts).plan
    assign(plan=plan, meter_ids=[meter.pk for meter in meters], operator=counter.admin, now=NOW)


def shown(counter: Counter) -> list[tuple[int, str]]:
    found = bands_of(Meter.objects.for_operator(counter.admin), day=DAY, now=counter.now)
    return [(span.first // 60, span.band) for span in found]


def test_the_plan_of_most_meters_that_has_hours_says_them(counter: Counter) -> None:
    assert shown(counter) == []
    flat = {"format": "prewatt-tariff-1", "name": "flat", "versions": [{"price": "0.5"}]}
    use(counter, flat, *counter.meters)
    assert shown(counter) == []
    use(counter, hours("early", "17:00"), counter.meters[0])
    assert shown(counter) == [(0, "valley"), (8, "flat"), (17, "peak"), (22, "valley")]


def test_a_stranger_sees_no_hours_of_meters_that_are_not_his(counter: Counter) -> None:
    use(counter, hours("early", "17:00"), *counter.meters)
    assert bands_of(Meter.objects.for_operator(counter.stranger), day=DAY, now=counter.now) == ()


def test_before_the_first_slot_the_last_one_of_the_evening_holds() -> None:
    assert _spans((Slot(time(6), "flat"), Slot(time(22), "valley"))) == (
        Span(0, 360, "valley"),
        Span(360, 1320, "flat"),
        Span(1320, 1440, "valley"),
    )
