"""Two people change the same thing: the second learns what the first changed before anything of it is written over.

A form carries the values that it was drawn with. When it comes back, they are held against what stands now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from prewatt.domain.staff.refusals import Refused

if TYPE_CHECKING:
    from django.http import HttpRequest

FIELD = "drawn"
BYTES_MAX = 64 * 1024


class ChangedMeanwhile(Refused):
    code = "changed_meanwhile"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Somebody else changed this while your form was open. Nothing of yours was saved. What he changed "
                "stands in the marked fields or below them; look at it, then save again."
            )
        )


@dataclass(frozen=True, slots=True)
class Clash:
    """`taken`: the other's values of fields that were left alone here. `said`: a sentence for each that differs."""

    taken: dict[str, str]
    said: dict[str, str]


def pack(values: Mapping[str, str]) -> str:
    """For the form's hidden field."""
    return json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))


def clash(request: HttpRequest, current: Mapping[str, str], *, words: Mapping[str, str] | None = None) -> Clash | None:
    """What somebody else changed since the form was drawn. `words` has a value as people read it, by its field."""
    before = _unpack(request.POST.get(FIELD, ""))
    taken, said = {}, {}
    for name, value in current.items():
        typed = request.POST.get(name, "").strip()
        if name not in before or before[name] == value or typed == value:
            continue
        if typed == before[name].strip():
            taken[name] = value
            said[name] = _("changed meanwhile by somebody else; this is the new value.")
        else:
            shown = (words or {}).get(name, value)
            said[name] = _("changed meanwhile by somebody else to “%(value)s”.") % {"value": shown or "—"}
    return Clash(taken, said) if said else None


def _unpack(text: str) -> dict[str, str]:
    """A form without it, or with nonsense, is held against nothing."""
    try:
        found = json.loads(text) if len(text) <= BYTES_MAX else {}
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
