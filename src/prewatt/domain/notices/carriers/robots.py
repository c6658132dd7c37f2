"""Group robots of WeCom and DingTalk: one address with a key in it, a text, and a number that says what came of it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote, quote_plus

from django.utils.translation import gettext_lazy

from prewatt.domain.notices.calling import post
from prewatt.domain.notices.carrying import Field, Handed, Letter, Report, Room
from prewatt.domain.notices.refusals import Again, CarrierRefused

BYTES_MAX = 2000  # WeCom takes 2,048 of a text


class Robot:
    look_s: ClassVar[float | None] = None
    reporting: ClassVar[bool] = False
    endpoint: ClassVar[str]
    again: ClassVar[Mapping[int, Again]]

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._endpoint = settings.get("endpoint") or self.endpoint
        self._secrets = secrets

    def address(self) -> str:
        raise NotImplementedError

    def parts(self, letter: Letter) -> int:  # noqa: ARG002 - a group is not charged
        return 1

    def send(self, letter: Letter, handed: Handed) -> None:
        text = letter.text.encode()[:BYTES_MAX].decode(errors="ignore")
        body = json.dumps({"msgtype": "text", "text": {"content": text}}, ensure_ascii=False).encode()
        status, said = post(self.address(), headers={"Content-Type": "application/json"}, content=body)
        code = said.get("errcode")
        if status != 200 or code != 0:
            again = self.again.get(code if isinstance(code, int) else -1, Again.FEW_TIMES)
            raise CarrierRefused(f"{said.get('errmsg', '')} ({code})"[:200], again=again, code=code)
        handed("")

    def reports(self) -> Sequence[Report]:
        return ()

    def health(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        pass


class WeCom(Robot):
    """https://developer.work.weixin.qq.com/document/path/91770: 20 messages a minute."""

    endpoint = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    again: ClassVar[Mapping[int, Again]] = {
        -1: Again.LATER,
        45009: Again.LATER,
        93000: Again.PERSON,
        40058: Again.NOT_THIS_MESSAGE,
        44004: Again.NOT_THIS_MESSAGE,
    }

    def address(self) -> str:
        return f"{self._endpoint}?key={quote(self._secrets['key'], safe='')}"


class DingTalk(Robot):
    """https://open.dingtalk.com/document/robots/customize-robot-security-settings: 20 a minute, signed."""

    endpoint = "https://oapi.dingtalk.com/robot/send"
    again: ClassVar[Mapping[int, Again]] = {
        -1: Again.LATER,
        130101: Again.LATER,
        410100: Again.LATER,
        300001: Again.PERSON,
        310000: Again.PERSON,
        400101: Again.PERSON,
        400102: Again.PERSON,
        400013: Again.PERSON,
        400105: Again.NOT_THIS_MESSAGE,
        430101: Again.NOT_THIS_MESSAGE,
    }

    def address(self) -> str:
        address = f"{self._endpoint}?access_token={quote(self._secrets['token'], safe='')}"
        secret = self._secrets.get("sign_secret", "")
        return address + (signature(secret, round(time.time() * 1000)) if secret else "")


def signature(secret: str, at_ms: int) -> str:
    """The end of the address: the time and the secret, under the secret."""
    mac = hmac.digest(secret.encode(), f"{at_ms}\n{secret}".encode(), "sha256")
    return f"&timestamp={at_ms}&sign={quote_plus(base64.b64encode(mac))}"


WECOM = Room((Field("key", gettext_lazy("Key of the robot's address"), secret=True),), WeCom)
DINGTALK = Room(
    (
        Field("token", gettext_lazy("access_token of the robot's address"), secret=True),
        Field("sign_secret", gettext_lazy("Signing secret (SEC…)"), secret=True, needed=False),
    ),
    DingTalk,
)
