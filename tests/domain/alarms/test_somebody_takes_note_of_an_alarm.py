"""Taking note: once, with a word, by somebody who may, in his buildings, in the log."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.alarms import operations, queries
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.staff.models import LogEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def alarm(counter: Counter) -> Alarm:
    counter.opened(balance_fen=-500)
    operations.watch(now=counter.now)
    return Alarm.objects.get()


def note(counter: Counter, alarm: Alarm, **changes: Any) -> Alarm:
    asked = {"alarm_id": alarm.pk, "note": "已电话通知", "operator": counter.cashier, "now": counter.now}
    return operations.acknowledge(**asked | changes)


def test_a_note_is_kept_and_logged_once(counter: Counter, alarm: Alarm) -> None:
    assert queries.open_count(operator=counter.admin) == 1
    first = note(counter, alarm)
    again = note(counter, alarm)
    assert (first.acknowledged_at, again.acknowledged_at) == (again.acknowledged_at, first.acknowledged_at)
    entry = LogEntry.objects.get(action="alarm.acknowledge")
    assert (entry.target, entry.after["note"]) == (f"meter {counter.meters[0].number}", "已电话通知")
    assert queries.open_count(operator=counter.admin) == 0
    assert Alarm.objects.get().until is None


def test_the_first_word_stands(counter: Counter, alarm: Alarm) -> None:
    note(counter, alarm)
    with pytest.raises(operations.AcknowledgedBefore, match="cashier"):
        note(counter, alarm, operator=counter.admin, note="other")


def test_an_empty_note_is_none(counter: Counter, alarm: Alarm) -> None:
    with pytest.raises(operations.NoteNeeded):
        note(counter, alarm, note="  ")


def test_who_only_reads_takes_no_note(counter: Counter, alarm: Alarm) -> None:
    with pytest.raises(operations.NoRight):
        note(counter, alarm, operator=counter.reader)


def test_a_stranger_sees_none_and_notes_none(counter: Counter, alarm: Alarm) -> None:
    assert queries.open_count(operator=counter.stranger) == 0
    with pytest.raises(operations.NotYours):
        note(counter, alarm, operator=counter.stranger)
