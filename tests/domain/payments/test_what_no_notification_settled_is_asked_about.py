"""The worker's half: lost notifications, expired orders, a provider that is down for a day."""

from __future__ import annotations

from datetime import timedelta

from paying import Paying
from prewatt.domain.payments import operations, repairing
from prewatt.domain.payments.channel import Standing
from prewatt.domain.payments.models import Attempt, Became, Notice, State, Why


def _tend(paying: Paying, **later: int) -> int:
    return repairing.tend(now=paying.counter.later(**later))


def test_a_lost_notification_is_found_by_asking(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    assert _tend(paying, seconds=5) == 0
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    assert _tend(paying, seconds=60) == 1
    assert paying.fresh(attempt).became == Became.SALE
    paying.books_are_clean()


def test_an_expired_order_is_closed_at_the_provider(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    _tend(paying, minutes=31)
    assert paying.fresh(attempt).state == State.CLOSED
    assert paying.alipay.orders[attempt.order_no].standing == Standing.CLOSED
    calls = paying.alipay.calls
    assert _tend(paying, hours=5) == 0
    assert paying.alipay.calls == calls


def test_paid_in_the_last_second_is_a_sale_and_not_closed(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    _tend(paying, minutes=31)
    assert paying.fresh(attempt).became == Became.SALE


def test_the_other_attempts_of_a_paid_order_are_closed(paying: Paying) -> None:
    paying.counter.opened()
    one, two = paying.begin(), paying.begin(channel="wechat")
    paying.paid(one)
    _tend(paying)
    assert paying.fresh(two).state == State.CLOSED
    assert paying.wechat.orders[two.order_no].standing == Standing.CLOSED


def test_an_order_that_the_payer_withdrew_is_closed(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    operations.withdraw(attempt=attempt, now=paying.counter.now)
    _tend(paying)
    assert paying.fresh(attempt).state == State.CLOSED


def test_a_provider_that_is_down_for_a_day_loses_nothing_and_is_asked_seldom(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    paying.alipay.down, paying.alipay.calls = True, 0
    for _ in range(24 * 12):
        assert _tend(paying, minutes=5) == 0
    assert 20 <= paying.alipay.calls <= 60
    assert paying.fresh(attempt).state in (State.WAITING, State.UNKNOWN)
    paying.alipay.down = False
    for _ in range(13):
        _tend(paying, minutes=5)
    assert paying.fresh(attempt).became == Became.SALE
    paying.books_are_clean()


def test_one_silent_provider_does_not_hold_up_the_other(paying: Paying) -> None:
    paying.counter.opened()
    silent = [paying.begin(f"a{n}") for n in range(5)]
    other = paying.begin("w", channel="wechat")
    paying.wechat.pay(other.order_no, now=paying.counter.now)
    paying.alipay.down, paying.alipay.calls = True, 0
    _tend(paying, minutes=2)
    assert paying.fresh(other).state == State.PAID
    assert paying.alipay.calls == 1
    assert len(silent) == 5


def test_what_a_provider_does_not_say_is_unknown_and_asked_again(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.mute = True
    _tend(paying, minutes=1)
    assert paying.fresh(attempt).state == State.UNKNOWN
    _tend(paying, hours=10)
    assert paying.fresh(attempt).state == State.UNKNOWN
    paying.alipay.mute = False
    _tend(paying, hours=2)
    assert paying.fresh(attempt).state == State.CLOSED


def test_paid_after_the_close_waits_in_the_wallet(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    _tend(paying, minutes=31)
    attempt = paying.paid(attempt)
    assert (attempt.became, attempt.why) == (Became.WALLET, Why.LATE)


def test_an_order_of_which_the_provider_never_heard_ends(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.orders.clear()
    _tend(paying, minutes=5)
    assert paying.fresh(attempt).state == State.WAITING
    _tend(paying, minutes=30)
    assert paying.fresh(attempt).state == State.CLOSED


def test_who_asks_and_dies_is_followed(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    Attempt.objects.update(next_ask_at=paying.counter.now + repairing.HELD, asked=1)
    assert _tend(paying, seconds=10) == 0
    assert _tend(paying, seconds=repairing.HELD // timedelta(seconds=1)) == 1


def test_queries_that_tell_nothing_new_leave_no_rows(paying: Paying) -> None:
    paying.counter.opened()
    paying.begin()
    for _ in range(5):
        _tend(paying, minutes=2)
    assert not Notice.objects.exists()
