"""The sandbox as one thing that answers requests: three protocols, the payer's pages, and the door for mischief."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qs

from prewatt.sim.paying import alipay, openids, pages, unionpay, wechat
from prewatt.sim.paying.book import Book, Order, Refusal, State
from prewatt.sim.paying.keys import Keys
from prewatt.sim.paying.mischief import GOOD, Mischief
from prewatt.sim.paying.post import Post
from prewatt.sim.paying.talk import HTML, Request, Response, Telling, see_other

SANDBOX = "/sandbox/"


def _now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """`clock` tells the providers' time; their orders last as long as the process."""

    def __init__(self, keys: Keys, base: str, post: Post, *, clock: Callable[[], datetime] = _now) -> None:
        self.book, self._post, self._clock = Book(), post, clock
        self._alipay = alipay.Alipay(keys, self.book, base)
        self._protocols: dict[str, wechat.WeChat | alipay.Alipay | unionpay.UnionPay] = {
            wechat.NAME: wechat.WeChat(keys, self.book, base),
            alipay.NAME: self._alipay,
            unionpay.NAME: unionpay.UnionPay(keys, self.book, base),
        }
        self._openids = openids.OpenIds(keys)
        self.mischief: dict[str, Mischief] = dict.fromkeys(self._protocols, GOOD)

    def answer(self, request: Request) -> Response:
        for name, protocol in self._protocols.items():
            if protocol.is_for(request.path):
                return self._asked(name, request)
        if self._openids.is_for(request.path):
            return self._openids.answer(request)
        if request.path.startswith(SANDBOX):
            return self._sandbox(request)
        if request.path.startswith("/pay/"):
            return self._payer(request)
        if request.path == "/orders/":
            return Response(200, pages.listing(self.book.orders()).encode(), HTML)
        return Response(404, b"not here", "text/plain")

    # --- the merchant ------------------------------------------------------------------------------------------------

    def _asked(self, name: str, request: Request) -> Response:
        mischief = self.mischief[name]
        if mischief.down:
            return Response(503, b"down", "text/plain")
        found = self._protocols[name].answer(request, mischief, now=self._clock())
        for order, back in self.book.new_backs():
            if order.facts.get(f"url:{back.back_no}", order.notify_url):
                self._send(name, partial(self._protocols[name].told_back, order, back))
        return found

    def _send(self, name: str, told: Callable[..., Telling]) -> None:
        mischief = self.mischief[name]

        def telling() -> Telling:
            return told(mischief, now=self._clock())

        self._post.send(telling, copies=mischief.copies, delay_s=mischief.delay_s, first=mischief.reorder)

    # --- the payer ---------------------------------------------------------------------------------------------------

    def _payer(self, request: Request) -> Response:
        try:
            _, _, name, order_no = request.path.split("/", 3)
            order = self.book.find(name, order_no)
        except (ValueError, Refusal):
            return Response(404, b"no such order", "text/plain")
        if name == wechat.NAME:
            wechat.WeChat.visited(order, request.query)
        if request.method != "POST":
            return Response(200, pages.cashier(order).encode(), HTML)
        done = parse_qs(request.body.decode(errors="replace")).get("do", [""])[0]
        if done == "pay":
            try:
                self.pay(order)
            except Refusal as error:
                return Response(409, error.why.encode(), "text/plain")
        return see_other(self._home(order) or request.path)

    def pay(self, order: Order) -> None:
        """Raises Refusal when it is too late."""
        self.book.pay(order, now=self._clock(), after_close=self.mischief[order.channel].pay_after_close)
        self.tell(order)

    def tell(self, order: Order) -> None:
        """Also once more, for one that was told already."""
        if order.notify_url:
            self._send(order.channel, partial(self._protocols[order.channel].told, order))

    def _home(self, order: Order) -> str:
        if not order.return_url:
            return ""
        if order.channel == alipay.NAME and order.state == State.PAID:
            return self._alipay.back_to_the_shop(order, now=self._clock())
        return order.return_url

    # --- whoever tests -----------------------------------------------------------------------------------------------

    def _sandbox(self, request: Request) -> Response:
        """`POST /sandbox/CHANNEL` with JSON: how it misbehaves from now on. GET: how it does, and what was sent."""
        name = request.path.removeprefix(SANDBOX)
        if name not in self.mischief:
            return Response(404, b"no such channel", "text/plain")
        if request.method == "POST":
            try:
                self.mischief[name] = Mischief.of(json.loads(request.body or b"{}"))
            except (ValueError, TypeError) as error:
                return Response(400, str(error).encode(), "text/plain")
        shown = {"mischief": asdict(self.mischief[name]), "sent": self._post.sent[-100:]}
        return Response(200, json.dumps(shown).encode())

    def behave(self, name: str, **changes: object) -> None:
        """The same from within the process."""
        self.mischief[name] = replace(GOOD, **changes)  # type: ignore[arg-type]
