"""Coming in by a code: sent to whom it belongs, five minutes, five tries, once; unknown phones are answered alike."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.notices.models import Message
from prewatt.domain.tenants import codes, doors, queries
from prewatt.domain.tenants.models import Code
from prewatt.domain.tenants.refusals import PhoneNotRight, TooOften, WrongCode

PHONE = "13800000001"


@pytest.fixture
def home(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter.customer.phone = "+86 138-0000-0001"
    counter.customer.save()
    counter.opened(balance_fen=5000)
    drawn = iter(range(123456, 999999))
    monkeypatch.setattr(codes.secrets, "randbelow", lambda _most: next(drawn))
    return counter


def ask(home: Counter, phone: str = PHONE, **changes: Any) -> str:
    asked: dict[str, Any] = {"phone": phone, "language": "zh-hans", "address": "10.0.0.1", "now": home.now}
    return codes.ask_code(**asked | changes)


def come(home: Counter, code: str = "123456", phone: str = PHONE, **changes: Any) -> doors.Entered:
    asked: dict[str, Any] = {"phone": phone, "code": code, "address": "10.0.0.1", "now": home.now}
    return codes.enter_by_code(**asked | changes)


def test_a_code_lets_in_once_and_is_kept_nowhere(home: Counter) -> None:
    ask(home, "138 0000 0001")
    message = Message.objects.get()
    assert (message.to, message.kind, message.urgent) == (PHONE, "code", True)
    assert "123456" not in message.text + str(message.fields)
    assert "123456" not in Code.objects.get().digest
    entered = come(home)
    assert queries.accounts(entered.visit).get().customer == home.customer
    with pytest.raises(WrongCode):
        come(home)


def test_one_phone_with_several_accounts_sees_them_all_and_who_loses_it_sees_nothing(home: Counter) -> None:
    from prewatt.domain.estate.models import Opening

    other = home.other_customer()
    other.phone = PHONE
    other.save()
    Opening.objects.create(meter=home.meter("0399"), customer=other, opened_at=home.now)
    ask(home)
    visit = come(home).visit
    assert Message.objects.count() == 1
    assert queries.accounts(visit).count() == 2
    other.phone = "13900000000"
    other.save()
    assert [one.customer for one in queries.accounts(visit)] == [home.customer]


def test_a_phone_of_nobody_is_answered_alike_and_told_nothing(home: Counter) -> None:
    assert ask(home, "13911112222") == "13911112222"
    assert not Message.objects.exists()
    for n in range(5):
        with pytest.raises(WrongCode) as refused:
            come(home, f"00000{n}", "13911112222")
    with pytest.raises(WrongCode) as the_right_one:
        come(home, "123456", "13911112222")
    assert str(refused.value) == str(the_right_one.value)


def test_even_the_right_code_of_a_phone_of_nobody_opens_nothing(home: Counter) -> None:
    ask(home, "13911112222")
    with pytest.raises(WrongCode):
        come(home, "123456", "13911112222")


def test_five_tries_and_the_right_one_is_wrong_too(home: Counter) -> None:
    ask(home)
    for _n in range(5):
        with pytest.raises(WrongCode):
            come(home, "000000")
    with pytest.raises(WrongCode):
        come(home)


def test_five_minutes_and_it_is_over(home: Counter) -> None:
    ask(home)
    home.later(minutes=5)
    with pytest.raises(WrongCode):
        come(home)


def test_a_new_code_takes_the_old_ones_place(home: Counter) -> None:
    ask(home)
    home.later(minutes=1)
    ask(home)
    with pytest.raises(WrongCode):
        come(home, "123456")
    assert come(home, "123457")


@pytest.mark.parametrize("phone", [PHONE, "13911112222"])
def test_a_phone_is_sent_one_a_minute_and_ten_a_day(home: Counter, phone: str) -> None:
    ask(home, phone)
    with pytest.raises(TooOften):
        ask(home, phone, address="10.9.9.9")
    for n in range(9):
        home.later(minutes=2)
        ask(home, phone, address=f"10.0.1.{n}")
    home.later(minutes=2)
    with pytest.raises(TooOften):
        ask(home, phone, address="10.0.2.1")


def test_an_address_asks_for_ten_an_hour_whatever_the_phones(home: Counter) -> None:
    for n in range(10):
        ask(home, f"1390000000{n}")
    with pytest.raises(TooOften):
        ask(home)
    assert ask(home, address="10.0.0.2")


def test_the_site_sends_no_more_than_its_measure_however_many_ask(home: Counter) -> None:
    for n in range(200):
        ask(home, f"139{n:08d}", address=f"10.3.{n}.1")
    with pytest.raises(TooOften):
        ask(home, address="10.4.0.1")
    assert not Message.objects.exists()


@pytest.mark.parametrize("text", ["", "123", "23800000001", "138000000011", "K0001"])
def test_what_is_no_phone_is_refused_before_anything_is_counted(home: Counter, text: str) -> None:
    with pytest.raises(PhoneNotRight):
        ask(home, text)
