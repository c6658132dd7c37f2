"""日结: the sheet of a day that is over, signed once, sealed, never edited; what comes later is said."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.estate.refusals import NotYours
from prewatt.domain.reports import day_close
from prewatt.domain.reports.models import DayClose
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending.operations import reverse

DAY = date(2026, 6, 1)


@pytest.fixture
def traded(counter: Counter) -> Counter:
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.sell("s2", "50.50", tender="wechat", operator=counter.admin)
    counter.arrive("s2")
    counter.sell("s3", "7")
    return counter


def sign(counter: Counter, form_id: str = "f1", **changes: Any) -> DayClose:
    given: dict[str, Any] = {"day": DAY, "operator": counter.admin, "now": counter.now, "note": "till counted"}
    return day_close.sign(form_id=form_id, **given | changes)


def test_a_sheet_says_what_came_in_by_whom_and_what_is_still_under_way(traded: Counter) -> None:
    sheet = day_close.sheet(operator=traded.admin, day=DAY)
    assert sheet.total["income_fen"] == 15_750
    assert {row["who"]: row["income_fen"] for row in sheet.methods} == {"cash": 10_700, "wechat": 5_050}
    assert {row["who"]: row["sold_count"] for row in sheet.sellers} == {"admin": 1, "cashier": 2}
    assert sheet.on_the_way["to_meters"] == {"fen": 700, "number": 1}
    assert sum(sheet.ledger.values()) == 0
    assert sheet.ledger["tender"] == -15_750
    assert (sheet.ledger["wallet"], sheet.ledger["meter"]) == (700, 15_050)


def test_a_day_that_is_not_over_is_not_signed(traded: Counter) -> None:
    with pytest.raises(day_close.DayNotOver) as told:
        sign(traded)
    assert told.value.retry
    assert not DayClose.objects.exists()


def test_signed_once_and_the_second_press_finds_the_first(traded: Counter) -> None:
    traded.later(days=1)
    first = sign(traded)
    assert sign(traded) == first
    with pytest.raises(day_close.SignedAlready):
        sign(traded, "another form")
    assert LogEntry.objects.filter(action="day.sign").count() == DayClose.objects.count() == 1
    assert first.figures["total"]["income_fen"] == 15_750
    assert len(first.seal_sha256) == 64


def test_what_was_signed_can_be_proven_and_a_changed_sheet_is_found(traded: Counter) -> None:
    traded.later(days=1)
    sign(traded)
    kept = DayClose.objects.select_related("closed_by").get()
    assert day_close.untouched(kept)
    kept.figures["total"]["income_fen"] += 1
    assert not day_close.untouched(kept)


def test_a_later_reversal_belongs_to_its_own_day(traded: Counter) -> None:
    traded.arrive("s3")
    traded.later(days=1)
    sign(traded)
    traded.read(traded.meters[0], balance_fen=15_750, purchase_count=3, bought_fen=15_750)
    reverse(reversal_id="v1", sale_id="s1", operator=traded.admin, now=traded.now)
    traded.arrive("v1")
    kept = DayClose.objects.get()
    assert day_close.since_signed(kept) == {}
    assert day_close.sheet(operator=traded.admin, day=DAY + timedelta(days=1)).total["income_fen"] == -10_000


def test_what_is_booked_on_a_signed_day_is_said(traded: Counter) -> None:
    at = traded.now
    traded.later(days=1)
    sign(traded)
    traded.sell("late", "1", now=at)
    moved = day_close.since_signed(DayClose.objects.get())
    assert moved == {"sold_fen": 100, "sold_count": 1, "income_fen": 100}


def test_only_finance_signs_and_only_who_sees_the_whole_site_reads_it(traded: Counter) -> None:
    traded.later(days=1)
    with pytest.raises(day_close.NoRight):
        sign(traded, operator=traded.cashier)
    with pytest.raises(NotYours):
        sign(traded, operator=traded.stranger)
    with pytest.raises(NotYours):
        day_close.sheet(operator=traded.stranger, day=DAY)
    assert not DayClose.objects.exists()
