"""上级表: which meter feeds which. A meter is fed by one at most, and through any number of others never by itself.

A meter that hangs in a room feeds meters of its own building only, so that whoever sees it sees all that it feeds. A
building's incoming meter hangs in no room: it may feed any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from prewatt.domain.estate.models import Meter, Room

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


def named(number: str, *, operator: Operator, meter: Meter | None) -> Meter | None:
    """The meter of this number, if he sees it or it feeds the meter already."""
    found = Meter.objects.filter(number=number).select_related("room__floor").first()
    if found is None or (meter is not None and meter.parent_id == found.pk):
        return found
    return found if Meter.objects.for_operator(operator).filter(pk=found.pk).exists() else None


def hold(meter: Meter, parent: Meter) -> None:
    """Two people who put two meters one below the other wait for each other here."""
    list(Meter.objects.select_for_update().filter(pk__in=[meter.pk, parent.pk]).order_by("pk").values_list("pk"))


def wrong_parent(parent: Meter, *, meter: Meter | None, room: Room | None) -> str:
    """Why this meter cannot feed that one, as a sentence for the field; empty: it can."""
    if meter is not None and parent.pk == meter.pk:
        return _("is this meter itself.")
    if meter is not None and meter.pk in _above(parent):
        return _("%(parent)s is itself fed through this meter: the two would feed each other.") % {"parent": parent}
    if parent.room is not None and (room is None or room.floor.building_id != parent.room.floor.building_id):
        return in_another_building(parent.number)
    return ""


def in_another_building(parent: str) -> str:
    return _("%(parent)s hangs in a room: it feeds meters in rooms of its own building only.") % {"parent": parent}


def wrong_room(meter: Meter, room: Room | None) -> str:
    """Why a meter that feeds others cannot hang in this room; empty: it can."""
    if room is None:
        return ""
    outside = meter.children.exclude(room__floor__building=room.floor.building_id).count()
    if not outside:
        return ""
    return ngettext(
        "The meter feeds %(n)d meter that is in no room of this building.",
        "The meter feeds %(n)d meters that are in no room of this building.",
        outside,
    ) % {"n": outside}


def _above(meter: Meter) -> set[int]:
    """All that feed it, however far up."""
    found: set[int] = set()
    at: int | None = meter.parent_id
    while at is not None and at not in found:
        found.add(at)
        at = Meter.objects.filter(pk=at).values_list("parent_id", flat=True).first()
    return found
