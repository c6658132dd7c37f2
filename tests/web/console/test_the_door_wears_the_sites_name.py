"""Name, text and logo at the door: who may change them, what a logo may be, and how it is served."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from counter import Counter
from prewatt.domain.staff.models import LogEntry, Site

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def inside(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def send(client: Any, data: bytes | None = None, name: str = "logo.png", **more: Any) -> Any:
    given = {"name": "海棠湾商务大厦", "text": "物业服务中心"} | more
    if data is not None:
        given["logo"] = SimpleUploadedFile(name, data)
    return client.post("/site/", given)


def test_the_door_and_the_frame_wear_the_name(inside: Any, client: Any) -> None:
    assert send(inside, PNG).status_code == 302
    assert "海棠湾商务大厦" in inside.get("/").content.decode()
    inside.post("/logout/")
    door = client.get("/login/").content.decode()
    assert "海棠湾商务大厦" in door
    assert "物业服务中心" in door
    assert "/site/logo/?v=" in door
    line = LogEntry.objects.get(action="site.door")
    assert line.before["name"] == ""
    assert line.after["name"] == "海棠湾商务大厦"


def test_the_logo_is_served_as_what_it_is_and_nothing_else(inside: Any, client: Any) -> None:
    assert client.get("/site/logo/").status_code == 404
    send(inside, PNG, name="logo.html")
    inside.logout()
    answer = client.get("/site/logo/")
    assert answer.content == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no PNG, JPEG or WebP"),
        (b"<html>", "no PNG, JPEG or WebP"),
        (b"GIF89a" + b"\0" * 20, "no PNG, JPEG or WebP"),
        (b"", "no PNG, JPEG or WebP"),
        (PNG + b"\0" * 512 * 1024, "larger than 512 KB"),
    ],
)
def test_what_is_no_small_picture_is_refused_and_the_words_stay_typed(inside: Any, data: bytes, sentence: str) -> None:
    answer = send(inside, data)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "海棠湾商务大厦" in answer.content.decode()
    assert not Site.objects.exists()


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0" + b"\0" * 9, b"RIFF\0\0\0\0WEBPVP8 "])
def test_jpeg_and_webp_are_pictures_too(inside: Any, data: bytes) -> None:
    assert send(inside, data).status_code == 302


def test_the_logo_can_be_taken_away_and_stays_otherwise(inside: Any, client: Any) -> None:
    send(inside, PNG)
    send(inside)
    assert client.get("/site/logo/").status_code == 200
    send(inside, drop_logo="yes")
    assert client.get("/site/logo/").status_code == 404


def test_a_name_of_a_bad_mind_stays_text(inside: Any, client: Any) -> None:
    send(inside, name="<script>alert(1)")
    inside.post("/logout/")
    assert "<script>alert" not in client.get("/login/").content.decode()


def test_only_settings_may_change_it(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    assert send(client, PNG).status_code == 403
    assert not Site.objects.exists()
