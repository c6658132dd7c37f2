"""Who pays, where a provider wants to know it before it takes the order: the openid of a page inside WeChat."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from django.utils.translation import gettext as _

from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import NotTaken, Unreachable
from prewatt.domain.payments.refusals import ChannelOff, ChannelSilent

CODE_MAX = 128


@runtime_checkable
class KnowsPayers(Protocol):
    @property
    def knows_payers(self) -> bool: ...

    def ask_who(self, back_url: str, mark: str) -> str: ...

    def who(self, code: str) -> str: ...


def knows(channel: str) -> KnowsPayers | None:
    """The channel, if it can be paid inside its own app at this site."""
    try:
        found = channels.channel(channel)
    except ChannelOff:
        return None
    return found if isinstance(found, KnowsPayers) and found.knows_payers else None


def who(*, channel: str, code: str) -> str:
    """Raises ChannelSilent: nothing was paid, try again."""
    found = knows(channel)
    try:
        if found is not None and 0 < len(code) <= CODE_MAX:
            return found.who(code)
    except (NotTaken, Unreachable):
        pass
    said = _("%(channel)s did not tell who pays. Nothing was paid. Try again.")
    raise ChannelSilent(said % {"channel": channels.label(channel)})
