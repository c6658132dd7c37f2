"""Amounts and times as providers write them: yuan with two decimals, and China's time whatever the site's zone is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

CHINA = timezone(timedelta(hours=8))
SKEW = timedelta(minutes=5)
_YUAN = re.compile(r"[0-9]{1,11}(\.[0-9]{1,2})?", re.ASCII)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def fen_of(text: str) -> int:
    """Exactly, or ValueError."""
    if not _YUAN.fullmatch(text):
        raise ValueError("not an amount of yuan")
    return int(Decimal(text) * 100)


def fen_about(text: str) -> int:
    """Of a bill: with a sign, and fees with more decimals than money has."""
    try:
        value = Decimal(text.strip().lstrip("¥") or "0")
    except InvalidOperation as error:
        raise ValueError("not an amount") from error
    if not value.is_finite() or abs(value) > 10**11:
        raise ValueError("not an amount")
    return int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def whole(value: Any) -> int:
    """A number of fen in JSON: never a fraction, never a truth value."""
    if type(value) is not int or not 0 <= value < 10**13:
        raise ValueError("not a number of fen")
    return value


def text_of(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def china(at: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return at.astimezone(CHINA).strftime(form)


def from_china(text: str, form: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=CHINA).astimezone(UTC)


def from_iso(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC)


def is_over(day: date, now: datetime) -> bool:
    return day < now.astimezone(CHINA).date()
