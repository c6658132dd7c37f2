"""电费明细 in the console: the days of an account, each open to its lines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import NOW, Counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def opening(counter: Counter) -> Any:
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.tariff.operations import assign, save_plan

    opening = counter.opened()
    opening.opened_at = NOW - timedelta(days=40)
    opening.save()
    at = NOW - timedelta(days=30)
    made = save_plan(
        plan=None,
        name="按时段",
        kind="tou",
        prices={f"price_{band}_e4": 7263 for band in ("sharp", "peak", "flat", "valley", "deep")},
        operator=counter.admin,
        now=at,
        day=at.date(),
    )
    assign(plan=made, meter_ids=[opening.meter_id], operator=counter.admin, now=at)
    start_ms = round(NOW.timestamp() * 1000) - 10 * 3_600_000
    for n in (5, 4):
        UsageDay.objects.create(
            meter=opening.meter,
            day=(NOW - timedelta(days=n)).date(),
            energy_wh=10_000,
            energy_peak_wh=10_000,
            deducted_fen=726,
            first_ms=start_ms - n * 86_400_000,
            last_ms=start_ms - (n - 1) * 86_400_000,
            closed_at=NOW,
        )
    return opening


def text(client: Any, opening: Any, who: Any, month: str = "2026-05") -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(who)
    return client.get(f"/accounts/{opening.pk}/explained/?month={month}")


def test_a_day_opens_to_period_kwh_price_and_step(client: Any, counter: Counter, opening: Any) -> None:
    page = text(client, opening, counter.reader).content.decode()
    for word in ("Peak", "10.000", "0.7263", "7.263", "按时段, version 1", "7.26", "14.52"):
        assert word in page, word


def test_the_fractions_that_are_carried_stand_as_a_line(client: Any, counter: Counter, opening: Any) -> None:
    """7.263 yuan a day are 7.26, then 7.27: what is shown adds up each time."""
    page = text(client, opening, counter.reader).content.decode()
    assert page.count("Fractions of a fen, carried from day to day") == 2
    assert "\N{MINUS SIGN}0.003" in page
    assert "0.007" in page


def test_a_month_without_use_says_so(client: Any, counter: Counter, opening: Any) -> None:
    assert "No closed day in this month" in text(client, opening, counter.reader, "2026-04").content.decode()
    assert text(client, opening, counter.reader, "nonsense").status_code == 200


def test_a_strangers_account_is_not_there(client: Any, counter: Counter, opening: Any) -> None:
    assert text(client, opening, counter.stranger).status_code == 404


def test_the_card_and_the_customers_page_lead_there(client: Any, counter: Counter, opening: Any) -> None:
    client.force_login(counter.reader)
    address = f"/accounts/{opening.pk}/explained/"
    assert address in client.get(f"/meters/{opening.meter_id}/").content.decode()
    assert address in client.get(f"/customers/{opening.customer_id}/").content.decode()


def test_the_part_of_the_month_has_nothing_of_the_console_in_it() -> None:
    """The tenant's phone shows the same template."""
    from pathlib import Path

    from prewatt.web import parts

    folder = Path(parts.__path__[0]) / "templates/parts/explain"
    found = "".join(path.read_text() for path in folder.glob("*.html"))
    assert found
    assert "console" not in found.replace("nothing of the console", "")
