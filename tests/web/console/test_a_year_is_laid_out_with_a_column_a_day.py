"""每日用能横表: the page shows a month, the file every day of a year, and both the figures of the days themselves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from domain.metering.site import Site, look
from prewatt.domain.metering.models import UsageDay
from web.console.test_use_is_reported_by_meter_and_day import cells, get
from workbooks import opened

pytestmark = pytest.mark.django_db
DAY = 24 * 60
NAME = "report-daily-columns"
SPAN = {"from": "2025-06-03", "to": "2026-06-02"}


@pytest.fixture
def site(db: None) -> Site:
    one = Site()
    for place, meter in enumerate((one.add("030001040A", ct_ratio=120), one.add("030001040B"))):
        one.record([look(meter, at, energy_wh=at * 10 * (place + 1)) for at in range(-60, 2 * DAY + 61, 60)])
    one.close(2 * DAY + 61)
    return one


def _heads(answer: Any) -> list[str]:
    return [str(head.column.title) for head in answer.context["table"].heads()]


def test_each_day_is_a_column_and_the_sums_stand_below(client: Any, site: Site) -> None:
    answer = get(client, NAME, **{"from": "2026-06-01", "to": "2026-06-02"})
    assert _heads(answer)[4:] == ["合计", "2026-06-01", "2026-06-02"]
    rows = {row[0]: row[4:] for row in cells(answer)}
    kwh = {(one.meter.number, one.day.isoformat()): one.energy_wh for one in UsageDay.objects.select_related("meter")}
    for number in ("030001040A", "030001040B"):
        days = [kwh[number, "2026-06-01"], kwh[number, "2026-06-02"]]
        assert rows[number] == [f"{wh / 1000:,.2f}" for wh in (sum(days), *days)]
    below = {column.key: text for column, text in answer.context["table"].totals()}
    whole = sum(wh for (_number, day), wh in kwh.items() if day == "2026-06-01")
    assert below["d20260601"] == f"{whole / 1000:,.2f}"


def test_a_page_shows_a_month_of_a_year_and_the_file_all_of_it(client: Any, site: Site) -> None:
    page = get(client, NAME, **SPAN)
    assert len(_heads(page)) == 5 + 31
    assert "共 365 天，页面显示最近 31 天" in page.content.decode()
    file = opened(get(client, NAME, export="xlsx", **SPAN))
    rows, whole_year = file.values, [(date(2025, 6, 3) + timedelta(days=n)).isoformat() for n in range(365)]
    assert file.head[4:] == ["合计", *whole_year]
    mine = next(row for row in rows if row and row[0] == "030001040A")
    kwh = {one.day: one.energy_wh for one in UsageDay.objects.filter(meter__number="030001040A")}
    assert mine[4] == sum(kwh.values()) / 1000
    assert mine[-2:] == [kwh[date(2026, 6, 1)] / 1000, kwh[date(2026, 6, 2)] / 1000]
    assert mine[5] in (None, "")  # nothing was closed then, which is not nothing used


def test_more_than_a_year_is_cut_to_its_last_days(client: Any, site: Site) -> None:
    page = get(client, NAME, **{"from": "2024-01-01", "to": "2026-06-02"})
    assert page.context["days"] == 366


def test_money_instead_of_energy(client: Any, site: Site) -> None:
    UsageDay.objects.filter(meter__number="030001040B", day="2026-06-01").update(deducted_fen=12_34)
    page = get(client, NAME, **{"from": "2026-06-01", "to": "2026-06-02", "what": "money"})
    assert next(row for row in cells(page) if row[0] == "030001040B")[4:6] == ["12.34", "12.34"]


def test_who_sees_no_building_reads_no_use(client: Any, site: Site) -> None:
    answer = get(client, NAME, all_buildings=False)
    assert cells(answer) == []
    assert "030001040A" not in answer.content.decode()
