"""The door for notifications, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from counter import Counter
from paying import Paying
from prewatt.domain.payments import channels
from prewatt.domain.payments.models import Notice, State


@pytest.fixture
def paying(counter: Counter) -> Iterator[Paying]:
    made = Paying(counter)
    counter.opened()
    yield made
    made.unplug()


def _knock(message: Any, channel: str = "alipay") -> Any:
    headers, body = message
    client = Client(enforce_csrf_checks=True)
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return client.post(f"/paying/{channel}", body, content_type="application/json", **named)


def test_it_needs_no_log_in_and_no_token_but_the_providers_signature(paying: Paying) -> None:
    attempt = paying.begin()
    message = paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    answer = _knock(message)
    assert (answer.status_code, answer.content) == (200, b"success")
    assert paying.fresh(attempt).told_at is not None
    assert "sessionid" not in answer.cookies


def test_a_forged_one_is_told_so_and_moves_nothing(paying: Paying) -> None:
    attempt = paying.begin()
    headers, body = paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    assert _knock((headers, body + b" ")).content == b"fail"
    assert _knock((headers, body), "wechat").content == b"fail"
    assert paying.fresh(attempt).state == State.WAITING


def test_too_much_is_not_read(paying: Paying) -> None:
    assert _knock(({}, b"x" * 65_537)).status_code == 413
    assert not Notice.objects.exists()


def test_only_posts_and_only_channels_that_are_set_up(paying: Paying) -> None:
    assert Client().get("/paying/alipay").status_code == 405
    assert _knock(({}, b"{}"), "unionpay").status_code == 404
    channels.plug([])
    assert _knock(({}, b"{}")).status_code == 404


def test_a_database_that_does_not_answer_makes_the_provider_say_it_again(
    paying: Paying, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_given: object) -> None:
        raise DatabaseError("locked")

    attempt = paying.begin()
    message = paying.alipay.pay(attempt.order_no, now=paying.counter.now)
    with monkeypatch.context() as patched:
        patched.setattr("prewatt.domain.payments.taking._hear", down)
        answer = _knock(message)
    assert (answer.status_code, answer.content) == (503, b"fail")
    assert _knock(message).content == b"success"
