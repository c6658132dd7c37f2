"""The reading sheet and the daily use on their pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from domain.metering.site import Site, at, look
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.operations import ready_roles
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 3, 4, 0, tzinfo=UTC)
DAY = 24 * 60


@pytest.fixture
def site(db: None) -> Site:
    """030001040A behind a ratio of 120, as in the article: 68.46, 68.94, 57.60 kWh."""
    one = Site()
    meter = one.add("030001040A", ct_ratio=120)
    one.record([look(meter, minutes, energy_wh=68_460) for minutes in range(-60, DAY, 60)])
    one.record([look(meter, minutes, energy_wh=68_940) for minutes in range(DAY, 2 * DAY + 61, 60)])
    one.close(2 * DAY + 61)
    return one


def get(client: Any, name: str, *, all_buildings: bool = True, **query: str) -> Any:
    who = Operator.objects.create(
        username=f"f{all_buildings}{len(query)}",
        role=ready_roles()["finance"],
        all_buildings=all_buildings,
        created_at=at(0),
    )
    client.force_login(who)
    with time_machine.travel(NOON, tick=False):
        client.force_login(who)
        return client.get(reverse(f"console:{name}"), query)


def cells(answer: Any) -> list[list[str]]:
    return [[cell.text for cell in row] for row in answer.context["table"].rows()]


def test_the_sheet_shows_the_articles_columns(client: Any, site: Site) -> None:
    answer = get(client, "report-readings", **{"from": "2026-06-01", "to": "2026-06-02"})
    row = next(row for row in cells(answer) if row[0] == "030001040A")
    assert row[3:8] == ["68.46", "68.94", "1", "120", "57.60"]


def test_daily_use_has_its_sum_its_picture_and_its_shortcuts(client: Any, site: Site) -> None:
    answer = get(client, "report-daily")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert ["2026-06-01", "030001040A"] in [row[:2] for row in cells(answer)]
    assert {column.key: total for column, total in answer.context["table"].totals()}["energy"] == "57.60"
    assert 'data-chart="' in text
    assert text.count("?from=") >= 2


@pytest.mark.parametrize(("name", "number"), [("report-readings", 57.6), ("report-daily", 57.6)])
def test_the_workbook_holds_numbers(client: Any, site: Site, name: str, number: float) -> None:
    answer = get(client, name, **{"export": "xlsx", "from": "2026-06-01", "to": "2026-06-02"})
    rows = opened(answer).values
    assert number in [cell for row in rows for cell in row if isinstance(cell, float)]


@pytest.mark.parametrize("name", ["report-readings", "report-daily"])
def test_who_sees_no_building_reads_no_use(client: Any, site: Site, name: str) -> None:
    answer = get(client, name, all_buildings=False)
    assert cells(answer) == []
    assert "030001040A" not in answer.content.decode()
