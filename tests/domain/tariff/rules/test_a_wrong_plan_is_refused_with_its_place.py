"""The reader and the shipped schema give the same verdict where a schema can; the reader says the rest."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.domain.tariff.rules.faults import BadPlan
from prewatt.domain.tariff.rules.five import document_of
from prewatt.domain.tariff.rules.plan import FORMAT
from prewatt.domain.tariff.rules.reading import parse, schema
from tariffs import DOCUMENTS

SLOT = {"at": "00:00", "band": "peak"}
BANDED = {"prices": {"peak": "1", "valley": "0.5"}, "tables": {"a": [SLOT]}}
STEPS = [{"up_to_kwh": "100", "add": "0"}, {"add": "0.1"}]
# what is wrong by its form: the schema says so too
BY_FORM: list[tuple[str, Any]] = [
    ("", {"price": "1", "colour": "red"}),
    ("/versions/0", {"price": "1", "prices": {"peak": "1"}}),
    ("/versions/0/price", {"price": "1.123456789"}),
    ("/versions/0/price", {"price": "-1"}),
    ("/versions/0/price", {"price": True}),
    ("/versions/0/prices", {"prices": {}}),
    ("/versions/0/prices/PEAK", {"prices": {"PEAK": "1"}}),
    ("/versions/0/tables/a", BANDED | {"tables": {"a": []}}),
    ("/versions/0/tables/a", BANDED | {"tables": {"a": [SLOT] * 15}}),
    ("/versions/0/tables/a/0/at", BANDED | {"tables": {"a": [SLOT | {"at": "24:00"}]}}),
    ("/versions/0/calendar/0/days/0", BANDED | {"calendar": [{"table": "a", "days": ["someday"]}]}),
    ("/versions/0/ladder", {"price": "1", "ladder": {}}),
    ("/versions/0/ladder/steps/0", {"price": "1", "ladder": {"steps": [{"up_to_kwh": None}]}}),
    ("/versions/0/ladder/steps/0", {"ladder": {"steps": [{"price": "1", "prices": {"a": "1"}}]}}),
    ("/versions/0/free", {"price": "1", "free": {}}),
    ("/versions/0/fees/0", {"price": "1", "fees": [{"name": "x", "amount": "1", "rate": "0.1"}]}),
    ("/versions/0/fees/0", {"price": "1", "fees": [{"amount": "1"}]}),
    ("/versions/0/minimum", {"price": "1", "minimum": "0.001"}),
    ("/versions/0/from", {"price": "1", "from": "2026-01-01T00:00+08:00"}),
]
BY_SENSE: list[tuple[str, Any]] = [
    ("/versions/0", {}),
    ("/versions/0/until", {"price": "1", "from": "2026-02-01", "until": "2026-01-01"}),
    ("/versions/0/from", {"price": "1", "from": "2026-02-30"}),
    ("/versions/0", BANDED | {"tables": {"a": [SLOT], "b": [SLOT]}}),
    ("/versions/0/calendar", {"price": "1", "calendar": [{"table": "a"}]}),
    ("/versions/0/calendar/0/table", BANDED | {"calendar": [{"table": "b"}]}),
    ("/versions/0/calendar/0", BANDED | {"calendar": [{"table": "a", "from": "01-01"}, {"table": "a"}]}),
    ("/versions/0/calendar", BANDED | {"calendar": [{"table": "a", "months": [1, 2]}]}),
    ("/versions/0/calendar", BANDED | {"calendar": [{"table": "a", "days": ["weekday", "sat", "sun"]}]}),
    ("/versions/0/dates/2026-01-01", BANDED | {"dates": {"2026-01-01": "b"}}),
    ("/versions/0/workdays", BANDED | {"holidays": ["2026-01-01"], "workdays": ["2026-01-01"]}),
    ("/versions/0/ladder/steps/0", {"price": "1", "ladder": {"steps": [{"add": "0"}, {"add": "1"}]}}),
    ("/versions/0/ladder/steps/1/up_to_kwh", {"price": "1", "ladder": {"steps": [STEPS[0], STEPS[0]]}}),
    ("/versions/0/ladder/steps/1/add", {"price": "1", "ladder": {"steps": [STEPS[0], {"add": "-2"}]}}),
    ("/versions/0/ladder/steps/0/add", {"ladder": {"steps": [{"add": "1"}]}}),
    ("/versions/0/ladder/steps/0/price", {"price": "1", "ladder": {"steps": [{"price": "1"}]}}),
    ("/versions/0/ladder", {"ladder": {"steps": [{"up_to_kwh": "1", "price": "1"}, {"prices": {"a": "1"}}]}}),
    ("/versions/0/ladder/seasons", {"price": "1", "ladder": {"seasons": [{"months": [5, 6], "steps": STEPS}]}}),
    ("/versions/0/ladder/whole_kwh", {"price": "1", "ladder": {"steps": STEPS, "whole_kwh": True}}),
    ("/versions/0/fees/0/above_kwh", {"price": "1", "fees": [{"name": "x", "rate": "1", "above_kwh": "5"}]}),
    ("/versions/0/fees/0/every", {"price": "1", "fees": [{"name": "x", "rate": "1", "every": "day"}]}),
]  # fmt: skip


def _document(version: Any) -> dict[str, Any]:
    return {"format": FORMAT, "name": "test", "versions": [version]}


def _places(document: Any) -> list[str]:
    with pytest.raises(BadPlan) as refused:
        parse(json.dumps(document))
    return [fault.pointer for fault in refused.value.faults]


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.validator_for(schema())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_published_plans_are_sound_by_the_schema_too(name: str, validator: Any) -> None:
    assert validator.is_valid(DOCUMENTS[name])


@pytest.mark.parametrize(("place", "version"), BY_FORM)
def test_what_is_wrong_by_its_form_is_refused_by_both(place: str, version: Any, validator: Any) -> None:
    assert any(found.startswith(place) for found in _places(_document(version)))
    assert not validator.is_valid(_document(version))


@pytest.mark.parametrize(("place", "version"), BY_SENSE)
def test_what_makes_no_sense_is_refused_with_its_place(place: str, version: Any) -> None:
    assert place in _places(_document(version))


def test_versions_stand_in_the_order_of_their_instants() -> None:
    first, second = {"price": "1", "from": "2026-01-01"}, {"price": "2", "from": "2026-01-01"}
    assert _places(_document(first) | {"versions": [first, second]}) == ["/versions/1/from"]
    late = first | {"until": "2026-03-01"}
    after = second | {"from": "2026-02-01"}
    assert _places(_document(first) | {"versions": [late, after]}) == ["/versions/0/until"]


def test_a_price_keeps_the_digits_it_is_written_with() -> None:
    text = json.dumps(_document({"price": "PRICE"})).replace('"PRICE"', "1.67036875")
    assert parse(text).versions[0].rates_e8 == {"all": 167_036_875}


def test_the_five_prices_of_a_meter_become_a_plan(validator: Any) -> None:
    prices = {
        f"price_{band}_e4": 7000 + index for index, band in enumerate(("sharp", "peak", "flat", "valley", "deep"))
    }
    banded = document_of(name="mall", prices=prices, flat=False)
    assert parse(json.dumps(banded)).versions[0].rates_e8 == {name[6:-3]: e4 * 10**4 for name, e4 in prices.items()}
    assert parse(json.dumps(document_of(name="mall", prices=prices, flat=True))).versions[0].rates_e8 == {
        "all": 70_020_000
    }
    tables = {"usual": [{"at": "00:00", "band": "deep"}]}
    assert validator.is_valid(document_of(name="mall", prices=prices, flat=False, tables=tables))


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "-0.0", "1E2"])
def test_a_number_of_any_length_is_answered_at_once(number: str) -> None:
    text = json.dumps(_document({"price": "PRICE"})).replace('"PRICE"', number)
    if number == "1E2":
        assert parse(text).versions[0].rates_e8 == {"all": 100 * 10**8}
    elif "e" in number:
        with pytest.raises(BadPlan):
            parse(text)


WORDS = ["1", "00:00", "all", "2026-01-01", 0.5]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["1", "00:00", "all", "2026-01-01", 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _places_in(value: Any) -> list[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *_places_in(value[key])]]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_whatever_stands_in_a_plan_it_is_a_plan_or_is_refused(name: str, data: st.DataObject) -> None:
    document = json.loads(json.dumps(DOCUMENTS[name]))
    owner, key = data.draw(st.sampled_from(_places_in(document)))
    owner[key] = data.draw(JUNK)
    with contextlib.suppress(BadPlan):
        assert parse(json.dumps(document)).versions
