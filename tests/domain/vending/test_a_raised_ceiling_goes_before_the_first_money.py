"""An account that opens with more than the meter's old ceiling: the new ceiling is there before the money comes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

FORM = uuid.UUID(int=8).hex
OLD, NEW = 1_000_00, 5_000_00  # the counter's meters have a ceiling of 1000 yuan


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.meters[0].allow = ["manual", "observed", "unverified", "simulated"]
    one.meters[0].save()
    return one


def open_(counter: Counter, first: str, ceiling_fen: int | None) -> str:
    from prewatt.domain.vending.opening_many import Wanted, open_accounts, opening_id
    from prewatt.domain.vending.terms import Terms

    meter = counter.meters[0]
    open_accounts(
        form_id=FORM,
        customer=counter.customer,
        wanted=[Wanted(meter=meter, first=first, terms=Terms(ceiling_fen=ceiling_fen))],
        tender="cash",
        operator=counter.cashier,
        now=counter.now,
    )
    return opening_id(FORM, meter.number)


def leased(counter: Counter) -> list[str]:
    return [one.kind.value for one in counter.lease() if one.kind.value in ("open", "limits")]


def limits(order: str) -> Any:
    from prewatt.domain.dispatch.models import MeterOrder

    return MeterOrder.objects.get(cause_id=order, kind="limits")


@pytest.mark.parametrize("ended", [Outcome.DONE, Outcome.REFUSED])
def test_the_opening_waits_until_the_limits_have_ended(counter: Counter, ended: Outcome) -> None:
    order = open_(counter, "3000", NEW)
    assert leased(counter) == ["limits"]
    assert leased(counter) == []
    counter.settle(limits(order).pk, ended)
    assert leased(counter) == ["open"]


def test_the_money_is_on_the_meter_once(counter: Counter) -> None:
    from prewatt.domain.estate.models import Opening

    order = open_(counter, "3000", NEW)
    counter.lease()
    counter.settle(limits(order).pk, Outcome.DONE)
    counter.settle(limits(order).pk, Outcome.DONE)
    counter.arrive(order)
    assert counter.on_meter_fen(Opening.objects.get()) == yuan("3000")
    assert (counter.wallet_fen(), counter.drawer_fen()) == (0, yuan("3000"))
    assert leased(counter) == []


def test_an_opening_that_is_taken_back_meanwhile_never_leaves(counter: Counter) -> None:
    from prewatt.domain.settlement import cancel

    order = open_(counter, "3000", NEW)
    counter.lease()
    cancel(order_id=order, operator=counter.admin, now=counter.now)
    counter.settle(limits(order).pk, Outcome.DONE)
    assert leased(counter) == []
    assert counter.wallet_fen() == yuan("3000")


@pytest.mark.parametrize(("first", "ceiling_fen"), [("1000", NEW), ("900", None), ("900", OLD)])
def test_money_below_the_old_ceiling_waits_for_nothing(counter: Counter, first: str, ceiling_fen: int | None) -> None:
    open_(counter, first, ceiling_fen)
    assert leased(counter) == ["open", "limits"]


def test_what_the_meter_showed_counts_even_where_the_books_say_otherwise(counter: Counter) -> None:
    from prewatt.domain.control import values

    meter = counter.meters[0]
    meter.ceiling_fen = NEW
    meter.save()
    values.shown([(meter.pk, {"ceiling_fen": OLD})], now=counter.now)
    open_(counter, "3000", None)
    assert leased(counter) == ["limits"]
