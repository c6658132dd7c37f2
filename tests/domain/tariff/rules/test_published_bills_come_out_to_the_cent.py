"""Every worked bill that was published: totals, steps, taxes, bands of an hour, prices made of components."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from prewatt.domain.tariff.rules.charging import Bill, price
from prewatt.domain.tariff.rules.derive import composed, corrected_wh, energy_for_credit, scaled, used_wh
from prewatt.domain.tariff.rules.plan import Plan, Rounding
from prewatt.domain.tariff.rules.reading import parse
from prewatt.domain.tariff.rules.timeline import Timeline, seconds
from prewatt.units import Energy, Money, Rate
from tariffs import DOCUMENTS, at, plan, plan_of, use
from vector_files import FOLDER, entries

# When each tariff was in force; thirty days, where a bill counts them.
DAY = {"my_tnb_domestic_2014": "2024-06-01T00:00", "in_tn_domestic_2012": "2012-07-01T00:00"}
UNTAXED = "2020-05-01T00:00"
KINDS = {
    "flat", "tou", "back_billing", "ladder_tax", "ladder", "slab_by_total", "credit_to_units",
    "tou_prices_from_ratio", "tou_prices_from_components", "period_of_hour", "reading_times_ratio",
}  # fmt: skip


def _bill(name: str, kwh: str, day: str = "") -> Bill:
    chosen = plan_of(name)
    return price(chosen, [use(day or DAY.get(name, "2026-01-01T00:00"), kwh, hours=30 * 24, zone=chosen.zone)])


def _amounts(bill: Bill, kind: str) -> list[str]:
    return [str(Money(line.fen)) for one in bill.statements for line in one.lines if line.kind == kind]


def test_every_kind_of_published_bill_has_its_test() -> None:
    vectors = json.loads((FOLDER / "billing.json").read_text())["vectors"]
    assert {one["kind"] for one in vectors} == KINDS
    assert len(vectors) == 33


@pytest.mark.parametrize("case", entries("billing.json", "flat"))
def test_one_price(case: Any) -> None:
    given = case["given"]
    flat = plan({"price": given["price"]})
    assert str(Money(price(flat, [use("2026-01-01T00:00", given["kwh"])]).fen)) == case["expected"]["total"]


@pytest.mark.parametrize("case", entries("billing.json", "tou"))
def test_prices_by_band_each_line_rounded(case: Any) -> None:
    given, expected = case["given"], case["expected"]
    prices = {"peak": given["peak_price"], "valley": given["valley_price"]}
    bands = plan({"prices": prices}, rounding={"each": "line"})
    used = [use("2026-01-01T00:00", given[f"{band}_kwh"], band=band) for band in prices]
    bill = price(bands, used)
    assert _amounts(bill, "energy") == [expected["peak"], expected["valley"]]
    assert str(Money(bill.fen)) == expected["total"]


@pytest.mark.parametrize("case", entries("billing.json", "back_billing"))
def test_use_that_was_counted_wrongly_is_corrected_and_priced_by_band(case: Any) -> None:
    given, expected = case["given"], case["expected"]
    flat, rate = Rate.parse(given["flat_price"]), Fraction(given["correction_rate"])
    prices = {band: str(scaled(flat, Fraction(given[f"{band}_factor"]))) for band in ("peak", "valley")}
    counted = {band: Energy.parse_kwh(given[f"{band}_kwh"]).wh for band in prices}
    counted["flat"] = Energy.parse_kwh(given["total_kwh"]).wh - sum(counted.values())
    used = [
        use("2026-01-01T00:00", str(Energy(corrected_wh(wh, rate))), band=band, hours=24)
        for band, wh in counted.items()
    ]
    bill = price(plan({"prices": prices | {"flat": str(flat)}}), used)
    assert _amounts(bill, "energy") == [expected[band] for band in ("peak", "valley", "flat")]
    assert str(Money(bill.fen)) == expected["total"]


@pytest.mark.parametrize("case", entries("billing.json", "ladder"))
def test_a_ladder(case: Any) -> None:
    given, expected = case["given"], case["expected"]
    bill = _bill(given["tariff"], given["kwh"], UNTAXED if "my_" in given["tariff"] else "")
    if "ringgit" in given.get("rounding", ""):
        rounded = _rounded_to(plan_of(given["tariff"]), 100)
        bill = price(rounded, [use(UNTAXED, given["kwh"], hours=720, zone=rounded.zone)])
    assert Fraction(str(Money(bill.fen))) == Fraction(expected["total"])
    assert _amounts(bill, "energy") == expected.get("tiers", _amounts(bill, "energy"))


def _rounded_to(chosen: Plan, fen: int) -> Plan:
    return Plan(chosen.name, chosen.zone, chosen.currency, chosen.settlement, Rounding(to_fen=fen), chosen.versions)


def test_four_months_read_at_once_cost_four_average_months() -> None:
    """The grid company's own explanation of its proration: 1,400 kWh of four months are 350 kWh a month."""
    chosen = plan_of("my_tnb_domestic_2014")
    at_once = price(chosen, [use("2020-03-01T00:00", "1400", hours=120 * 24, zone=chosen.zone)])
    assert at_once.fen == 4 * _bill("my_tnb_domestic_2014", "350", UNTAXED).fen == 4 * 10_280


