"""The plans beside these tests say what the published tables say: each price, limit, hour and date of each of them."""

from __future__ import annotations

from datetime import date, time
from fractions import Fraction
from typing import Any

import pytest

from prewatt.domain.tariff.rules.charging import Customer, Running, limits, season_steps
from prewatt.domain.tariff.rules.plan import ALL_HOURS, Ladder, Plan, Step, Version
from prewatt.domain.tariff.rules.timeline import Span
from tariffs import DOCUMENTS, PUBLISHED, plan_of

OURS = {"tip": "sharp"}


def _e8(text: object) -> int:
    return int(Fraction(str(text)) * 10**8)


def _wh(text: object) -> int | None:
    return None if text is None else int(Fraction(str(text)) * 1000)


def _only(name: str) -> Version:
    (version,) = plan_of(name).versions
    return version


def _ladder(version: Version) -> Ladder:
    assert version.ladder is not None
    return version.ladder


def _rows(steps: tuple[Step, ...], band: str = ALL_HOURS) -> list[tuple[int | None, int]]:
    return [(step.up_to_wh, step.rates_e8[band]) for step in steps]


def _published(tiers: Any, key: str = "price", base: str = "0") -> list[tuple[int | None, int]]:
    return [(_wh(tier["up_to_kwh"]), _e8(base) + _e8(tier[key])) for tier in tiers]


def test_no_published_tariff_is_left_out() -> None:
    assert len(PUBLISHED) == 10
    assert {
        name for name in PUBLISHED if not any(ours.startswith(name.split("_ladder")[0]) for ours in DOCUMENTS)
    } == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_plan_is_read_and_names_its_source(name: str) -> None:
    assert isinstance(plan_of(name), Plan)
    sources = [one for table in PUBLISHED.values() for one in table["sources"]]
    assert DOCUMENTS[name]["source"]
    assert set(DOCUMENTS[name]["source"]) <= set(sources)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("bn_residential", "bn_residential"),
        ("my_tnb_domestic_2014", "my_tnb_domestic_2014"),
        ("cn_sd_residential_monthly", "cn_sd_residential"),
        ("cn_zj_residential_ladder", "cn_zj_residential_ladder_tou"),
    ],
)
def test_ladders_with_prices(ours: str, theirs: str) -> None:
    for version in plan_of(ours).versions:
        assert _rows(_ladder(version).seasons[0].steps) == _published(PUBLISHED[theirs]["tiers"])


def test_the_yearly_ladder_of_shandong() -> None:
    table = PUBLISHED["cn_sd_residential"]
    prices = [_e8(tier["price"]) for tier in table["tiers"]]
    limits_wh = [_wh(kwh) for kwh in table["annual_equivalent_kwh"]]
    found = _rows(_ladder(_only("cn_sd_residential")).seasons[0].steps)
    assert found == list(zip([*limits_wh, None], prices, strict=True))
    assert plan_of("cn_sd_residential").settlement.every == "year"
    assert _only("cn_sd_residential_tou").rates_e8 == {band: _e8(x) for band, x in table["tou_option"].items()}


@pytest.mark.parametrize("band", ["peak", "valley"])
def test_a_ladder_on_top_of_bands(band: str) -> None:
    tiers = PUBLISHED["cn_zj_residential_ladder_tou"]["tiers"]
    version = _only("cn_zj_residential_ladder_tou")
    assert _rows(_ladder(version).seasons[0].steps, band) == _published(tiers, band)
    assert plan_of("cn_zj_residential_ladder_tou").settlement.every == "year"


def test_shared_meters_of_zhejiang() -> None:
    shared = PUBLISHED["cn_zj_residential_ladder_tou"]["shared_meter"]
    for name, price in shared.items():
        assert _only(f"cn_zj_shared_{name}").rates_e8 == {ALL_HOURS: _e8(price)}


def test_the_seasons_and_the_large_household_of_guangdong() -> None:
    ladder = _ladder(_only("cn_gd_residential_ladder"))
    for ours, theirs in zip(ladder.seasons, PUBLISHED["cn_gd_residential_ladder"]["seasons"], strict=True):
        assert ours.season.months == frozenset(theirs["months"])
        assert _rows(ours.steps) == _published(theirs["tiers"], "add", "0.64")
    july = Span(0, 1, date(2026, 7, 1), 31)
    steps = season_steps(ladder, july)
    assert limits(ladder, steps, july, 4).upper_wh == (260_000, 600_000, None)
    assert limits(ladder, steps, july, 5).upper_wh == (360_000, 700_000, None)


