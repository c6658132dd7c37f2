"""短信模板: what tenants are told, in Chinese and English, with named fields; the site's own wording or the shipped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.changes import By
from prewatt.domain.estate.models import Wording
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.estate.scope import check_site

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

LANGUAGES = ("zh", "en")
LENGTH_MAX = 500
FIELD = re.compile(r"\{([^{}]*)\}")
# What GSM 03.38 carries in seven bits; the second set takes two places each. Anything else makes the text UCS-2.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWO = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True)
class Message:
    """A kind of message: the fields that it may name, and the shipped texts."""

    key: str
    fields: tuple[str, ...]
    zh: str
    en: str

    def shipped(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


_WHO = ("site", "tenant", "room", "meter", "time")
MESSAGES: dict[str, Message] = {
    one.key: one
    for one in (
        Message(
            "low1",
            (*_WHO, "balance", "alarm"),
            "【{site}】{room} 电费余额 {balance} 元，已低于 {alarm} 元，请及时购电。",
            "{site}: room {room} has {balance} yuan of electricity left, less than {alarm}. Please buy more.",
        ),
        Message(
            "low2",
            (*_WHO, "balance", "alarm"),
            "【{site}】{room} 电费余额仅 {balance} 元，余额用完将停电，请尽快购电。",
            "{site}: room {room} has only {balance} yuan left. Power stops at zero. Please buy now.",
        ),
        Message(
            "arrears",
            (*_WHO, "balance"),
            "【{site}】{room} 电费已欠 {balance} 元，请立即购电以恢复或保持供电。",
            "{site}: room {room} owes {balance} yuan for electricity. Please pay now to have or keep power.",
        ),
        Message(
            "reminder",
            (*_WHO, "balance"),
            "【{site}】{room} 电费余额 {balance} 元，预计很快用完，用完将停电，请立即购电。",
            "{site}: room {room} has {balance} yuan left and will soon run out. Power stops then. Please buy now.",
        ),
        Message(
            "last_notice",
            (*_WHO, "balance", "cut_at"),
            "【{site}】{room} 电费已欠 {balance} 元，将于 {cut_at} 后停电，请立即缴费。",
            "{site}: room {room} owes {balance} yuan. Power is switched off after {cut_at}. Please pay now.",
        ),
        Message(
            "opened",
            (*_WHO, "number", "balance"),
            "【{site}】{tenant}，{room} 已开户，用户编号 {number}，表号 {meter}，余额 {balance} 元。",
            "{site}: the account of room {room} is open. User {number}, meter {meter}, balance {balance} yuan.",
        ),
        Message(
            "sold",
            (*_WHO, "amount", "balance", "receipt"),
            "【{site}】{room} 购电 {amount} 元已到账，余额 {balance} 元，票号 {receipt}。",
            "{site}: {amount} yuan arrived on the meter of room {room}. Balance {balance}. Receipt {receipt}.",
        ),
        Message(
            "refunded",
            (*_WHO, "amount", "balance", "receipt"),
            "【{site}】{room} 退电 {amount} 元已办理，余额 {balance} 元，票号 {receipt}。",
            "{site}: {amount} yuan were refunded from room {room}. Balance {balance}. Receipt {receipt}.",
        ),
        Message(
            "switched_off",
            (*_WHO, "balance", "reason"),
            "【{site}】{room} 已于 {time} 停电，原因：{reason}。余额 {balance} 元。",
            "{site}: power of room {room} was switched off at {time}. Reason: {reason}. Balance {balance} yuan.",
        ),
        Message(
            "restored",
            (*_WHO, "balance"),
            "【{site}】{room} 已于 {time} 恢复供电，余额 {balance} 元。",
            "{site}: power of room {room} was restored at {time}. Balance {balance} yuan.",
        ),
        Message(
            "code",
            ("site", "code", "minutes"),
            "【{site}】验证码 {code}，{minutes} 分钟内有效。请勿告诉他人。",
            "{site}: your code is {code}, valid for {minutes} minutes. Tell it to nobody.",
        ),
        Message(
            "operator",
            ("site", "time", "alarm", "where", "count"),
            "【{site}】{time} {alarm}：{where}（共 {count} 处）",
            "{site}: {time} {alarm}: {where} ({count} in all)",
        ),
        Message(
            "escalated",
            ("site", "time", "alarm", "where", "count", "minutes"),
            "【{site}】{time} {alarm}：{where}（共 {count} 处），已 {minutes} 分钟无人确认，请处理。",
            "{site}: {time} {alarm}: {where} ({count} in all). Nobody has acknowledged it for {minutes} minutes.",
        ),
        Message(
            "test", ("site", "time"), "【{site}】{time} 测试信息，无需回复。", "{site}: {time} a test. Nothing to do."
        ),
    )
}
# A message as a tenant might get it: for previews and for counting.
SAMPLE = {
    "site": "海棠湾商务大厦",
    "tenant": "海风西餐厅",
    "room": "0306",
    "meter": "030001040A",
    "number": "K0018",
    "time": "11-22 10:42",
    "balance": "18.40",
    "alarm": "50.00",
    "cut_at": "11-23 14:00",
    "code": "482913",
    "minutes": "5",
    "where": "A座 gw-01",
    "count": "1",
    "amount": "200.00",
    "receipt": "S2026-000123",
    "reason": "欠费",
}
SAMPLE_WORDS = {"en": {"reason": "arrears"}}  # names stay as they are, words are translated


def sample(language: str) -> dict[str, str]:
    return SAMPLE | SAMPLE_WORDS.get(language, {})


@dataclass(frozen=True)
class Size:
    characters: int
    parts: int
    unicode: bool


def size(text: str) -> Size:
    """How many texts a carrier charges: 160 seven-bit places or 70 others in one; 153 or 67 in each of several."""
    seven = all(letter in _GSM or letter in _GSM_TWO for letter in text)
    places = sum(2 if letter in _GSM_TWO else 1 for letter in text) if seven else len(text.encode("utf-16-le")) // 2
    alone, joined = (160, 153) if seven else (70, 67)
    parts = 0 if not places else 1 if places <= alone else -(-places // joined)
    return Size(places, parts, not seven)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Plain replacement, once: a value that looks like a field stays as it is."""
    return FIELD.sub(lambda found: values.get(found[1], found[0]), text)


