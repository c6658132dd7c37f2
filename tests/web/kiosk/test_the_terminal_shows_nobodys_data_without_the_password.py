"""Every address of the terminal with every id: nothing without the password, nothing of another's, soon forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from counter import Counter
from web.tenant.test_a_tenant_sees_his_own_and_nothing_else import PASSWORD, THEIRS, Two, pages

PAGES = {str(one.name): one for one in pages("kiosk")}
OPEN = {"start", "login", "leave", "language"}
PRIVATE = sorted(set(PAGES) - OPEN)


@pytest.fixture
def two(counter: Counter) -> Two:
    return Two(counter)


def at_the_terminal(number: str = "K0001", wish: str = "balance") -> Client:
    client = Client()
    answer = client.post(f"/kiosk/login/{wish}/", {"number": number, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def address(name: str, two: Two, *, theirs: bool) -> str:
    known: dict[str, Any] = {
        "pk": (two.theirs if theirs else two.mine).pk,
        "receipt": (two.their_sale if theirs else two.sale).receipt,
        "order_id": (two.their_payment if theirs else two.payment).order_id,
    }
    return reverse(f"kiosk:{name}", args=[known[one] for one in PAGES[name].pattern.converters])


def methods(name: str) -> list[str]:
    return sorted(set(getattr(PAGES[name].callback, "methods", ("GET",))) - {"HEAD"})


def test_every_page_that_is_not_open_asks_who_it_is() -> None:
    assert PRIVATE
    assert [name for name in PRIVATE if not getattr(PAGES[name].callback, "tenants", False)] == []


def test_without_the_password_every_page_is_the_first_screen(two: Two, client: Client) -> None:
    for who in (client, two.logged_in()):
        for name in PRIVATE:
            for method in methods(name):
                answer = (who.post if method == "POST" else who.get)(address(name, two, theirs=False))
                assert (answer.status_code, answer["Location"]) == (302, "/kiosk/"), name


def test_an_operators_session_opens_nothing_here(two: Two, client: Client) -> None:
    client.force_login(two.counter.admin)
    for name in PRIVATE:
        if "GET" in methods(name):
            assert client.get(address(name, two, theirs=False)).status_code == 302, name


def test_his_own_pages_open_and_anothers_are_not_there(two: Two) -> None:
    client = at_the_terminal()
    for name in PRIVATE:
        for method in methods(name):
            call = client.post if method == "POST" else client.get
            assert call(address(name, two, theirs=True)).status_code == 404, (name, method)
        answer = client.get(address(name, two, theirs=False))
        assert answer.status_code == 200, (name, answer.status_code)
        said = answer.content.decode()
        assert [one for one in (*THEIRS, "777.77") if one in said] == [], name
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("wish", ["pay", "balance", "receipts", "power"])
def test_what_was_wished_comes_after_the_password(two: Two, wish: str) -> None:
    client = Client()
    answer = client.post(f"/kiosk/login/{wish}/", {"number": "101", "password": "wrong1"})
    assert answer.status_code == 422
    answer = client.post(f"/kiosk/login/{wish}/", {"number": "K0001", "password": PASSWORD})
    assert answer["Location"] == f"/kiosk/{two.mine.pk}/{wish}/"


def test_the_first_screen_forgets_whoever_was_there(two: Two, client: Client) -> None:
    inside = at_the_terminal()
    word = inside.cookies["prewatt_kiosk"].value
    assert inside.cookies["prewatt_kiosk"]["max-age"] == ""
    inside.get("/kiosk/")
    client.cookies["prewatt_kiosk"] = word
    assert client.get(address("balance", two, theirs=False)).status_code == 302


def test_who_walks_away_is_forgotten_by_the_server_too(two: Two) -> None:
    from prewatt.domain.tenants.models import Visit

    inside = at_the_terminal()
    assert inside.get(address("balance", two, theirs=False)).status_code == 200
    for one in Visit.objects.filter(kiosk=True):
        Visit.objects.filter(pk=one.pk).update(seen_at=one.seen_at - timedelta(seconds=100))
    assert inside.get(address("balance", two, theirs=False)).status_code == 302


def test_guessing_at_the_terminal_and_on_the_phone_is_one_count(two: Two, client: Client) -> None:
    for n in range(6):
        there = ("/kiosk/login/balance/", "/my/login/")[n % 2]
        assert client.post(there, {"number": "K0001", "password": "wrong1"}).status_code == 422
    assert client.post("/kiosk/login/balance/", {"number": "K0001", "password": PASSWORD}).status_code == 429


def test_power_is_never_switched_off_here(two: Two) -> None:
    from prewatt.domain.control.models import SwitchRules
    from prewatt.domain.dispatch.models import MeterOrder

    SwitchRules.objects.create(tenant_on=True, tenant_off=True)
    at_the_terminal().post(address("power", two, theirs=False), {"order_id": "x1", "way": "off"})
    assert not MeterOrder.objects.filter(kind="switch_off").exists()
