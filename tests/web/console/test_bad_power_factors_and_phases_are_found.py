"""The pages of 功率因数 and 三相不平衡: the worst first, one meter's day, the file, and who sees which."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from domain.metering.site import Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.domain.metering.models import Reading
from prewatt.domain.staff.models import Role
from web.console.test_use_is_shown_by_hour_and_weekday import cells, who
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 4, 4, 0, tzinfo=UTC)
DAY = 24 * 60
SPAN = {"from": "2026-06-01", "to": "2026-06-03"}


def values(number: str, hour: int) -> dict[str, int]:
    good = {"power_w": 4000, "power_factor": 980, "current_a_a": 6000, "current_b_a": 6100, "current_c_a": 6200}
    if number == "BAD":
        day = 9 <= hour % 24 < 18
        return good | {"power_w": 8000 if day else 1000, "power_factor": 700 if day else 900}
    if number == "LOPSIDED":
        return good | {"current_c_a": 1220, "current_b_a": 3050}
    return good if number == "GOOD" else {"power_w": 10}


@pytest.fixture
def site(db: None) -> Site:
    one = Site()
    meters = {number: one.add(number) for number in ("BAD", "LOPSIDED", "GOOD", "MUTE")}
    for code, here in (("A", list(meters.values())), ("B", [])):
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=f"{code}座"), number=1)
        room = Room.objects.create(floor=floor, number=f"{code}01")
        Meter.objects.filter(pk__in=[meter.pk for meter in here]).update(room=room)
    one.record(
        look(meter, hour * 60, energy_wh=hour * 100, **values(number, hour))
        for number, meter in meters.items()
        for hour in range(3 * 24 + 2)
    )
    one.close(3 * DAY + 120)
    return one


def get(client: Any, name: str = "report-quality", person: Any = None, **query: str) -> Any:
    with time_machine.travel(NOON, tick=False):
        client.force_login(person or who())
        client.cookies["django_language"] = "en"
        return client.get(reverse(f"console:{name}"), query)


def test_the_worst_power_factor_stands_on_top_with_what_its_raw_readings_say(client: Any, site: Site) -> None:
    answer = get(client, **SPAN)
    rows = cells(answer)
    assert [row["number"].text for row in rows] == ["BAD", "GOOD", "LOPSIDED"]
    end_ms = datetime(2026, 6, 3, 16, tzinfo=UTC).timestamp() * 1000  # midnight there
    raw = Reading.objects.filter(meter__number="BAD", taken_ms__lt=end_ms)
    factor = sum(one.power_w for one in raw) / sum(one.power_w * 1000 / one.power_factor_e3 for one in raw)
    assert len(raw) == 72
    assert float(rows[0]["factor"].text) == pytest.approx(factor, abs=0.006)
    assert rows[0]["lowest"].text == "0.70"
    assert "power factor under 0.90</td>" in answer.content.decode()
    assert (answer.context["low"], answer.context["unbalanced"], answer.context["meters"]) == (1, 1, 3)


def test_phases_that_stand_apart_are_found(client: Any, site: Site) -> None:
    rows = cells(get(client, sort="-unbalance", state="unbalanced", **SPAN))
    assert [[row[key].text for key in ("number", "unbalance", "worst")] for row in rows] == [
        ["LOPSIDED", "79.70", "79.70"]  # (6000 - 1220) / 6000, in thousandths
    ]
    assert [row["number"].text for row in cells(get(client, state="low", **SPAN))] == ["BAD"]


def test_a_meters_day_is_drawn_and_listed_as_it_was_read(client: Any, site: Site) -> None:
    Meter.objects.filter(number="BAD").update(ct_ratio=20)
    answer = get(client, "report-quality-day", meter="BAD", day="2026-06-02")
    rows = cells(answer)
    assert len(rows) == 24
    assert [rows[12][key].text for key in ("power", "factor", "a", "unbalance")] == ["160.00", "0.70", "120.00", "3.20"]
    charts = [
        json.loads(unescape(part.partition('"')[0])) for part in answer.content.decode().split('data-chart="')[1:]
    ]
    assert [len(chart["series"]) for chart in charts] == [1, 3]
    assert charts[0]["series"][0]["values"][12] == 0.7
    assert charts[1]["series"][2]["values"][0] == 124.0
    assert cells(get(client, "report-quality-day", day="2026-06-02")) == []


@pytest.mark.parametrize(
    ("name", "query", "count"),
    [("report-quality", SPAN, 3), ("report-quality-day", {"meter": "BAD", "day": "2026-06-02"}, 24)],
)
def test_the_file_holds_every_row(client: Any, site: Site, name: str, query: dict[str, str], count: int) -> None:
    rows = opened(get(client, name, export="xlsx", **query)).values
    assert len([row for row in rows if row and any(isinstance(cell, float) for cell in row)]) == count


def test_who_works_in_another_building_sees_nothing(client: Any, site: Site) -> None:
    assert cells(get(client, person=who("B"), **SPAN)) == []
    assert cells(get(client, "report-quality-day", who("B"), meter="BAD", day="2026-06-02")) == []
    assert len(cells(get(client, person=who("A"), **SPAN))) == 3
    assert len(cells(get(client, "report-quality-day", who("A"), meter="BAD", day="2026-06-02"))) == 24


@pytest.mark.parametrize("name", ["report-quality", "report-quality-day"])
def test_it_takes_the_right_to_reports(client: Any, site: Site, name: str) -> None:
    Role.objects.create(code="guard", name="保安", rights=["read", "switch"])
    assert get(client, name, who(role="guard")).status_code == 403


def test_a_span_that_is_too_long_is_cut_and_says_so(client: Any, site: Site) -> None:
    assert "No more than 31 days" in get(client, **{"from": "2026-01-01", "to": "2026-06-03"}).content.decode()
    assert "No more than 31 days" not in get(client, **SPAN).content.decode()
