"""After a restore: what these books have forgotten, the meters have not.

A meter's count and total went on while the backup lay in a drawer. Money that is sold now must not be taken for a
purchase that the meter shows already, so it leaves only when the meter was compared with the books
(`settlement.compare_restored`).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from prewatt.domain.dispatch.models import RestorePoint, Unseen
from prewatt.domain.estate.models import Opening

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without what looks alike
_SLOT_S = 963  # of a year in 32³ pieces: two restores a quarter of an hour apart never share a series


@transaction.atomic
def restored(*, backup_made_at: datetime, now: datetime) -> RestorePoint:
    """Call once on a restored database, before anything else is written to it."""
    found = Opening.objects.filter(closed_at__isnull=True).order_by("meter_id").values_list("meter_id", flat=True)
    Unseen.objects.all().delete()
    Unseen.objects.bulk_create([Unseen(meter_id=meter, since=now) for meter in dict.fromkeys(found)], batch_size=500)
    return RestorePoint.objects.create(at=now, backup_made_at=backup_made_at, series=series_ending(now))


def series_ending(now: datetime) -> str:
    """Three letters that no earlier restore has had, without asking the database that was lost."""
    slot = int(now.timestamp()) // _SLOT_S
    return "".join(_LETTERS[slot // 32**place % 32] for place in (2, 1, 0))
