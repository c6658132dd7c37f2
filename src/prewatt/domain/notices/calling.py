"""One request to a provider: bounded, no redirects, and a clear word whether it can have been heard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown

TIMEOUT_S = 15.0
CONNECT_S = 5.0
ANSWER_BYTES_MAX = 64 * 1024
_BUSY = frozenset({429, 503})


def post(url: str, *, headers: Mapping[str, str], content: bytes = b"") -> tuple[int, dict[str, Any]]:
    """Raises CarrierRefused while nothing can have been heard, NotKnown once it may have been."""
    try:
        timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_S)
        with httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client:
            answer = client.post(url, headers=dict(headers), content=content)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise CarrierRefused(f"the provider cannot be reached ({type(error).__name__})", again=Again.LATER) from error
    except httpx.HTTPError as error:
        raise NotKnown(f"the provider did not answer ({type(error).__name__})") from error
    if answer.status_code in _BUSY:
        raise CarrierRefused(
            f"the provider is busy (HTTP {answer.status_code})", again=Again.LATER, code=answer.status_code
        )
    return answer.status_code, _facts(answer)


def _facts(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.content[:ANSWER_BYTES_MAX])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotKnown(f"the provider answered nothing that can be read (HTTP {answer.status_code})")
    return found
