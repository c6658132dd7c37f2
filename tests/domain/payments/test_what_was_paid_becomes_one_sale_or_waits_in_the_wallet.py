"""A provider's word becomes money once; what cannot become its sale is kept for whoever paid."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paying import Paying
from prewatt.domain.payments import queries, repairing
from prewatt.domain.payments.channel import Fact, Standing
from prewatt.domain.payments.models import Attempt, Became, Heard, Notice, State, Verdict, Why
from prewatt.domain.payments.operations import settle_fact
from prewatt.domain.payments.refusals import ChannelOff, ChannelSilent, OrderIdTaken
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.selling import AboveCeiling


def test_paid_and_credited_are_two_facts(paying: Paying) -> None:
    opening = paying.counter.opened()
    attempt = paying.begin()
    assert attempt.lead.url.endswith(attempt.order_no)
    assert not queries.progress(attempt).paid
    attempt = paying.paid(attempt)
    assert (attempt.state, attempt.became, attempt.paid_fen) == (State.PAID, Became.SALE, 100_00)
    told = queries.progress(attempt)
    assert (told.paid, told.credited, told.ended) == (True, False, False)
    assert told.words == "Paid, on its way to the meter."
    paying.counter.arrive(attempt.order_no)
    told = queries.progress(attempt)
    assert (told.paid, told.credited, told.ended) == (True, True, True)
    assert paying.counter.on_meter_fen(opening) == 100_00
    assert paying.counter.drawer_fen("alipay") == 100_00
    paying.books_are_clean()


def test_the_same_notification_again_is_success_and_nothing(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.paid(paying.begin())
    again = paying.alipay.notice(attempt.order_no)
    assert [paying.hear(paying.alipay, again) for _ in range(3)] == [b"success"] * 3
    assert Sale.objects.count() == 1
    assert paying.counter.drawer_fen("alipay") == 100_00
    verdicts = list(Notice.objects.order_by("pk").values_list("heard", "verdict"))
    assert verdicts == [("notice", "asked"), ("query", "taken"), *[("notice", "repeated")] * 3]


def test_a_forged_notification_is_kept_and_changes_nothing(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    headers, body = paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    assert paying.hear(paying.alipay, (headers, body.replace(b"10000", b"90000"))) == b"fail"
    assert paying.fresh(attempt).state == State.WAITING
    assert Notice.objects.get().verdict == Verdict.FORGED
    assert not Sale.objects.exists()


def test_a_flood_of_forged_notifications_does_not_fill_the_disk(
    paying: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prewatt.domain.payments.keeping.FORGED_KEPT", 3)
    for _ in range(5):
        paying.hear(paying.alipay, ({"x-signature": "no"}, b"{}"))
    assert Notice.objects.count() == 3


def test_another_amount_goes_to_the_wallet_as_it_was_paid(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.paid(paying.begin(), amount_fen=1)
    assert (attempt.became, attempt.why, attempt.paid_fen, attempt.sale) == (Became.WALLET, Why.AMOUNT, 1, None)
    assert paying.counter.wallet_fen() == 1
    paying.books_are_clean()


def test_of_two_channels_paid_one_is_credited_and_one_waits(paying: Paying) -> None:
    paying.counter.opened()
    one, two = paying.begin(), paying.begin(channel="wechat")
    one, two = paying.paid(one), paying.paid(two)
    assert (one.became, two.became, two.why) == (Became.SALE, Became.WALLET, Why.SECOND)
    assert two.unwanted
    assert Sale.objects.count() == 1
    paying.counter.arrive(one.order_no)
    assert paying.counter.wallet_fen() == 100_00
    assert queries.progress(two).credited
    paying.books_are_clean()


def test_what_is_paid_after_it_was_closed_waits_in_the_wallet(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    Attempt.objects.update(state=State.CLOSED)
    attempt = paying.paid(attempt)
    assert (attempt.state, attempt.why) == (State.PAID, Why.LATE)
    assert paying.counter.wallet_fen() == 100_00


def test_what_is_paid_for_a_closed_account_waits_for_its_old_tenant(paying: Paying) -> None:
    opening = paying.counter.opened()
    attempt = paying.begin()
    opening.closed_at = paying.counter.now
    opening.save()
    attempt = paying.paid(attempt)
    assert attempt.why == Why.ACCOUNT_CLOSED
    assert paying.counter.wallet_fen() == 100_00
    paying.books_are_clean()


def test_the_next_tenant_does_not_get_what_the_last_one_paid(paying: Paying) -> None:
    from prewatt.domain.estate.models import Opening

    opening = paying.counter.opened()
    attempt = paying.begin()
    opening.closed_at = paying.counter.now
    opening.save()
    Opening.objects.create(
        meter=opening.meter, customer=paying.counter.other_customer(), opened_at=paying.counter.now, bought_base_fen=0
    )
    attempt = paying.paid(attempt)
    assert attempt.why == Why.OTHER_TENANT
    assert paying.counter.wallet_fen() == 100_00


def test_above_the_ceiling_is_refused_before_and_kept_after(paying: Paying) -> None:
    paying.counter.opened()
    with pytest.raises(AboveCeiling):
        paying.begin(amount=1000_01)
    attempt = paying.begin(amount=900_00)
    paying.counter.sell("cash", "200")
    attempt = paying.paid(attempt)
    assert (attempt.became, attempt.why) == (Became.WALLET, Why.CEILING)
    assert paying.counter.wallet_fen() - 200_00 == 900_00


def test_a_lost_meter_is_paid_for_and_the_order_waits(paying: Paying) -> None:
    paying.counter.opened()
    paying.counter.read(paying.counter.meters[0], lost=True)
    attempt = paying.paid(paying.begin())
    assert attempt.became == Became.SALE
    assert not queries.progress(attempt).credited
    paying.counter.arrive(attempt.order_no)
    assert queries.progress(attempt).credited


def test_an_inactive_account_is_paid_into_the_wallet(paying: Paying) -> None:
    opening = paying.counter.opened()
    attempt = paying.begin()
    opening.inactive = True
    opening.save()
    assert paying.paid(attempt).why == Why.NOT_SOLD


def test_the_same_order_is_the_same_attempt_until_it_cannot_be_paid(paying: Paying) -> None:
    paying.counter.opened()
    first = paying.begin()
    assert paying.begin() == first
    assert paying.begin(way="page") != first
    assert paying.begin(now=paying.counter.later(hours=1)) != first
    with pytest.raises(OrderIdTaken):
        paying.begin(amount=5_00)


def test_an_order_that_was_paid_is_not_paid_again(paying: Paying) -> None:
    paying.counter.opened()
    first = paying.paid(paying.begin())
    assert paying.begin(channel="wechat") == first
    assert not paying.wechat.orders


def test_a_silent_provider_may_be_asked_again_with_the_same_order(paying: Paying) -> None:
    paying.counter.opened()
    paying.alipay.down = True
    with pytest.raises(ChannelSilent):
        paying.begin()
    assert Attempt.objects.get().state == State.UNKNOWN
    paying.alipay.down = False
    assert paying.begin().state == State.WAITING
    assert Attempt.objects.count() == 1


def test_a_notification_that_overtakes_the_answer_to_the_order_counts(paying: Paying) -> None:
    paying.counter.opened()
    create = paying.alipay.create

    def slow(ask: object, **more: object) -> object:
        lead = create(ask, **more)  # type: ignore[arg-type]
        paying.hear(paying.alipay, paying.alipay.pay(ask.order_no, now=paying.counter.now))  # type: ignore[attr-defined]
        return lead

    paying.alipay.create = slow  # type: ignore[method-assign, assignment]
    attempt = paying.begin()
    repairing.ask_channel("alipay", now=paying.counter.now)
    assert paying.fresh(attempt).became == Became.SALE


def test_a_channel_that_is_not_set_up_is_refused(paying: Paying) -> None:
    paying.counter.opened()
    with pytest.raises(ChannelOff):
        paying.begin(channel="unionpay")


def test_paid_without_an_amount_is_not_believed(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    fact = Fact(attempt.order_no, Standing.PAID)
    settle_fact(channel="alipay", fact=fact, now=paying.counter.now, heard=Heard.QUERY)
    assert paying.fresh(attempt).state == State.WAITING


def test_another_channels_word_about_an_order_is_nobodys(paying: Paying) -> None:
    paying.counter.opened()
    attempt = paying.begin()
    fact = Fact(attempt.order_no, Standing.PAID, 100_00)
    assert settle_fact(channel="wechat", fact=fact, now=paying.counter.now, heard=Heard.QUERY) == Verdict.NO_ORDER
    assert paying.fresh(attempt).state == State.WAITING


def test_what_the_site_knew_when_it_asked_is_kept(paying: Paying) -> None:
    paying.counter.opened(balance_fen=12_34)
    attempt = paying.begin()
    assert attempt.facts["balance_fen"] == 12_34
    assert attempt.facts["ceiling_fen"] == 1000_00
    assert attempt.expires_at - attempt.created_at == timedelta(minutes=30)
