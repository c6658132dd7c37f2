"""The page of use by hour and weekday: its cells, its colours, its figures, its file, and who sees which building."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from domain.metering.site import Site, at, look
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.domain.staff.models import Operator, Role
from prewatt.domain.staff.operations import ready_roles
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 16, 4, 0, tzinfo=UTC)
DAY = 24 * 60
SPAN = {"from": "2026-06-01", "to": "2026-06-14"}


def kwh(hour: int) -> int:
    """What is used in the hour so many hours after Monday: 10 on working days from nine to seventeen, else 2."""
    weekday, of_day = hour // 24 % 7, hour % 24
    return 10 if weekday < 5 and 9 <= of_day < 18 else 2


@pytest.fixture
def site(db: None) -> Site:
    one = Site()
    for code, meter in (("A", one.meter), ("B", one.add("0300010402"))):
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=f"{code}座"), number=1)
        Meter.objects.filter(pk=meter.pk).update(room=Room.objects.create(floor=floor, number=f"{code}01"))
    shown = [1000 * sum(kwh(past) for past in range(hour)) for hour in range(15 * 24 + 2)]
    one.record([look(one.meter, hour * 60, energy_wh=wh) for hour, wh in enumerate(shown)])
    one.close(15 * DAY + 120)
    return one


def who(*codes: str, role: str = "finance") -> Operator:
    its = Role.objects.filter(code=role).first() or ready_roles()[role]
    one, _new = Operator.objects.get_or_create(
        username=f"{role}{''.join(codes)}", defaults={"role": its, "all_buildings": not codes, "created_at": at(0)}
    )
    one.buildings.set(Building.objects.filter(code__in=codes))
    return one


def get(client: Any, person: Operator, **query: str) -> Any:
    with time_machine.travel(NOON, tick=False):
        client.force_login(person)
        return client.get(reverse("console:report-shape"), query)


def cells(answer: Any) -> list[dict[str, Any]]:
    return [{cell.column.key: cell for cell in row} for row in answer.context["table"].rows()]


def test_each_hour_of_each_weekday_stands_in_its_cell(client: Any, site: Site) -> None:
    rows = cells(get(client, who(), **SPAN))
    assert [row["hour"].text for row in rows] == [f"{hour:02d}:00" for hour in range(24)]
    assert {(row["mon"].text, row["sun"].text) for row in rows[9:18]} == {("10.00", "2.00")}
    assert {row["wed"].text for row in rows[:9] + rows[18:]} == {"2.00"}
    assert (rows[12]["workdays"].text, rows[12]["weekend"].text) == ("10.00", "2.00")


def test_the_highest_hours_are_the_warmest(client: Any, site: Site) -> None:
    rows = cells(get(client, who(), **SPAN))
    assert "heat-8" in rows[12]["mon"].tone
    assert "heat-0" in rows[12]["sun"].tone


def test_base_load_and_load_factor_are_said(client: Any, site: Site) -> None:
    shape = get(client, who(), **SPAN).context["shape"]
    used = sum(kwh(hour) for hour in range(14 * 24))
    assert (shape.wh, shape.base_wh, shape.highest.wh) == (used * 1000, 2000, 10_000)
    assert shape.load_factor_e3 == round(used * 1000 / (14 * 24 * 10))
    assert shape.base_share_e3 == round(2 * 14 * 24 * 1000 / used)
    assert shape.missing == 0


def test_working_days_are_drawn_beside_weekends(client: Any, site: Site) -> None:
    text = get(client, who(), **SPAN).content.decode()
    chart = json.loads(unescape(text.partition('data-chart="')[2].partition('"')[0]))
    assert chart["today"] == [10.0 if 9 <= hour < 18 else 2.0 for hour in range(24)]
    assert chart["yesterday"] == [2.0] * 24


def test_the_workbook_holds_the_same_numbers(client: Any, site: Site) -> None:
    rows = [row for row in opened(get(client, who(), export="xlsx", **SPAN)).values if row and row[0] == "12:00"]
    assert list(rows[0][1:8]) == [10.0] * 5 + [2.0] * 2


def test_today_is_left_out_and_the_last_four_weeks_are_shown_unasked(client: Any, site: Site) -> None:
    shape = get(client, who()).context["shape"]
    assert (str(shape.days.first), str(shape.days.last)) == ("2026-05-19", "2026-06-15")
    assert get(client, who(), to="2026-06-16").context["shape"].days.last == shape.days.last


def test_a_strangers_building_is_empty_and_the_wrong_role_is_sent_away(client: Any, site: Site) -> None:
    answer = get(client, who("B"), **SPAN)
    assert cells(answer) == []
    assert cells(get(client, who("B"), building="A", **SPAN)) == []
    Role.objects.create(code="guard", name="保安", rights=["read", "switch"])
    assert get(client, who(role="guard"), **SPAN).status_code == 403


@pytest.mark.parametrize(
    "odd", [{"from": "2026-13-01"}, {"to": "1999-01-01"}, {"from": "0001-01-01"}, {"to": "0001-01-01"}, {"floor": "x"}]
)
def test_odd_filters_are_an_answer_not_a_fault(client: Any, site: Site, odd: dict[str, str]) -> None:
    assert get(client, who(), **odd).status_code == 200
