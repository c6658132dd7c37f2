"""What moved over the counter in words: sales, refunds and reversals alike."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import pgettext_lazy

from prewatt.web.parts import words
from prewatt.web.parts.words import Text


class Word(NamedTuple):
    text: Text
    icon: str
    tone: str = ""


WHAT = {
    "sale": Word(pgettext_lazy("movement", "Sale"), "cash-register"),
    "refund": Word(pgettext_lazy("movement", "Refund"), "receipt-refund"),
    "reversal": Word(pgettext_lazy("movement", "Reversal"), "arrow-back-up"),
}
# A short list names what it was in one word; "paid back" alone would not say which of the two.
_DONE = {"refund": WHAT["refund"], "reversal": WHAT["reversal"]}


def standing(what: str, state: str) -> Word:
    """Where a movement stands: word, icon and tone."""
    if what == "sale":
        return Word(*words.SALES[state])
    if state == "done":
        return Word(_DONE[what].text, _DONE[what].icon, "ink2")
    return Word(*words.BACKS[state])
