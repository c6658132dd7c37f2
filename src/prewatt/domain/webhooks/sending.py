"""One message to one address: no redirects, nothing without an end, and not into the own network unless allowed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from django.utils.translation import gettext as _

from prewatt.domain.webhooks.refusals import BadAddress

TOTAL_S_MAX = 15.0
CONNECT_S_MAX = 5.0
ANSWER_BYTES_MAX = 64 * 1024
SAID_MAX = 300
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` None: there was no answer, and `said` tells why."""

    status: int | None
    said: str

    @property
    def heard(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def check_url(url: str) -> str:
    """What an operator may write. Raises BadAddress with what to write instead."""
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise BadAddress(_("This is no address. Nothing was changed. Write https://host/path.")) from None
    if parts.scheme not in ("https", "http") or not host or len(url) > 500:
        raise BadAddress(_("This is no address. Nothing was changed. Write https://host/path."))
    if parts.username or parts.password:
        raise BadAddress(_("The address carries a password. Nothing was changed. The signature proves who sends."))
    if parts.scheme == "http" and not _is_loopback(host):
        raise BadAddress(_("Plain http is only for this machine. Nothing was changed. Write https:// instead."))
    return url.strip()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_reach(address: Address, *, private: bool) -> bool:
    """The open network, and with `private` the site's own and this machine. Never link-local (the metadata of a cloud
    machine), multicast, or what is no address of anybody.
    """
    plain = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    if plain.is_global:
        return True
    return private and (plain.is_private or plain.is_loopback)


def send(url: str, body: bytes, headers: dict[str, str], *, private: bool) -> Answer:
    """Never raises for what the other side does, and never takes longer than `TOTAL_S_MAX`."""
    return asyncio.run(_bounded(url, body, headers, private))


async def _bounded(url: str, body: bytes, headers: dict[str, str], private: bool) -> Answer:
    try:
        async with asyncio.timeout(TOTAL_S_MAX):
            return await _post(url, body, headers, private)
    except TimeoutError:
        return Answer(None, f"no answer within {TOTAL_S_MAX:.0f} s")
    except (httpx.HTTPError, OSError, ValueError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:SAID_MAX])


async def _post(url: str, body: bytes, headers: dict[str, str], private: bool) -> Answer:
    """To the address that was checked, not to whatever the name says a moment later."""
    parts = httpx.URL(url)
    found = [one for one in await _resolve(parts.host, parts.port or 443) if may_reach(one, private=private)]
    if not found:
        return Answer(None, f"{parts.host} lies inside the own network, or nowhere; tick “own network” to allow it")
    pinned = parts.copy_with(host=str(found[0]))
    timeout = httpx.Timeout(TOTAL_S_MAX, connect=CONNECT_S_MAX)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False) as client:
        request = client.build_request(
            "POST",
            pinned,
            content=body,
            headers={**headers, "Host": parts.netloc.decode()},
            extensions={"sni_hostname": parts.host},
        )
        answer = await client.send(request, stream=True)
        try:
            return Answer(answer.status_code, await _beginning(answer))
        finally:
            await answer.aclose()


async def _resolve(host: str, port: int) -> Sequence[Address]:
    loop = asyncio.get_running_loop()
    rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]


async def _beginning(answer: httpx.Response) -> str:
    """As much as a person reads in the list; what follows is not fetched. Bytes as they come: a compressed answer could
    unfold without an end.
    """
    read = b""
    async for piece in answer.aiter_raw():
        read += piece
        if len(read) >= ANSWER_BYTES_MAX or len(read) >= SAID_MAX * 4:
            break
    return read[: SAID_MAX * 4].decode(errors="replace").replace("\x00", "")[:SAID_MAX]
