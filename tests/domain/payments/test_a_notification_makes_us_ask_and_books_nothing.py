"""However well a notification is signed: only the answer to a question of ours is money."""

from __future__ import annotations

import pytest

from paying import Paying
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.payments import queries, repairing
from prewatt.domain.payments.channel import Fact, Standing
from prewatt.domain.payments.models import Attempt, Became, Notice, State, Verdict, Why
from prewatt.domain.vending.models import Sale


def _tell(paying: Paying, attempt: Attempt) -> Attempt:
    provider = paying.provider(attempt)
    assert paying.hear(provider, provider.pay(attempt.order_no, now=paying.counter.now)) == b"success"
    return paying.fresh(attempt)


def _ask(paying: Paying, **later: int) -> int:
    return repairing.ask_channel("alipay", now=paying.counter.later(**later))


def test_it_is_asked_at_once_and_the_answer_is_booked(paying: Paying) -> None:
    paying.counter.opened()
    booked = Transfer.objects.count()
    attempt = _tell(paying, paying.begin())
    assert attempt.state == State.WAITING
    assert attempt.told_at is not None
    assert (Sale.objects.count(), Transfer.objects.count()) == (0, booked)
    told = queries.progress(attempt)
    assert (told.paid, told.ended) == (False, False)
    assert told.words == "Alipay says that you have paid. We are having it confirmed; that takes a few seconds."
    assert _ask(paying) == 1
    assert paying.fresh(attempt).became == Became.SALE
    paying.books_are_clean()


def test_whoever_signs_with_a_stolen_key_moves_no_money(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    message = paying.alipay.notice(attempt.order_no)
    paying.alipay.orders[attempt.order_no].standing = Standing.WAITING  # in truth nobody paid
    paying.hear(paying.alipay, message)
    for _ in range(12):
        _ask(paying, minutes=3)
    assert not Sale.objects.exists()
    assert paying.counter.wallet_fen() == 0
    assert paying.fresh(attempt).state == State.WAITING  # asked for hours, in case it comes all the same
    for _ in range(24):
        _ask(paying, minutes=20)
    assert paying.fresh(attempt).state == State.CLOSED
    assert paying.fresh(attempt).next_ask_at is None


def test_the_amount_is_what_the_answer_says(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.pay(attempt.order_no, now=paying.counter.now, amount_fen=100_00)
    message = paying.alipay.notice(attempt.order_no)
    paying.alipay.orders[attempt.order_no].amount_fen = 1
    paying.hear(paying.alipay, message)
    _ask(paying)
    attempt = paying.fresh(attempt)
    assert (attempt.became, attempt.why, attempt.paid_fen) == (Became.WALLET, Why.AMOUNT, 1)


def test_an_answer_slower_than_the_notification_is_asked_for_again_within_seconds(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _tell(paying, paying.begin())
    paying.alipay.orders[attempt.order_no].standing = Standing.WAITING
    assert _ask(paying) == 0
    paying.alipay.orders[attempt.order_no].standing = Standing.PAID
    assert _ask(paying, seconds=1) == 0
    assert _ask(paying, seconds=1) == 1
    assert paying.fresh(attempt).state == State.PAID


def test_a_provider_that_tells_and_then_falls_silent_is_believed_when_it_speaks(paying: Paying) -> None:
    paying.counter.opened()
    attempt = _tell(paying, paying.begin())
    paying.alipay.down = True
    for _ in range(24 * 12):
        _ask(paying, minutes=5)
    assert not Sale.objects.exists()
    assert "We are having it confirmed" in queries.progress(paying.fresh(attempt)).words
    paying.alipay.down = False
    for _ in range(24):
        _ask(paying, minutes=5)
    assert paying.fresh(attempt).became == Became.SALE  # it was paid in time and never closed
    paying.books_are_clean()


def test_what_is_told_of_a_closed_order_is_asked_until_somebody_says(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    Attempt.objects.update(state=State.CLOSED, next_ask_at=None)
    paying.alipay.mute = True
    _tell(paying, attempt)
    for _ in range(60):
        _ask(paying, minutes=5)
    assert paying.fresh(attempt).next_ask_at is not None
    paying.alipay.mute = False
    _ask(paying, hours=7)
    attempt = paying.fresh(attempt)
    assert (attempt.state, attempt.why, attempt.next_ask_at) == (State.PAID, Why.LATE, None)


def test_what_is_told_while_somebody_asks_is_asked_again(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.counter.opened()
    attempt = paying.begin()

    def query(order_no: str, **_more: object) -> Fact:
        """The provider answers, then is paid, then tells: all of it before its answer has arrived here."""
        monkeypatch.undo()
        _tell(paying, attempt)
        return Fact(order_no, Standing.WAITING)

    monkeypatch.setattr(paying.alipay, "query", query)
    assert _ask(paying, seconds=25) == 0
    assert _ask(paying, seconds=1) == 1
    assert paying.fresh(attempt).became == Became.SALE


def test_a_notification_in_the_middle_of_a_closing_is_no_loss(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.counter.opened()
    attempt = paying.begin()

    def close(order_no: str, **_more: object) -> Fact:
        monkeypatch.undo()
        _tell(paying, attempt)
        return Fact(order_no, Standing.CLOSED)

    monkeypatch.setattr(paying.alipay, "close", close)
    _ask(paying, minutes=31)
    assert paying.fresh(attempt).state == State.CLOSED
    assert _ask(paying, minutes=1) == 1
    attempt = paying.fresh(attempt)
    assert (attempt.became, attempt.why, attempt.paid_fen) == (Became.WALLET, Why.LATE, 100_00)


def test_each_provider_has_turns_of_its_own(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is due at a silent one than a turn takes."""
    monkeypatch.setattr(repairing, "TOGETHER", 3)
    paying.counter.opened()
    for n in range(9):
        paying.begin(f"a{n}", amount=1_00)
    other = paying.begin("w", channel="wechat")
    paying.alipay.down = True
    provider = paying.wechat
    paying.hear(provider, provider.pay(other.order_no, now=paying.counter.now))
    repairing.tend(now=paying.counter.later(minutes=2))
    assert paying.fresh(other).state == State.PAID


def test_a_closing_that_is_told_is_looked_at(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    paying.alipay.close(attempt.order_no, created_at=paying.counter.now, now=paying.counter.now)
    paying.hear(paying.alipay, paying.alipay.notice(attempt.order_no))
    assert Notice.objects.get().verdict == Verdict.ASKED
    _ask(paying)
    assert paying.fresh(attempt).state == State.CLOSED
