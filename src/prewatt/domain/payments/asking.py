"""Asking a provider over HTTP: bounded in time and size, never redirected, never through a proxy's opinion of us."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from prewatt.domain.payments.channel import Unreachable

ANSWER_BYTES_MAX = 256 * 1024
BILL_BYTES_MAX = 64 * 1024 * 1024
SECONDS_MAX = 20.0
BILL_SECONDS_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names in lower case. Nothing of it is believed yet."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def new_client() -> httpx.Client:
    return httpx.Client(timeout=httpx.Timeout(10.0, connect=5.0), follow_redirects=False)


def ask(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    bytes_max: int = ANSWER_BYTES_MAX,
    seconds_max: float = SECONDS_MAX,
) -> Answer:
    """Raises Unreachable, also for an answer that is too long or takes too long."""
    wanted = {"Accept-Encoding": "identity", "User-Agent": "prewatt", **(headers or {})}
    until = time.monotonic() + seconds_max
    body = bytearray()
    try:
        with client.stream(method, url, content=content, headers=wanted, follow_redirects=False) as response:
            for chunk in response.iter_bytes(16_384):
                body += chunk
                if len(body) > bytes_max or time.monotonic() > until:
                    raise Unreachable("the answer is too long, or takes too long")
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, bytes(body))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(type(error).__name__) from error
