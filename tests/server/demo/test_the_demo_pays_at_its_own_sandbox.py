"""A newcomer pays in the demo: at providers that the demo itself starts, and never at a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from prewatt.domain.payments import channels, setup
from prewatt.domain.payments.channel import Ask, Standing, Way
from prewatt.server.demo import cli, files
from prewatt.server.demo.files import Files
from prewatt.sim.paying.cli import write_folder
from prewatt.sim.paying.keys import for_the_merchant
from prewatt.sim.paying.server import running

PORT = 18_765


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """A machine whose own site pays at real providers."""
    before = dict(os.environ)
    monkeypatch.setenv("PREWATT_PAY_ALIPAY_APP_ID", "2021999999999999")
    monkeypatch.setenv("PREWATT_PAY_WECHAT_BASE", "https://api.mch.weixin.qq.com")
    monkeypatch.setenv("PREWATT_PUBLIC_URL", "https://power.example.cn")
    found = Files(tmp_path)
    cli._environment(found, port=PORT)
    yield found
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def test_the_demo_starts_the_providers_and_they_hand_out_where_its_pages_look(folder: Files) -> None:
    files.write(folder.mark, {"scale": 0})
    started = {child.name: child.argv for child in cli._children(folder, port=PORT, speed=1)}
    said = started["providers"]
    assert "simulate-payments" in said
    handed_out = Path(said[said.index("--hand-out") + 1])
    looked_at = {Path(path).parent for name, path in os.environ.items() if name.startswith("PREWATT_PAY_")}
    assert looked_at == {handed_out}
    assert os.environ["PREWATT_PUBLIC_URL"] == f"http://127.0.0.1:{PORT}"


def test_without_its_sandbox_nothing_can_be_paid(db: None, folder: Files) -> None:
    assert channels.offers() == ()


def test_every_channel_is_offered_and_everything_it_asks_goes_to_the_sandbox(db: None, folder: Files) -> None:
    with running() as sandbox:
        write_folder(folder.providers, for_the_merchant(sandbox.keys, sandbox.base))
        assert [one.name for one in channels.offers()] == ["alipay", "wechat", "unionpay"]
        for name in ("alipay", "wechat", "unionpay"):
            asked = [value for value in setup.values(name).values() if value.startswith(("http://", "https://"))]
            assert asked
            assert [one for one in asked if not one.startswith(sandbox.base)] == []
        now = datetime.now(UTC)
        channel = channels.channel("alipay")
        ask = Ask("20261124demo0001", 50_00, "电费", Way.CODE, now, now + timedelta(minutes=5), "", "")
        assert channel.create(ask, now=now).url.startswith(sandbox.base)
        httpx.post(f"{sandbox.base}/pay/alipay/{ask.order_no}", data={"do": "pay"})
        assert channel.query(ask.order_no, created_at=now, now=now).standing == Standing.PAID
