"""Files of long lists: one at a time for each operator, never two files, and gone after a day."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from counter import Counter
from prewatt.domain.lists import exports
from prewatt.domain.lists.models import Export, ExportState
from prewatt.domain.lists.refusals import ExportIdTaken, NotReady, ScopeChanged, TooManyExports
from prewatt.domain.staff.models import LogEntry

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
LATER = NOW + exports.LEASE + timedelta(seconds=1)


@pytest.fixture
def counter(settings: Any, tmp_path: Path) -> Counter:
    settings.DATA_DIR = tmp_path
    return Counter()


def ask(who: Any, export_id: str = "e1", *, query: str = "?from=", now: datetime = NOW) -> Export:
    facts = {"path": "/sales/", "language": "en", "title": "Sales", "said": "", "file_name": "sales", "rows_total": 9}
    return exports.ask(export_id=export_id, operator=who, query=query, now=now, **facts)  # type: ignore[arg-type]


def claimed(now: datetime = NOW) -> Export:
    one = exports.claim(now=now)
    assert one is not None
    return one


def written(one: Export, text: str = "rows", now: datetime = NOW) -> bool:
    with exports.open_draft(one) as file:
        file.write(text.encode())
    return exports.finish(one, rows_done=9, now=now)


def files() -> list[str]:
    return sorted(path.read_text() for path in exports.folder().iterdir())


def state(export_id: str = "e1") -> str:
    return Export.objects.get(pk=export_id).state


def test_a_file_is_asked_for_written_and_handed_to_its_owner(counter: Counter) -> None:
    ask(counter.admin)
    one = claimed()
    assert exports.advance(one, rows_done=5, rows_total=9, now=NOW)
    assert Export.objects.get().percent == 55
    assert written(one)
    path = exports.file_of(export=Export.objects.get(), operator=counter.admin)
    assert (path.read_text(), state()) == ("rows", ExportState.READY)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert exports.claim(now=LATER) is None
    with pytest.raises(NotReady):
        exports.file_of(export=Export.objects.get(), operator=counter.second)


def test_the_same_form_twice_is_one_file_and_one_line_in_the_log(counter: Counter) -> None:
    assert ask(counter.admin).pk == ask(counter.admin).pk
    assert LogEntry.objects.filter(action="export.ask").count() == Export.objects.count() == 1
    with pytest.raises(ExportIdTaken):
        ask(counter.second)
    with pytest.raises(ExportIdTaken):
        ask(counter.admin, query="?from=2026-01-01")


def test_the_second_of_one_operator_waits_and_another_operators_does_not(counter: Counter) -> None:
    ask(counter.admin, "e1")
    ask(counter.admin, "e2", now=NOW + timedelta(seconds=1))
    ask(counter.second, "e3", now=NOW + timedelta(seconds=2))
    first = claimed()
    assert [first.pk, claimed().pk, exports.claim(now=NOW)] == ["e1", "e3", None]
    written(first)
    assert claimed().pk == "e2"


def test_the_database_itself_knows_of_one_at_a_time(counter: Counter) -> None:
    ask(counter.admin, "e1")
    ask(counter.admin, "e2")
    claimed()
    with pytest.raises(IntegrityError), transaction.atomic():
        Export.objects.filter(pk="e2").update(state=ExportState.RUNNING)


def test_a_dead_workers_file_is_taken_over_and_its_half_never_counts(counter: Counter) -> None:
    ask(counter.admin)
    dead = claimed()
    exports.draft(dead).write_text("half")
    assert exports.claim(now=NOW + timedelta(seconds=30)) is None
    heir = claimed(LATER)
    assert not exports.advance(dead, rows_done=1, rows_total=9, now=LATER)
    assert written(heir, "whole", LATER)
    assert not written(dead, "half", LATER)
    assert files() == ["whole"]
    assert exports.file_of(export=Export.objects.get(), operator=counter.admin).read_text() == "whole"


def test_who_wakes_up_before_the_heir_is_done_does_not_finish_it_either(counter: Counter) -> None:
    ask(counter.admin)
    dead, _heir = claimed(), claimed(LATER)
    assert not written(dead, "half", LATER)
    assert (files(), state()) == ([], ExportState.RUNNING)


def test_what_kills_every_worker_is_given_up(counter: Counter) -> None:
    ask(counter.admin)
    at = NOW
    for _turn in range(exports.TRIES_MAX):
        claimed(at)
        at += exports.LEASE + timedelta(seconds=1)
    assert exports.claim(now=at) is None
    assert state() == ExportState.FAILED


def test_cancelling_stops_a_waiting_and_a_running_one(counter: Counter) -> None:
    ask(counter.admin, "e1")
    one = claimed()
    ask(counter.admin, "e2")
    assert not exports.cancel(export_id="e1", operator=counter.second, now=NOW)
    assert exports.cancel(export_id="e1", operator=counter.admin, now=NOW)
    assert exports.cancel(export_id="e2", operator=counter.admin, now=NOW)
    assert not exports.advance(one, rows_done=1, rows_total=9, now=NOW)
    assert not written(one)
    assert (files(), state("e1"), state("e2")) == ([], "cancelled", "cancelled")


def test_a_file_is_not_handed_out_once_the_buildings_are_others(counter: Counter) -> None:
    ask(counter.admin)
    written(claimed())
    counter.admin.all_buildings = False
    counter.admin.save()
    with pytest.raises(ScopeChanged):
        exports.file_of(export=Export.objects.get(), operator=counter.admin)


def test_so_many_may_wait_and_no_more(counter: Counter) -> None:
    for number in range(exports.WAITING_MAX):
        ask(counter.admin, f"e{number}")
    with pytest.raises(TooManyExports):
        ask(counter.admin, "one-more")


def test_after_a_day_the_file_is_gone_and_so_is_what_nobody_owns(counter: Counter) -> None:
    ask(counter.admin)
    written(claimed())
    stray, young = exports.folder() / "x-y.part", exports.folder() / "x-z.part"
    stray.write_text("half")
    young.write_text("half")
    for path in exports.folder().iterdir():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    os.utime(young, (LATER.timestamp(), LATER.timestamp()))
    assert exports.sweep(now=LATER) == 1
    assert files() == ["half", "rows"]
    assert exports.sweep(now=NOW + exports.KEPT + timedelta(minutes=2)) == 2
    assert (files(), Export.objects.count()) == ([], 0)
