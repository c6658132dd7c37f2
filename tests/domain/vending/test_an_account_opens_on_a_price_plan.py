"""开户 with a price plan: the meter gets its prices and uses it; above the cap only with a ground, which is logged."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from counter import NOW, Counter

FORM = uuid.UUID(int=9).hex


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.meters[0].allow = ["manual", "observed", "unverified", "simulated"]
    one.meters[0].save()
    return one


def plan(counter: Counter, e4: int) -> Any:
    from prewatt.domain.tariff.models import PRICE_NAMES, Plan

    return Plan.objects.create(
        name=f"P{e4}", created_at=NOW, created_by=counter.admin, changed_at=NOW, **dict.fromkeys(PRICE_NAMES, e4)
    )


def the_site_pays(counter: Counter, e4: int) -> None:
    from prewatt.domain.tariff.operations import set_purchase

    prices = {"price_flat_e4": e4}
    set_purchase(from_day=NOW.date(), prices=prices, operator=counter.admin, now=NOW)


def open_(counter: Counter, **more: Any) -> Any:
    from prewatt.domain.vending.opening_many import Wanted, open_accounts

    return open_accounts(
        form_id=FORM,
        customer=counter.customer,
        wanted=[Wanted(meter=counter.meters[0], first="100", **more)],
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )


def nothing_happened() -> bool:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.tariff.models import PlanUse

    return not (MeterOrder.objects.exists() or Opening.objects.exists() or PlanUse.objects.exists())


def test_the_meter_gets_the_prices_of_the_plan_and_uses_it(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.tariff.models import PlanUse
    from prewatt.domain.vending.terms import Terms

    chosen = plan(counter, 7263)
    open_(counter, plan=chosen, terms=Terms(price_flat_e4=9999))
    meter = counter.meters[0]
    meter.refresh_from_db()
    assert (meter.price_flat_e4, meter.price_deep_e4) == (7263, 7263)
    assert PlanUse.objects.get(meter=meter).plan == chosen
    assert set(MeterOrder.objects.get(kind="prices").values.values()) == {7263}


@pytest.mark.parametrize("typed", [True, False])
def test_prices_above_the_cap_need_a_ground(counter: Counter, typed: bool) -> None:
    from prewatt.domain.staff.models import LogEntry
    from prewatt.domain.vending.terms import AboveCap, Terms

    the_site_pays(counter, 7000)
    asked: dict[str, Any] = {"terms": Terms(price_flat_e4=7001)} if typed else {"plan": plan(counter, 7001)}
    with pytest.raises(AboveCap) as refused:
        open_(counter, **asked, ground="  ")
    assert (refused.value.meter_id, refused.value.field) == (counter.meters[0].pk, "ground")
    assert nothing_happened()
    open_(counter, **asked, ground="批准书 12 号")
    entry = LogEntry.objects.get(action="tariff.above_cap")
    assert (entry.after["reason"], entry.after["price_flat_e4"]) == ("批准书 12 号", 7001)


def test_prices_at_the_cap_and_prices_that_the_meter_has_already_need_none(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter, Opening
    from prewatt.domain.vending.terms import Terms

    the_site_pays(counter, 7000)
    Meter.objects.update(price_flat_e4=9000)
    open_(counter, terms=Terms(price_flat_e4=9000))
    assert Opening.objects.count() == 1


def test_the_cap_itself_is_allowed(counter: Counter) -> None:
    the_site_pays(counter, 7000)
    assert open_(counter, plan=plan(counter, 7000))
