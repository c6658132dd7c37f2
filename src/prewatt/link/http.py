"""The link over HTTPS: outbound only, one POST a message, sealed end to end. Plain HTTP is for loopback."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from prewatt.link import keys as link_keys
from prewatt.link import seal
from prewatt.link.keys import Direction, LinkKeys, Suite
from prewatt.link.messages import (
    Batch,
    BatchReply,
    Config,
    ConfigRequest,
    EnrolReply,
    EnrolRequest,
    Message,
    OrdersReply,
    OrdersRequest,
    Refusal,
)
from prewatt.link.port import LinkError
from prewatt.link.seal import Type

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
MEDIA_TYPE = "application/vnd.prewatt.sealed"
MSGPACK = "application/msgpack"
_REPLY_BYTES_MAX = seal.ENVELOPE_BYTES_MAX
_DOORS = {Type.BATCH: "batch", Type.ORDERS: "orders", Type.CONFIG_REQUEST: "config"}
M = TypeVar("M", bound=Message)


def check_url(url: str) -> str:
    """The centre's address without a slash at its end.

    Raises LinkError (never worth retrying) with what to write instead.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LinkError(f"{url!r} is no address of a centre; write https://host[:port]", retry=False, code="bad_url")
    if parts.username or parts.password:
        raise LinkError(
            "an address must not carry a password; keys are agreed at enrolment", retry=False, code="bad_url"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise LinkError(
            f"{url}: plain HTTP is only for a centre on this machine. Use https:// instead.",
            retry=False,
            code="plain_http",
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _client(url: str) -> httpx.AsyncClient:
    local = is_loopback(urlsplit(url).hostname or "")
    timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    limits = httpx.Limits(max_connections=4, max_keepalive_connections=4)
    return httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=not local, follow_redirects=False)


class HttpCentre:
    """The centre as a gateway sees it (`CentrePort`).

    `boot` comes from the gateway's journal, where it was made durable before this object was made.
    """

    def __init__(
        self,
        *,
        url: str,
        keys: LinkKeys,
        boot: int,
        allow_3des: bool = False,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        if keys.suite == Suite.TRIPLE_DES and not allow_3des:
            raise LinkError(
                "this gateway is set to 3des-cbc, which is off here. Choose another, or set PREWATT_ALLOW_3DES=1.",
                retry=False,
                code="suite_off",
            )
        self._url = check_url(url)
        self._keys = keys
        self._boot = boot
        self._sequence = 0
        self._client = client or _client(self._url)

    async def send(self, batch: Batch) -> BatchReply:
        return await self._exchange(batch, Type.BATCH, BatchReply)

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        return await self._exchange(request, Type.ORDERS, OrdersReply, timeout_s=TIMEOUT_S + request.wait_s)

    async def config(self, request: ConfigRequest) -> Config:
        return await self._exchange(request, Type.CONFIG_REQUEST, Config)

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, message: Message, kind: Type, reply_type: type[M], *, timeout_s: float = TIMEOUT_S) -> M:
        self._sequence += 1
        sequence = self._sequence
        try:
            envelope = seal.seal(
                message, keys=self._keys, direction=Direction.UP, kind=kind, boot=self._boot, sequence=sequence
            )
        except seal.SealError as error:
            raise LinkError(str(error), retry=False, code=error.code) from None
        data = await _post(self._client, f"{self._url}/field/v1/{_DOORS[kind]}", envelope, MEDIA_TYPE, timeout_s)
        try:
            _, reply = seal.unseal(
                data,
                reply_type,
                keys=self._keys,
                direction=Direction.DOWN,
                kind=Type(kind + 1),
                reply_to=(self._boot, sequence),
            )
        except seal.SealError as error:
            raise LinkError(
                f"the centre's reply was not believed: {error}", retry=True, code=f"reply_{error.code}"
            ) from None
        return reply


async def _post(client: httpx.AsyncClient, url: str, body: bytes, media_type: str, timeout_s: float) -> bytes:
    """The body of a good reply, bounded in size and time. Raises LinkError."""
    try:
        async with asyncio.timeout(timeout_s + CONNECT_TIMEOUT_S):
            headers = {"content-type": media_type}
            async with client.stream("POST", url, content=body, headers=headers, timeout=timeout_s) as response:
                data = await _bounded(response)
                status = response.status_code
    except TimeoutError:
        raise LinkError(f"{url}: no reply within {timeout_s:.0f} s", retry=True, code="timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        code = "timeout" if isinstance(error, httpx.TimeoutException) else "unreachable"
        raise LinkError(f"{url}: {error or type(error).__name__}", retry=True, code=code) from None
    if status != 200:
        raise _refused(url, status, data)
    return data


async def _bounded(response: httpx.Response) -> bytes:
    data = bytearray()
    async for part in response.aiter_bytes():
        data += part
        if len(data) > _REPLY_BYTES_MAX:
            raise LinkError("the centre's reply is larger than any reply may be", retry=True, code="reply_too_large")
    return bytes(data)


def _refused(url: str, status: int, data: bytes) -> LinkError:
    """A refusal travels open (there may be no key to seal it with), so it is told, and never more than told."""
    try:
        refusal = msgspec.msgpack.decode(data, type=Refusal)
    except msgspec.MsgspecError:
        return LinkError(
            f"{url}: HTTP {status}", retry=status >= 500 or status in (404, 408, 429), code=f"http_{status}"
        )
    return LinkError(refusal.message, retry=refusal.retry, code=refusal.code)


# --- enrolment ------------------------------------------------------------------------------------------------------


class Enrolment(msgspec.Struct, frozen=True):
    keys: LinkKeys
    config: Config


async def enrol(
    *, url: str, code: str, software: str = "", allow_3des: bool = False, client: httpx.AsyncClient | None = None
) -> Enrolment:
    """Exchange a one-time code for keys and the gateway's own part of the estate. Raises LinkError with what to do.

    The code travels once, over TLS (or loopback); afterwards it is worth nothing.
    """
    url = check_url(url)
    code = link_keys.normal_code(code)
    private, public = link_keys.new_exchange()
    request = msgspec.msgpack.encode(EnrolRequest(code=code, public_key=public, software=software))
    own = client or _client(url)
    try:
        data = await _post(own, f"{url}/field/v1/enrol", request, MSGPACK, TIMEOUT_S)
    finally:
        if client is None:
            await own.aclose()
    try:
        reply = msgspec.msgpack.decode(data, type=EnrolReply)
        master = link_keys.agree(private=private, own_public=public, other_public=reply.public_key, code=code)
        suite = Suite(reply.suite)
    except (msgspec.MsgspecError, ValueError) as error:
        raise LinkError(
            f"{url}: the reply cannot be read ({error}); is this a centre?", retry=False, code="bad_reply"
        ) from None
    if suite == Suite.TRIPLE_DES and not allow_3des:
        raise LinkError(
            link_keys.TRIPLE_DES_WARNING + " Set PREWATT_ALLOW_3DES=1 to use it.", retry=False, code="suite_off"
        )
    found = LinkKeys(gateway=reply.gateway, suite=suite, version=reply.key_version, master=master)
    return Enrolment(found, reply.config)
