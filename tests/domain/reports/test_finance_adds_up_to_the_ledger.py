"""Sold, reversed, refunded and what remains: from the sums of past days, held against the ledger and plain SQL."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from counter import Counter
from prewatt.domain.estate.models import Building, Floor, Room
from prewatt.domain.ledger import queries, sealing
from prewatt.domain.reports import day_close, finance, summing
from prewatt.domain.reports.finance import By, Per, Wanted
from prewatt.domain.reports.models import SalesDay, SummedDay
from prewatt.domain.vending import movements
from prewatt.domain.vending.operations import refund, reverse

SITE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2026, 5, 25), date(2026, 7, 10)
SALES = 36
TENDERS = ("cash", "wechat", "card")


@pytest.fixture
def traded(counter: Counter) -> Counter:
    """Weeks at the counter, by two sellers, with late reversals; many things happen around midnight."""
    luck = random.Random(20261122)
    counter.meters[0].ceiling_fen = 0
    counter.meters[0].save()
    counter.opened()
    sold: list[str] = []
    for number in range(SALES):
        counter._now = _moment(luck, number)
        if number == SALES - 1:
            counter._now = datetime(2026, 7, 4, 15, 59, 50, tzinfo=UTC)  # ten seconds before the site's midnight
        _one(counter, luck, number, sold)
    return counter


def _moment(luck: random.Random, number: int) -> datetime:
    midnight = datetime(2026, 6, 1, 16, 0, tzinfo=UTC) + timedelta(days=number // 2)  # as Shanghai has it
    return midnight + timedelta(seconds=luck.choice((-70, -1, 0, 60, 30_000, 50_000)) + number % 2 * 3)


def _one(counter: Counter, luck: random.Random, number: int, sold: list[str]) -> None:
    seller, tender = luck.choice((counter.cashier, counter.admin)), luck.choice(TENDERS)
    sale_id = f"s{number}"
    counter.sell(sale_id, f"{luck.randrange(100, 9000) / 100:.2f}", tender=tender, operator=seller)
    counter.arrive(sale_id)
    sold.append(sale_id)
    if number % 7 == 5:
        back = {"operator": counter.admin, "now": counter.now}
        reverse(reversal_id=f"v{number}", sale_id=sold.pop(0), **back)
        counter.arrive(f"v{number}")
    if number % 5 == 4:
        back = {"tender": tender, "operator": counter.admin, "now": counter.now, "note": "moved out"}
        refund(refund_id=f"r{number}", meter=counter.meters[0], amount="1.25", **back)
        counter.arrive(f"r{number}")


def report(counter: Counter, operator: Any = None, now: datetime | None = None, **changes: Any) -> list[finance.Row]:
    asked: dict[str, Any] = {"first_day": FIRST, "last_day": LAST}
    at = now or counter._now
    return finance.rows(operator=operator or counter.admin, wanted=Wanted(**asked | changes), now=at)


def drawers_by_day() -> dict[date, int]:
    """What the ledger's tender accounts took, by the site's own days; straight from the transfers."""
    days: dict[date, int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.at, t.amount_fen, d.code, c.code "
            "FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_id "
            "JOIN ledger_account c ON c.id = t.credit_id "
            "WHERE t.kind IN ('posted', 'confirmed')"
        )
        for at, fen, debit, credit in cursor.fetchall():
            days[_site_day(at)] += fen * ((debit == "tender") - (credit == "tender"))
    return {day: fen for day, fen in days.items() if fen}


@pytest.mark.parametrize("summed", [False, True])
def test_each_days_income_is_what_the_ledgers_drawers_took(traded: Counter, summed: bool) -> None:
    if summed:
        assert summing.sum_days(now=traded._now) > 15
    rows = report(traded)
    assert {row.period: row.sums.income_fen for row in rows if row.sums.income_fen} == drawers_by_day()
    assert finance.total(rows).reversed_count == len(range(5, SALES, 7))
    assert finance.total(rows).refunded_count == len(range(4, SALES, 5))


def moved_by_seller() -> dict[tuple[date, int], list[int]]:
    """Sold, reversed, refunded, and how often, by the site's day and the seller: plain SQL, by when it happened."""
    asked = (
        (0, "SELECT sold_at, operator_id, amount_fen FROM vending_sale"),
        (1, "SELECT state_at, operator_id, amount_fen FROM vending_reversal WHERE state = 'done'"),
        (2, "SELECT state_at, operator_id, amount_fen FROM vending_refund WHERE state = 'done'"),
    )
    found: dict[tuple[date, int], list[int]] = defaultdict(lambda: [0] * 6)
    with connection.cursor() as cursor:
        for place, statement in asked:
            cursor.execute(statement)
            for at, seller, fen in cursor.fetchall():
                cell = found[_site_day(at), seller]
                cell[place] += fen
                cell[3 + place] += 1
    return dict(found)


def _site_day(at: Any) -> date:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(SITE).date()


@pytest.mark.parametrize("summed", [False, True])
def test_each_sellers_day_is_what_plain_sql_counts(traded: Counter, summed: bool) -> None:
    if summed:
        summing.sum_days(now=traded._now)
    names = ("sold_fen", "reversed_fen", "refunded_fen", "sold_count", "reversed_count", "refunded_count")
    rows = report(traded, by=By.SELLER)
    shown = {(row.period, row.who): [getattr(row.sums, name) for name in names] for row in rows}
    assert shown == moved_by_seller()


