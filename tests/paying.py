"""Payments for tests: two providers in memory, plugged in, and what a payer does."""

from __future__ import annotations

from typing import Any

from counter import Counter
from prewatt.domain.payments import channels, operations, repairing
from prewatt.domain.payments.models import Attempt
from prewatt.server.torture.provider import Message, Provider


class Paying:
    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.alipay, self.wechat = Provider("alipay"), Provider("wechat")
        channels.plug([self.alipay, self.wechat])

    def unplug(self) -> None:
        channels.plug([])

    def begin(self, order_id: str = "o1", amount: int = 100_00, channel: str = "alipay", **changes: Any) -> Attempt:
        opening = changes.pop("opening", None) or self.counter.meters[0].openings.get(closed_at=None)
        asked: dict[str, Any] = {"way": "code", "by": "tenant", "address": "10.0.0.9", "return_url": "https://x/back"}
        asked |= {"order_id": order_id, "opening": opening, "amount_fen": amount, "channel": channel}
        return operations.begin(**asked | {"now": self.counter.now} | changes)

    def paid(self, attempt: Attempt, amount_fen: int | None = None) -> Attempt:
        """The payer pays, the provider says so, and the worker has it confirmed."""
        provider = self.provider(attempt)
        self.hear(provider, provider.pay(attempt.order_no, now=self.counter.now, amount_fen=amount_fen))
        repairing.ask_channel(attempt.channel, now=self.counter.now)
        return self.fresh(attempt)

    def hear(self, provider: Provider, message: Message) -> bytes:
        headers, body = message
        return operations.take(
            channel=provider, headers=headers, body=body, now=self.counter.now, address="10.1.1.1"
        ).body

    def provider(self, attempt: Attempt) -> Provider:
        return self.alipay if attempt.channel == "alipay" else self.wechat

    def fresh(self, attempt: Attempt) -> Attempt:
        return Attempt.objects.select_related("sale").get(pk=attempt.pk)

    def books_are_clean(self) -> None:
        from prewatt.domain.audit.verify import verify

        report = verify()
        assert not report.findings, report.findings
