"""Energy used, split and compared; and every meter with all that is known of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from domain.metering.site import Site, at, look
from prewatt.domain.estate.models import Building, Customer, Floor, Meter, Opening, Room
from prewatt.domain.staff.models import Operator, Role
from prewatt.domain.staff.operations import ready_roles
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
DAY = 24 * 60


@pytest.fixture
def site(db: None) -> Site:
    """Room 101 uses a kWh an hour and from the eighth day on two; room 201 always half a kWh."""
    one = Site()
    rooms = []
    for code, number in (("A", "101"), ("B", "201")):
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=f"{code}座"), number=1)
        rooms.append(Room.objects.create(floor=floor, number=number))
    one.second = one.add("0300010402")  # type: ignore[attr-defined]
    for meter, room in ((one.meter, rooms[0]), (one.second, rooms[1])):  # type: ignore[attr-defined]
        Meter.objects.filter(pk=meter.pk).update(room=room)
    hours = range(14 * 24 + 2)
    one.record([look(one.meter, hour * 60, energy_wh=1000 * (hour + max(0, hour - 7 * 24))) for hour in hours])
    one.record([look(one.second, hour * 60, energy_wh=500 * hour, balance_fen=1234) for hour in hours])  # type: ignore[attr-defined]
    one.close(14 * DAY + 120)
    return one


def who(role: str = "finance", *codes: str) -> Operator:
    its = Role.objects.filter(code=role).first() or ready_roles()[role]
    one, _new = Operator.objects.get_or_create(
        username=f"{role}{''.join(codes)}", defaults={"role": its, "all_buildings": not codes, "created_at": at(0)}
    )
    one.buildings.set(Building.objects.filter(code__in=codes))
    return one


def get(client: Any, name: str, person: Operator | None = None, **query: str) -> Any:
    with time_machine.travel(NOON, tick=False):
        client.force_login(person or who())
        return client.get(reverse(f"console:{name}"), query)


def cells(answer: Any) -> list[dict[str, str]]:
    return [{cell.column.key: cell.text for cell in row} for row in answer.context["table"].rows()]


WEEK = {"from": "2026-06-08", "to": "2026-06-14"}


def test_rooms_stand_with_their_use_and_their_share(client: Any, site: Site) -> None:
    rows = cells(get(client, "report-usage", by="room", **WEEK))
    assert [(row["name"], row["wh"], row["share"]) for row in rows] == [
        ("101", "336.00", "80.00"),
        ("201", "84.00", "20.00"),
    ]
    assert not {"earlier", "change", "change_part"} & rows[0].keys()  # nobody compares: they would stand empty


def test_a_week_is_held_against_the_week_before(client: Any, site: Site) -> None:
    answer = get(client, "report-usage", by="building", against="before", **WEEK)
    rows = cells(answer)
    assert [(row["name"], row["earlier"], row["change"], row["change_part"]) for row in rows] == [
        ("A座", "168.00", "168.00", "100.00"),
        ("B座", "84.00", "0.00", "0.00"),
    ]
    sums = {column.key: total for column, total in answer.context["table"].totals()}
    assert (sums["wh"], sums["earlier"], sums["change"]) == ("420.00", "252.00", "168.00")


def test_days_are_drawn_beside_the_days_before(client: Any, site: Site) -> None:
    text = get(client, "report-usage", by="time", against="before", **WEEK).content.decode()
    chart = json.loads(unescape(text.partition('data-chart="')[2].partition('"')[0]))
    assert chart["values"] == [60.0] * 7
    assert chart["earlier"] == [36.0] * 7
    assert chart["labels"][0] == "06-08"


def test_a_day_is_held_against_its_own_day_though_others_are_missing(client: Any, site: Site) -> None:
    span = {"from": "2026-06-03", "to": "2026-06-09"}
    answer = get(client, "report-usage", by="time", against="before", **span)
    text = answer.content.decode()
    chart = json.loads(unescape(text.partition('data-chart="')[2].partition('"')[0]))
    assert chart["earlier"] == [None] * 5 + [36.0, 36.0]
    assert [row["earlier"] for row in cells(answer)] == ["0.00"] * 5 + ["36.00"] * 2


@pytest.mark.parametrize("by", ["time", "meter", "room", "floor", "area", "building", "use", "tenant"])
@pytest.mark.parametrize("per", ["", "day", "month", "year"])
def test_however_it_is_split_the_sum_is_the_same(client: Any, site: Site, by: str, per: str) -> None:
    answer = get(client, "report-usage", by=by, per=per, **WEEK)
    assert {column.key: total for column, total in answer.context["table"].totals()}["wh"] == "420.00"


def test_a_tenants_meters_are_added_up_and_lead_to_him(client: Any, site: Site) -> None:
    tenant = Customer.objects.create(number="K1", name="张三", created_at=at(0))
    Opening.objects.create(meter=site.second, customer=tenant, opened_at=at(60))  # type: ignore[attr-defined]
    answer = get(client, "report-usage", by="tenant", against="before", sort="-wh", **WEEK)
    rows = [{cell.column.key: cell for cell in row} for row in answer.context["table"].rows()]
    assert [[row[key].text for key in ("wh", "earlier", "share")] for row in rows] == [
        ["336.00", "168.00", "80.00"],
        ["84.00", "84.00", "20.00"],
    ]
    assert rows[0]["name"].text == "未开户"
    assert (rows[1]["name"].text, rows[1]["name"].link) == ("张三", reverse("console:customer", args=[tenant.pk]))


def test_the_workbook_holds_numbers(client: Any, site: Site) -> None:
    rows = opened(get(client, "report-usage", by="room", export="xlsx", **WEEK)).values
    assert {336.0, 84.0} <= {cell for row in rows for cell in row if isinstance(cell, (int, float))}


@pytest.mark.parametrize("name", ["report-usage", "report-meters"])
def test_who_sees_one_building_reads_of_no_other(client: Any, site: Site, name: str) -> None:
    text = get(client, name, who("finance", "B")).content.decode()
    assert "B座" in text
    assert "A座" not in text
    assert site.meter.number not in text


@pytest.mark.parametrize("name", ["report-usage", "report-meters"])
def test_it_takes_the_right_to_reports(client: Any, site: Site, name: str) -> None:
    Role.objects.create(code="guard", name="保安", rights=["read", "switch"])
    assert get(client, name, who("guard")).status_code == 403


@pytest.mark.parametrize("odd", [{"from": "2026-06-20", "to": "2026-06-01"}, {"from": "0001-01-01"}, {"area": "x"}])
def test_odd_spans_are_answered(client: Any, site: Site, odd: dict[str, str]) -> None:
    assert get(client, "report-usage", against="year", **odd).status_code == 200


def test_every_meter_has_its_line_with_everything(client: Any, site: Site) -> None:
    every = ",".join(column.key for column in get(client, "report-meters").context["table"].register.columns)
    rows = cells(get(client, "report-meters", cols=every))
    assert [row["number"] for row in rows] == ["0300010401", "0300010402", "9900000001"]
    assert (rows[1]["balance"], rows[1]["energy"], rows[1]["room"]) == ("12.34", "168.50", "201")


def test_its_workbook_has_every_meter(client: Any, site: Site) -> None:
    rows = opened(get(client, "report-meters", export="xlsx")).values
    assert {"0300010401", "0300010402", "9900000001"} <= {cell for row in rows for cell in row}


@pytest.mark.parametrize("by", ["meter", "room", "floor", "area", "building", "use"])
def test_the_database_sorts_as_the_values_stand(client: Any, site: Site, by: str) -> None:
    query = {"by": by, "from": "2026-06-08", "to": "2026-06-14", "against": "before"}
    table = get(client, "report-usage", **query).context["table"]
    rows = list(table.page.object_list)
    assert rows
    for column in table.register.columns:
        if column.key == "name":
            continue
        for falling in ("", "-"):
            sort = get(client, "report-usage", **query, sort=f"{falling}{column.key}").context["table"]
            values = [column.of(row) for row in sort.page.object_list]
            meant = sorted(
                map(column.of, rows), key=lambda value: (value is not None, value or 0), reverse=falling == "-"
            )
            assert (
                values == meant if column.kind != "text" else values == sorted(map(str, values), reverse=falling == "-")
            )
            assert sort.page.paginator.count == len(rows)
