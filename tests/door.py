"""A gateway of the tests in front of the real door: the real client, the real views, no socket between them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from django.test import Client

from prewatt.link import http
from prewatt.link.http import HttpCentre
from prewatt.link.keys import LinkKeys

URL = "http://127.0.0.1:8000"
T = TypeVar("T")


class DjangoTransport(httpx.AsyncBaseTransport):
    """httpx in front, Django's test client behind; keeps what went over so that a test can send it again."""

    def __init__(self, *, remote: str = "127.0.0.1") -> None:
        self._client = Client(enforce_csrf_checks=True, REMOTE_ADDR=remote)
        self.sent: list[tuple[str, bytes]] = []
        self.lose_replies = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.url.path, request.content))
        with _outside_the_loop():
            response = self.post(request.url.path, request.content)
        if self.lose_replies:
            self.lose_replies -= 1
            raise httpx.ReadError("the reply was lost")
        return httpx.Response(response.status_code, content=response.content)

    def post(self, path: str, body: bytes) -> Any:
        return self._client.post(path, body, content_type="application/octet-stream")


@contextmanager
def _outside_the_loop() -> Iterator[None]:
    """Django gives every event loop a database connection of its own; here it must be the test's."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


class FieldGateway:
    """A gateway that enrolled with a code."""

    def __init__(self, transport: DjangoTransport, keys: LinkKeys, config: Any = None, *, boot: int = 1) -> None:
        self.transport = transport
        self.keys = keys
        self.config = config
        self.centre = HttpCentre(
            url=URL, keys=keys, boot=boot, allow_3des=True, client=httpx.AsyncClient(transport=transport)
        )

    @classmethod
    def enrolled(cls, code: str, transport: DjangoTransport | None = None) -> FieldGateway:
        transport = transport or DjangoTransport()
        client = httpx.AsyncClient(transport=transport)
        enrolment = run(http.enrol(url=URL, code=code, software="test", allow_3des=True, client=client))
        return cls(transport, enrolment.keys, enrolment.config)

    def send(self, batch: Any) -> Any:
        return run(self.centre.send(batch))

    def orders(self, request: Any) -> Any:
        return run(self.centre.orders(request))
