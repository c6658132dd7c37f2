"""What a carrier's refusal means for the message, and what operators are told when they ask for what cannot be."""

from __future__ import annotations

from enum import StrEnum

from prewatt.domain.staff.refusals import Refused


class Again(StrEnum):
    LATER = "later"  # the network or the modem is busy: the same message may go through soon
    FEW_TIMES = "few_times"  # the other side does not answer: try again, but not for ever
    NOT_THIS_NUMBER = "not_this_number"
    NOT_THIS_MESSAGE = "not_this_message"
    CLEAN_UP = "clean_up"  # the store is full: delete what is stored, then again
    PERSON = "person"  # no message goes out until somebody looks at the carrier, its SIM or its contract


class CarrierRefused(Exception):
    """Nothing of this part went out. `again` says what to do; `code` is the carrier's own, if it gave one."""

    def __init__(self, text: str, *, again: Again, code: int | str | None = None) -> None:
        super().__init__(text)
        self.again, self.code = again, code


class NotKnown(Exception):
    """The message was handed over and no answer came: it may have gone out. Sending it again may deliver it twice."""


class NoticesRefused(Refused):
    """What an operator asked for was not done."""

    code = "notices_refused"


class NotYours(NoticesRefused):
    code = "out_of_scope"
