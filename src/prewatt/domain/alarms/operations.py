"""Finding what began and what ended, and taking note of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.utils.translation import gettext as _

from prewatt.domain.alarms import facts, gathering, queries, telling
from prewatt.domain.alarms.keys import Held, Key
from prewatt.domain.alarms.models import MONEY, NOTE_MAX, Alarm, Kind, Pass
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks.models import Event
from prewatt.domain.webhooks.telling import Happened, tell_all

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

AGAIN_S = 300  # what comes back within five minutes goes on as the same episode
RETURNING = frozenset({Kind.LOST, Kind.GATEWAY, Kind.OVERLOAD, Kind.RELAY, Kind.PHASE, Kind.CARRIER})
LEAST = MONEY | {Kind.PHASE}
# What ends when the books say so, not when the meter was read.
OF_BOOKS = frozenset({Kind.BOOKS, Kind.PAYMENT})
TOLD = frozenset({Kind.CLOCK, Kind.IMPOSSIBLE})
PASS_S = 60  # a pass that takes longer than this is taken for dead
ROWS_TOGETHER = 500
# Who may take note of an alarm: whoever can do something about one.
MAY_ACKNOWLEDGE = (Right.SELL, Right.DECIDE, Right.METER_ORDERS, Right.SETTINGS)


class NoteNeeded(Refused):
    code = "note_needed"


class AcknowledgedBefore(Refused):
    code = "acknowledged_before"


class NoRight(Refused):
    code = "no_right"


class NotYours(Refused):
    code = "out_of_scope"


@dataclass(slots=True)
class _News:
    began: list[tuple[Key, Held]] = field(default_factory=list)
    ended: dict[int, datetime] = field(default_factory=dict)  # alarm id -> when
    worse: dict[int, int] = field(default_factory=dict)  # alarm id -> value

    def __len__(self) -> int:
        return len(self.began) + len(self.ended) + len(self.worse)


def watch(*, now: datetime) -> int:
    """One pass: begin what began, end what ended, keep the worst value. Returns how many episodes it touched.

    Asked twice it does nothing the second time; two workers at once are one after the other. A pass writes everything
    or nothing, so a crash leaves nothing half done. Where nothing has changed it only reads, under twenty statements
    for any number of meters.

    What keeps an episode from beginning and ending again and again at the edge:
    - money falls with use and rises only with a purchase, so its states are taken as they are, to the fen;
    - an overload begins above its threshold (or when the meter says so) and ends below 95 % of it;
    - a meter counts as lost after ten silent minutes, a gateway after two (`metering`);
    - a phase is lost below 60 % of the highest and back above 78 %; a carrier has stopped after three minutes;
    - the same trouble on four meters of one bus is the bus's episode until the last of them is well;
    - what comes back within five minutes goes on as the same episode, counted in `times`.
    """
    before = _last_pass()
    news = _look(now)
    if not news:
        return 0
    with _alone(now, before) as turn:
        if turn is _Turn.ANOTHERS:
            return 0
        if turn is _Turn.LATER:
            news = _look(now)
        _write(news, now)
        return len(news)


class _Turn(Enum):
    NEXT = "nobody has written since the last pass that we know of"
    LATER = "somebody has: look again"
    ANOTHERS = "somebody is at it now"


def _last_pass() -> datetime | None:
    return Pass.objects.filter(pk=1).order_by().values_list("held_until", flat=True).first()


@contextmanager
def _alone(now: datetime, before: datetime | None) -> Iterator[_Turn]:
    turn = _claim(now, before)
    try:
        yield turn
    finally:
        if turn is not _Turn.ANOTHERS:
            Pass.objects.filter(pk=1).update(held_until=now)


def _claim(now: datetime, before: datetime | None) -> _Turn:
    """By a conditional update; whoever dies in between is followed after a minute."""
    until = now + timedelta(seconds=PASS_S)
    far = now + timedelta(seconds=10 * PASS_S)  # so far ahead it was written by a clock that was wrong
    free = Pass.objects.filter(pk=1).exclude(held_until__gt=now, held_until__lte=far)
    if before is not None and before < now and free.filter(held_until=before).update(held_until=until):
        return _Turn.NEXT
    Pass.objects.bulk_create([Pass(pk=1, held_until=now - timedelta(seconds=1))], ignore_conflicts=True)
    return _Turn.LATER if free.update(held_until=until) else _Turn.ANOTHERS


_KEY = ("kind", "meter_id", "gateway_id", "opening_id", "bus_id", "carrier_id", "channel")


def _key(kind: str, *things: Any) -> Key:
    """As an episode is written. Where it is not about his money, the tenant does not belong to it."""
    key = Key(Kind(kind), *things)
    return key if key.kind in MONEY else key._replace(opening=None)


class _Open(NamedTuple):
    pk: int
    since: datetime
    worst: int | None
    taken_at: datetime | None


def _look(now: datetime) -> _News:
    """What is, against what is written."""
    rows = Alarm.objects.filter(until__isnull=True).order_by()
    named = rows.values_list("pk", "since", "worst", "meter__state__taken_at", *_KEY)
    open_ = {_key(*row[4:]): _Open(*row[:4]) for row in named}
    held = gathering.gathered(facts.held(now=now), open_.keys())
    news, quiet = _News(), {}
    for key, mine in open_.items():
        one = held.get(key)
        if one is None:
            quiet[mine.pk] = (key, mine.since, _seen_at(key.kind, mine, now))
        elif (value := _worse(key.kind, one.value, mine.worst)) is not None:
            news.worse[mine.pk] = value
    news.ended = _over(quiet)
    news.began = [(key, one) for key, one in held.items() if one.begins and key not in open_]
    return news


def _seen_at(kind: Kind, mine: _Open, now: datetime) -> datetime:
    """When it was seen that it is over: by the reading that shows it, where it is a meter's."""
    if kind in OF_BOOKS or mine.taken_at is None or mine.taken_at <= mine.since:
        return max(mine.since, now)
    return max(mine.since, min(now, mine.taken_at))


