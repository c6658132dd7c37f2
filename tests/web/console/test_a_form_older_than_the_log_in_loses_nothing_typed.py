"""A form stood open while somebody logged in in another tab: nothing that came with it is done, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from counter import Counter

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough secret"
ID = "0123456789abcdef0123456789abcdef"
HOST = "http://testserver"


@pytest.fixture
def counter() -> Counter:
    from django.utils import timezone

    one = Counter()
    one._now = timezone.now()
    one.opened(balance_fen=5_000)
    for who in (one.admin, one.second):
        who.set_password(PASSWORD)
        who.save()
    return one


@pytest.fixture
def desk() -> Client:
    """A browser: forms without the right token are refused."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["django_language"] = "en"
    return client


def enter(desk: Client, username: str = "admin") -> None:
    desk.get("/login/")
    answer = desk.post("/login/", {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token(desk)})
    assert answer.status_code == 302, answer.content


def token(desk: Client) -> str:
    """What a form drawn now carries."""
    return desk.cookies["csrftoken"].value


def leave(desk: Client) -> None:
    desk.post("/logout/", {"csrfmiddlewaretoken": token(desk)})


def page(counter: Counter) -> str:
    return f"/refund/?meter={counter.meters[0].number}"


def send(desk: Client, counter: Counter, drawn_with: str, path: str = "/refund/", **more: Any) -> Any:
    given = {
        "form_id": ID,
        "meter": counter.meters[0].number,
        "amount": "8.40",
        "tender": "cash",
        "note": "搬走了",
        "csrfmiddlewaretoken": drawn_with,
    }
    headers = {"Referer": HOST + page(counter)} | more.pop("headers", {})
    return desk.post(path, given | more, headers=headers)


def refunds() -> int:
    from prewatt.domain.vending.models import Refund

    return Refund.objects.count()


def test_who_logged_in_again_finds_it_in_its_form(counter: Counter, desk: Client) -> None:
    enter(desk)
    drawn = token(desk)
    leave(desk)
    enter(desk)
    answer = send(desk, counter, drawn)
    assert (answer.status_code, answer["Location"]) == (302, page(counter))
    shown = desk.get(page(counter))
    assert "You logged in again since this form was opened" in shown.content.decode()
    kept = dict(shown.wsgi_request.kept.fields)  # type: ignore[attr-defined]
    assert (kept["amount"], kept["note"], kept["form_id"]) == ("8.40", "搬走了", ID)
    assert refunds() == 0


def test_three_log_ins_later_too(counter: Counter, desk: Client) -> None:
    enter(desk)
    drawn = token(desk)
    for who in ("admin", "second", "admin"):
        leave(desk)
        enter(desk, who)
    assert send(desk, counter, drawn)["Location"] == page(counter)


def test_a_fragment_takes_the_whole_page_there(counter: Counter, desk: Client) -> None:
    enter(desk)
    drawn = token(desk)
    leave(desk)
    enter(desk)
    answer = send(desk, counter, drawn, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, page(counter))


def test_somebody_else_reads_whose_it_was_and_can_copy_it(counter: Counter, desk: Client) -> None:
    enter(desk)
    drawn = token(desk)
    leave(desk)
    enter(desk, "second")
    answer = send(desk, counter, drawn, second_password="hush")
    said = answer.content.decode()
    assert answer.status_code == 403
    assert "opened while admin was logged in here" in said
    assert "no money moved" in said
    assert "搬走了" in said
    assert "hush" not in said
    assert ID not in said
    assert refunds() == 0
    assert desk.get(page(counter)).wsgi_request.kept is None  # type: ignore[attr-defined]


def test_when_nobody_is_logged_in_it_waits_for_its_operator(counter: Counter, desk: Client) -> None:
    enter(desk)
    drawn = token(desk)
    leave(desk)
    enter(desk, "second")
    leave(desk)
    answer = send(desk, counter, drawn)
    assert answer["Location"].startswith("/login/?next=%2Frefund%2F")
    enter(desk)
    assert desk.get(page(counter)).wsgi_request.kept is not None  # type: ignore[attr-defined]


def test_another_site_gets_nothing_kept_and_nothing_said_back(counter: Counter, desk: Client) -> None:
    enter(desk)
    leave(desk)
    enter(desk)
    answer = send(desk, counter, "", note="sent by a stranger's page")
    assert answer.status_code == 403
    assert "older than your log-in" in answer.content.decode()
    assert "stranger" not in answer.content.decode()
    assert "kept_form" not in desk.session
    forged = send(desk, counter, "a" * 64, note="sent by a stranger's page")
    assert (forged.status_code, "stranger" in forged.content.decode()) == (403, False)


@pytest.mark.parametrize("path", ["/account/password/", "/operators/1/password/"])
def test_passwords_are_neither_kept_nor_shown(counter: Counter, desk: Client, path: str) -> None:
    enter(desk)
    drawn = token(desk)
    leave(desk)
    enter(desk)
    answer = send(desk, counter, drawn, path, old="the-old-one", new="the-new-one")
    assert answer.status_code == 403
    assert "the-new-one" not in answer.content.decode()
    assert "kept_form" not in desk.session


def test_two_tabs_at_the_log_in(counter: Counter, desk: Client) -> None:
    """The slower one is inside too; and if the quicker one has left again, it is asked once more."""
    desk.get("/login/")
    drawn = token(desk)
    enter(desk)
    given = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": drawn, "next": "/sales/"}
    assert desk.post("/login/", given)["Location"] == "/sales/"
    leave(desk)
    again = desk.post("/login/", given)
    assert again.status_code == 422
    assert 'value="admin"' in again.content.decode()
    assert "stood open for too long" in again.content.decode()
    assert PASSWORD not in again.content.decode()


def test_without_cookies_it_says_what_is_missing(counter: Counter) -> None:
    answer = Client(enforce_csrf_checks=True).post("/refund/", {"amount": "1"})
    assert answer.status_code == 403
    assert "Cookie" in answer.content.decode()
