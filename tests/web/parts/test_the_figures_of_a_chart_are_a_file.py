"""Whatever a page draws can be taken along as an Excel file, the figures under their names and units."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from domain.metering.site import Site, look
from prewatt.domain.estate.models import Building, Floor, Meter, Room
from prewatt.web.console.views.dashboard import WORDS
from prewatt.web.parts import charted
from web.console.test_use_is_shown_by_hour_and_weekday import who
from workbooks import opened

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 4, 4, 0, tzinfo=UTC)
DAY = 24 * 60
SPAN = "from=2026-06-01&to=2026-06-03"
TEMPLATES = Path(charted.__file__).parents[1]


@pytest.fixture
def site(db: None) -> Site:
    one = Site()
    floor = Floor.objects.create(building=Building.objects.create(code="A", name="A座"), number=1)
    Meter.objects.update(room=Room.objects.create(floor=floor, number="101"))
    shown = {"power_w": 700, "power_factor": 950, "current_a_a": 3000, "current_b_a": 3100, "current_c_a": 3300}
    one.record(look(one.meter, hour * 60, energy_wh=hour * 700 + hour * hour, **shown) for hour in range(3 * 24 + 13))
    one.close(3 * DAY + 730)
    return one


def get(client: Any, address: str) -> Any:
    with time_machine.travel(NOON, tick=False):
        client.force_login(who())
        client.cookies["django_language"] = "en"
        return client.get(address)


def addresses(site: Site) -> dict[str, tuple[str, str]]:
    """Page, and the address of its figures."""
    meter = reverse("console:meter", args=[site.meter.pk])
    pages = {
        "usage": f"{reverse('console:report-usage')}?{SPAN}&against=before",
        "shape": f"{reverse('console:report-shape')}?{SPAN}",
        "daily": f"{reverse('console:report-daily')}?{SPAN}",
        "quality": f"{reverse('console:report-quality-day')}?meter={site.meter.number}&day=2026-06-02",
    }
    return {
        **{name: (page, f"{page}&export=chart") for name, page in pages.items()},
        "meter's day": (meter, f"{meter}?export=day"),
        "meter's month": (meter, f"{meter}?export=month"),
    }


@pytest.mark.parametrize("name", ["usage", "shape", "daily", "quality", "meter's day", "meter's month"])
def test_the_file_holds_what_is_drawn(client: Any, site: Site, name: str) -> None:
    page, address = addresses(site)[name]
    text = get(client, page).content.decode()
    drawn = [json.loads(unescape(one)) for one in re.findall(r'data-chart="([^"]*)"', text)]
    place = {"meter's day": slice(0, 1), "meter's month": slice(1, 2)}.get(name, slice(None))
    lines = [line for chart in drawn[place] for line in charted.lines(chart)]
    assert any(any(values) for _name, values in lines)
    sheet = opened(get(client, address))
    units = [chart["unit"] for chart in drawn[place] for _line in charted.lines(chart)]
    heads = [f"{line} ({unit})" if unit else line for (line, _values), unit in zip(lines, units, strict=True)]
    assert sheet.head[1:] == heads
    assert [row[0] for row in sheet.values] == drawn[place][0]["labels"]
    for column, (_name, values) in enumerate(lines, start=1):
        meant = [*values, *[None] * (len(sheet.values) - len(values))]
        assert [row[column] for row in sheet.values] == pytest.approx(meant, abs=0.0006)


@pytest.mark.parametrize("name", sorted(WORDS))
def test_the_dashboards_charts_are_files_as_well(client: Any, site: Site, name: str) -> None:
    answer = get(client, f"/?export={name}")
    assert answer["Content-Type"].startswith("application/vnd.openxmlformats")
    assert len(opened(answer).values) == (96 if name == "load" else 0)  # nothing was sold


def test_a_finance_reports_bars_are_a_file_in_yuan(client: Any, site: Site) -> None:
    sheet = opened(get(client, f"{reverse('console:report-finance')}?export=chart&{SPAN}"))
    assert all("yuan" in head for head in sheet.head[1:])


def test_nothing_drawn_shows_the_page(client: Any, site: Site) -> None:
    answer = get(client, f"{reverse('console:report-balance')}?export=chart")
    assert answer["Content-Type"].startswith("text/html")


def test_every_chart_in_every_page_offers_its_figures() -> None:
    pages = [page for page in TEMPLATES.rglob("*.html") if "data-chart=" in page.read_text()]
    assert len(pages) >= 8
    for page in pages:
        text = page.read_text()
        assert text.count("data-chart=") == text.count("parts/_chart_acts.html"), page


def test_who_sees_another_building_takes_no_meters_figures(client: Any, site: Site) -> None:
    meter = reverse("console:meter", args=[site.meter.pk])
    Building.objects.create(code="B", name="B座")
    with time_machine.travel(NOON, tick=False):
        client.force_login(who("B"))
        assert client.get(f"{meter}?export=day").status_code == 404


def test_a_line_that_ends_early_ends_early() -> None:
    chart = {"kind": "day", "unit": "kWh", "labels": ["00", "01"], "today_name": "T", "yesterday_name": "Y"}
    found = charted._rows([{**chart, "today": [1.5], "yesterday": [None, 2.25]}])
    assert found == [["00", 1500, None], ["01", None, 2250]]
