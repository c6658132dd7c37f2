"""The three channels before the sandbox on real sockets, and a door at which its notifications knock."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from prewatt.domain.payments import asking
from prewatt.domain.payments.alipay import Alipay
from prewatt.domain.payments.alipay import Settings as AlipaySettings
from prewatt.domain.payments.channel import Ask, BackAsk, BackFact, Channel, Fact, Forged, Lead, Opens, Way
from prewatt.domain.payments.unionpay import Settings as UnionPaySettings
from prewatt.domain.payments.unionpay import UnionPay
from prewatt.domain.payments.wechat import Settings as WeChatSettings
from prewatt.domain.payments.wechat import WeChat
from prewatt.sim.paying.server import Sandbox

PATIENCE_S = 30.0
Heard = Fact | BackFact | Forged


def now() -> datetime:
    return datetime.now(UTC)


def channels(handed_out: dict[str, Any], client: httpx.Client, notify_url: str = "") -> dict[str, Channel]:
    """From what the sandbox's merchant platforms hand out."""
    given = {name: dict(values) for name, values in handed_out.items()}
    base = {name: values.pop("base") for name, values in given.items()}
    given["alipay"]["public_key"] = given["alipay"].pop("alipay_public_key")
    return {
        "wechat": WeChat(WeChatSettings(**given["wechat"], base=base["wechat"]), client),
        "alipay": Alipay(AlipaySettings(**given["alipay"], gateway=base["alipay"] + "/gateway.do"), client),
        "unionpay": UnionPay(
            UnionPaySettings(
                **given["unionpay"],
                gateway=base["unionpay"] + "/gateway/api",
                files=base["unionpay"] + "/",
                notify_url=notify_url,
            ),
            client,
        ),
    }


@dataclass
class Play:
    """One channel and its provider. `heard` is what its notifications said, in the order in which they came."""

    channel: Channel
    sandbox: Sandbox
    door: str
    heard: list[Heard] = field(default_factory=list)
    refusing: bool = False  # the door says: again
    _number: int = 0

    def ask(self, way: Way | None = None, **changes: Any) -> Ask:
        self._number += 1
        at = now().replace(microsecond=0)
        told: dict[str, Any] = {
            "order_no": f"{at:%Y%m%d}{self.channel.name}{time.monotonic_ns() % 10**9:09d}{self._number}",
            "amount_fen": 12_345,
            "subject": "电费 + 测试/A101",
            "way": way or sorted(self.channel.ways)[0],
            "created_at": at,
            "expires_at": at + timedelta(minutes=30),
            "notify_url": self.door + self.channel.name,
            "return_url": "http://127.0.0.1:9/back?a=1&b=2",
            "payer": "openid-1",
            "address": "10.0.0.9",
        }
        return Ask(**told | changes)

    def back(self, ask: Ask, fact: Fact, amount_fen: int = 45, back_no: str = "") -> BackAsk:
        self._number += 1
        return BackAsk(
            back_no=back_no or f"{ask.order_no}R{self._number}",
            order_no=ask.order_no,
            channel_no=fact.channel_no,
            amount_fen=amount_fen,
            total_fen=ask.amount_fen,
            reason="多付",
            asked_at=now().replace(microsecond=0),
            paid_at=fact.paid_at or now(),
        )

    def opened(self, ask: Ask) -> Lead:
        """What the payer's browser does with it."""
        lead = self.channel.create(ask, now=now())
        with httpx.Client(follow_redirects=False) as browser:
            if lead.opens == Opens.VISIT and self.channel.name == "alipay":
                assert browser.get(lead.url).is_redirect
            elif lead.opens == Opens.POST:
                assert browser.post(lead.url, data=dict(lead.fields)).is_redirect
        return lead

    def pay(self, ask: Ask) -> None:
        page = f"{self.sandbox.base}/pay/{self.channel.name}/{ask.order_no}"
        answer = httpx.post(page, data={"do": "pay"}, follow_redirects=False)
        assert answer.status_code == 303, answer.text

    def paid(self, ask: Ask | None = None) -> tuple[Ask, Fact]:
        ask = ask or self.ask()
        self.opened(ask)
        self.pay(ask)
        return ask, self.query(ask)

    def query(self, ask: Ask) -> Fact:
        return self.channel.query(ask.order_no, created_at=ask.created_at, now=now())

    def behave(self, **mischief: Any) -> None:
        answer = httpx.post(f"{self.sandbox.base}/sandbox/{self.channel.name}", content=json.dumps(mischief))
        assert answer.status_code == 200, answer.text

    def until(self, count: int) -> list[Heard]:
        """So many notifications came."""
        wait_until(lambda: len(self.heard) >= count)
        return self.heard

    def said(self) -> Heard:
        return self.until(1)[0]


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


@contextmanager
def playing(name: str, sandbox: Sandbox, keys: Path) -> Iterator[Play]:
    with asking.new_client() as client, ThreadingHTTPServer(("127.0.0.1", 0), _Door) as door:
        address = f"http://127.0.0.1:{door.server_address[1]}/paying/"
        channel = channels(json.loads(keys.read_text()), client, address + name)[name]
        play = Play(channel, sandbox, address)
        door.play = play  # type: ignore[attr-defined]
        thread = threading.Thread(target=door.serve_forever, daemon=True)
        thread.start()
        try:
            yield play
        finally:
            play.behave()
            door.shutdown()
            thread.join()


class _Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        play: Play = self.server.play  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        try:
            said: Heard = play.channel.read_notice(headers, body, now=now())
        except Forged as error:
            said = error
        reply = play.channel.reply(taken=not isinstance(said, Forged) and not play.refusing)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        play.heard.append(said)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
