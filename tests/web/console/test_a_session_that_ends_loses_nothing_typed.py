"""A form that arrives without a session comes back to who typed it, in its page, and sends nothing by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

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
    for who in (one.admin, one.second, one.stranger):
        who.set_password(PASSWORD)
        who.save()
    return one


def enter(client: Any, username: str = "admin", **more: str) -> Any:
    return client.post("/login/", {"username": username, "password": PASSWORD} | more)


def lose(client: Any) -> None:
    del client.cookies[settings.SESSION_COOKIE_NAME]


def page(counter: Counter) -> str:
    return f"/refund/?meter={counter.meters[0].number}"


def ask(client: Any, counter: Counter, **more: Any) -> Any:
    given = {
        "form_id": ID,
        "meter": counter.meters[0].number,
        "amount": "8,765.40",
        "tender": "cash",
        "note": "搬走了",
    }
    return client.post("/refund/", given | more, headers={"Referer": HOST + page(counter)})


def interrupted(client: Any, counter: Counter, **more: Any) -> str:
    """Typed, the session ends, sent. Where the log-in leads afterwards."""
    enter(client)
    lose(client)
    answer = ask(client, counter, **more)
    assert answer.status_code == 302
    return str(answer.url)


def following(url: str) -> str:
    from urllib.parse import parse_qs, urlsplit

    return parse_qs(urlsplit(url).query)["next"][0]


def test_the_same_operator_finds_what_he_typed(counter: Counter, client: Any) -> None:
    from prewatt.domain.vending.models import Refund

    there = interrupted(client, counter)
    assert client.get(there).context["kept"] is True
    back = enter(client, next=following(there))
    assert back.url == page(counter)
    shown = client.get(back.url)
    kept = shown.wsgi_request.kept
    assert kept.action == "/refund/"
    assert dict(kept.fields) | {"form_id": ID} == {
        "form_id": ID,
        "meter": counter.meters[0].number,
        "amount": "8,765.40",
        "tender": "cash",
        "note": "搬走了",
    }
    assert "8,765.40" in shown.content.decode()
    assert not Refund.objects.exists()


def test_it_is_shown_once(counter: Counter, client: Any) -> None:
    there = interrupted(client, counter)
    enter(client, next=following(there))
    assert client.get(page(counter)).wsgi_request.kept is not None
    assert client.get(page(counter)).wsgi_request.kept is None


def test_a_page_on_the_way_does_not_use_it_up(counter: Counter, client: Any) -> None:
    interrupted(client, counter)
    enter(client)
    assert client.get("/").wsgi_request.kept is None
    assert client.get(page(counter)).wsgi_request.kept is not None


@pytest.mark.parametrize("other", ["second", "stranger"])
def test_another_operator_gets_nothing_and_leaves_nothing(counter: Counter, client: Any, other: str) -> None:
    there = interrupted(client, counter)
    enter(client, other, next=following(there))
    shown = client.get(page(counter))
    assert getattr(shown.wsgi_request, "kept", None) is None
    assert "8,765.40" not in shown.content.decode()
    client.post("/logout/")
    enter(client)
    assert client.get(page(counter)).wsgi_request.kept is None


def test_who_never_logged_in_here_leaves_nothing_on_the_server(counter: Counter, client: Any) -> None:
    from django.contrib.sessions.models import Session

    answer = ask(client, counter)
    assert following(answer.url) == "/"
    assert not Session.objects.exists()


def test_a_forged_mark_keeps_nothing(counter: Counter, client: Any) -> None:
    client.cookies["prewatt_who"] = f"{counter.admin.pk}:forged"
    assert following(ask(client, counter).url) == "/"


def test_passwords_are_not_kept_and_it_says_so(counter: Counter, client: Any) -> None:
    from django.contrib.sessions.models import Session

    there = interrupted(client, counter, second_username="second", second_password="hush", password="888123")
    assert not any(
        "hush" in str(one.get_decoded()) or "888123" in str(one.get_decoded()) for one in Session.objects.all()
    )
    client.cookies["django_language"] = "en"
    enter(client, next=following(there))
    assert "never kept" in client.get(page(counter)).content.decode()


@pytest.mark.parametrize("path", ["/account/password/", "/login/code/", "/account/second-factor/"])
def test_forms_of_passwords_and_codes_are_not_kept_at_all(counter: Counter, client: Any, path: str) -> None:
    enter(client)
    lose(client)
    answer = client.post(path, {"old": "one", "new": "two", "code": "123456"}, headers={"Referer": HOST + path})
    assert "kept_form" not in client.session
    assert answer.status_code == 302


def test_files_are_not_kept_and_it_says_so(counter: Counter, client: Any) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    enter(client)
    lose(client)
    answer = client.post("/site/", {"name": "海港城", "logo": SimpleUploadedFile("a.png", b"x")})
    client.cookies["django_language"] = "en"
    shown = client.get(enter(client, next=following(answer.url)).url)
    assert dict(shown.wsgi_request.kept.fields) == {"name": "海港城"}
    assert "choose the file again" in shown.content.decode()


def test_what_is_too_long_is_not_kept_and_it_says_so(counter: Counter, client: Any) -> None:
    there = interrupted(client, counter, note="a" * 40_000)
    client.cookies["django_language"] = "en"
    shown = client.get(enter(client, next=following(there)).url)
    assert shown.wsgi_request.kept.fields == []
    assert "too long" in shown.content.decode()


def test_after_a_quarter_of_an_hour_it_is_gone(counter: Counter, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.web.parts import pages

    there = interrupted(client, counter)
    enter(client, next=following(there))
    real = pages.now
    monkeypatch.setattr(pages, "now", lambda: real() + timedelta(minutes=16))
    assert client.get(page(counter)).wsgi_request.kept is None


def test_the_second_step_does_not_lose_it(counter: Counter, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.staff import second_factor

    there = interrupted(client, counter)
    monkeypatch.setattr(second_factor, "is_on", lambda _who: True)
    monkeypatch.setattr(second_factor, "check", lambda **_given: True)
    enter(client, next=following(there))
    assert client.post("/login/code/", {"code": "123456"}).url == page(counter)
    assert client.get(page(counter)).wsgi_request.kept is not None


def test_an_opening_comes_back_with_its_meters(counter: Counter, client: Any) -> None:
    from prewatt.domain.estate.models import Opening

    free = counter.meter("0300009999")
    enter(client)
    lose(client)
    given = {"form_id": ID, "name": "王五", "tender": "cash", "meter": str(free.pk), f"m{free.pk}-first": "77"}
    answer = client.post("/customers/open/", given, headers={"Referer": HOST + "/customers/open/"})
    form = client.get(enter(client, next=following(answer.url)).url).context["form"]
    assert form.person["name"] == "王五"
    assert [(one.meter.pk, one.texts["first"]) for one in form.lines] == [(free.pk, "77")]
    assert Opening.objects.count() == 1


def test_a_form_from_a_page_that_can_not_be_asked_for_again_is_not_kept(counter: Counter, client: Any) -> None:
    enter(client)
    lose(client)
    answer = client.post(f"/refund/{counter.meters[0].pk}/read/", {"form_id": ID})
    assert following(answer.url) == "/"
