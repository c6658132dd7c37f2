"""The whole way: what the sandbox hands out as files, the site's own settings, a payer, a notification, a sale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.payments import channels, operations
from prewatt.domain.payments.models import Attempt, State
from prewatt.domain.payments.repairing import tend
from prewatt.sim.paying.cli import SETTINGS, write_folder
from prewatt.sim.paying.keys import for_the_merchant
from prewatt.sim.paying.server import Sandbox, running


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    for channel, names in SETTINGS.items():
        for name in names:
            monkeypatch.setenv(f"PREWATT_PAY_{channel}_{name}_file".upper(), str(tmp_path / f"{channel}_{name}"))
    with running() as made:
        write_folder(tmp_path, for_the_merchant(made.keys, made.base))
        yield made


@pytest.mark.parametrize("channel", ["alipay", "wechat"])
def test_a_payment_becomes_a_sale_when_the_provider_is_asked(
    db: None, counter: Counter, sandbox: Sandbox, channel: str
) -> None:
    from django.utils import timezone

    assert {offer.name for offer in channels.offers()} == {"alipay", "wechat", "unionpay"}
    now, opening = timezone.now(), counter.opened()
    attempt = operations.begin(
        order_id="o1",
        opening=opening,
        amount_fen=100_00,
        channel=channel,
        way="code",
        by="tenant",
        address="10.0.0.9",
        return_url="",
        now=now,
    )
    page = f"{sandbox.base}/pay/{channel}/{attempt.order_no}"
    assert httpx.post(page, data={"do": "pay"}, follow_redirects=False).status_code == 303
    Attempt.objects.update(next_ask_at=now)
    tend(now=now)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.paid_fen, attempt.became) == (State.PAID, 100_00, "sale")
    order = MeterOrder.objects.get(pk=attempt.order_no)
    assert (order.kind, order.amount_fen, order.opening_id) == ("recharge", 100_00, opening.pk)
