"""How a text is cut into messages: 160 or 70 letters in one, less in each of several, and no letter cut in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prewatt.domain.notices.sms import alphabet

OCTETS_MAX = 140
SEPTETS_MAX = 160
HEADER = b"\x05\x00\x03"  # five octets follow: element 0 (one of several), its length; then reference, total, number
HEADER_OCTETS = 6
PARTS_MAX = 255  # what its one octet can count
FILL_BITS = 1  # seven septets hold the header's 48 bits and one more


class TextTooLong(ValueError):
    """The text needs more messages than one header can count. Nothing was sent; shorten it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A message's letters: `data` after any header, `units` as TP-UDL counts them without it (septets or octets)."""

    data: bytes
    units: int


@dataclass(frozen=True, slots=True)
class Cut:
    gsm7: bool
    segments: Sequence[Segment]


def cut(text: str) -> Cut:
    """Raises TextTooLong. An empty text is one empty message."""
    gsm7 = alphabet.fits(text)
    units = list(alphabet.letters(text)) if gsm7 else [letter.encode("utf-16-be", "replace") for letter in text]
    whole, each = (SEPTETS_MAX, SEPTETS_MAX - 7) if gsm7 else (OCTETS_MAX, OCTETS_MAX - HEADER_OCTETS)
    found = [list(units)] if sum(map(len, units)) <= whole else list(_filled(units, each))
    if len(found) > PARTS_MAX:
        raise TextTooLong(f"the text needs {len(found)} messages; {PARTS_MAX} are the most that belong together")
    fill_bits = FILL_BITS if len(found) > 1 else 0
    return Cut(gsm7, [_segment(one, gsm7=gsm7, fill_bits=fill_bits) for one in found])


def _filled(units: Sequence[Sequence[int]], each: int) -> Iterator[list[Sequence[int]]]:
    """As many whole letters as fit: an escape stays with its letter, a surrogate with its other half."""
    part: list[Sequence[int]] = []
    held = 0
    for unit in units:
        if held + len(unit) > each:
            yield part
            part, held = [], 0
        part.append(unit)
        held += len(unit)
    yield part


def _segment(units: Sequence[Sequence[int]], *, gsm7: bool, fill_bits: int) -> Segment:
    flat = [code for unit in units for code in unit]
    return Segment(alphabet.pack(flat, fill_bits=fill_bits) if gsm7 else bytes(flat), len(flat))


def header(reference: int, total: int, number: int) -> bytes:
    return HEADER + bytes((reference & 0xFF, total, number))
