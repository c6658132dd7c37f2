"""Refunds on the original way: off the meter first, never more than was paid, and never lost when refused."""

from __future__ import annotations

from typing import Any

import pytest

from paying import Paying
from prewatt.domain.payments import caring, giving, repairing
from prewatt.domain.payments.models import Attempt, BackStanding, Became, PaidBack
from prewatt.domain.payments.refusals import MoreThanPaid, NotKept, NotPaid, StillOnItsWay
from prewatt.domain.vending.checks import NoRight, OutOfScope
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.operations import reverse
from prewatt.link.messages import Outcome


def _back(paying: Paying, attempt: Attempt, amount: str, form_id: str = "f1", **changes: Any) -> PaidBack:
    asked: dict[str, Any] = {"form_id": form_id, "attempt": attempt, "amount": amount, "reason": "paid twice"}
    asked |= {"operator": paying.counter.admin, "now": paying.counter.now}
    return giving.give_back(**asked | changes)


def _tend(paying: Paying, **later: int) -> None:
    repairing.tend(now=paying.counter.later(**later or {"seconds": 1}))


def _on_meter(paying: Paying) -> Attempt:
    attempt = paying.paid(paying.begin())
    paying.counter.arrive(attempt.order_no)
    paying.counter.read(paying.counter.meters[0], balance_fen=100_00, purchase_count=1, bought_fen=100_00)
    return paying.fresh(attempt)


def _kept(paying: Paying) -> Attempt:
    """The second payment of an order: it lies in the wallet."""
    one, two = paying.begin(), paying.begin(channel="wechat")
    paying.counter.arrive(paying.paid(one).order_no)
    return paying.paid(two)


def test_it_comes_off_the_meter_before_the_provider_is_asked(paying: Paying) -> None:
    opening = paying.counter.opened()
    attempt = _on_meter(paying)
    back = _back(paying, attempt, "40")
    assert back.state == BackStanding.METER
    _tend(paying, minutes=1)
    assert not paying.alipay.backs
    paying.counter.arrive(back.back_no)
    _tend(paying, minutes=1)
    _tend(paying, seconds=5)
    back.refresh_from_db()
    assert (back.state, paying.alipay.backs[back.back_no].amount_fen) == (BackStanding.DONE, 40_00)
    assert paying.counter.on_meter_fen(opening) == 60_00
    assert paying.counter.drawer_fen("alipay") == 60_00
    paying.books_are_clean()


def test_what_the_meter_keeps_is_not_paid_back(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _on_meter(paying)
    back = _back(paying, attempt, "40")
    paying.counter.lease()
    paying.counter.settle(back.back_no, Outcome.REFUSED, reason="low")
    _tend(paying, minutes=1)
    back.refresh_from_db()
    assert back.state == BackStanding.CANCELLED
    assert not paying.alipay.backs
    assert giving.left_fen(attempt) == 100_00
    paying.books_are_clean()


def test_while_it_is_on_its_way_to_the_meter_nothing_goes_back(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.paid(paying.begin())
    with pytest.raises(StillOnItsWay):
        _back(paying, attempt, "100")
    assert not PaidBack.objects.exists()


def test_money_that_the_meter_refused_goes_back_whole(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.paid(paying.begin())
    paying.counter.lease()
    paying.counter.settle(attempt.order_no, Outcome.REFUSED, reason="meter_full")
    with pytest.raises(MoreThanPaid):
        _back(paying, attempt, "50")
    back = _back(paying, attempt, "100")
    _tend(paying)
    back.refresh_from_db()
    assert back.state == BackStanding.DONE
    assert Sale.objects.get().state == SaleState.RETURNED
    assert paying.counter.drawer_fen("alipay") == 0
    paying.books_are_clean()


def test_what_waits_in_the_wallet_goes_back_in_parts_and_never_more_than_was_paid(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _kept(paying)
    _back(paying, attempt, "60", "f1")
    _back(paying, attempt, "60", "f1")
    with pytest.raises(MoreThanPaid) as refused:
        _back(paying, attempt, "40.01", "f2")
    assert refused.value.fits_fen == 40_00
    _back(paying, attempt, "40", "f3")
    _tend(paying)
    assert sum(one.amount_fen for one in paying.wechat.backs.values()) == 100_00
    assert paying.counter.wallet_fen() == 0
    paying.books_are_clean()


def test_a_refused_refund_is_in_the_wallet_again_and_may_be_paid_in_cash(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _kept(paying)
    paying.wechat.refuses = "NOT_ENOUGH"
    back = _back(paying, attempt, "100")
    _tend(paying)
    back.refresh_from_db()
    assert (back.state, back.says) == (BackStanding.REFUSED, "NOT_ENOUGH: this refund is not possible")
    assert paying.counter.wallet_fen() == 100_00
    paying.books_are_clean()
    cash = _back(paying, attempt, "100", "f2", tender="cash")
    assert cash.state == BackStanding.DONE
    assert (paying.counter.wallet_fen(), paying.counter.drawer_fen("cash")) == (0, -100_00)
    paying.books_are_clean()


def test_a_silent_provider_pays_back_later_and_once(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _kept(paying)
    paying.wechat.down = True
    back = _back(paying, attempt, "100")
    _tend(paying)
    _tend(paying, hours=1)
    paying.wechat.down = False
    _tend(paying, hours=2)
    back.refresh_from_db()
    assert back.state == BackStanding.DONE
    assert paying.wechat.returned_fen() == 100_00


def test_a_reversal_at_the_counter_reaches_the_provider(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _on_meter(paying)
    reverse(reversal_id="r1", sale_id=attempt.order_no, operator=paying.counter.admin, now=paying.counter.now)
    paying.counter.arrive("r1")
    _tend(paying)
    _tend(paying)
    assert paying.alipay.returned_fen() == 100_00
    assert PaidBack.objects.get().state == BackStanding.DONE
    paying.books_are_clean()
    _tend(paying)
    assert PaidBack.objects.count() == 1


def test_kept_money_is_sent_on_to_the_meter_once(paying: Paying) -> None:
    opening = paying.counter.opened()
    attempt = _kept(paying)
    for _ in range(2):
        attempt = caring.send_on(attempt=attempt, operator=paying.counter.cashier, now=paying.counter.now)
    assert attempt.became == Became.SALE
    paying.counter.arrive(attempt.order_no)
    assert paying.counter.on_meter_fen(opening) == 200_00
    assert paying.counter.drawer_fen("wechat") == 100_00
    paying.books_are_clean()


def test_what_cannot_go_to_the_meter_stays_in_the_wallet(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _kept(paying)
    paying.counter.sell("cash", "850")
    before = paying.counter.wallet_fen()
    with pytest.raises(NotKept):
        caring.send_on(attempt=attempt, operator=paying.counter.cashier, now=paying.counter.now)
    assert paying.counter.wallet_fen() == before


def test_strangers_and_cashiers_pay_nothing_back(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _kept(paying)
    with pytest.raises(OutOfScope):
        _back(paying, attempt, "1", operator=paying.counter.stranger)
    with pytest.raises(NoRight):
        _back(paying, attempt, "1", operator=paying.counter.cashier)


def test_what_was_not_paid_does_not_go_back(paying: Paying) -> None:
    paying.counter.opened()
    with pytest.raises(NotPaid):
        _back(paying, paying.begin(), "1")
