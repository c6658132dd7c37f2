"""How long it takes to ask a bus who is there: from its speed, and from what its meters leave of it. Pure.

The centre says it before a scan begins and allows it that time; the gateway begins with it and goes on by its own pace.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

INQUIRY_SHARE, INQUIRY_SHARE_PROBING = 0.08, 0.045  # of a busy bus; with the share of probes never a tenth
PATIENCE_S_MIN, PATIENCE_S_MAX = 0.12, 0.3  # an address that nobody has costs this much
INQUIRY_S_MAX = 12 * 3600  # a scan is bounded by its own figures; this bounds the figures

_MARGIN, _SLACK_S = 2, 120  # a bus may be busier than it was
_WORK_S = 0.05  # of the computer, for a question
_GAP_CHARS = 4
_MODBUS_CHARS, _DLT645_CHARS = 33, 38  # question and answer
_GUESS_QUESTIONS = 4  # beside the first, of a meter whose model is compared
_PAIRS = 6  # of digits in a DL/T 645 address
_PER_PAIR = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a bus. `char_s`: of one character, 0 where frames cost no time (Modbus TCP)."""

    char_s: float
    dlt645: bool = False
    busy: bool = True  # meters live on it: they go first
    probing: bool = False  # some of them are silent, and are asked for as well


def question_s(bus: Figures) -> float:
    """The longest that one question takes, with the wait for its turn."""
    chars = (_DLT645_CHARS if bus.dlt645 else _MODBUS_CHARS) + _GAP_CHARS
    step_s = PATIENCE_S_MAX + chars * bus.char_s + _WORK_S
    if not bus.busy:
        return step_s
    return step_s / (INQUIRY_SHARE_PROBING if bus.probing else INQUIRY_SHARE)


def modbus_questions(addresses: int, *, meters: int, guess: bool) -> int:
    return addresses + (_GUESS_QUESTIONS * meters if guess else 0)


def dlt645_questions(addresses: Iterable[str]) -> int:
    """How often anybody has to be asked until each of these meters was heard alone."""
    known = [address for address in addresses if len(address) == 2 * _PAIRS]
    return 1 + _narrowed(known, 0)


def _narrowed(known: list[str], pairs: int) -> int:
    """Where two answer at once, each value of the next pair of digits, from the end, is a question."""
    if len(known) < 2 or pairs == _PAIRS:
        return 0
    end = 2 * (_PAIRS - pairs)
    apart: dict[str, list[str]] = {}
    for address in known:
        apart.setdefault(address[end - 2 : end], []).append(address)
    return _PER_PAIR + sum(_narrowed(some, pairs + 1) for some in apart.values())


def allowed_s(expected_s: float) -> int:
    """How long a scan may take that should take so long."""
    return min(INQUIRY_S_MAX, ceil(_MARGIN * expected_s) + _SLACK_S)
