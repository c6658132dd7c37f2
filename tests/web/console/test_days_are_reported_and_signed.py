"""The finance report and the day close, as they stand on their pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction

from counter import Counter
from prewatt.domain.reports.models import DayClose
from prewatt.domain.reports.summing import sum_days
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending.operations import refund, reverse
from tamper import tampering
from workbooks import opened

pytestmark = pytest.mark.django_db
DAY = "2026-06-01"
LATER = datetime(2026, 6, 3, 2, 0, tzinfo=UTC)


@pytest.fixture
def traded(counter: Counter) -> Counter:
    """A hundred in cash and thirty by WeChat on the first; five back the same day; the thirty turned round later."""
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.sell("s2", "30", tender="wechat", operator=counter.admin)
    counter.arrive("s2")
    back = {"operator": counter.admin, "note": "moved out"}
    refund(refund_id="r1", meter=counter.meters[0], amount="5", tender="cash", now=counter.now, **back)
    counter.arrive("r1")
    counter.later(days=1)
    counter.read(counter.meters[0], balance_fen=12_500, purchase_count=3, bought_fen=12_500)
    reverse(reversal_id="v1", sale_id="s2", now=counter.now, **back)
    counter.arrive("v1")
    sum_days(now=LATER)
    return counter


@pytest.fixture
def admin(traded: Counter, client: Any) -> Any:
    with time_machine.travel(LATER, tick=False):
        client.force_login(traded.admin)
        yield client


def shown(page: Any) -> list[list[str]]:
    return [[cell.text for cell in row] for row in page.context["table"].rows()]


ALL = f"from={DAY}&to=2026-06-03"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (
            "per=day",
            [
                ["2026-06-02", "全部", "0", "0.00", "30.00", "0.00", "−30.00", ""],
                [DAY, "全部", "2", "130.00", "0.00", "5.00", "125.00", ""],
            ],
        ),
        ("per=month", [["2026-06", "全部", "2", "130.00", "30.00", "5.00", "95.00"]]),
        ("per=year&tender=cash", [["2026", "全部", "1", "100.00", "0.00", "5.00", "95.00"]]),
        ("per=year&by=building", [["2026", "A座", "2", "130.00", "30.00", "5.00", "95.00"]]),
        ("per=day&to=1999-01-01&from=1998-01-01", []),
    ],
)
def test_a_span_is_shown_by_day_month_or_year(admin: Any, query: str, found: list[list[str]]) -> None:
    page = admin.get(f"/reports/finance/?{ALL}&{query}")
    assert shown(page) == found


def test_the_column_of_the_split_is_called_by_its_split(admin: Any) -> None:
    asked = {"": "售电员", "seller": "售电员", "tender": "收款方式", "building": "楼宇"}
    heads = {by: admin.get(f"/reports/finance/?{ALL}&by={by}").context["table"].heads()[1] for by in asked}
    assert {by: head.column.headed for by, head in heads.items()} == asked


def test_the_file_holds_what_the_page_shows_and_the_same_total(admin: Any) -> None:
    page = admin.get(f"/reports/finance/?{ALL}&by=seller")
    assert [text for _column, text in page.context["table"].totals()][2:7] == ["2", "130.00", "30.00", "5.00", "95.00"]
    rows = opened(admin.get(f"/reports/finance/?{ALL}&by=seller&export=xlsx")).values
    assert (95, 130) in [(row[6], row[3]) for row in rows if row[0] == "合计"]


def test_the_chart_draws_what_was_sold_and_below_it_what_went_back(admin: Any) -> None:
    drawn = admin.get(f"/reports/finance/?{ALL}&by=tender").context["chart"]
    assert drawn["labels"] == ["06-01", "06-02"]
    assert [(one["values"], one.get("back", False)) for one in drawn["series"]] == [
        ([100.0, 0], False),
        ([30.0, 0.0], False),
        ([-5.0, -30.0], True),
    ]


def test_the_page_begins_with_a_month_and_reads_its_rows_once(admin: Any, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(30):
        page = admin.get("/reports/finance/")
    assert len(shown(page)) == 2
    assert [on for _text, _href, on in page.context["spans"]] == [False] * 4
    spans = [admin.get(f"/reports/finance/{href}").context["spans"] for _text, href, _on in page.context["spans"]]
    assert [[on for _text, _href, on in one] for one in spans] == [[at == on for on in range(4)] for at in range(4)]


def sign(client: Any, form_id: str = "f" * 32, day: str = DAY, **data: str) -> Any:
    return client.post(f"/reports/days/{day}/sign/", {"form_id": form_id, **data})


def test_a_day_is_signed_once_and_the_second_press_finds_the_first(admin: Any, traded: Counter) -> None:
    assert f"/reports/days/{DAY}/sign/" in admin.get(f"/reports/days/{DAY}/").content.decode()
    assert sign(admin, note="all counted").status_code == 302
    assert sign(admin, note="all counted").status_code == 302
    again = sign(admin, form_id="g" * 32)
    assert again.status_code == 422
    closed = DayClose.objects.get()
    assert (closed.closed_by, closed.note, closed.figures["total"]["income_fen"]) == (
        traded.admin,
        "all counted",
        12_500,
    )
    assert LogEntry.objects.filter(action="day.sign").count() == 1
    text = admin.get(f"/reports/days/{DAY}/").content.decode()
    assert closed.sha256 in text
    assert closed.seal_sha256 in text
    assert f"/reports/days/{DAY}/sign/" not in text
    assert [row[0] for row in shown(admin.get("/reports/days/?signed=yes"))] == [DAY]
    assert DAY not in [row[0] for row in shown(admin.get(f"/reports/days/?signed=no&from={DAY}"))]


def test_a_reversal_of_an_older_sale_belongs_to_its_own_day_and_says_so(admin: Any) -> None:
    assert sign(admin).status_code == 302
    assert not admin.get(f"/reports/days/{DAY}/").context["since"]
    (row,) = admin.get("/reports/days/2026-06-02/").context["earlier"]
    assert (row["sold_on"], row["fen"]) == (DAY, 3_000)


def test_what_was_booked_on_a_signed_day_later_is_shown_beside_the_sheet(admin: Any, traded: Counter) -> None:
    sign(admin)
    traded.sell("late", "7", now=datetime(2026, 6, 1, 15, 59, tzinfo=UTC))
    page = admin.get(f"/reports/days/{DAY}/")
    assert page.context["since"] == {"sold_fen": 700, "sold_count": 1, "income_fen": 700}
    assert page.context["total"]["sold_fen"] == 13_000


def test_a_sheet_that_was_changed_behind_our_back_says_so(admin: Any) -> None:
    sign(admin)
    assert admin.get(f"/reports/days/{DAY}/").context["untouched"]
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        DayClose.objects.update(note="nothing was counted")
    with tampering():
        DayClose.objects.update(note="nothing was counted")
        assert not admin.get(f"/reports/days/{DAY}/").context["untouched"]


def test_a_day_that_is_not_over_is_not_signed_and_the_note_comes_back(admin: Any) -> None:
    refused = sign(admin, day="2026-06-03", note="in a hurry")
    assert refused.status_code == 422
    assert refused.context["note"] == "in a hurry"
    assert not DayClose.objects.exists()


def test_a_day_to_come_or_of_no_calendar_is_not_there(admin: Any) -> None:
    for day in ("2026-06-04", "2026-13-01", "soon"):
        assert admin.get(f"/reports/days/{day}/").status_code == 404


@pytest.mark.parametrize("username", ["stranger", "cashier", "reader"])
def test_who_may_not_sign_signs_nothing(traded: Counter, client: Any, username: str) -> None:
    client.force_login(getattr(traded, username))
    assert sign(client).status_code == (422 if username == "stranger" else 403)
    assert not DayClose.objects.exists()


def test_the_stranger_sees_no_money(traded: Counter, client: Any) -> None:
    client.force_login(traded.stranger)
    page = client.get(f"/reports/finance/?{ALL}")
    assert (shown(page), page.context["sums"].sold_fen, page.context["chart"]["labels"]) == ([], 0, [])
    assert client.get("/reports/days/").status_code == 422
    assert client.get(f"/reports/days/{DAY}/").status_code == 422


def test_the_sheet_balances(admin: Any) -> None:
    sheet = admin.get(f"/reports/days/{DAY}/").context
    assert sheet["accounts_sum"] == 0
    assert [fen for _text, fen in sheet["accounts"] if fen] == [9_500, -9_500]


def test_every_movement_has_its_line_with_seller_meter_and_purchase_count(admin: Any) -> None:
    page = admin.get(f"/reports/sales/?{ALL}&sort=at")
    columns = [one.key for one in page.context["table"].columns]
    kept = [columns.index(key) for key in ("seller", "what", "meter", "times", "tender", "amount")]
    lines = [[row[place] for place in kept] for row in shown(page)]
    meter = "0300000000"
    assert lines == [
        ["cashier", "售电", meter, "1", "现金", "100.00"],
        ["admin", "售电", meter, "2", "微信支付", "30.00"],
        ["admin", "退电", meter, "3", "现金", "−5.00"],
        ["admin", "冲正", meter, "4", "微信支付", "−30.00"],
    ]
    assert page.context["sums"].income_fen == 9_500


def test_the_stranger_sees_no_line(traded: Counter, client: Any) -> None:
    client.force_login(traded.stranger)
    page = client.get(f"/reports/sales/?{ALL}")
    assert (shown(page), page.context["sums"].count) == ([], 0)


def test_what_concerns_the_whole_site_is_not_offered_to_who_sees_some_buildings(traded: Counter, client: Any) -> None:
    for who, offered in ((traded.admin, True), (traded.stranger, False)):
        client.force_login(who)
        page = client.get("/reports/finance/").content.decode()
        assert ('href="/reports/days/"' in page, 'href="/reports/sales/"' in page) == (offered, True)
