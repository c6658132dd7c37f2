"""The pages of 分表平衡: figures, gaps, what is pointed out, the meters below one, the file, and who sees which."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from domain.metering.site import Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.domain.staff.models import Role
from web.console.test_use_is_shown_by_hour_and_weekday import cells, who
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 8, 4, 0, tzinfo=UTC)
DAY = 24 * 60
SPAN = {"from": "2026-06-01", "to": "2026-06-07"}


@pytest.fixture
def site(db: None) -> Site:
    """MAIN counts 100 kWh a day; below it ONE 60 and TWO 30, and below ONE, LEAF 59.4."""
    one = Site()
    main, leaf = one.add("MAIN"), one.add("LEAF")
    subs = [one.add("ONE"), one.add("TWO")]
    for code, meters in (("A", [main, *subs, leaf]), ("B", [])):
        floor = Floor.objects.create(building=Building.objects.create(code=code, name=f"{code}座"), number=1)
        room = Room.objects.create(floor=floor, number=f"{code}01")
        Meter.objects.filter(pk__in=[meter.pk for meter in meters]).update(room=room)
    Meter.objects.filter(pk__in=[meter.pk for meter in subs]).update(parent=main)
    Meter.objects.filter(pk=leaf.pk).update(parent=subs[0])
    daily = {main: 100_000, subs[0]: 60_000, subs[1]: 30_000, leaf: 59_400}
    one.record(
        look(meter, hour * 60, energy_wh=wh * hour // 24) for meter, wh in daily.items() for hour in range(7 * 24 + 2)
    )
    one.close(7 * DAY + 120)
    return one


def get(client: Any, name: str = "report-balance", person: Any = None, **query: str) -> Any:
    with time_machine.travel(NOON, tick=False):
        client.force_login(person or who())
        client.cookies["django_language"] = "en"
        return client.get(reverse(f"console:{name}"), query)


def test_each_meter_that_feeds_others_stands_beside_their_sum(client: Any, site: Site) -> None:
    rows = cells(get(client, **SPAN))
    assert [[row[key].text for key in ("number", "own", "below", "lost", "lost_part", "meters")] for row in rows] == [
        ["MAIN", "700.00", "630.00", "70.00", "10.00", "2"],
        ["ONE", "420.00", "415.80", "4.20", "1.00", "1"],
    ]
    assert "more than 5 % are missing below" in rows[0]["said"].text
    assert rows[1]["said"].text == ""


@pytest.mark.parametrize(("above", "states"), [("10", ["good", "good"]), ("5", ["beyond", "good"])])
def test_what_is_pointed_out_is_set_on_the_page(client: Any, site: Site, above: str, states: list[str]) -> None:
    found = get(client, above=above, **SPAN)
    assert [row["key"] for row in found.context["table"].ordered()] == states
    only = cells(get(client, above=above, state="beyond", **SPAN))
    assert len(only) == states.count("beyond")


def test_a_gap_is_named_and_shows_no_difference(client: Any, site: Site) -> None:
    new = site.add("LATER")
    Meter.objects.filter(pk=new.pk).update(parent=Meter.objects.get(number="MAIN"), room=Room.objects.get(number="A01"))
    site.record(look(new, 3 * DAY + hour * 60, energy_wh=hour) for hour in range(4 * 24 + 2))
    site.close(7 * DAY + 120)
    answer = get(client, **SPAN)
    assert "not complete" in answer.content.decode()
    rows = {row["number"].text: row for row in cells(answer)}
    assert [rows["MAIN"][key].text for key in ("lost", "lost_part")] == ["", ""]
    assert "LATER (3 days are not known)" in rows["MAIN"]["said"].text
    text = get(client, "report-balance-below", parent="MAIN", **SPAN).content.decode()
    assert "A difference is shown when every figure of the days is known" in text


def test_those_that_counted_more_than_what_feeds_them_are_pointed_out(client: Any, site: Site) -> None:
    Meter.objects.filter(number="TWO").update(ct_ratio=2)
    site.record([look("TWO", 30, energy_wh=625)])  # read late: its days are closed again
    site.close(7 * DAY + 120)
    row = cells(get(client, **SPAN))[-1]
    assert (row["number"].text, row["lost"].text) == ("MAIN", "−140.00")
    assert "ratios and wiring" in row["said"].text


def test_the_meters_below_one_stand_on_a_page_of_their_own(client: Any, site: Site) -> None:
    listed = cells(get(client, **SPAN))[0]["number"].link
    with time_machine.travel(NOON, tick=False):
        answer = client.get(listed)
    rows = cells(answer)
    assert [[row[key].text for key in ("number", "wh", "share", "feeds")] for row in rows] == [
        ["ONE", "420.00", "60.00", "1"],
        ["TWO", "210.00", "30.00", ""],
    ]
    assert "70.00" in answer.content.decode()
    assert "parent=ONE" in rows[0]["feeds"].link
    assert cells(get(client, "report-balance-below", **SPAN)) == []


@pytest.mark.parametrize(("name", "more"), [("report-balance", {}), ("report-balance-below", {"parent": "MAIN"})])
def test_the_file_holds_what_is_shown(client: Any, site: Site, name: str, more: dict[str, str]) -> None:
    shown = [row["number"].text for row in cells(get(client, name, **more, **SPAN))]
    rows = opened(get(client, name, export="xlsx", **more, **SPAN)).values
    assert [row[0] for row in rows if row and row[0] in {"MAIN", "ONE", "TWO"}] == shown
    assert shown


def test_who_works_in_another_building_sees_nothing(client: Any, site: Site) -> None:
    for name in ("report-balance", "report-balance-below"):
        answer = get(client, name, who("B"), parent="MAIN", **SPAN)
        assert cells(answer) == []
        assert "ONE" not in answer.content.decode()
    assert len(cells(get(client, person=who("A"), **SPAN))) == 2


@pytest.mark.parametrize("name", ["report-balance", "report-balance-below"])
def test_it_takes_the_right_to_reports(client: Any, site: Site, name: str) -> None:
    Role.objects.create(code="guard", name="保安", rights=["read", "switch"])
    assert get(client, name, who(role="guard")).status_code == 403


@pytest.mark.parametrize(("name", "more"), [("report-balance", {}), ("report-balance-below", {"parent": "MAIN"})])
def test_more_meters_ask_no_more(client: Any, site: Site, name: str, more: dict[str, str]) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            get(client, name, **more, **SPAN)
        return len(queries)

    main, few = Meter.objects.get(number="MAIN"), (asked(), asked())[1]
    for n in range(20):
        meter = site.add(f"N{n:02d}")
        Meter.objects.filter(pk=meter.pk).update(parent=main, room=main.room)
    assert asked() == few
