"""Tencent Cloud SMS (2021-01-11), signed with TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy

from prewatt.domain.notices.calling import post
from prewatt.domain.notices.carriers import templates
from prewatt.domain.notices.carriers.aliyun import TEMPLATES_NOTE, wrong
from prewatt.domain.notices.carrying import Asked, Fate, Field, Handed, Letter, Report, Room
from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown
from prewatt.domain.notices.sms import parts

ENDPOINT = "https://sms.tencentcloudapi.com"
JSON = "application/json; charset=utf-8"
FATES = {"SUCCESS": Fate.ARRIVED, "FAIL": Fate.NOT_ARRIVED}
BEFORE_S, AFTER_S = 60, 4 * 86_400  # what is asked about lies between; it knows seven days
# The longest beginning that fits decides. What nobody knows is tried again a few times.
AGAIN: Mapping[str, Again] = {
    "AuthFailure": Again.PERSON,
    "UnauthorizedOperation": Again.PERSON,
    "FailedOperation.InsufficientBalanceInSmsPackage": Again.PERSON,
    "FailedOperation.SignatureIncorrectOrUnapproved": Again.PERSON,
    "FailedOperation.TemplateIncorrectOrUnapproved": Again.NOT_THIS_MESSAGE,
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": Again.NOT_THIS_MESSAGE,
    "FailedOperation.ContainSensitiveWord": Again.NOT_THIS_MESSAGE,
    "FailedOperation.PhoneNumberInBlacklist": Again.NOT_THIS_NUMBER,
    "InvalidParameterValue.IncorrectPhoneNumber": Again.NOT_THIS_NUMBER,
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": Again.NOT_THIS_NUMBER,
    "InvalidParameterValue": Again.NOT_THIS_MESSAGE,
    "LimitExceeded.PhoneNumber": Again.FEW_TIMES,
    "LimitExceeded": Again.LATER,
    "RequestLimitExceeded": Again.LATER,
    "InternalError": Again.LATER,
}


def signed(*, key_id: str, secret: str, host: str, service: str, body: bytes, at_s: int) -> dict[str, str]:
    """The headers that prove who sends this body at this second."""
    day = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    request = f"POST\n/\n\ncontent-type:{JSON}\nhost:{host}\n\ncontent-type;host\n{hashlib.sha256(body).hexdigest()}"
    wanted = f"TC3-HMAC-SHA256\n{at_s}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret}".encode()
    for one in (day, service, "tc3_request"):
        key = hmac.digest(key, one.encode(), "sha256")
    mac = hmac.digest(key, wanted.encode(), "sha256").hex()
    proof = f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=content-type;host, Signature={mac}"
    return {"Authorization": proof, "Content-Type": JSON, "Host": host, "X-TC-Timestamp": str(at_s)}


class Tencent:
    look_s: ClassVar[float | None] = None
    reporting: ClassVar[bool] = False

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._settings, self._secrets = settings, secrets
        self._templates = templates.read(settings["templates"])
        self._endpoint = settings.get("endpoint") or ENDPOINT

    def parts(self, letter: Letter) -> int:
        return len(parts.cut(letter.text).segments)

    def send(self, letter: Letter, handed: Handed) -> None:
        template = templates.chosen(self._templates, letter)
        body = {
            "PhoneNumberSet": [_number(letter.to)],
            "SmsSdkAppId": self._settings["app_id"],
            "SignName": self._settings["sign"],
            "TemplateId": template.code,
            "TemplateParamSet": list(templates.values(template, letter).values()),
            "SessionContext": str(letter.id),
        }
        handed(_reference(self._called("SendSms", body)))

    def fate(self, asked: Asked) -> Fate:
        """PullSmsSendStatusByPhoneNumber: it lists what was reported, and says nothing of the rest."""
        at_s = int(asked.at.timestamp())
        body = {
            "PhoneNumber": _number(asked.to),
            "SmsSdkAppId": self._settings["app_id"],
            "BeginTime": at_s - BEFORE_S,
            "EndTime": min(at_s + AFTER_S, int(time.time())),
            "Offset": 0,
            "Limit": 100,
        }
        facts = self._called("PullSmsSendStatusByPhoneNumber", body)
        if isinstance(facts, dict) and isinstance(error := facts.get("Error"), dict):
            raise _refused(error)
        rows = facts.get("PullSmsSendStatusSet") if isinstance(facts, dict) else None
        if not isinstance(rows, list):
            raise NotKnown("the provider answered and did not say what became of the message")
        mine = [row for row in rows if isinstance(row, dict) and _is_about(row, asked)]
        return FATES.get(str(mine[0].get("ReportStatus", "")), Fate.TAKEN) if mine else Fate.SILENT

    def _called(self, action: str, body: Mapping[str, Any]) -> Any:
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = signed(
            key_id=self._settings["key_id"],
            secret=self._secrets["key_secret"],
            host=urlsplit(self._endpoint).netloc,
            service="sms",
            body=data,
            at_s=int(time.time()),
        ) | {"X-TC-Action": action, "X-TC-Version": "2021-01-11", "X-TC-Region": self._settings["region"]}
        _status, said = post(f"{self._endpoint}/", headers=headers, content=data)
        return said.get("Response")

    def reports(self) -> Sequence[Report]:
        return ()

    def health(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        pass


def _number(to: str) -> str:
    return to if to.startswith("+") else f"+86{to}"


def _is_about(row: Mapping[str, Any], asked: Asked) -> bool:
    """By the reference that it gave; where it gave none, by what we gave it."""
    if asked.references:
        return row.get("SerialNo") in asked.references
    return str(row.get("SessionContext", "")) == str(asked.id)


def _reference(said: Any) -> str:
    """Of the one number that was asked for. The request may be good and the number refused."""
    facts = said if isinstance(said, dict) else {}
    error = facts.get("Error")
    if isinstance(error, dict):
        raise _refused(error)
    rows = facts.get("SendStatusSet")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise NotKnown("the provider answered and did not say what became of the number")
    if rows[0].get("Code") != "Ok":
        raise _refused(rows[0])
    return str(rows[0].get("SerialNo", ""))


def _refused(facts: Mapping[str, Any]) -> CarrierRefused:
    code = str(facts.get("Code", ""))
    fitting = [one for one in AGAIN if code.startswith(one)]
    again = AGAIN[max(fitting, key=len)] if fitting else Again.FEW_TIMES
    return CarrierRefused(f"{facts.get('Message', '')} ({code})"[:200], again=again, code=code)


ROOM = Room(
    (
        Field("key_id", "SecretId"),
        Field("key_secret", "SecretKey", secret=True),
        Field("app_id", "SDK AppID"),
        Field("sign", gettext_lazy("SMS signature")),
        Field("region", gettext_lazy("Region"), shipped="ap-guangzhou"),
        Field("templates", gettext_lazy("Templates"), lines=True, note=TEMPLATES_NOTE),
    ),
    Tencent,
    wrong,
    ask=lambda settings, secrets, asked: Tencent(settings, secrets).fate(asked),
)