def wording(key: str, language: str) -> str:
    """The site's text, or the shipped one."""
    own = Wording.objects.filter(key=_key(key), language=language, building__isnull=True).first()
    return own.text if own else MESSAGES[key].shipped(language)


def _key(key: str) -> str:
    return f"sms.{key}"


def own_wordings() -> set[tuple[str, str]]:
    """(message, language) pairs that the site worded itself."""
    rows = Wording.objects.filter(key__startswith="sms.", building__isnull=True).values_list("key", "language")
    return {(key.removeprefix("sms."), language) for key, language in rows}


@transaction.atomic
def set_wordings(*, key: str, texts: Mapping[str, str], operator: Operator, now: datetime, address: str = "") -> None:
    """Keep the texts of one message, by language. Empty, or just as shipped: the shipped one counts again."""
    check_site(operator)
    message = MESSAGES[key]
    problems = {language: said for language in LANGUAGES if (said := _problem(texts.get(language, ""), message))}
    if problems:
        raise FieldsRefused(problems)
    before = {language: wording(key, language) for language in LANGUAGES}
    for language in LANGUAGES:
        text = _lines(texts.get(language, ""))
        own = Wording.objects.filter(key=_key(key), language=language, building__isnull=True)
        if not text or text == message.shipped(language):
            own.delete()
        elif not own.update(text=text):
            Wording.objects.create(key=_key(key), language=language, text=text)
    after = {language: wording(key, language) for language in LANGUAGES}
    changed = [language for language in LANGUAGES if before[language] != after[language]]
    if changed:
        old, new = ({language: texts_[language] for language in changed} for texts_ in (before, after))
        By(operator, address, now).log("estate.message_text", f"message {key}", before=old, after=new)


def _lines(text: str) -> str:
    """Browsers send lines with two letters at their ends."""
    return text.replace("\r\n", "\n").strip()


def _problem(text: str, message: Message) -> str:
    text = _lines(text)
    if len(text) > LENGTH_MAX:
        return _("is longer than %(max)s characters.") % {"max": LENGTH_MAX}
    unknown = [name for name in FIELD.findall(text) if name not in message.fields]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in message.fields)
        return _("{%(name)s} is no field of this message. It has %(known)s.") % {"name": unknown[0], "known": known}
    if set("{}") & set(FIELD.sub("", text)):
        return _("has a brace that belongs to no field. Fields look like {room}.")
    return ""
