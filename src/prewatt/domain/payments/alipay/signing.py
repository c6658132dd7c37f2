"""What is signed. A request keeps `sign_type` in it, a notification leaves it out; an answer is signed as it stands."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from prewatt.domain.payments.channel import Forged

OF_REQUEST = frozenset({"sign"})
OF_NOTICE = frozenset({"sign", "sign_type"})
FIELDS_MAX = 100
CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gbk", "gb2312": "gbk"}


def text(values: Mapping[str, str], *, without: Collection[str]) -> str:
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name] and name not in without)


def codec(charset: str) -> str:
    """Raises Forged for one that Alipay does not use."""
    found = CHARSETS.get(charset.lower())
    if found is None:
        raise Forged("an unknown charset")
    return found


def form(body: bytes) -> tuple[dict[str, str], str]:
    """The decoded fields of a notification, and their codec. Raises Forged, also for a field that comes twice."""
    try:
        raw = parse_qsl(body.decode("ascii"), keep_blank_values=True, encoding="latin-1", max_num_fields=FIELDS_MAX)
        named = next((value for name, value in raw if name == "charset"), "utf-8")
        encoding = codec(named)
        values = {_again(name, encoding): _again(value, encoding) for name, value in raw}
    except ValueError as error:  # UnicodeError is one
        raise Forged("no form that can be read") from error
    if len(values) != len(raw):
        raise Forged("a field comes twice")
    return values, encoding


def _again(value: str, encoding: str) -> str:
    return value.encode("latin-1").decode(encoding)


def node(answer: str, name: str) -> tuple[str, str]:
    """The signed text of an answer, letter by letter as it came, and its signature. Raises ValueError."""
    mark = f'"{name}":'
    start = answer.index(mark) + len(mark)
    while answer[start : start + 1].isspace():
        start += 1
    try:
        _value, end = json.JSONDecoder().raw_decode(answer, start)
        whole = json.loads(answer)
    except RecursionError as error:
        raise ValueError("not JSON that anybody would send") from error
    signature = whole.get("sign", "") if isinstance(whole, dict) else ""
    if not isinstance(signature, str) or name not in whole:
        raise ValueError("an answer without a signature")
    return answer[start:end], signature
