"""The GSM 7-bit default alphabet and its packing into octets (3GPP TS 23.038, clauses 6.1.2 and 6.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS: dict[str, tuple[int, ...]] = {
    **{letter: (code,) for code, letter in enumerate(_BASIC) if code != ESCAPE},
    **{letter: (ESCAPE, code) for code, letter in _EXTENSION.items()},
}


def fits(text: str) -> bool:
    """Whether every letter is in the alphabet."""
    return all(letter in _SEPTETS for letter in text)


def letters(text: str) -> Iterator[tuple[int, ...]]:
    """One or two septets a letter. KeyError for a letter that does not fit."""
    return (_SEPTETS[letter] for letter in text)


def text_of(septets: Iterable[int]) -> str:
    """An escape that no table knows shows the letter of the basic one, and a lone escape a space (clause 6.2.1)."""
    found, escaped = [], False
    for code in septets:
        if escaped:
            found.append(" " if code == ESCAPE else _EXTENSION.get(code, _BASIC[code]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            found.append(_BASIC[code])
    return "".join(found) + " " * escaped


def pack(septets: Iterable[int], *, fill_bits: int = 0) -> bytes:
    """Lowest bit first. `fill_bits` zeros stand before them, so that letters begin on a septet after a header."""
    whole = length = 0
    for number, code in enumerate(septets):
        whole |= code << (fill_bits + 7 * number)
        length = fill_bits + 7 * (number + 1)
    return whole.to_bytes(-(-length // 8), "little")


def unpack(data: bytes, count: int, *, fill_bits: int = 0) -> list[int]:
    """At most `count` septets: as many as are there."""
    whole, held = int.from_bytes(data, "little") >> fill_bits, max(0, len(data) * 8 - fill_bits) // 7
    return [(whole >> (7 * number)) & 0x7F for number in range(min(count, held))]
