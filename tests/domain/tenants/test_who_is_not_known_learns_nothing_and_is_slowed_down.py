"""Coming in by number and password: known and unknown alike in words and work, throttled by number and by address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from counter import Counter
from prewatt.domain.tenants import doors
from prewatt.domain.tenants.refusals import NotLetIn, TooOften

PASSWORD = "246810"


@pytest.fixture
def home(counter: Counter) -> Counter:
    counter.customer.password = make_password(PASSWORD)
    counter.customer.save()
    counter.opened(balance_fen=5000)
    return counter


def come(home: Counter, **changes: Any) -> doors.Entered:
    asked: dict[str, Any] = {"number": "K0001", "password": PASSWORD, "address": "10.0.0.1", "now": home.now}
    return doors.enter(**asked | changes)


def test_number_or_room_and_the_password_let_in_and_the_word_is_kept_nowhere(home: Counter) -> None:
    for number in ("K0001", "k0001", " 101 "):
        entered = come(home, number=number)
        assert entered.visit.customer == home.customer
        assert entered.word not in str(vars(entered.visit))
        assert doors.find(word=entered.word, kiosk=False, now=home.now) == entered.visit


def test_a_room_with_two_tenants_is_nobodys_number(home: Counter) -> None:
    from prewatt.domain.estate.models import Opening

    other = home.meter("0399")
    Opening.objects.create(meter=other, customer=home.other_customer(), opened_at=home.now)
    with pytest.raises(NotLetIn):
        come(home, number="101")


def test_unknown_wrong_and_without_password_hear_the_same_after_the_same_work(
    home: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.other_customer()  # has none
    checked: list[str] = []

    def counted(password: str, kept: str) -> bool:
        checked.append(kept.split("$", maxsplit=1)[0])
        return real(password, kept)

    real = doors.check_password
    monkeypatch.setattr(doors, "check_password", counted)
    said = set()
    for number in ("K0001", "K0002", "K9999", ""):
        with pytest.raises(NotLetIn) as refused:
            come(home, number=number, password="wrong1")
        said.add(str(refused.value))
    assert len(said) == 1
    assert len(checked) == 4
    assert len(set(checked)) == 1


@pytest.mark.parametrize("number", ["K0001", "K9999"])
def test_a_number_known_or_not_is_locked_after_six_wrong_ones_from_anywhere(home: Counter, number: str) -> None:
    for n in range(6):
        with pytest.raises(NotLetIn):
            come(home, number=number, password="wrong1", address=f"10.0.1.{n}")
    with pytest.raises(TooOften):
        come(home, number=number, address="10.0.2.1")
    home.later(minutes=16)
    if number == "K0001":
        assert come(home, number=number)


def test_room_and_number_are_one_lock(home: Counter) -> None:
    for n in range(6):
        with pytest.raises(NotLetIn):
            come(home, number=("101", "K0001")[n % 2], password="wrong1")
    with pytest.raises(TooOften):
        come(home, number="101")


def test_an_address_is_locked_after_thirty_wrong_ones_whatever_the_numbers(home: Counter) -> None:
    for n in range(30):
        with pytest.raises(NotLetIn):
            come(home, number=f"X{n}")
    with pytest.raises(TooOften):
        come(home)
    assert come(home, address="10.0.0.2")


def test_a_number_has_thirty_a_day_however_patient_somebody_is(home: Counter) -> None:
    for n in range(30):
        home.later(minutes=16)
        with pytest.raises(NotLetIn):
            come(home, password="wrong1", address=f"10.1.{n}.1")
    home.later(minutes=16)
    with pytest.raises(TooOften):
        come(home, address="10.2.0.1")


def test_coming_in_takes_nothing_from_the_address(home: Counter) -> None:
    for _n in range(40):
        come(home)


def test_another_password_ends_every_visit(home: Counter) -> None:
    entered = come(home)
    home.customer.password = make_password("135791")
    home.customer.save()
    assert doors.find(word=entered.word, kiosk=False, now=home.now) is None


def test_a_visit_ends_by_leaving_by_idling_and_at_the_kiosk_soon(home: Counter) -> None:
    phone, kiosk, left = come(home), come(home, kiosk=True), come(home)
    doors.leave(visit=left.visit)
    at = home.now
    assert doors.find(word=left.word, kiosk=False, now=at) is None
    assert doors.find(word=kiosk.word, kiosk=False, now=at) is None
    assert doors.find(word=kiosk.word, kiosk=True, now=at) is not None
    assert doors.find(word=kiosk.word, kiosk=True, now=at + timedelta(minutes=2)) is None
    assert doors.find(word=phone.word, kiosk=False, now=at + timedelta(days=13)) is not None
    assert doors.find(word=phone.word, kiosk=False, now=at + timedelta(days=28)) is None
