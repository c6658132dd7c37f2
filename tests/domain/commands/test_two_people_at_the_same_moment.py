"""Two who order the same at the same moment: one order, and a clear sentence or the first order for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from counter import Counter
from prewatt.domain import commands
from prewatt.link.messages import Kind

pytestmark = pytest.mark.django_db(transaction=True)


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Both begin at once, each on its own connection; a result is what came back or the error."""
    ready, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        try:
            ready.wait(timeout=10)
            found[place] = calls[place]()
        except Exception as error:
            found[place] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return found


@pytest.fixture
def counter(transactional_db: None) -> Counter:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time")
    one = Counter()
    one.opened(balance_fen=5000)
    return one


def give(counter: Counter, order_id: str, who: Any, kind: Kind = Kind.SWITCH_OFF) -> Callable[[], Any]:
    at = counter.now
    return lambda: commands.command(
        order_id=order_id,
        meter=counter.meters[0],
        kind=kind,
        operator=who,
        reason="work",
        confirmed="101",
        now=at,
    )


@pytest.mark.parametrize("kind", [Kind.SWITCH_OFF, Kind.READ])
def test_the_same_form_sent_twice_at_once_is_one_order_for_both(counter: Counter, kind: Kind) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.staff.models import LogEntry

    for round_ in range(5):
        one, two = together([give(counter, f"c{round_}", counter.admin, kind) for _ in range(2)])
        assert one == two == MeterOrder.objects.get(pk=f"c{round_}"), (one, two)
        assert LogEntry.objects.filter(action=kind.value).count() == round_ + 1
        MeterOrder.objects.update(state="done")


def test_of_two_people_one_switches_off_and_the_other_is_told(counter: Counter) -> None:
    from prewatt.domain.dispatch.models import MeterOrder

    for round_ in range(5):
        found = together([give(counter, f"a{round_}", counter.admin), give(counter, f"b{round_}", counter.second)])
        won = [one for one in found if isinstance(one, MeterOrder)]
        lost = [one for one in found if isinstance(one, commands.AlreadyOrdered)]
        assert (len(won), len(lost)) == (1, 1), found
        MeterOrder.objects.update(state="cancelled")


def test_two_people_together_do_not_pass_the_limit(counter: Counter) -> None:
    from prewatt.domain.control.cutting import SecondPersonForCut
    from prewatt.domain.control.models import SwitchRules

    SwitchRules.objects.create(limit_count=1)
    other = counter.meter("0300009999")
    at = counter.now

    def off(order_id: str, meter: Any, who: Any) -> Callable[[], Any]:
        return lambda: commands.command(
            order_id=order_id,
            meter=meter,
            kind=Kind.SWITCH_OFF,
            operator=who,
            reason="work",
            confirmed="101",
            now=at,
        )

    found = together([off("a", counter.meters[0], counter.admin), off("b", other, counter.second)])
    assert len([one for one in found if isinstance(one, SecondPersonForCut)]) == 1, found