@pytest.mark.parametrize("case", entries("billing.json", "ladder_tax"))
def test_a_ladder_with_a_tax_on_its_upper_steps(case: Any) -> None:
    expected = case["expected"]
    bill = _bill(case["given"]["tariff"], case["given"]["kwh"])
    assert _amounts(bill, "energy") == expected["tiers"]
    assert _amounts(bill, "part") == [expected["tax"]]
    assert str(Money(bill.fen)) == expected["total"]


@pytest.mark.parametrize("case", entries("billing.json", "slab_by_total"))
def test_a_table_chosen_by_the_total(case: Any) -> None:
    assert str(Money(_bill(case["given"]["tariff"], case["given"]["kwh"]).fen)) == case["expected"]["total"]


@pytest.mark.parametrize("case", entries("billing.json", "credit_to_units"))
def test_how_far_a_credit_reaches(case: Any) -> None:
    given = case["given"]
    credit, used = Money.parse(given["credit"]).fen, Energy.parse_kwh(given["already_used_kwh"]).wh
    reached = energy_for_credit(plan_of(given["tariff"]), credit, at_s=seconds(at("2026-01-05T00:00")), used_wh=used)
    assert Fraction(reached, 1000) == Fraction(case["expected"]["kwh"])


@pytest.mark.parametrize("case", entries("billing.json", "tou_prices_from_ratio"))
def test_prices_from_a_ratio(case: Any) -> None:
    given = case["given"]
    peak, _, valley = (Fraction(part) for part in given["ratio"].split(":"))
    flat = Rate.parse(str(Money.parse(given["flat_fen"]).fen / 10_000))
    high, low = scaled(flat, peak), scaled(flat, valley)
    found = {"peak_fen": high, "valley_fen": low, "tip_fen": scaled(high, Fraction(given["tip_over_peak"]))}
    assert {name: f"{rate.e8 // 10**4 / 100:.2f}" for name, rate in found.items()} == case["expected"]


@pytest.mark.parametrize("case", entries("billing.json", "tou_prices_from_components"))
def test_prices_from_components(case: Any) -> None:
    given = case["given"]
    floating = [Rate.parse(given[name]) for name in ("agent_purchase", "line_loss")]
    fixed = [Rate.parse(given[name]) for name in ("td_energy", "system_operation", "government_fund")]
    factors = {"flat": "1"} | given["factors"]
    found = {band: str(composed(floating, fixed, Fraction(factor))) for band, factor in factors.items()}
    assert found == case["expected"]


def _without_end(name: str) -> Plan:
    """The hours of this table are those of the whole year; only its prices end with January."""
    document = DOCUMENTS[name]
    versions = [{key: value for key, value in one.items() if key != "until"} for one in document["versions"]]
    return parse(json.dumps(document | {"versions": versions}))


@pytest.mark.parametrize("case", entries("billing.json", "period_of_hour"))
def test_the_band_of_an_hour(case: Any) -> None:
    given = case["given"]
    names = [name for name in DOCUMENTS if name.startswith(given["tariff"]) and not name.endswith("non_tou")]
    assert names
    for name in names:
        timeline = Timeline(_without_end(name))
        band = timeline.band_at(seconds(at(f"2026-{given['month']:02d}-15T{given['hour']:02d}:30")))
        assert band == {"tip": "sharp"}.get(case["expected"]["period"], case["expected"]["period"])


@pytest.mark.parametrize("case", entries("billing.json", "reading_times_ratio"))
def test_use_from_two_readings(case: Any) -> None:
    given = case["given"]
    last, this = (Energy.parse_kwh(given[name]).wh for name in ("last", "this"))
    wh = used_wh(last, this, ct_ratio=int(given["ct_ratio"]))
    assert Fraction(wh, 1000) == Fraction(case["expected"]["kwh"])
