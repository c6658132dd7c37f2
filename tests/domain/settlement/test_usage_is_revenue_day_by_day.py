from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.settlement import post_closed_days, post_usage_day, used_fen

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


def test_an_account_that_opens_between_midnight_and_its_sweep_pays_from_its_first_fen(counter: Counter) -> None:
    """The sweep of 00:03 ends the day before, which is not the account's own; what it used since 00:01 is."""
    midnight = datetime(2026, 6, 1, 16, tzinfo=UTC)  # of the second of June in Shanghai
    opening = counter.opened()
    swept_ms = round(midnight.timestamp() * 1000) + 207_000
    Opening.objects.filter(pk=opening.pk).update(opened_at=midnight + timedelta(seconds=99), bought_base_fen=245)
    for day, counter_fen, deducted_fen, last_ms in (
        (DAY, 246, 246, swept_ms),
        (DAY + timedelta(days=1), 1_908, 1_662, swept_ms + 86_400_000),
    ):
        UsageDay.objects.create(
            meter=opening.meter,
            day=day,
            energy_wh=1_000,
            counter_fen=counter_fen,
            deducted_fen=deducted_fen,
            first_ms=last_ms - 86_400_000,
            last_ms=last_ms,
            closed_at=midnight,
        )
    assert post_closed_days(now=midnight + timedelta(days=2)) == 2
    assert used_fen(opening.pk) == 1_908 - 245
