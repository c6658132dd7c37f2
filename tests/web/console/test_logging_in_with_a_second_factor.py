"""The second step at the door, recovery codes, one's own password, and where one is logged in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from counter import Counter
from prewatt.domain.staff import second_factor
from prewatt.domain.staff.models import LogEntry, SignIn

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough secret"
NEW = "ganz neues Wort 7"


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.cashier.set_password(PASSWORD)
    one.cashier.save()
    return one


@pytest.fixture
def inside(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.post("/login/", {"username": "cashier", "password": PASSWORD})
    return client


def code(counter: Counter, *, steps: int = 0) -> str:
    device = TOTPDevice.objects.get(user=counter.cashier)
    return f"{totp(device.bin_key, drift=steps):06d}"


@pytest.fixture
def recovery(counter: Counter, inside: Any) -> list[str]:
    """The second factor is on; these are the codes that were shown."""
    inside.get("/account/second-factor/")
    codes: list[str] = inside.post("/account/second-factor/", {"code": code(counter)}).context["codes"]
    return codes


def first_step(client: Any) -> Any:
    return client.post("/login/", {"username": "cashier", "password": PASSWORD, "next": "/sale/"})


def test_the_picture_is_drawn_in_the_page_and_a_wrong_code_leaves_it_off(counter: Counter, inside: Any) -> None:
    page = inside.get("/account/second-factor/")
    assert 'src="data:image/svg+xml' in page.content.decode()
    right = int(code(counter))
    wrong = inside.post("/account/second-factor/", {"code": f"{(right + 1) % 10**6:06d}"})
    assert wrong.status_code == 422
    assert not second_factor.is_on(counter.cashier)


def test_ten_codes_are_shown_and_kept_only_as_digests(counter: Counter, recovery: list[str]) -> None:
    assert len(set(recovery)) == 10
    kept = list(counter.cashier.recovery_codes.values_list("digest", flat=True))
    assert len(kept) == 10
    assert not any(plain in digest or plain.replace("-", "") in digest for plain in recovery for digest in kept)


def test_the_password_alone_opens_nothing(counter: Counter, recovery: list[str]) -> None:
    browser = Client()
    assert first_step(browser).url == "/login/code/"
    assert browser.get("/").status_code == 302
    assert browser.get("/sale/").status_code == 302
    assert not SignIn.objects.filter(second_factor=True).exists()


def test_the_next_code_opens_and_one_lands_where_one_wanted_to_go(counter: Counter, recovery: list[str]) -> None:
    browser = Client()
    first_step(browser)
    assert browser.post("/login/code/", {"code": code(counter, steps=1)}).url == "/sale/"
    assert browser.get("/sale/").status_code == 200
    assert LogEntry.objects.filter(action="login", after={"second_factor": True}).count() == 1


def test_the_same_code_opens_only_once(counter: Counter, recovery: list[str]) -> None:
    first, second = Client(), Client()
    given = code(counter, steps=1)
    first_step(first)
    first_step(second)
    assert first.post("/login/code/", {"code": given}).status_code == 302
    assert second.post("/login/code/", {"code": given}).status_code == 422


def test_guessing_codes_has_to_wait_longer_each_time(counter: Counter, recovery: list[str]) -> None:
    browser = Client()
    browser.cookies["django_language"] = "en"
    first_step(browser)
    right = code(counter, steps=1)
    assert browser.post("/login/code/", {"code": "abcdef"}).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=6)
    slow = browser.post("/login/code/", {"code": right})
    assert slow.status_code == 429
    assert "the next one counts in 3" in slow.content.decode()
    assert browser.get("/").status_code == 302
    past = timezone.now() - timedelta(seconds=40)
    TOTPDevice.objects.update(throttling_failure_timestamp=past)
    assert browser.post("/login/code/", {"code": right}).status_code == 302
    assert LogEntry.objects.filter(action="login.wrong_code").count() == 1


def test_a_recovery_code_opens_once(counter: Counter, recovery: list[str]) -> None:
    browser = Client()
    first_step(browser)
    assert browser.post("/login/code/", {"code": recovery[0].upper()}).status_code == 302
    assert second_factor.codes_left(counter.cashier) == 9
    again = Client()
    first_step(again)
    assert again.post("/login/code/", {"code": recovery[0]}).status_code == 422


def test_the_second_step_is_forgotten_when_the_password_changes_or_the_operator_leaves(
    counter: Counter, recovery: list[str]
) -> None:
    browser = Client()
    first_step(browser)
    counter.cashier.set_password(NEW)
    counter.cashier.save()
    assert browser.get("/login/code/").url == "/login/"
    assert Client().get("/login/code/").url == "/login/"


def test_switching_off_needs_the_password(counter: Counter, inside: Any, recovery: list[str]) -> None:
    assert inside.post("/account/second-factor/off/", {"password": "guess"}).status_code == 422
    assert second_factor.is_on(counter.cashier)
    assert inside.post("/account/second-factor/off/", {"password": PASSWORD}).status_code == 302
    assert not second_factor.is_on(counter.cashier)
    assert first_step(Client()).url == "/sale/"


def test_another_may_take_a_lost_factor_away(counter: Counter, recovery: list[str]) -> None:
    other = Client()
    other.force_login(counter.admin)
    assert other.post(f"/operators/{counter.cashier.pk}/second-factor/").status_code == 302
    assert not second_factor.is_on(counter.cashier)
    line = LogEntry.objects.get(action="staff.reset_second_factor")
    assert (line.operator, line.target) == (counter.admin, "cashier")


def test_ones_own_password_needs_the_old_one_and_ends_every_other_browser(counter: Counter, inside: Any) -> None:
    other = Client()
    other.post("/login/", {"username": "cashier", "password": PASSWORD})
    assert other.get("/").status_code == 200
    wrong = inside.post("/account/password/", {"old": "guess", "new": NEW, "again": NEW})
    assert wrong.status_code == 422
    differ = inside.post("/account/password/", {"old": PASSWORD, "new": NEW, "again": NEW + "x"})
    assert differ.status_code == 422
    weak = inside.post("/account/password/", {"old": PASSWORD, "new": "cashier", "again": "cashier"})
    assert weak.status_code == 422
    assert other.get("/").status_code == 200
    assert inside.post("/account/password/", {"old": PASSWORD, "new": NEW, "again": NEW}).status_code == 302
    assert inside.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert counter.cashier.sign_ins.count() == 1


def test_one_sees_where_one_is_logged_in_and_ends_it_there(counter: Counter, inside: Any) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/128.0 Safari/537.36"
    other = Client(headers={"User-Agent": agent})
    other.post("/login/", {"username": "cashier", "password": PASSWORD})
    page = inside.get("/account/").content.decode()
    assert "Chrome · Windows" in page
    assert inside.session.session_key not in page
    assert other.session.session_key not in page
    there = SignIn.objects.get(agent=agent)
    assert inside.post(f"/account/sign-ins/{there.pk}/").status_code == 302
    assert other.get("/").status_code == 302
    assert inside.get("/").status_code == 200
    assert LogEntry.objects.filter(action="staff.sign_out").count() == 1


def test_nobody_ends_somebody_elses_browser_from_his_own_page(counter: Counter, inside: Any) -> None:
    other = Client()
    other.force_login(counter.admin)
    other.get("/")
    there = counter.admin.sign_ins.get()
    inside.post(f"/account/sign-ins/{there.pk}/")
    assert other.get("/").status_code == 200


def test_all_others_are_ended_at_once(counter: Counter, inside: Any) -> None:
    others = [Client(), Client()]
    for one in others:
        one.post("/login/", {"username": "cashier", "password": PASSWORD})
    assert inside.post("/account/sign-ins/").status_code == 302
    assert [one.get("/").status_code for one in others] == [302, 302]
    assert inside.get("/").status_code == 200


def test_another_operator_takes_over_on_the_same_page(counter: Counter, inside: Any) -> None:
    away = inside.post("/logout/", {"next": "/sale/?q=1"})
    assert away.url == "/login/?next=%2Fsale%2F%3Fq%3D1"
    assert inside.get("/").status_code == 302
    counter.admin.set_password(PASSWORD)
    counter.admin.save()
    back = inside.post("/login/", {"username": "admin", "password": PASSWORD, "next": "/sale/?q=1"})
    assert back.url == "/sale/?q=1"
    assert inside.get("/account/").context["who"] == counter.admin
    assert inside.post("/logout/", {"next": "https://example.com/"}).url == "/login/?next=%2F"