def test_every_days_sheet_and_list_of_movements_say_what_the_report_says(traded: Counter) -> None:
    summing.sum_days(now=traded._now)
    for row in report(traded):
        sheet = day_close.sheet(operator=traded.admin, day=row.period).total
        assert sheet == {name: getattr(row.sums, name) for name in sheet}
        one_day = movements.Wanted(first_day=row.period, last_day=row.period)
        listed = movements.movements(operator=traded.admin, wanted=one_day)
        assert sum(line["signed_fen"] for line in listed if line["standing"] != "sending") == row.sums.income_fen


def test_sums_and_movements_say_the_same_in_every_cut(traded: Counter) -> None:
    cuts = [{"per": per, "by": by} for per in Per for by in By]
    cuts += [{"seller_id": traded.cashier.pk}, {"tender": "card", "by": By.SELLER}, {"last_day": date(2026, 6, 9)}]
    before = [report(traded, **cut) for cut in cuts]
    summing.sum_days(now=traded._now)
    assert [report(traded, **cut) for cut in cuts] == before
    assert SalesDay.objects.exists()
    assert all(before)


def test_a_year_is_its_months_and_a_month_its_days(traded: Counter) -> None:
    summing.sum_days(now=traded._now)
    whole = {per: finance.total(report(traded, per=per)) for per in Per}
    assert whole[Per.DAY] == whole[Per.MONTH] == whole[Per.YEAR]
    assert [row.period for row in report(traded, per=Per.MONTH)] == [date(2026, 6, 1), date(2026, 7, 1)]


def test_today_is_read_live_and_yesterday_is_summed_once(traded: Counter) -> None:
    now = traded._now
    summing.sum_days(now=now)
    today = now.astimezone(SITE).date()
    assert not SummedDay.objects.filter(day__gte=today).exists()
    assert summing.sum_days(now=now) == 0
    tomorrow = now + timedelta(days=1)
    assert summing.sum_days(now=tomorrow) == 1
    assert report(traded, now=tomorrow) == report(traded, now=now)


def test_what_lands_late_on_a_summed_day_is_summed_again(traded: Counter) -> None:
    now = traded._now + timedelta(hours=1)
    summing.sum_days(now=now)
    yesterday = traded._now.astimezone(SITE).date()
    before = finance.total(report(traded, now=now))
    traded.sell("late", "7", now=traded._now)  # dated before midnight, committed after the day was summed
    assert traded._now.astimezone(SITE).date() == yesterday
    assert summing.sum_days(now=now) == 1
    assert finance.total(report(traded, now=now)).sold_fen == before.sold_fen + 700


def test_nobody_sees_another_buildings_money_in_any_sum(traded: Counter) -> None:
    manager = traded.person("manager", "admin", all_buildings=False)
    manager.buildings.add(traded.building)
    before = report(traded)
    _sell_next_door(traded)
    for _summed in range(2):
        assert report(traded, operator=traded.stranger) == []
        assert report(traded, operator=manager) == before
        assert finance.total(report(traded)).sold_fen == finance.total(before).sold_fen + 4_321
        for by in By:
            assert finance.total(report(traded, operator=manager, by=by)) == finance.total(before)
        summing.sum_days(now=traded._now)


def _sell_next_door(counter: Counter) -> None:
    room = Room.objects.create(
        floor=Floor.objects.create(building=Building.objects.create(name="B座", code="B"), number=1), number="901"
    )
    meter = counter.meter("0399000001")
    meter.room = room
    meter.save()
    counter.opened(meter)
    counter.sell("foreign", "43.21", meter=meter)


def test_the_accounts_of_each_kind_are_those_of_every_transfer_before_and_after_a_checkpoint(traded: Counter) -> None:
    def added_up() -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for ref, fen in queries.balances():
            sums[ref.code] += fen
        return dict(sums)

    assert queries.balances_by_code() == added_up()
    for more in range(2):  # a second one holds only the accounts that moved since the first
        assert sealing.checkpoint(now=traded.now, every=1)
        traded.sell(f"m{more}", "12", tender=TENDERS[more])
        assert queries.balances_by_code() == added_up()
    assert sum(added_up().values()) == 0
    assert added_up()["wallet"]


def test_the_articles_three_days(counter: Counter) -> None:
    """2015-06-01 17978.50, 06-02 40361.73, 06-03 15900.00: sold, nothing taken back, so that is the income."""
    article = {date(2015, 6, 1): "17978.50", date(2015, 6, 2): "40361.73", date(2015, 6, 3): "15900.00"}
    counter.meters[0].ceiling_fen = 10_000_000
    counter.meters[0].save()
    counter._now = datetime(2015, 5, 30, tzinfo=UTC)
    counter.opened()
    for day, amount in article.items():
        at = datetime(day.year, day.month, day.day, 9, tzinfo=SITE)
        counter.sell(f"s{day.day}", amount, now=at)
    later = datetime(2015, 6, 9, tzinfo=UTC)
    summing.sum_days(now=later)
    rows = report(counter, first_day=date(2015, 6, 1), last_day=date(2015, 6, 3), now=later)
    shown = {row.period: (row.sums.sold_fen, row.sums.income_fen) for row in rows}
    fen = {day: int(amount.replace(".", "")) for day, amount in article.items()}
    assert shown == {day: (one, one) for day, one in fen.items()}
    assert (rows[0].sums.reversed_fen, rows[0].sums.refunded_fen) == (0, 0)
