"""Which band an instant has: seasons, weekends, holidays, single dates, and hours that summer time repeats or drops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from prewatt.domain.tariff.rules.charging import price
from prewatt.domain.tariff.rules.timeline import Interval, Timeline, seconds
from tariffs import at, plan, use

TABLES = {name: [{"at": "00:00", "band": name}] for name in ("work", "weekend", "holiday", "hot", "winter")}
CALENDAR = [
    {"table": "holiday", "days": ["holiday"]},
    {"table": "winter", "from": "12-15", "to": "02-10", "days": ["weekday"]},
    {"table": "weekend", "days": ["weekend"]},
    {"table": "work"},
]
DAYS = {
    "tables": TABLES,
    "prices": dict.fromkeys(TABLES, "1"),
    "calendar": CALENDAR,
    "holidays": ["2026-10-01", "2026-10-03"],
    "workdays": ["2026-10-10"],
    "dates": {"2026-08-03": "hot", "2026-10-03": "hot"},
}


@pytest.mark.parametrize(
    ("day", "band"),
    [
        ("2026-07-15", "work"),  # a Wednesday
        ("2026-07-18", "weekend"),
        ("2026-10-01", "holiday"),
        ("2026-10-10", "work"),  # a Saturday that is worked
        ("2026-08-03", "hot"),
        ("2026-10-03", "hot"),  # a date before a holiday
        ("2025-12-31", "winter"),  # a season over New Year
        ("2026-02-10", "winter"),
        ("2026-02-11", "work"),
        ("2026-12-14", "work"),
        ("2026-12-19", "weekend"),
    ],
)
def test_a_day_has_the_table_of_the_first_rule_that_fits(day: str, band: str) -> None:
    timeline = Timeline(plan(DAYS))
    assert timeline.band_at(seconds(at(f"{day}T00:00"))) == band
    assert timeline.band_at(seconds(at(f"{day}T23:59"))) == band


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe"])
@pytest.mark.parametrize("slot", ["01:40", "02:00", "02:10", "02:30", "03:00"])
def test_every_minute_has_the_band_its_clock_shows(day: datetime, zone: str, slot: str) -> None:
    slots: list[dict[str, Any]] = [{"at": "00:00", "band": "night"}, {"at": slot, "band": "day"}]
    chosen = plan({"prices": {"night": "1", "day": "2"}, "tables": {"a": slots}}, zone=zone)
    timeline = Timeline(chosen)
    for minute in range(-24 * 60, 48 * 60, 5):
        instant = day + timedelta(minutes=minute)
        shown = f"{instant.astimezone(ZoneInfo(zone)):%H:%M}"
        band = "day" if shown >= slot else "night"
        assert timeline.band_at(seconds(instant)) == band, shown
        one = Interval.between(instant, instant + timedelta(minutes=5), 1000)
        assert price(chosen, [one]).fen == (200 if band == "day" else 100)


def test_a_day_may_have_fourteen_slots() -> None:
    slots = [{"at": f"{hour:02d}:15" if hour else "00:00", "band": "b" if hour % 2 else "a"} for hour in range(14)]
    timeline = Timeline(plan({"prices": {"a": "1", "b": "2"}, "tables": {"t": slots}}))
    assert timeline.band_at(seconds(at("2026-01-01T13:14"))) == "a"
    assert timeline.band_at(seconds(at("2026-01-01T13:15"))) == "b"


@pytest.mark.parametrize(
    ("settlement", "starts"),
    [
        ({"every": "month", "day": 15, "time": "09:00"}, ["2025-12-15", "2026-01-15"]),
        ({"every": "year", "month": 1, "day": 15, "time": "09:00"}, ["2025-01-15", "2026-01-15"]),
    ],
)
def test_a_settlement_begins_at_its_instant(settlement: dict[str, Any], starts: list[str]) -> None:
    ladder = {"steps": [{"up_to_kwh": "1", "add": "0"}, {"add": "1"}]}
    chosen = plan({"price": "1", "ladder": ladder}, settlement=settlement)
    bill = price(chosen, [use("2026-01-15T08:00", "4", hours=2)])
    assert [one.span.first_day.isoformat() for one in bill.statements] == starts
    assert [one.fen for one in bill.statements] == [300, 300]  # two kWh each, the second of them on step two


def test_free_energy_of_a_month_begins_anew_while_the_ladder_of_the_year_goes_on() -> None:
    ladder = {"steps": [{"up_to_kwh": "15", "add": "0"}, {"add": "1"}]}
    version = {"price": "1", "ladder": ladder, "free": {"kwh": "5", "every": "month"}}
    used = [use("2026-01-10T00:00", "10"), use("2026-02-10T00:00", "10")]
    (one,) = price(plan(version, settlement={"every": "year"}), used).statements
    assert [(line.kind, line.step, line.wh, line.fen) for line in one.lines] == [
        ("energy", 1, 5000, 500),
        ("energy", 2, 5000, 1000),
        ("free", None, 10_000, 0),
    ]


def test_free_money_and_a_minimum() -> None:
    free = plan({"price": "1", "free": {"amount": "10"}})
    assert price(free, [use("2026-01-10T00:00", "7")]).fen == 0
    assert price(free, [use("2026-01-10T00:00", "12.5")]).fen == 250
    assert price(plan({"price": "1", "minimum": "3"}), [use("2026-01-10T00:00", "2")]).fen == 300
    assert price(plan({"price": "1", "minimum": "3"}), [use("2026-01-10T00:00", "4")]).fen == 400


def test_fixed_fees_are_due_once_for_each_month_or_day_of_use() -> None:
    fees = [{"name": "line", "amount": "2"}, {"name": "day", "amount": "0.10", "every": "day"}]
    chosen = plan({"price": "1", "fees": fees}, settlement={"every": "year"})
    used = [use("2026-01-10T00:00", "1", hours=48), use("2026-03-10T23:00", "1", hours=2)]
    (one,) = price(chosen, used).statements
    assert [(line.name, line.count, line.fen) for line in one.lines if line.kind == "fee"] == [
        ("line", 2, 400),
        ("day", 4, 40),
    ]
