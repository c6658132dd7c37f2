"""Icons, drawn into the page: no icon font, no request each. The files come from Tabler by `icons.txt`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.utils.safestring import SafeString, mark_safe

_FOLDER = Path(__file__).resolve().parent.parent / "static/vendor/icons"
_DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_FRAME = re.compile(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>')
LOGO = (
    '<path d="M5 21V5.5A1.5 1.5 0 0 1 6.5 4H14a1.5 1.5 0 0 1 1.5 1.5V8"/><path d="M3 21h9"/>'
    '<path class="logo-bolt" d="M17.5 10 13.5 16h5L15 21.5"/><path d="M9 8h2.5M9 12h2"/>'
)


@cache
def drawing(name: str) -> str:
    """The strokes of an icon, without its frame. Missing front-end files leave an empty square, not an error."""
    if name == "logo":
        return LOGO
    try:
        text = (_FOLDER / f"{name}.svg").read_text()
    except FileNotFoundError:
        return ""
    found = _DRAWING.search(text)
    strokes = _FRAME.sub("", found.group(1)) if found else ""
    return re.sub(r"\s*\n\s*", "", strokes)


@cache
def icon(name: str, extra: str = "") -> SafeString:
    """`name` and `extra` (class names) are written by us in templates, never by a user."""
    classes = f"ic {extra}".strip()
    return mark_safe(  # noqa: S308 - our own strokes around our own names
        f'<svg class="{classes}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{drawing(name)}</svg>'
    )
