"""Aliyun SMS (Dysmsapi 2017-05-25), signed with ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.notices.calling import post
from prewatt.domain.notices.carriers import templates
from prewatt.domain.notices.carrying import Asked, Fate, Field, Handed, Letter, Report, Room
from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown
from prewatt.domain.notices.sms import parts

ENDPOINT = "https://dysmsapi.aliyuncs.com"
CHINA = timezone(timedelta(hours=8))
ROWS_MAX = 50
FATES = {"1": Fate.TAKEN, "2": Fate.NOT_ARRIVED, "3": Fate.ARRIVED}
EMPTY = hashlib.sha256(b"").hexdigest()
_PERSON = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "Forbidden",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.PRODUCT_UNSUBSCRIBE",
    "isv.ACCOUNT_",
    "isv.SMS_SIGNATURE_ILLEGAL",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.DAY_LIMIT_CONTROL",
    "isv.MONTH_LIMIT_CONTROL",
)
# The longest beginning that fits decides. What nobody knows is tried again a few times.
AGAIN: Mapping[str, Again] = {
    **dict.fromkeys(_PERSON, Again.PERSON),
    "isv.MOBILE_": Again.NOT_THIS_NUMBER,
    "isv.SMS_TEMPLATE_ILLEGAL": Again.NOT_THIS_MESSAGE,
    "isv.TEMPLATE_": Again.NOT_THIS_MESSAGE,
    "isv.INVALID_": Again.NOT_THIS_MESSAGE,
    "isv.PARAM_": Again.NOT_THIS_MESSAGE,
    "isv.BLACK_KEY_CONTROL_LIMIT": Again.NOT_THIS_MESSAGE,
    "isv.SMS_CONTENT_ILLEGAL": Again.NOT_THIS_MESSAGE,
    "isv.BUSINESS_LIMIT_CONTROL": Again.FEW_TIMES,
    "isp.": Again.LATER,
    "Throttling": Again.LATER,
    "ServiceUnavailable": Again.LATER,
}


def signed(
    *,
    key_id: str,
    secret: str,
    host: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    at: datetime,
    nonce: str,
) -> tuple[str, dict[str, str]]:
    """The query as it is sent, and the headers with the signature over it (signature method V3, RPC style)."""
    sent = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n{sent}\n{lines}\n{names}\n{EMPTY}"
    wanted = f"ACS3-HMAC-SHA256\n{hashlib.sha256(request.encode()).hexdigest()}"
    mac = hmac.digest(secret.encode(), wanted.encode(), "sha256").hex()
    return sent, headers | {
        "Authorization": f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={mac}"
    }


class Aliyun:
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
        said = self._called(
            "SendSms",
            {
                "PhoneNumbers": _number(letter.to),
                "SignName": self._settings["sign"],
                "TemplateCode": template.code,
                "TemplateParam": json.dumps(
                    templates.values(template, letter), ensure_ascii=False, separators=(",", ":")
                ),
                "OutId": str(letter.id),
            },
        )
        handed(str(said.get("BizId", "")))

    def fate(self, asked: Asked) -> Fate:
        """QuerySendDetails: one number, one day of the provider's, and the reference where there is one."""
        query = {
            "PhoneNumber": _number(asked.to),
            "SendDate": f"{asked.at.astimezone(CHINA):%Y%m%d}",
            "PageSize": str(ROWS_MAX),
            "CurrentPage": "1",
        }
        if asked.references and asked.references[0]:
            query["BizId"] = asked.references[0]
        said = self._called("QuerySendDetails", query)
        found = said.get("SmsSendDetailDTOs")
        rows = found.get("SmsSendDetailDTO") if isinstance(found, dict) else None
        if not isinstance(rows, list):
            raise NotKnown("the provider answered and did not say what became of the message")
        mine = [row for row in rows if isinstance(row, dict) and str(row.get("OutId", "")) == str(asked.id)]
        if mine:
            return FATES.get(str(mine[0].get("SendStatus", "")), Fate.TAKEN)
        # It counts some that it does not list, and lists so many at once: then it has said nothing.
        return Fate.NOT_THERE if str(said.get("TotalCount", "")) == "0" or 0 < len(rows) < ROWS_MAX else Fate.SILENT

    def _called(self, action: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        sent, headers = signed(
            key_id=self._settings["key_id"],
            secret=self._secrets["key_secret"],
            host=urlsplit(self._endpoint).netloc,
            action=action,
            version="2017-05-25",
            query=query,
            at=datetime.now(UTC),
            nonce=random.token_hex(16),
        )
        status, said = post(f"{self._endpoint}/?{sent}", headers=headers)
        code = str(said.get("Code", ""))
        if status != 200 or code != "OK":
            raise _refused(code, str(said.get("Message", "")), status)
        return said

    def reports(self) -> Sequence[Report]:
        return ()

    def health(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        pass


def _number(to: str) -> str:
    """Chinese numbers as they are, others with their country in front and no sign."""
    return to.removeprefix("+86") if to.startswith("+86") else to.removeprefix("+")


def _refused(code: str, message: str, status: int) -> CarrierRefused:
    fitting = [one for one in AGAIN if code.startswith(one)]
    again = AGAIN[max(fitting, key=len)] if fitting else Again.FEW_TIMES
    return CarrierRefused(f"{message or 'refused'} ({code or status})"[:200], again=again, code=code or status)


def wrong(settings: Mapping[str, str]) -> dict[str, str]:
    try:
        templates.read(settings["templates"])
    except ValueError as error:
        return {"templates": _("This line cannot be read: %(line)s") % {"line": error}}
    return {}


TEMPLATES_NOTE = gettext_lazy(
    "One line for each kind of message: low1 = code: room, balance. The names in the order of the template."
)
ROOM = Room(
    (
        Field("key_id", "AccessKey ID"),
        Field("key_secret", "AccessKey Secret", secret=True),
        Field("sign", gettext_lazy("SMS signature")),
        Field("templates", gettext_lazy("Templates"), lines=True, note=TEMPLATES_NOTE),
    ),
    Aliyun,
    wrong,
    ask=lambda settings, secrets, asked: Aliyun(settings, secrets).fate(asked),
)
