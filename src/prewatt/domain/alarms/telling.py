"""New alarms go to operators: by mail and chat group where a carrier asks for their kind, by text to the numbers set.

One message for each kind of a pass, however many meters it names. Meters that fell silent behind a gateway that is
silent itself are not named: the gateway's own alarm tells of them. Tenants' money is told to tenants (`cutoff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils import translation

from prewatt.domain.alarms.models import MONEY, Alarm, Kind
from prewatt.domain.estate.models import Defaults, Meter
from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import Carrier, Door
from prewatt.domain.payments.models import Provider

NAMED_MAX = 6
# What is worth waking somebody's telephone; the rest is for mail and groups that ask for it.
BY_TEXT = frozenset(
    {
        *(Kind.GATEWAY, Kind.LOST, Kind.OVERLOAD, Kind.COUNT, Kind.IMPOSSIBLE, Kind.RELAY, Kind.PHASE, Kind.BOOKS),
        *(Kind.PAYMENT, Kind.CARRIER),
    }
)
_LOCALES = {"zh": "zh-hans", "en": "en"}


def tell(began: Sequence[Alarm], *, now: datetime) -> int:
    """How many messages were written: nothing, mostly, and then it asks nothing."""
    if not began:
        return 0
    carriers = list(Carrier.objects.filter(on=True).exclude(door=Door.TEXT))
    rows = not_behind_a_gateway(began)
    written = 0
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [row for row in rows if row.kind == kind]
        for door, to, carrier in _recipients(Kind(kind), mine, carriers):
            written += _write(Kind(kind), mine, door, to, carrier, now)
    return written


def not_behind_a_gateway(began: Sequence[Alarm]) -> list[Alarm]:
    silent = set(Alarm.objects.filter(kind=Kind.GATEWAY, until__isnull=True).values_list("gateway", flat=True))
    if not silent:
        return list(began)
    behind = set(Meter.objects.filter(bus__gateway__in=silent).values_list("pk", flat=True))
    return [row for row in began if row.kind != Kind.LOST or row.meter_id not in behind]


def _recipients(
    kind: Kind, rows: Sequence[Alarm], carriers: Iterable[Carrier]
) -> Iterator[tuple[Door, str, Carrier | None]]:
    for carrier in carriers:
        if kind not in carrier.alarms:
            continue
        if carrier.door == Door.GROUP:
            yield Door.GROUP, "", carrier
        else:
            for to in filter(None, (one.strip() for one in carrier.settings.get("recipients", "").split(","))):
                yield Door.MAIL, to, carrier
    if kind in BY_TEXT and kind not in MONEY:
        for phone in phones({row.building_id for row in rows}):
            yield Door.TEXT, phone, None


def phones(buildings: set[int | None]) -> list[str]:
    """Of each building, else of the site. A gateway belongs to no one building: the site's."""
    rows = Defaults.objects.exclude(alarm_phones__isnull=True).values_list("building", "alarm_phones")
    own: dict[int | None, str] = {building: phones or "" for building, phones in rows}
    found = (own.get(one, own.get(None, "")) for one in buildings)
    return list(dict.fromkeys(filter(None, (one.strip() for text in found for one in text.split(",")))))


def _write(kind: Kind, rows: Sequence[Alarm], door: Door, to: str, carrier: Carrier | None, now: datetime) -> int:  # noqa: PLR0917
    language = notices.rules().language
    facts = described(kind, rows, language)
    notices.write(
        kind="operator",
        door=door,
        to=notices.bare(to) if door == Door.TEXT else to,
        title=f"{facts['alarm']} ({facts['count']})",
        fields=notices.known(None, None, now) | facts,
        key=f"alarm:{kind}:{about(rows[0])}:{carrier.pk if carrier else ''}:{to}"[:128],
        language=language,
        now=now,
        only=carrier if door == Door.GROUP else None,
        at_once=kind == Kind.GATEWAY,
    )
    return 1


def described(kind: Kind, rows: Sequence[Alarm], language: str) -> dict[str, str]:
    """What a message says of them."""
    with translation.override(_LOCALES[language]):
        count = sum(row.value or 1 if row.bus_id is not None else 1 for row in rows)
        return {"alarm": str(kind.label), "where": _where(rows), "count": str(count)}


def about(row: Alarm) -> str:
    """The episode, in a key."""
    things = (row.meter_id, row.gateway_id, row.bus_id, row.carrier_id, row.channel)
    return f"{':'.join(str(one or '') for one in things)}:{round(row.since.timestamp())}"


def _where(rows: Sequence[Alarm]) -> str:
    """The first few by room and number, else by what they are called."""
    named = rows[:NAMED_MAX]
    meters = Meter.objects.filter(pk__in=[row.meter_id for row in named]).select_related("room")
    rooms = {one.pk: f"{one.room.number} {one.number}" if one.room else one.number for one in meters}
    places = [rooms.get(row.meter_id or 0) or _thing(row) for row in named]
    return "、".join(places) + ("…" if len(rows) > NAMED_MAX else "")


def _thing(row: Alarm) -> str:
    if row.gateway is not None:
        return row.gateway.code
    if row.bus is not None:
        return f"{row.bus.gateway.code} {row.bus.code}"
    return row.carrier.name if row.carrier is not None else str(Provider(row.channel).label) if row.channel else ""
