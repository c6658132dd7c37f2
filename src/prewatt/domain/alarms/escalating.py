"""报警升级: an alarm that nobody acknowledges goes to a second person, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from prewatt.domain.alarms import telling
from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.domain.estate import defaults
from prewatt.domain.estate.models import Defaults
from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import Door, Message, State

KIND, NAMED = "escalated", "alarms"


@dataclass(frozen=True, slots=True)
class _Second:
    """Whom to tell, and after how long."""

    phones: tuple[str, ...]
    after: timedelta


def escalate(*, now: datetime) -> int:
    """One message of each kind to each number, however many alarms it names. How many alarms were passed on.

    Only what was worth a text to the first person. What nobody could be told of waits: a number that is set later
    gets it then.
    """
    _take_back(now)
    seconds = _seconds()
    if not any(one.phones for one in seconds.values()):
        return 0
    open_ = Alarm.objects.filter(until__isnull=True, acknowledged_at__isnull=True, escalated_at__isnull=True)
    rows = open_.filter(kind__in=telling.BY_TEXT).select_related("gateway", "bus__gateway", "carrier").order_by("pk")
    due = [row for row in rows if _is_due(row, _of(row, seconds), now)]
    return _pass_on(telling.not_behind_a_gateway(due), seconds, now) if due else 0


def _take_back(now: datetime) -> None:
    """What waits for the end of the quiet hours, and somebody has in hand meanwhile, or is over, goes to nobody."""
    waiting = Message.objects.filter(state=State.WAITING, door=Door.TEXT, kind=KIND)
    rows = waiting.values_list("key", "fields")
    named = {key: {int(pk) for pk in fields.get(NAMED, "").split()} for key, fields in rows}
    if not named:
        return
    asked = Alarm.objects.filter(pk__in=set().union(*named.values()), until__isnull=True, acknowledged_at__isnull=True)
    open_ = set(asked.values_list("pk", flat=True))
    notices.withdraw(keys=[key for key, pks in named.items() if not pks & open_], now=now)


def _seconds() -> dict[int | None, _Second]:
    """Of each building that says something of its own, and of the site (None)."""
    rows = {row.building_id: row for row in Defaults.objects.all()}
    site, shipped = rows.get(None), defaults.SHIPPED
    found = {}
    for building, row in {None: site, **rows}.items():
        said = {name: _said(name, row, site, shipped) for name in ("escalate_phones", "escalate_after_min")}
        phones = tuple(filter(None, (one.strip() for one in str(said["escalate_phones"]).split(","))))
        found[building] = _Second(phones, timedelta(minutes=int(said["escalate_after_min"])))
    return found


def _said(name: str, row: Defaults | None, site: Defaults | None, shipped: Mapping[str, str | int]) -> str | int:
    values = (getattr(one, name) for one in (row, site) if one is not None)
    return next((value for value in values if value is not None), shipped[name])


def _of(row: Alarm, seconds: Mapping[int | None, _Second]) -> _Second:
    return seconds.get(row.building_id, seconds[None])


def _is_due(row: Alarm, second: _Second, now: datetime) -> bool:
    return bool(second.phones) and row.noticed_at + second.after <= now


@transaction.atomic
def _pass_on(due: Sequence[Alarm], seconds: Mapping[int | None, _Second], now: datetime) -> int:
    """Claimed first: of two workers one tells."""
    mine = Alarm.objects.select_for_update(of=("self",)).filter(
        pk__in=[row.pk for row in due], until__isnull=True, acknowledged_at__isnull=True, escalated_at__isnull=True
    )
    claimed = set(mine.values_list("pk", flat=True))
    rows = [row for row in due if row.pk in claimed]
    Alarm.objects.filter(pk__in=claimed).update(escalated_at=now)
    told: dict[tuple[Kind, str], list[Alarm]] = defaultdict(list)
    for row in rows:
        for phone in _of(row, seconds).phones:
            told[Kind(row.kind), phone].append(row)
    for (kind, phone), some in told.items():
        _write(kind, phone, some, now)
    return len(rows)


def _write(kind: Kind, phone: str, rows: Sequence[Alarm], now: datetime) -> None:
    language = notices.rules().language
    oldest = min(row.noticed_at for row in rows)
    facts = telling.described(kind, rows, language) | {"minutes": str((now - oldest) // timedelta(minutes=1))}
    facts[NAMED] = " ".join(str(row.pk) for row in rows)
    notices.write(
        kind=KIND,
        door=Door.TEXT,
        to=notices.bare(phone),
        fields=notices.known(None, None, now) | facts,
        key=f"escalated:{kind}:{telling.about(rows[0])}:{phone}"[:128],
        language=language,
        now=now,
        at_once=kind == Kind.GATEWAY,
    )
