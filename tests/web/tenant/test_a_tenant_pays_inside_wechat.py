"""A page opened inside WeChat: it is asked who sits there, and WeChat's own script is handed the order."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from counter import Counter
from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import NotTaken
from prewatt.domain.payments.models import Attempt, State
from prewatt.domain.payments.repairing import tend
from prewatt.sim.paying.cli import SETTINGS, write_folder
from prewatt.sim.paying.keys import for_the_merchant
from prewatt.sim.paying.openids import OPENID
from prewatt.sim.paying.server import Sandbox, running
from web.tenant.test_a_tenant_sees_his_own_and_nothing_else import Two

ITS_BROWSER = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36 MicroMessenger/8.0.50.2701 Language/zh_CN"
FORM = {"order_id": "inside1", "amount": "50", "channel": "wechat"}


@pytest.fixture
def sandbox(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    for channel, names in SETTINGS.items():
        for name in names:
            monkeypatch.setenv(f"PREWATT_PAY_{channel}_{name}_file".upper(), str(tmp_path / f"{channel}_{name}"))
    with running() as made:
        write_folder(tmp_path, for_the_merchant(made.keys, made.base))
        yield made


@pytest.fixture
def two(counter: Counter) -> Two:
    return Two(counter)


def there(page: str) -> str:
    found = re.search(r'href="([^"]+)" data-leave', page)
    assert found, page
    return html.unescape(found[1])


def sent_back(address: str) -> str:
    """What WeChat's browser is answered: back to the site, with a code."""
    location = urlsplit(httpx.get(address).headers["Location"])
    return f"{location.path}?{location.query}"


def chosen(two: Two, agent: str = ITS_BROWSER) -> tuple[Client, Any]:
    client = two.logged_in()
    return client, client.post(f"/my/{two.mine.pk}/pay/", FORM, headers={"User-Agent": agent})


def test_who_pays_is_asked_and_the_order_is_handed_to_wechats_script(two: Two, sandbox: Sandbox) -> None:
    client, answer = chosen(two)
    assert (answer.status_code, answer["Location"]) == (302, "/my/payer/")
    assert not Attempt.objects.filter(order_id="inside1").exists()
    back = sent_back(there(client.get("/my/payer/").content.decode()))
    assert back.startswith("/my/payer/?")
    answer = client.get(back)
    assert answer["Location"] == "/my/paid/inside1/?go=1"
    attempt = Attempt.objects.get(order_id="inside1")
    assert (attempt.way, attempt.payer, attempt.amount_fen) == ("inside", OPENID, 50_00)
    page = client.get(answer["Location"]).content.decode()
    found = re.search(r'data-bridge="([^"]+)" data-leave', page)
    assert found
    told = json.loads(html.unescape(found[1]))
    assert told["package"] == f"prepay_id=wx{attempt.order_no}"
    assert {"appId", "timeStamp", "nonceStr", "signType", "paySign"} <= told.keys()
    httpx.post(f"{sandbox.base}/pay/wechat/{attempt.order_no}", data={"do": "pay"})
    now = timezone.now()
    Attempt.objects.filter(pk=attempt.pk).update(next_ask_at=now)
    tend(now=now)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.paid_fen) == (State.PAID, 50_00)
    assert "data-bridge" not in client.get("/my/paid/inside1/").content.decode()


def test_another_browser_pays_on_wechats_page_for_browsers(two: Two, sandbox: Sandbox) -> None:
    _client, answer = chosen(two, "Mozilla/5.0 (Linux; Android 14) Chrome/131 Mobile")
    assert answer["Location"] == "/my/paid/inside1/?go=1"
    assert Attempt.objects.get(order_id="inside1").way == "phone"


def test_a_code_of_another_order_or_none_makes_no_order(two: Two, sandbox: Sandbox) -> None:
    client, _answer = chosen(two)
    for query in ("", "?code=abc", "?code=abc&state=another"):
        assert "connect/oauth2/authorize" in client.get(f"/my/payer/{query}").content.decode()
    answer = client.get("/my/payer/?code=abc&state=inside1")
    assert answer.status_code == 422
    assert not Attempt.objects.filter(order_id="inside1").exists()


def test_what_one_wanted_to_pay_is_nothing_to_another(two: Two, sandbox: Sandbox) -> None:
    client, _answer = chosen(two)
    other = two.logged_in("K0002")
    other.cookies["prewatt_tenant_wish"] = client.cookies["prewatt_tenant_wish"].value
    assert other.get("/my/payer/").status_code == 404
    other.cookies["prewatt_tenant_wish"] = "made up"
    assert other.get("/my/payer/")["Location"] == "/my/"


def test_a_code_is_good_once(sandbox: Sandbox) -> None:
    channel: Any = channels.channel("wechat")
    back = sent_back(channel.ask_who("http://127.0.0.1:9/my/payer/", "order1"))
    given = parse_qs(urlsplit(back).query)
    assert given["state"] == ["order1"]
    assert channel.who(given["code"][0]) == OPENID
    with pytest.raises(NotTaken, match="40029"):
        channel.who(given["code"][0])
