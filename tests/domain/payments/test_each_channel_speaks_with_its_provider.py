"""Our three channels against the sandbox: real sockets, real signatures, code that neither shares with the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from domain.payments.opposite import Play, now, playing, wait_until
from prewatt.domain.payments import asking
from prewatt.domain.payments.channel import BackFact, Fact, Forged, Line, NotTaken, Opens, Standing, Unreachable, Way
from prewatt.domain.payments.spelling import CHINA
from prewatt.sim.paying.server import Sandbox, running

NAMES = ("wechat", "alipay", "unionpay")
FORGING = {
    "wechat": ({"forge": True}, {"serial": True}, {"app": True}, {"merchant": True}, {"currency": True}),
    "alipay": ({"forge": True}, {"app": True}, {"merchant": True}, {"currency": True}),
    "unionpay": ({"forge": True}, {"serial": True}, {"merchant": True}, {"currency": True}),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(hurry=100.0) as made:
        yield made


@pytest.fixture(params=NAMES)
def play(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Play]:
    keys = tmp_path / "keys.json"
    sandbox.write_keys(keys)
    with playing(request.param, sandbox, keys) as made:
        yield made


def test_each_way_brings_the_payer_to_the_cashier(play: Play) -> None:
    for way in sorted(play.channel.ways):
        ask = play.ask(way)
        lead = play.opened(ask)
        if lead.opens == Opens.BRIDGE:
            assert lead.fields["package"].startswith("prepay_id=")
        else:
            assert lead.url.startswith(play.sandbox.base)
        assert play.sandbox.desk.book.find(play.channel.name, ask.order_no).amount_fen == ask.amount_fen


def test_what_is_paid_is_told_and_asked_in_the_same_words(play: Play) -> None:
    ask, asked = play.paid()
    told = play.said()
    assert isinstance(told, Fact)
    for fact in (told, asked):
        assert (fact.order_no, fact.standing, fact.amount_fen) == (ask.order_no, Standing.PAID, ask.amount_fen)
        assert fact.paid_at is not None
        assert abs(fact.paid_at - now()) < timedelta(minutes=5)
    assert told.channel_no == asked.channel_no != ""


METHOD = {Opens.VISIT: "GET", Opens.POST: "POST"}


def test_the_payer_comes_to_the_page_pays_there_and_is_sent_back(play: Play) -> None:
    """By the address that the payer's browser is given: WeChat's brings a question mark of its own."""
    for way in sorted(play.channel.ways - {Way.CODE, Way.INSIDE}):
        ask = play.ask(way)
        lead = play.channel.create(ask, now=now())
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.request(METHOD[lead.opens], lead.url, data=dict(lead.fields) or None)
            assert "123.45" in page.text, page.text
            sent = browser.post(page.url, data={"do": "pay"}, follow_redirects=False)
        assert sent.headers["Location"].startswith(ask.return_url)
        assert play.query(ask).standing == Standing.PAID


def test_an_order_that_waits_is_not_paid_and_one_unheard_of_is_absent(play: Play) -> None:
    ask = play.ask()
    assert play.query(ask).standing == Standing.ABSENT
    play.opened(ask)
    assert play.query(ask).standing in {Standing.WAITING, Standing.UNKNOWN}


def test_asking_twice_for_one_order_is_safe_and_another_amount_is_refused(play: Play) -> None:
    ask = play.ask()
    play.opened(ask)
    play.opened(ask)
    if play.channel.name == "wechat":
        with pytest.raises(NotTaken):
            play.opened(replace(ask, amount_fen=1))


def test_what_is_closed_cannot_be_paid_any_more(play: Play) -> None:
    ask = play.ask()
    play.opened(ask)
    fact = play.channel.close(ask.order_no, created_at=ask.created_at, now=now())
    if play.channel.name == "unionpay":
        assert fact.standing == Standing.UNKNOWN  # it knows no closing
        return
    assert fact.standing == Standing.CLOSED
    assert play.query(ask).standing == Standing.CLOSED
    page = f"{play.sandbox.base}/pay/{play.channel.name}/{ask.order_no}"
    assert httpx.post(page, data={"do": "pay"}).status_code == 409


def test_closing_too_late_never_says_closed(play: Play) -> None:
    ask, _ = play.paid()
    fact = play.channel.close(ask.order_no, created_at=ask.created_at, now=now())
    assert fact.standing in {Standing.PAID, Standing.UNKNOWN}


def test_paid_after_close_is_told_all_the_same(play: Play) -> None:
    ask = play.ask()
    play.opened(ask)
    play.channel.close(ask.order_no, created_at=ask.created_at, now=now())
    play.behave(pay_after_close=True)
    play.pay(ask)
    told = play.said()
    assert isinstance(told, Fact)
    assert told.standing == Standing.PAID


def test_a_refund_goes_back_once_however_often_it_is_asked_for(play: Play) -> None:
    ask, fact = play.paid()
    back = play.back(ask, fact)
    assert play.channel.query_refund(back, now=now()).standing in {Standing.ABSENT, Standing.UNKNOWN}
    for _ in range(2):
        said = play.channel.refund(back, now=now())
        assert (said.back_no, said.order_no) == (back.back_no, ask.order_no)
        assert said.standing in {Standing.PAID, Standing.WAITING, Standing.UNKNOWN}
    asked = play.channel.query_refund(back, now=now())
    assert (asked.standing, asked.amount_fen) == (Standing.PAID, back.amount_fen)
    assert play.sandbox.desk.book.find(play.channel.name, ask.order_no).back_fen == back.amount_fen
    wait_until(lambda: any(isinstance(one, BackFact) for one in play.heard))
    told = next(one for one in play.heard if isinstance(one, BackFact))
    assert (told.back_no, told.order_no, told.standing) == (back.back_no, ask.order_no, Standing.PAID)


def test_more_than_was_paid_is_refused_in_so_many_words(play: Play) -> None:
    ask, fact = play.paid()
    with pytest.raises(NotTaken):
        play.channel.refund(play.back(ask, fact, amount_fen=ask.amount_fen + 1), now=now())


def test_the_bill_of_yesterday_names_each_payment_and_refund(play: Play) -> None:
    ask, fact = play.paid()
    back = play.back(ask, fact)
    play.channel.refund(back, now=now())
    day_before = timedelta(days=1)
    order = play.sandbox.desk.book.find(play.channel.name, ask.order_no)
    assert order.paid_at is not None
    order.paid_at -= day_before
    order.backs[back.back_no].at -= day_before
    day = order.paid_at.astimezone(CHINA).date()
    lines = [one for one in play.channel.bill(day, now=now()) if one.order_no == ask.order_no]
    paid, gone = sorted(lines, key=lambda one: one.kind == Line.BACK)
    assert (paid.kind, paid.amount_fen, paid.channel_no) == (Line.PAID, ask.amount_fen, fact.channel_no)
    assert (gone.kind, gone.amount_fen, gone.back_no) == (Line.BACK, back.amount_fen, back.back_no)
    assert paid.fee_fen > 0
    assert paid.at.astimezone(CHINA).date() == day


def test_a_day_that_is_not_over_has_no_bill_yet(play: Play) -> None:
    with pytest.raises(Unreachable):
        play.channel.bill(now().astimezone(CHINA).date(), now=now())


def test_a_day_without_anything_has_none_for_good(play: Play) -> None:
    day = now().astimezone(CHINA).date() - timedelta(days=40)
    with pytest.raises(NotTaken):
        play.channel.bill(day, now=now())


@pytest.mark.parametrize("nth", range(5))
def test_a_forged_notification_is_forged_and_the_true_one_is_believed(play: Play, nth: int) -> None:
    forging = FORGING[play.channel.name]
    if nth >= len(forging):
        return
    play.behave(**forging[nth])
    ask = play.ask()
    play.opened(ask)
    play.pay(ask)
    assert isinstance(play.said(), Forged)
    play.behave()
    assert play.query(ask).standing == Standing.PAID


def test_an_old_notification_is_too_old(play: Play) -> None:
    play.behave(late_by_s={"wechat": 600, "alipay": 30 * 3600, "unionpay": 0}[play.channel.name])
    play.paid()
    said = play.said()
    assert isinstance(
        said, Fact if play.channel.name == "unionpay" else Forged
    )  # UnionPay's carries no time of its own


def test_another_amount_is_handed_on_as_it_was_signed(play: Play) -> None:
    """The channel decides nothing: whether it is the right one, the books say."""
    play.behave(amount_fen=1)
    play.paid()
    said = play.said()
    assert isinstance(said, Fact)
    assert (said.standing, said.amount_fen) == (Standing.PAID, 1)


def test_what_is_told_three_times_says_the_same(play: Play) -> None:
    play.behave(copies=3)
    play.paid()
    said = play.until(3)
    assert {one.order_no for one in said if isinstance(one, Fact)} == {said[0].order_no}  # type: ignore[union-attr]


def test_what_is_not_taken_is_told_again(play: Play) -> None:
    play.refusing = True
    play.paid()
    play.until(2)
    play.refusing = False
    play.until(3)
    assert all(isinstance(one, Fact) for one in play.heard)


def test_what_is_never_told_can_be_asked(play: Play) -> None:
    play.behave(copies=0)
    _, fact = play.paid()
    assert fact.standing == Standing.PAID
    assert play.heard == []


def test_busy_is_not_an_answer(play: Play) -> None:
    ask = play.ask()
    play.opened(ask)
    play.pay(ask)
    play.behave(query_unknown=True)
    with pytest.raises(Unreachable):
        play.query(ask)


def test_a_provider_that_is_down_is_unreachable_in_everything(play: Play) -> None:
    ask, fact = play.paid()
    back = play.back(ask, fact)
    play.behave(down=True)
    at = {"created_at": ask.created_at, "now": now()}
    with pytest.raises(Unreachable):
        play.channel.query(ask.order_no, **at)
    with pytest.raises(Unreachable):
        play.channel.refund(back, now=now())
    with pytest.raises(Unreachable):
        play.channel.query_refund(back, now=now())
    with pytest.raises(Unreachable):
        play.channel.bill(now().date() - timedelta(days=2), now=now())
    if play.channel.name != "unionpay":
        with pytest.raises(Unreachable):
            play.channel.close(ask.order_no, **at)
    if Way.CODE in play.channel.ways:
        with pytest.raises(Unreachable):
            play.channel.create(play.ask(Way.CODE), now=now())


def test_two_payers_at_once_do_not_hear_each_others_order(play: Play) -> None:
    asks = [play.ask() for _ in range(4)]
    for one in asks:
        play.opened(one)
    threads = [threading.Thread(target=play.pay, args=(one,)) for one in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = play.until(4)
    assert sorted(one.order_no for one in told if isinstance(one, Fact)) == sorted(one.order_no for one in asks)


def test_an_endless_answer_is_cut_off_and_no_redirect_is_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"Location": "http://127.0.0.1:9/"})
        return httpx.Response(200, content=b"x" * (asking.ANSWER_BYTES_MAX + 1))

    with httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
        with pytest.raises(Unreachable, match="too long"):
            asking.ask(client, "GET", "http://provider/")
        assert asking.ask(client, "GET", "http://provider/moved").status == 302
