"""Each refusal has its own class, says what it means for the money and what to do, and books nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending import checks
from prewatt.domain.vending.models import Sale, Series
from prewatt.domain.vending.selling import AboveCeiling
from prewatt.units.values import Money


def refused(counter: Counter, error: type[checks.Refused], **asked: Any) -> str:
    """The refusal's text, after making sure that nothing at all was booked."""
    before = [model.objects.count() for model in (Sale, Transfer, MeterOrder, Series, LogEntry)]
    with pytest.raises(error) as caught:
        counter.sell(**{"sale_id": "x", **asked})
    assert [model.objects.count() for model in (Sale, Transfer, MeterOrder, Series, LogEntry)] == before
    assert "Nothing was booked" in str(caught.value)
    assert error.code != checks.Refused.code
    return str(caught.value)


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (0, checks.ZeroAmount),
        ("0.00", checks.ZeroAmount),
        (Money(0), checks.ZeroAmount),
        ("-5", checks.NegativeAmount),
        (Money(-1), checks.NegativeAmount),
        ("1.001", checks.TooManyDecimals),
        (Decimal("0.005"), checks.TooManyDecimals),
        (100.0, checks.FloatAmount),
        (0.1, checks.FloatAmount),
        ("1e3", checks.NotAnAmount),
        ("一百", checks.NotAnAmount),
        ("", checks.NotAnAmount),
        (None, checks.NotAnAmount),
        (True, checks.NotAnAmount),
        ("nan", checks.NotAnAmount),
        ("10000000.01", checks.AmountTooLarge),
    ],
)
def test_an_amount_that_is_none(counter: Counter, amount: object, error: type[checks.Refused]) -> None:
    counter.opened()
    refused(counter, error, amount=amount)


@pytest.mark.parametrize("tender", ["", "bitcoin", "CASH", "cash "])
def test_an_unknown_way_of_paying(counter: Counter, tender: str) -> None:
    counter.opened()
    assert "cash" in refused(counter, checks.UnknownTender, tender=tender)


def test_a_meter_without_an_account(counter: Counter) -> None:
    assert "Open an account" in refused(counter, checks.MeterNotOpened)


def test_a_meter_whose_account_is_closed(counter: Counter) -> None:
    opening = counter.opened()
    opening.closed_at = counter.now
    opening.save(update_fields=["closed_at"])
    assert "closed" in refused(counter, checks.AccountClosed)


def test_a_meter_out_of_use(counter: Counter) -> None:
    counter.opened()
    counter.meters[0].active = False
    counter.meters[0].save(update_fields=["active"])
    assert "out of use" in refused(counter, checks.MeterInactive)


def test_an_operator_without_the_right(counter: Counter) -> None:
    counter.opened()
    assert "sell" in refused(counter, checks.NoRight, operator=counter.reader)


def test_an_operator_who_left(counter: Counter) -> None:
    counter.opened()
    counter.cashier.is_active = False
    refused(counter, checks.NoRight, operator=counter.cashier)


def test_an_operator_of_other_buildings(counter: Counter) -> None:
    counter.opened()
    refused(counter, checks.OutOfScope, operator=counter.stranger)
    counter.stranger.buildings.add(counter.building)
    assert counter.sell("s1", operator=counter.stranger).pk == "s1"


def test_above_the_ceiling_and_equal_is_allowed(counter: Counter) -> None:
    counter.opened(balance_fen=20_000)  # the ceiling is 1000.00
    assert "At most 800.00" in refused(counter, AboveCeiling, amount="800.01")
    assert counter.sell("s1", "800.00").amount_fen == 80_000


def test_money_on_the_way_counts_towards_the_ceiling(counter: Counter) -> None:
    counter.opened(balance_fen=20_000)
    counter.sell("s1", "700")
    text = refused(counter, AboveCeiling, amount="100.01")
    assert "200.00" in text
    assert "700.00" in text
    assert "At most 100.00" in text


def test_money_that_has_just_arrived_counts_before_the_next_reading_shows_it(counter: Counter) -> None:
    counter.opened(balance_fen=20_000)
    counter.sell("s1", "700")
    counter.arrive("s1")
    assert "At most 100.00" in refused(counter, AboveCeiling, amount="100.01")
    counter.read(counter.meters[0], balance_fen=40_000)
    assert counter.sell("s2", "600").amount_fen == 60_000


def test_debt_on_the_meter_makes_room(counter: Counter) -> None:
    counter.opened()
    counter.read(counter.meters[0], balance_fen=0, overdraft_fen=5_000)
    assert counter.sell("s1", "1050").amount_fen == 105_000


def test_a_meter_without_a_ceiling_takes_any_amount(counter: Counter) -> None:
    counter.opened()
    type(counter.meters[0]).objects.update(ceiling_fen=0)
    assert counter.sell("s1", "99999.99").amount_fen == 9_999_999


@pytest.mark.parametrize(
    "asked", [{"amount": 0}, {"amount": "1.001"}, {"amount": 1.5}, {"amount": "2000"}, {"tender": "shells"}]
)
def test_every_refusal_speaks_chinese_as_well(counter: Counter, asked: dict[str, Any]) -> None:
    counter.opened()
    with translation.override("zh-hans"), pytest.raises(checks.Refused) as caught:
        counter.sell("x", **asked)
    assert "没有入账" in str(caught.value)


def test_nothing_is_sold_to_an_account_that_is_marked_inactive(counter: Counter) -> None:
    opening = counter.opened()
    opening.inactive = True
    opening.save()
    with pytest.raises(checks.AccountInactive):
        counter.sell()
    assert counter.drawer_fen() == 0
    opening.inactive = False
    opening.save()
    counter.sell()
