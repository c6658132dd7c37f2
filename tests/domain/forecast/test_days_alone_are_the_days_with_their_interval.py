"""The dashboard asks of thousands how long their money lasts, without the interval that a single meter's page shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain.forecast import rule
from prewatt.domain.forecast.queries import Ahead

FIRST = date(2026, 6, 1)
BEGIN = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)  # midnight at the site


@given(
    use=st.lists(st.integers(0, 50_000), min_size=14, max_size=14),
    balance_fen=st.integers(-1000, 2_000_000),
    minutes=st.integers(0, 3 * 24 * 60),
    spread=st.floats(0, 0.5),
)
def test_they_are_the_same(use: list[int], balance_fen: int, minutes: int, spread: float) -> None:
    sums = tuple(sum(use[: at + 1]) for at in range(len(use)))
    one = Ahead(rule.Curve(sums), rule.Outlook(FIRST, (), 60, spread, spread))
    now = BEGIN + timedelta(minutes=minutes)
    left = one.left(balance_fen, now=now)
    assert one.days(balance_fen, now=now) == (left.days if left else None)
