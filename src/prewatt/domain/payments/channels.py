"""Which channels there are: those that the site has set up and switched on, or what a demo or a test plugged in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from prewatt.domain.payments import setup
from prewatt.domain.payments.channel import Channel, Way
from prewatt.domain.payments.models import Provider
from prewatt.domain.payments.refusals import ChannelOff

_plugged: dict[str, Channel] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a payer may choose."""

    name: str
    label: str
    ways: frozenset[Way]


def plug(channels: Iterable[Channel]) -> None:
    """Use these in this process, and no others: a demo, a test. Plugging none takes them out again."""
    _plugged.clear()
    _plugged.update({one.name: one for one in channels})


def channel(name: str) -> Channel:
    """Raises ChannelOff: not set up, or switched off."""
    found = _plugged.get(name) if _plugged else _set_up(name)
    if found is None:
        raise ChannelOff(
            _("%(channel)s is not set up here. Nothing was paid. Choose another way of paying.")
            % {"channel": label(name)}
        )
    return found


def offers() -> tuple[Offer, ...]:
    """In the order in which they are offered."""
    found = ((name, _plugged.get(name) if _plugged else _set_up(name)) for name in Provider.values)
    return tuple(Offer(name, label(name), one.ways) for name, one in found if one is not None)


def _set_up(name: str) -> Channel | None:
    return setup.open_channel(name) if name in Provider.values else None


def label(name: str) -> str:
    return str(Provider(name).label) if name in Provider.values else name