def _over(quiet: dict[int, tuple[Key, datetime, datetime]]) -> dict[int, datetime]:
    """What a gateway told goes on until something ends it: silence is no proof."""
    told = {
        pk: (key.kind, key.meter, since)
        for pk, (key, since, _at) in quiet.items()
        if key.kind in TOLD and key.meter is not None
    }
    going_on = facts.still_wrong(told) if told else set()
    return {pk: at for pk, (_key, _since, at) in quiet.items() if pk not in going_on}


def _worse(kind: Kind, value: int | None, worst: int | None) -> int | None:
    """The value if it is worse than the worst so far: the least balance or voltage, else the farthest from zero."""
    if value is None or kind == Kind.COUNT:
        return None
    if worst is None:
        return value
    return value if (value < worst if kind in LEAST else abs(value) > abs(worst)) else None


@transaction.atomic
def _write(news: _News, now: datetime) -> None:
    _end(news.ended)
    for pks in _parts(list(news.worse)):
        worst = Case(*(When(pk=pk, then=Value(news.worse[pk])) for pk in pks))
        Alarm.objects.filter(pk__in=pks, until__isnull=True).update(worst=worst)
    fresh = _go_on(news.began, now)
    rows = [_row(key, one, now) for key, one in fresh]
    Alarm.objects.bulk_create(rows, batch_size=ROWS_TOGETHER, ignore_conflicts=True)
    tell_all(Event.ALARM, (_told(row, row.since) for row in rows))
    telling.tell(rows, now=now)


def _told(row: Alarm, at: datetime) -> Happened:
    """An episode's beginning, its return or its end, for webhooks. `alarm` is the same for all of one episode."""
    other = "".join(
        f"{name}{one}:" for name, one in (("b", row.bus_id), ("c", row.carrier_id), ("p", row.channel)) if one
    )
    alarm = f"{row.kind}:{row.meter_id or ''}:{row.gateway_id or ''}:{other}{round(row.since.timestamp() * 1000)}"
    facts = {
        "alarm": alarm,
        "kind": str(row.kind),
        "gateway_id": row.gateway_id,
        "bus_id": row.bus_id,
        "carrier_id": row.carrier_id,
        "channel": row.channel,
        "value": row.value,
        "worst": row.worst,
        "threshold": row.threshold,
        "times": row.times,
    }
    return Happened(alarm if row.times == 1 else f"{alarm}:{row.times}", at, row.meter_id, facts)


def _parts(pks: list[int]) -> Iterable[list[int]]:
    return (pks[at : at + ROWS_TOGETHER] for at in range(0, len(pks), ROWS_TOGETHER))


