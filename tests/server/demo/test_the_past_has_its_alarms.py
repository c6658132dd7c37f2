"""The demo's alarms: found by the watch in what the meters showed, each where its own rule puts it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prewatt.domain.alarms.models import MONEY, Alarm, Kind
from prewatt.domain.alarms.operations import watch
from prewatt.domain.audit.verify import verify
from prewatt.domain.metering.models import Reading
from prewatt.server.demo import days, estate, lows, past, sales, tower
from prewatt.server.demo.past import Life
from prewatt.server.demo.tower import Wanted

END_MS = 1_795_315_320_000
OUTAGE = next(room.index for room in tower.rooms() if room.index % lows.ONE_IN == lows.BAD_NIGHT and room.index > 30)
OFTEN_LOW = 8
ROOMS = [*sorted({room.wanted: room.index for room in tower.rooms()}.values()), OUTAGE, OFTEN_LOW]


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@pytest.fixture(scope="module")
def lived() -> list[Life]:
    return [lows.live(index, END_MS) for index in ROOMS]


@pytest.fixture
def lives(db: None, lived: list[Life]) -> list[Life]:
    estate.build(ports=list(range(15001, 15009)), now=_at(past.first_midnight_ms(END_MS)))
    sales.replay(lived, progress=lambda done, total: None)
    sales.last_look(lived)
    return lived


def test_each_money_alarm_begins_with_a_reading_that_shows_it_and_ends_with_the_purchase(lives: list[Life]) -> None:
    money = Alarm.objects.filter(kind__in=MONEY).select_related("meter")
    assert money.filter(until__isnull=False).count() >= 5
    bought = {tower.rooms()[life.index].meter: [one.at_ms for one in life.purchases] for life in lives}
    for one in money:
        assert one.meter is not None
        since_ms = round(one.since.timestamp() * 1000)
        shown = Reading.objects.filter(meter=one.meter, taken_ms=since_ms).first()
        if shown is None:  # the look at the money alone, before a purchase or after it, is kept with its order
            assert any(-60_000 <= since_ms - at < 2_000 for at in bought[one.meter.number])
        else:
            assert shown.balance_fen == one.value
        assert one.value is not None
        assert one.threshold is not None
        assert one.value <= one.threshold
        deeper = Alarm.objects.filter(meter=one.meter, since=one.until).exists()
        if one.until is not None and not deeper:
            assert any(0 <= one.until.timestamp() * 1000 - at < 2_000 for at in bought[one.meter.number])
    assert verify().findings == []


def test_what_the_demo_shows_in_a_state_is_in_alarm_when_it_opens(lives: list[Life]) -> None:
    wanted = {Wanted.AL1: Kind.AL1, Wanted.AL2: Kind.AL2, Wanted.OWE: Kind.OWE, Wanted.LOST: Kind.LOST}
    numbers = {tower.rooms()[life.index].meter: tower.rooms()[life.index].wanted for life in lives}
    live = {
        (one.meter.number, one.kind) for one in Alarm.objects.filter(until=None).select_related("meter") if one.meter
    }
    assert {(number, wanted[state]) for number, state in numbers.items() if state in wanted} <= live
    assert watch(now=_at(END_MS + 15_000)) == 0, "the worker finds them as they are"


def test_a_bad_night_is_one_alarm_that_somebody_took_note_of_and_a_hole_in_the_readings(lives: list[Life]) -> None:
    [life] = [life for life in lives if life.outages]
    [outage] = life.outages
    alarm = Alarm.objects.get(kind=Kind.LOST, until__isnull=False)
    assert (alarm.since, alarm.until) == (_at(outage.from_ms), _at(outage.until_ms))
    assert alarm.acknowledged_at is not None
    day = (outage.from_ms - life.start_ms) // past.DAY_MS
    taken = [one.taken_at_ms for that in (day, day + 1) for one in days.readings(life, that)]
    assert taken
    assert not any(outage.from_ms <= at < outage.until_ms for at in taken)


def test_lows_are_looks_that_the_history_takes_anyway(lived: list[Life]) -> None:
    found = [(life, look) for life in lived for look in life.lows]
    assert len(found) >= 5
    for life, look in found:
        day = (look.taken_at_ms - life.start_ms) // past.DAY_MS
        assert look in days.readings(life, day)
