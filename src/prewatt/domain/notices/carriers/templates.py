"""Cloud SMS sends no text of ours, but a template that the provider has approved, filled with values in its order.

A line of the setting: `low1 = SMS_123456: room, balance`. A kind without a line is not sent; `low1.en` is for English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from prewatt.domain.estate.messages import MESSAGES
from prewatt.domain.notices.carrying import Letter
from prewatt.domain.notices.refusals import Again, CarrierRefused

LINE = re.compile(r"([a-z_0-9]+)(?:\.(zh|en))?\s*=\s*([A-Za-z0-9_]{1,64})\s*(?::\s*(.*))?")
NAMES = re.compile(r"[a-z_0-9]+")


@dataclass(frozen=True, slots=True)
class Template:
    code: str
    names: tuple[str, ...]


def read(text: str) -> dict[str, Template]:
    """Raises ValueError with the line that is wrong."""
    found = {}
    for line in filter(None, (one.strip() for one in text.splitlines())):
        match = LINE.fullmatch(line)
        if match is None or match[1] not in MESSAGES:
            raise ValueError(line)
        known = MESSAGES[match[1]].fields
        names = tuple(NAMES.findall(match[4] or ""))
        if any(name not in known for name in names):
            raise ValueError(line)
        found[match[1] + (f".{match[2]}" if match[2] else "")] = Template(match[3], names)
    return found


def chosen(templates: Mapping[str, Template], letter: Letter) -> Template:
    found = templates.get(f"{letter.kind}.{letter.language}") or templates.get(letter.kind)
    if found is None:
        raise CarrierRefused(
            f"this carrier has no template for {letter.kind!r}; add its line", again=Again.NOT_THIS_MESSAGE
        )
    return found


def values(template: Template, letter: Letter) -> dict[str, str]:
    return {name: letter.fields.get(name, "") for name in template.names}
