"""Whatever is wrong with a request, the answer is a `Problem`: a program never has to read a page for people."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import ROOT, Program


def said(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json()) == {"code", "message", "retry", "fields"}
    assert answer.json()["message"].endswith((".", "。"))
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/sales", {"GET", "POST"}),
        ("PUT", "/customers/1", {"GET", "PATCH"}),
        ("POST", "/me", {"GET"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("POST", "/openapi.json", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_is_not_known_here(client: Any, db: None, method: str, path: str, allowed: set[str]) -> None:
    answer = client.generic(method, ROOT + path, b"{}", content_type="application/json")
    assert said(answer) == (405, "not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(("language", "word"), [("en", "not known"), ("zh-CN", "不支持")])
def test_it_is_said_in_the_language_that_was_asked_for(client: Any, db: None, language: str, word: str) -> None:
    answer = client.delete(f"{ROOT}/sales", headers={"Accept-Language": language})
    assert word in answer.json()["message"]


def test_an_address_that_is_not_there(client: Any, db: None) -> None:
    assert said(client.post(f"{ROOT}/no/such/thing")) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{", "application/json", (400, "malformed")),
        (b"\xff\xfe", "application/json", (400, "malformed")),
        (b"meter_id=1", "application/x-www-form-urlencoded", (415, "not_json")),
        (b"<sale/>", "text/xml", (415, "not_json")),
        (b'{"meter_id": 1}', "application/json", (422, "fields")),
        (b"[]", "application/json", (422, "fields")),
    ],
)
def test_a_body_that_cannot_be(counter: Counter, client: Any, body: bytes, kind: str, expected: Any) -> None:
    headers = Program(counter.cashier).headers("a-key-of-a-test")
    answer = client.generic("POST", f"{ROOT}/sales", body, content_type=kind, headers=headers)
    assert said(answer) == expected


def test_a_body_that_is_too_large(counter: Counter, client: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    headers = Program(counter.cashier).headers("a-key-of-a-test")
    body = b'{"note": "' + b"x" * 200 + b'"}'
    answer = client.generic("POST", f"{ROOT}/sales", body, content_type="application/json", headers=headers)
    assert said(answer) == (413, "too_large")