def _end(ended: dict[int, datetime]) -> None:
    for pks in _parts(list(ended)):
        at = Case(*(When(pk=pk, then=Value(ended[pk])) for pk in pks), output_field=DateTimeField())
        Alarm.objects.filter(pk__in=pks, until__isnull=True).update(until=at)
    tell_all(Event.ALARM_END, (_told(row, ended[row.pk]) for row in _rows(list(ended))))


def _rows(pks: list[int]) -> Iterator[Alarm]:
    for some in _parts(pks):
        yield from Alarm.objects.filter(pk__in=some).order_by("pk")


def _go_on(began: list[tuple[Key, Held]], now: datetime) -> list[tuple[Key, Held]]:
    """What ended just now and is back goes on. Returns what is new."""
    if not any(key.kind in RETURNING for key, _one in began):
        return began
    lately = Alarm.objects.filter(kind__in=RETURNING, until__gt=now - timedelta(seconds=AGAIN_S)).order_by("until")
    last = {_key(*key): pk for pk, *key in lately.values_list("pk", *_KEY)}
    back = {key: last[key] for key, _one in began if key in last}
    for pks in _parts(list(back.values())):
        Alarm.objects.filter(pk__in=pks, until__isnull=False).update(until=None, times=F("times") + 1)
    since = {last[key]: one.since for key, one in began if key in last}
    tell_all(Event.ALARM, (_told(row, since[row.pk]) for row in _rows(list(since))))
    return [(key, one) for key, one in began if key not in back]


def _row(key: Key, one: Held, now: datetime) -> Alarm:
    return Alarm(
        kind=key.kind,
        meter_id=key.meter,
        gateway_id=key.gateway,
        bus_id=key.bus,
        carrier_id=key.carrier,
        channel=key.channel,
        opening_id=one.opening,
        building_id=one.building,
        since=one.since,
        value=one.value,
        worst=one.value,
        threshold=one.threshold,
        detail=one.detail,
        noticed_at=now,
    )


@transaction.atomic
def acknowledge(*, alarm_id: int, note: str, operator: Operator, now: datetime, address: str = "") -> Alarm:
    """Somebody has seen it, and says what he does about it. The same person's same word again changes nothing.

    Raises NoRight, NotYours, NoteNeeded, AcknowledgedBefore.
    """
    if not any(operator.may(right) for right in MAY_ACKNOWLEDGE):
        raise NoRight(
            _("%(who)s may not acknowledge alarms. Nothing was saved. Ask an administrator.") % {"who": operator}
        )
    alarm = queries.alarms(operator=operator).select_for_update(of=("self",)).filter(pk=alarm_id).first()
    if alarm is None:
        raise NotYours(_("There is no such alarm in your buildings. Nothing was saved."))
    said = note.strip()[:NOTE_MAX]
    if alarm.acknowledged_at is not None:
        return _same(alarm, said, operator)
    if not said:
        raise NoteNeeded(_("The note is empty. Nothing was saved. Say what you found, or what is being done."))
    alarm.acknowledged_at, alarm.acknowledged_by, alarm.note = now, operator, said
    alarm.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    staff.log(
        operator=operator,
        action="alarm.acknowledge",
        target=_thing(alarm),
        after={"alarm": alarm.pk, "kind": alarm.kind, "since": alarm.since.isoformat(), "note": said},
        address=address,
        now=now,
    )
    return alarm


def _thing(alarm: Alarm) -> str:
    """As the operation log names it."""
    if alarm.meter is not None:
        return f"meter {alarm.meter.number}"
    if alarm.bus is not None:
        return f"bus {alarm.bus.gateway}/{alarm.bus.code}"
    if alarm.carrier_id is not None:
        return f"carrier {alarm.carrier_id}"
    return f"channel {alarm.channel}" if alarm.channel else f"gateway {alarm.gateway}"


def _same(alarm: Alarm, note: str, operator: Operator) -> Alarm:
    if (alarm.acknowledged_by_id, alarm.note) != (operator.pk, note):
        raise AcknowledgedBefore(
            _("%(who)s has acknowledged this alarm already: “%(note)s”. Nothing was changed.")
            % {"who": alarm.acknowledged_by or "—", "note": alarm.note}
        )
    return alarm
