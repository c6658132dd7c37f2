"""Why the door did not take a message: a code, an HTTP status, a sentence, and whether trying again helps."""

from __future__ import annotations

from prewatt.link import seal
from prewatt.link.messages import Refusal


class Refused(Exception):
    """Raised where the reason is found; nothing of the message was used."""

    def __init__(self, code: str, message: str, *, status: int, retry: bool) -> None:
        super().__init__(message)
        self.status = status
        self.refusal = Refusal(code=code, message=message, retry=retry)


# What helps is a new envelope (every try makes one), a clock that is set, or a person.
_RETRY = {seal.Replayed: True, seal.ClockSkew: True}
_STATUS = {seal.MalformedEnvelope: 400, seal.Replayed: 409, seal.ClockSkew: 409}


def of_seal(error: seal.SealError) -> Refused:
    kind = type(error)
    return Refused(error.code, str(error), status=_STATUS.get(kind, 401), retry=_RETRY.get(kind, False))


def too_large(limit: int) -> Refused:
    return Refused("too_large", f"the message is larger than {limit} bytes; send fewer rows", status=413, retry=False)
