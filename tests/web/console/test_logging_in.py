"""The door: right and wrong passwords, the lock, where one lands, and the language."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from counter import Counter

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough secret"


@pytest.fixture
def counter() -> Counter:
    one = Counter()
    one.cashier.set_password(PASSWORD)
    one.cashier.save()
    return one


def enter(client: Any, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login/", {"username": "cashier", "password": password} | more)


def test_the_right_password_opens_and_is_logged(counter: Counter, client: Any) -> None:
    from prewatt.domain.staff.models import LogEntry

    assert enter(client).url == "/"
    assert client.get("/").status_code == 200
    assert LogEntry.objects.get(action="login").operator == counter.cashier
    client.post("/logout/")
    assert client.get("/").status_code == 302
    assert LogEntry.objects.filter(action="logout").count() == 1


def test_a_wrong_password_says_so_and_keeps_only_the_name(counter: Counter, client: Any) -> None:
    client.cookies["django_language"] = "en"
    response = enter(client, "a wrong guess")
    assert response.status_code == 422
    text = response.content.decode()
    assert "User name or password is not right" in text
    assert 'value="cashier"' in text
    assert "a wrong guess" not in text
    assert 'action="/language/"' in text  # who cannot read the sentence changes its language


def test_an_operator_who_left_does_not_come_in(counter: Counter, client: Any) -> None:
    counter.cashier.is_active = False
    counter.cashier.save()
    assert enter(client).status_code == 422


def test_guessing_is_stopped_and_says_for_how_long(counter: Counter, client: Any) -> None:
    client.cookies["django_language"] = "en"
    answers = [enter(client, f"guess {n}").status_code for n in range(settings.AXES_FAILURE_LIMIT)]
    assert answers[-1] == 429
    right = enter(client)
    assert right.status_code == 429
    assert "locked here for 15 minutes" in right.content.decode()
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("following", ["/building/?state=al1", "/sale/"])
def test_one_lands_where_one_wanted_to_go(counter: Counter, client: Any, following: str) -> None:
    assert enter(client, next=following).url == following


@pytest.mark.parametrize(
    "following", ["https://example.com/", "//example.com/", "javascript:alert(1)", "\\\\example.com"]
)
def test_nobody_is_sent_to_a_strangers_page(counter: Counter, client: Any, following: str) -> None:
    assert enter(client, next=following).url == "/"
    client.cookies["django_language"] = "zh-hans"
    assert client.post("/language/", {"language": "en", "next": following}).url == "/"


def test_chinese_comes_first_whatever_the_browser_asks_for(counter: Counter, client: Any) -> None:
    page = client.get("/login/", headers={"Accept-Language": "en-US,en;q=0.9"})
    assert page.headers["Content-Language"] == "zh-hans"
    assert "登录" in page.content.decode()


def test_the_language_is_kept_in_the_browser_and_with_the_operator(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    client.post("/language/", {"language": "en", "next": "/"})
    assert "Dashboard" in client.get("/").content.decode()
    counter.cashier.refresh_from_db()
    assert counter.cashier.language == "en"
    client.post("/logout/")
    del client.cookies["django_language"]
    enter(client)
    assert client.cookies["django_language"].value == "en"
    client.post("/language/", {"language": "xx"})
    assert client.cookies["django_language"].value == "en"


def test_pages_with_money_are_not_kept_by_the_browser(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    for path in ("/", "/building/", "/sale/", "/meters/"):
        assert "no-store" in client.get(path).headers["Cache-Control"]
