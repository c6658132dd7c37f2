from __future__ import annotations

import contextlib

import pytest
from django.db import DatabaseError, connection, transaction

from counter import Counter
from prewatt.domain.staff.models import LogEntry, LogSeal
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.sealing import GENESIS, canonical, link, seal_log, verify_log


def entries(counter: Counter, count: int = 3) -> list[LogEntry]:
    return [
        log(
            operator=counter.admin,
            action="test.act",
            target=f"meter {n}",
            now=counter.now,
            after={"n": n, "名": "海风"},
        )
        for n in range(count)
    ]


def sql(text: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)


def test_a_clean_log_has_no_fault(counter: Counter) -> None:
    entries(counter)
    assert seal_log() == LogEntry.objects.count()
    assert seal_log() == 0
    assert verify_log() is None


def test_the_seal_is_the_published_chain(counter: Counter) -> None:
    """Anybody can recompute it from the rows: SHA-256 over the seal before and the row's own content."""
    entries(counter)
    seal_log()
    previous = GENESIS
    for seal in LogSeal.objects.order_by("seq").select_related("entry"):
        previous = link(previous, canonical(seal.entry))
        assert seal.sha256 == previous


def test_what_is_written_later_goes_on_with_the_chain(counter: Counter) -> None:
    entries(counter)
    seal_log(limit=2)
    entries(counter)
    while seal_log(limit=2):
        pass
    assert verify_log() is None
    assert LogSeal.objects.count() == LogEntry.objects.count()
    assert list(LogSeal.objects.order_by("seq").values_list("seq", flat=True)) == list(
        range(1, LogEntry.objects.count() + 1)
    )


def test_entries_that_wait_for_their_seal_are_not_judged(counter: Counter) -> None:
    entries(counter)
    assert verify_log() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE staff_logentry SET action = 'harmless'",
        "DELETE FROM staff_logentry",
        "UPDATE staff_logseal SET sha256 = '00'",
        "DELETE FROM staff_logseal",
    ],
)
def test_the_database_refuses_to_change_it(counter: Counter, statement: str) -> None:
    entries(counter)
    seal_log()
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        sql(statement)
    assert verify_log() is None


@pytest.mark.usefixtures("without_guards")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "test.other"),
        ("target", "meter 99"),
        ("operator_name", "somebody"),
        ("address", "10.0.0.1"),
        ("at", "2026-01-01 00:00:00+00:00"),
        ("after", '{"n": 7}'),
        ("before", '{"n": 7}'),
    ],
)
def test_a_changed_row_is_named_whatever_was_changed(counter: Counter, column: str, value: str) -> None:
    before = LogEntry.objects.count()
    second = entries(counter)[1]
    seal_log()
    sql(f"UPDATE staff_logentry SET {column} = %s WHERE id = %s", value, second.pk)
    fault = verify_log()
    assert fault is not None
    assert (fault.kind, fault.entry_id, fault.seq) == ("changed", second.pk, before + 2)


@pytest.mark.usefixtures("without_guards")
def test_a_removed_row_is_named(counter: Counter) -> None:
    second = entries(counter)[1]
    seal_log()
    sql("DELETE FROM staff_logseal WHERE entry_id = %s", second.pk)
    sql("DELETE FROM staff_logentry WHERE id = %s", second.pk)
    fault = verify_log()
    assert fault is not None
    assert fault.kind == "removed"


@pytest.mark.usefixtures("without_guards")
def test_a_row_put_between_is_named(counter: Counter) -> None:
    """Somebody makes room in the chain and lays a seal of his own."""
    made = entries(counter)
    seal_log()
    middle = LogSeal.objects.get(entry=made[1])
    for seal in LogSeal.objects.filter(seq__gt=middle.seq).order_by("-seq"):
        sql("UPDATE staff_logseal SET seq = %s WHERE seq = %s", seal.seq + 1, seal.seq)
    forged = entries(counter, 1)[0]
    LogSeal.objects.create(seq=middle.seq + 1, entry=forged, sha256=link(middle.sha256, canonical(forged)))
    fault = verify_log()
    assert fault is not None
    assert (fault.kind, fault.entry_id) == ("changed", made[2].pk)


def test_secrets_are_not_written_down(counter: Counter) -> None:
    entry = log(
        operator=counter.admin,
        action="test",
        target="x",
        now=counter.now,
        before={"password": "old"},
        after={"password": "new", "name": "x"},
    )
    assert (entry.before, entry.after) == ({"password": "***"}, {"password": "***", "name": "x"})


def test_an_operation_that_fails_leaves_no_line(counter: Counter) -> None:
    before = LogEntry.objects.count()
    with contextlib.suppress(RuntimeError), transaction.atomic():
        entries(counter)
        raise RuntimeError
    assert LogEntry.objects.count() == before
