"""The HTTP client: where it may go, what it makes of refusals, and that nothing is larger or longer than allowed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from prewatt.link import http, seal
from prewatt.link.http import HttpCentre, check_url
from prewatt.link.keys import Direction, LinkKeys, Suite
from prewatt.link.messages import Batch, BatchReply, Refusal
from prewatt.link.port import LinkError
from prewatt.link.seal import Type

KEYS = LinkKeys(gateway="gw-1", suite=Suite.AES_256_GCM, version=1, master=bytes(range(32)))
BATCH = Batch(sent_at_ms=1, first_seq=1, last_seq=2)


def _sent(handler: Any, **changes: Any) -> Any:
    """One batch through a client whose server is `handler`."""

    async def run() -> Any:
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        centre = HttpCentre(url="http://127.0.0.1:8000/", keys=KEYS, boot=5, client=client, **changes)
        try:
            return await centre.send(BATCH)
        finally:
            await centre.close()

    return asyncio.run(run())


def _reply(request: httpx.Request, **changes: Any) -> httpx.Response:
    header, _ = seal.peek(request.content)
    fields: dict[str, Any] = {
        "keys": KEYS,
        "direction": Direction.DOWN,
        "kind": Type.BATCH_REPLY,
        "boot": 1,
        "sequence": 1,
        "reply_to": (header.boot, header.sequence),
    }
    message = BatchReply(acked_seq=2, centre_time_ms=3)
    return httpx.Response(200, content=seal.seal(message, **{**fields, **changes}))


def test_a_good_reply_comes_back() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return _reply(request)

    assert _sent(handler) == BatchReply(acked_seq=2, centre_time_ms=3)
    assert asked[0].url == "http://127.0.0.1:8000/field/v1/batch"
    header, message = seal.unseal(asked[0].content, Batch, keys=KEYS, direction=Direction.UP, kind=Type.BATCH)
    assert (header.boot, header.sequence, message) == (5, 1, BATCH)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reply_to": (5, 9)}, "reply_wrong_reply"),
        ({"direction": Direction.UP}, "reply_wrong_direction"),
        ({"kind": Type.ORDERS_REPLY}, "reply_wrong_type"),
        ({"keys": LinkKeys(gateway="gw-1", suite=KEYS.suite, version=1, master=bytes(32))}, "reply_forged"),
        ({"keys": LinkKeys(gateway="gw-1", suite=Suite.SM4_GCM, version=1, master=KEYS.master)}, "reply_wrong_suite"),
    ],
)
def test_a_reply_that_the_centre_did_not_seal_so_is_not_believed(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(LinkError) as caught:
        _sent(lambda request: _reply(request, **changes))
    assert caught.value.code == code
    assert caught.value.retry


@pytest.mark.parametrize(("status", "retry"), [(401, False), (409, True), (503, True)])
def test_a_refusal_is_told_with_its_sentence(status: int, retry: bool) -> None:
    body = msgspec.msgpack.encode(Refusal(code="some_code", message="do this", retry=retry))
    with pytest.raises(LinkError, match="do this") as caught:
        _sent(lambda request: httpx.Response(status, content=body))
    assert (caught.value.code, caught.value.retry) == ("some_code", retry)


@pytest.mark.parametrize(("status", "retry"), [(500, True), (502, True), (404, True), (400, False), (302, False)])
def test_a_stranger_in_between_is_told_by_its_status(status: int, retry: bool) -> None:
    with pytest.raises(LinkError) as caught:
        _sent(lambda request: httpx.Response(status, content=b"<html>"))
    assert (caught.value.code, caught.value.retry) == (f"http_{status}", retry)


def test_a_reply_without_end_is_cut() -> None:
    big = b"x" * (seal.ENVELOPE_BYTES_MAX + 1)
    with pytest.raises(LinkError) as caught:
        _sent(lambda request: httpx.Response(200, content=big))
    assert caught.value.code == "reply_too_large"


def test_a_line_that_is_down_may_be_tried_again() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(LinkError) as caught:
        _sent(handler)
    assert (caught.value.code, caught.value.retry) == ("unreachable", True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:2", "https://centre.example"]
)
def test_tls_or_this_machine(url: str) -> None:
    assert check_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://centre.example", "plain_http"),
        ("http://192.168.1.10:8000", "plain_http"),
        ("http://127.0.0.1.evil.example", "plain_http"),
        ("ftp://centre.example", "bad_url"),
        ("centre.example", "bad_url"),
        ("https://", "bad_url"),
        ("https://user:secret@centre.example", "bad_url"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(url: str, code: str) -> None:
    with pytest.raises(LinkError) as caught:
        check_url(url)
    assert (caught.value.code, caught.value.retry) == (code, False)
    assert "secret" not in str(caught.value)


def test_triple_des_is_off_unless_a_site_turns_it_on() -> None:
    keys = LinkKeys(gateway="gw-1", suite=Suite.TRIPLE_DES, version=1, master=KEYS.master)
    with pytest.raises(LinkError) as caught:
        HttpCentre(url="https://centre.example", keys=keys, boot=1)
    assert (caught.value.code, caught.value.retry) == ("suite_off", False)
    assert HttpCentre(url="https://centre.example", keys=keys, boot=1, allow_3des=True)


def test_every_message_has_a_nonce_of_its_own() -> None:
    seen: list[tuple[int, int]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        header, _ = seal.peek(request.content)
        seen.append((header.boot, header.sequence))
        return httpx.Response(500)

    async def run() -> None:
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        centre = HttpCentre(url="https://centre.example", keys=KEYS, boot=5, client=client)
        for _ in range(3):
            with pytest.raises(LinkError):
                await centre.send(BATCH)

    asyncio.run(run())
    assert seen == [(5, 1), (5, 2), (5, 3)]


def test_the_timeout_covers_the_whole_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.01)
    monkeypatch.setattr(http, "CONNECT_TIMEOUT_S", 0.01)

    class Never(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    async def run() -> None:
        client = httpx.AsyncClient(transport=Never())
        centre = HttpCentre(url="https://centre.example", keys=KEYS, boot=5, client=client)
        with pytest.raises(LinkError) as caught:
            await http._post(client, "https://centre.example/x", b"", "x/y", 0.01)
        assert (caught.value.code, caught.value.retry) == ("timeout", True)
        await centre.close()

    asyncio.run(run())
