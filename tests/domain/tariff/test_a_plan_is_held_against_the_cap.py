"""Price plans: kept, changed, logged, and above the purchase price only with a reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tariff.cap import HOURS, cap
from prewatt.domain.tariff.models import BANDS, PRICE_NAMES
from prewatt.link.messages import Kind

DAY = date(2026, 6, 1)
TOU = dict(zip(PRICE_NAMES, (12000, 10000, 7000, 4000, 3000), strict=True))
PRICE = st.integers(1, 20_000)
WEIGHTS = st.fixed_dictionaries({band: st.integers(0, 10**9) for band in BANDS})


def save(counter: Counter, **changes: Any) -> Any:
    from prewatt.domain.tariff.operations import save_plan

    asked: dict[str, Any] = {
        "plan": None,
        "name": "商铺",
        "kind": "flat",
        "prices": {"price_flat_e4": 7200},
        "operator": counter.admin,
        "now": counter.now,
        "day": DAY,
    }
    return save_plan(**asked | changes)


def pays(counter: Counter, price_e4: int, **changes: Any) -> Any:
    from prewatt.domain.tariff.operations import set_purchase

    asked: dict[str, Any] = {
        "from_day": date(2026, 1, 1),
        "prices": {"price_flat_e4": price_e4},
        "operator": counter.admin,
        "now": counter.now,
    }
    return set_purchase(**asked | changes)


def code(call: Any, *args: Any, **changes: Any) -> str:
    with pytest.raises(Refused) as error:
        call(*args, **changes)
    return error.value.code


def test_a_flat_plan_has_one_price_in_every_band(counter: Counter) -> None:
    assert set(save(counter).prices.values()) == {7200}


def test_the_same_form_twice_is_one_plan_and_the_name_is_taken_for_others(counter: Counter) -> None:
    assert save(counter) == save(counter)
    assert code(save, counter, prices={"price_flat_e4": 7100}) == "name_taken"


@pytest.mark.parametrize(
    "changes",
    [
        {"prices": {}},
        {"prices": {"price_flat_e4": 0}},
        {"prices": {"price_flat_e4": 100_001}},
        {"kind": "tou"},
        {"kind": "ladder"},
    ],
)
def test_a_price_that_is_none_is_refused(counter: Counter, changes: dict[str, Any]) -> None:
    assert code(save, counter, **changes) == "bad_price"


def test_who_may_not_change_settings_changes_no_price(counter: Counter) -> None:
    assert code(save, counter, operator=counter.cashier) == "no_right"
    assert code(pays, counter, 7000, operator=counter.cashier) == "no_right"


def test_a_change_is_logged_with_what_was_before(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    save(counter, plan=save(counter), prices={"price_flat_e4": 6900})
    entry = LogEntry.objects.filter(action="tariff.plan").latest("pk")
    assert (entry.before["price_flat_e4"], entry.after["price_flat_e4"]) == (7200, 6900)


def test_above_the_purchase_price_only_with_a_reason_and_the_reason_is_kept(counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    assert pays(counter, 7200)
    assert save(counter).pk
    assert code(save, counter, name="dear", prices={"price_flat_e4": 7201}) == "above_cap"
    save(counter, name="dear", prices={"price_flat_e4": 7201}, reason="approved by the price bureau")
    assert LogEntry.objects.latest("pk").after["reason"] == "approved by the price bureau"


def test_the_site_may_say_what_it_puts_on_top(counter: Counter) -> None:
    pays(counter, 7000, markup_permille=100)
    assert save(counter, prices={"price_flat_e4": 7700}).pk
    assert code(save, counter, name="dear", prices={"price_flat_e4": 7701}) == "above_cap"
    assert code(pays, counter, 7000, markup_permille=-1) == "bad_markup"


def test_a_plan_by_time_of_use_is_compared_blended(counter: Counter) -> None:
    pays(counter, 7300)
    assert code(save, counter, kind="tou", prices=TOU, weights={"peak": 1}) == "above_cap"
    assert save(counter, kind="tou", prices=TOU, weights={"peak": 1, "valley": 1}).pk  # 0.70 blended


def test_the_price_of_the_day_counts(counter: Counter) -> None:
    from prewatt.domain.tariff.queries import purchase

    pays(counter, 7000)
    pays(counter, 8000, from_day=date(2026, 7, 1))
    assert [purchase(day=day).price_flat_e4 for day in (date(2026, 6, 30), date(2026, 7, 1))] == [7000, 8000]  # type: ignore[union-attr]
    assert purchase(day=date(2025, 12, 31)) is None


@given(st.fixed_dictionaries(dict.fromkeys(PRICE_NAMES, PRICE)), WEIGHTS, st.integers(0, 200))
def test_the_purchase_price_itself_is_never_above_the_cap(
    prices: dict[str, int], weights: dict[str, int], markup: int
) -> None:
    assert not cap(prices, prices, markup_permille=markup, weights=weights).above


@given(st.fixed_dictionaries(dict.fromkeys(PRICE_NAMES, PRICE)))
def test_one_step_more_in_a_band_that_is_used_is_above(paid: dict[str, int]) -> None:
    assert cap({**paid, "price_flat_e4": paid["price_flat_e4"] + 1}, paid, markup_permille=0, weights=HOURS).above


def test_sending_a_plan_gives_it_to_the_meters_and_asks_the_cap(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.operations import place_batch
    from prewatt.domain.tariff.queries import plans, plans_of

    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    plan = save(counter, kind="tou", prices=TOU)
    pays(counter, 5000)
    asked: dict[str, Any] = {
        "batch_id": "b1",
        "kind": Kind.PRICES,
        "meters": Meter.objects.all(),
        "plan": plan,
        "operator": counter.admin,
        "now": counter.now,
    }
    assert code(place_batch, **asked) == "above_cap"
    batch = place_batch(**asked, note="approved by the price bureau")
    assert batch.items.get().order.values == TOU
    assert plans_of([counter.meters[0].pk]) == {counter.meters[0].pk: plan}
    assert plans().get().meters == 1  # type: ignore[attr-defined]
