"""账表不符: what a comparison cannot explain is one alarm, until one agrees or two people accept it."""

from __future__ import annotations

from prewatt.domain.alarms.models import Alarm
from prewatt.domain.reconciliation import operations as reconciliation
from prewatt.domain.reconciliation.models import Acceptance, Line, Verdict
from watching import Watching


def compared(watching: Watching, bought_fen: int, balance_fen: int) -> None:
    """A sale of 100 yuan arrived; the meter shows these, and the day is compared."""
    counter = watching.counter
    counter.read_all(counter.meters[0], balance_fen=balance_fen, purchase_count=1, bought_fen=bought_fen)
    reconciliation.daily(now=counter.now)


def sold(watching: Watching) -> None:
    watching.counter.sell("s1", "100")
    watching.counter.arrive("s1")


def test_a_difference_is_raised_once_and_ends_with_the_comparison_that_agrees(watching: Watching) -> None:
    sold(watching)
    compared(watching, 9_000, 99_000)
    watching.look()
    line = Line.objects.get(meter=watching.counter.meters[0])
    assert line.verdict == Verdict.DIFFERS
    assert watching.episodes() == [("books", "0", True)]
    assert (Alarm.objects.get().value, Alarm.objects.get().detail) == (line.unexplained_fen, line.cause)
    watching.counter.later(days=1)
    compared(watching, 9_000, 99_000)
    assert watching.look() == 0
    watching.counter.later(days=1)
    compared(watching, 10_000, 100_000)
    watching.look()
    assert watching.episodes() == [("books", "0", False)]


def test_where_the_count_differs_too_that_is_the_alarm(watching: Watching) -> None:
    sold(watching)
    watching.counter.read_all(watching.counter.meters[0], balance_fen=99_000, purchase_count=4, bought_fen=9_000)
    reconciliation.daily(now=watching.counter.now)
    watching.look()
    assert watching.episodes() == [("count", "0", True)]


def test_what_two_people_took_into_the_books_is_over_before_the_next_comparison(watching: Watching) -> None:
    sold(watching)
    compared(watching, 9_000, 99_000)
    watching.look()
    counter = watching.counter
    counter.later(minutes=5)
    Acceptance.objects.create(
        id="a1",
        opening=counter.meters[0].openings.get(),
        meter=counter.meters[0],
        cause="unexplained",
        amount_fen=-1000,
        count_delta=0,
        reason="seen",
        evidence={},
        operator=counter.admin,
        second_person=counter.second,
        at=counter.now,
    )
    watching.look()
    assert watching.episodes() == [("books", "0", False)]
