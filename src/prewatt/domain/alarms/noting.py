"""Taking note of many alarms with one word: a gateway that fell silent leaves a hundred meters behind it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.alarms import queries
from prewatt.domain.alarms.models import NOTE_MAX, Alarm
from prewatt.domain.alarms.operations import MAY_ACKNOWLEDGE, NoRight, NoteNeeded
from prewatt.domain.alarms.queries import Wanted
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

TOGETHER_MAX = 1000


@transaction.atomic
def acknowledge_listed(
    *, wanted: Wanted, upto: int, note: str, operator: Operator, now: datetime, address: str = ""
) -> int:
    """One note for each alarm that goes on and is listed so, up to `upto`, the newest that he saw.

    What somebody has taken note of keeps his word. Returns how many were noted now: the same form again finds none.
    Raises NoRight, NoteNeeded.
    """
    if not any(operator.may(right) for right in MAY_ACKNOWLEDGE):
        raise NoRight(
            _("%(who)s may not acknowledge alarms. Nothing was saved. Ask an administrator.") % {"who": operator}
        )
    said = note.strip()[:NOTE_MAX]
    if not said:
        raise NoteNeeded(_("The note is empty. Nothing was saved. Say what you found, or what is being done."))
    listed = queries.wanted_alarms(operator=operator, wanted=wanted).filter(until__isnull=True, pk__lte=upto)
    open_ = listed.filter(acknowledged_at__isnull=True).order_by("pk").values_list("pk", flat=True)
    pks = list(open_[:TOGETHER_MAX])
    mine = Alarm.objects.filter(pk__in=pks, acknowledged_at__isnull=True)
    noted = mine.update(acknowledged_at=now, acknowledged_by=operator, note=said)
    if noted:
        facts = {"alarms": pks, "count": noted, "note": said}
        staff.log(operator=operator, action="alarm.acknowledge", target="alarms", after=facts, address=address, now=now)
    return noted
