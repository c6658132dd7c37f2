"""A browser left open: whoever sits down before it guesses the password no oftener than at the door."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from counter import Counter

pytestmark = pytest.mark.django_db
OWN = "correct horse battery"
PAGES = {
    "account-password": {"old": OWN, "new": "another long secret", "again": "another long secret"},
    "account-second-factor-off": {"password": OWN},
    "account-recovery": {"password": OWN},
}


@pytest.fixture
def who(counter: Counter, client: Any) -> Any:
    counter.cashier.set_password(OWN)
    counter.cashier.save()
    client.force_login(counter.cashier)
    return counter.cashier


@pytest.fixture
def counter() -> Counter:
    return Counter()


def send(client: Any, name: str, password: str) -> int:
    given = {key: password if value == OWN else value for key, value in PAGES[name].items()}
    return int(client.post(reverse(f"console:{name}"), given).status_code)


@pytest.mark.parametrize("name", PAGES)
def test_after_some_wrong_passwords_not_even_the_right_one_is_looked_at(client: Any, who: Any, name: str) -> None:
    answers = [send(client, name, f"guess {n}") for n in range(settings.AXES_FAILURE_LIMIT)]
    assert answers[:-1] == [422] * (settings.AXES_FAILURE_LIMIT - 1)
    assert answers[-1] == 429
    assert send(client, name, OWN) == 429
    who.refresh_from_db()
    assert who.check_password(OWN)


def test_guesses_on_one_page_count_on_the_others(client: Any, who: Any) -> None:
    for turn in range(settings.AXES_FAILURE_LIMIT):
        send(client, list(PAGES)[turn % len(PAGES)], f"guess {turn}")
    assert {send(client, name, OWN) for name in PAGES} == {429}


def test_the_right_password_still_changes_it(client: Any, who: Any) -> None:
    assert send(client, "account-password", "guess") == 422
    assert send(client, "account-password", OWN) == 302
    who.refresh_from_db()
    assert who.check_password("another long secret")
