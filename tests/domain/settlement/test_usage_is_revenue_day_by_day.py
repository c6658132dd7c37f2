from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.settlement import post_usage_day

DAY = date(2026, 6, 1)


def test_a_closed_day_is_booked_once_and_corrected_by_its_difference(counter: Counter) -> None:
    opening = counter.opened()
    booked = [
        post_usage_day(opening=opening, day=DAY, deducted_fen=fen, now=counter.now) for fen in (350, 350, 420, 400, 0)
    ]
    assert booked == [350, 0, 70, -20, -400]
    assert (balance_fen(accounts.REVENUE), counter.on_meter_fen(opening), Transfer.objects.count()) == (0, 0, 4)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(figures=st.lists(st.tuples(st.integers(0, 4), st.integers(-1000, 100_000)), max_size=12))
def test_revenue_is_the_last_word_on_every_day(counter: Counter, figures: list[tuple[int, int]]) -> None:
    opening = counter.opened(counter.meter(f"h{Opening.objects.count()}"))
    last: dict[int, int] = {}
    before = balance_fen(accounts.REVENUE)
    for day, fen in figures:
        post_usage_day(opening=opening, day=date(2026, 6, day + 1), deducted_fen=fen, now=counter.now)
        last[day] = fen
    assert balance_fen(accounts.REVENUE) - before == sum(last.values()) == -counter.on_meter_fen(opening)