def test_slabs_of_tamil_nadu() -> None:
    slabs = _ladder(_only("in_tn_domestic_2012")).slabs
    for ours, theirs in zip(slabs, PUBLISHED["in_tn_domestic_2012"]["slabs"], strict=True):
        assert ours.up_to_wh == _wh(theirs["total_up_to"])
        assert ours.fixed_fen == 100 * theirs["fixed"]
        assert _rows(ours.steps) == [(_wh(limit), _e8(price)) for limit, price in theirs["tiers"]]


def test_what_else_the_table_of_malaysia_says() -> None:
    table, (before, after) = PUBLISHED["my_tnb_domestic_2014"], plan_of("my_tnb_domestic_2014").versions
    assert {version.minimum_fen for version in (before, after)} == {int(Fraction(str(table["minimum_monthly"])) * 100)}
    assert (str(after.since)[:10], str(after.until)[:10]) == ("2024-03-01", "2025-07-01")
    assert not before.fees
    assert [(fee.part_e8, fee.above_wh) for fee in after.fees] == [(_e8("0.08"), 600_000)]
    # "first 607 kWh": 91 days, as its explanation has it
    ladder, days = _ladder(after), Span(0, 1, date(2024, 6, 1), 91)
    assert limits(ladder, season_steps(ladder, days), days, 1).upper_wh == (
        607_000,
        910_000,
        1_820_000,
        2_730_000,
        None,
    )


def test_limits_a_day_of_california_and_nothing_above_them() -> None:
    (tiers,) = PUBLISHED["us_pge_e1_urdb_excerpt"]["urdb"]["energyratestructure"]
    ladder = _ladder(_only("us_pge_e1_urdb_excerpt"))
    assert ladder.per_days == 1
    assert _rows(ladder.seasons[0].steps) == [(_wh(tier["max"]), _e8(tier["rate"])) for tier in tiers]


@pytest.mark.parametrize("name", ["cn_gd_prd5_lt1kv_2021-10", "cn_gd_prd6_lt1kv_2026-10_provisional"])
def test_the_hours_and_prices_of_guangdong(name: str) -> None:
    table, version = PUBLISHED[name], _only(name)
    assert version.rates_e8 == {OURS.get(band, band): _e8(price) for band, price in table["prices"].items()}
    assert str(version.since)[:10] == table["valid_from"]
    for month in range(1, 13):
        day = date(2026, month, 15)
        tip = [(one["start"], one["end"]) for one in table["overrides"] if month in one["months"]]
        assert _hours(version, day) == [_published_band(table["periods"], tip, f"{hour:02d}:30") for hour in range(24)]


def _published_band(periods: Any, tip: list[tuple[str, str]], at: str) -> str:
    if any(start <= at < end for start, end in tip):
        return "sharp"
    return next(OURS.get(one["name"], one["name"]) for one in periods if one["start"] <= at < one["end"])


def _hours(version: Version, day: date) -> list[str]:
    slots = version.tables[version.table_of(day) or ""]
    return [[slot.band for slot in slots if slot.at <= time(hour, 30)][-1] for hour in range(24)]


@pytest.mark.parametrize("row", range(7))
def test_the_whole_table_of_hubei(row: int) -> None:
    table = PUBLISHED["cn_hb_2026-01"]
    theirs, ours = table["rows"][row], _only(f"cn_hb_2026-01_{row + 1}")
    assert ours.rates_e8 == {OURS.get(band, band): _e8(price) for band, price in theirs["prices"].items()}
    assert _only(f"cn_hb_2026-01_{row + 1}_non_tou").rates_e8 == {ALL_HOURS: _e8(theirs["non_tou"])}
    charges = [theirs["demand_per_kw_month"], theirs["capacity_per_kva_month"]]
    fees = {fee.times: fee.fen for fee in ours.fees}
    expected = [None if one is None else int(Fraction(str(one)) * 100) for one in charges]
    assert [fees.get("demand_kw"), fees.get("capacity_kva")] == expected
    for month in range(1, 13):
        periods = table["periods"]["months_7_8" if month in (7, 8) else "other_months"]
        assert _hours(ours, date(2026, month, 15)) == [
            _published_band(periods, [], f"{hour:02d}:30") for hour in range(24)
        ]
    assert (str(ours.since)[:10], str(ours.until)[:10]) == (table["valid_from"], "2026-02-01")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_plan_can_charge(name: str) -> None:
    assert Running(plan_of(name), Customer()).fen == 0
