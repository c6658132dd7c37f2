"""开户 with 平台计费: terms, plan, carried-in and first payment in one post; no money goes to the meter."""

from __future__ import annotations

from typing import Any

import pytest

from counter import NOW, Counter
from prewatt.domain.billing.queries import available_fen, standing

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    counter = Counter(meters=2)
    for meter in counter.meters:
        meter.allow = ["manual", "observed", "unverified", "simulated"]
        meter.save()
        counter.read(meter)
    return counter


LADDER = {"ladder": {"steps": [{"up_to_kwh": "10", "add": "0"}, {"add": "0.3"}]}}


def a_plan(counter: Counter, **more: Any) -> Any:
    from prewatt.domain.tariff.versions import add_version

    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": "1"} | more]}
    facts = {"key": "k", "plan": None, "name": "one", "effective_from": None, "operator": counter.admin}
    return add_version(document=document, now=counter.now, day=NOW.date(), **facts).plan


def open_here(counter: Counter, *, meters: int = 1, billed: dict[str, Any] | None = None, **changes: Any) -> Any:
    from prewatt.domain.vending.opening_here import Billed
    from prewatt.domain.vending.opening_many import Wanted, open_accounts

    facts: dict[str, Any] = {"first": "100", "carried_in": "3.21", "billed": Billed(**(billed or {}))} | changes
    wanted = [Wanted(meter=meter, **facts) for meter in counter.meters[:meters]]
    return open_accounts(
        form_id=FORM,
        customer=counter.customer,
        wanted=wanted,
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )


def faults() -> list[Any]:
    from prewatt.domain.audit.verify import verify

    return list(verify().findings)


def test_what_is_paid_and_carried_in_stands_on_the_account_at_once(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.vending.models import Sale

    (opening,) = open_here(counter, plan=a_plan(counter), billed={"overdraft": "20", "switch_on_min": "5"}, use="商铺")
    (sale,) = Sale.objects.all()
    assert (available_fen(opening.pk), opening.use) == (10_321, "商铺")
    assert (sale.first, sale.state, sale.order, sale.amount_fen) == (True, "arrived", None, 10_000)
    stand = standing(opening.pk)
    assert stand is not None
    assert (stand.billing, stand.overdraft_fen, stand.switch_on_min_fen) == ("platform", 2_000, 500)
    assert set(MeterOrder.objects.values_list("kind", flat=True)) <= {"switch_on", "limits"}
    assert counter.drawer_fen() == 10_000
    assert faults() == []


def test_the_same_form_again_is_the_same_account(counter: Counter) -> None:
    from prewatt.domain.vending.models import Sale

    first, again = open_here(counter, plan=a_plan(counter)), open_here(counter)
    assert [one.pk for one in first] == [one.pk for one in again]
    assert (Sale.objects.count(), available_fen(first[0].pk)) == (1, 10_321)


def test_a_form_that_opened_one_meter_opens_no_second_one(counter: Counter) -> None:
    from prewatt.domain.vending.opening import OpeningIdTaken

    open_here(counter, plan=a_plan(counter))
    with pytest.raises(OpeningIdTaken):
        open_here(counter, meters=2)


def test_without_a_plan_nothing_is_opened(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.vending.platform import NoPricePlan

    with pytest.raises(NoPricePlan) as refused:
        open_here(counter)
    assert (refused.value.field, refused.value.meter_id) == ("plan", counter.meters[0].pk)
    assert (Opening.objects.count(), counter.drawer_fen()) == (0, 0)


def test_a_meter_without_a_relay_is_left_to_count_by_itself(counter: Counter) -> None:
    from prewatt.domain.vending.platform import NoRelay

    meter = counter.meters[0]
    meter.allow = ["manual"]
    meter.save()
    with pytest.raises(NoRelay) as refused:
        open_here(counter, plan=a_plan(counter))
    assert refused.value.field == "billing"


def test_a_plan_that_no_meter_can_hold_will_do(counter: Counter) -> None:
    from prewatt.domain.tariff.operations import NotForMeters
    from prewatt.domain.vending.opening_many import Wanted, open_accounts

    plan = a_plan(counter, **LADDER)
    by_meter = Wanted(meter=counter.meters[1], plan=plan)
    facts: dict[str, Any] = {"customer": counter.customer, "tender": "cash", "operator": counter.cashier}
    with pytest.raises(NotForMeters):
        open_accounts(form_id="f" * 32, wanted=[by_meter], now=counter.now, **facts)
    (opening,) = open_here(counter, plan=plan)
    assert opening.meter.plan_use.plan_id == plan.pk


def test_the_meters_prices_stay_what_they_are(counter: Counter) -> None:
    from prewatt.domain.vending.terms import Terms

    open_here(counter, plan=a_plan(counter), terms=Terms(price_flat_e4=9_999, alarm1_fen=7_000))
    meter = counter.meters[0]
    meter.refresh_from_db()
    assert (meter.price_flat_e4, meter.alarm1_fen) == (0, 7_000)


def test_a_plan_given_within_the_same_second_prices_from_the_start(counter: Counter) -> None:
    """A price begins with a whole second; so does the account that is opened with it."""
    from datetime import timedelta

    from prewatt.domain.billing.operations import rate_one
    from prewatt.domain.billing.queries import is_priced

    plan = a_plan(counter)
    counter._now += timedelta(microseconds=417)
    (opening,) = open_here(counter, plan=plan)
    rate_one(opening_id=opening.pk, now=counter.later(hours=1))
    assert opening.opened_at.microsecond
    assert is_priced(opening.pk)
