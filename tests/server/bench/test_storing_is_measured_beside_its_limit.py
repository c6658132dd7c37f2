from __future__ import annotations

import pytest

from prewatt.server.bench.store import TARGET_BYTES, measure


@pytest.mark.postgres
def test_every_contender_commits_its_rows_and_a_reading_stays_small() -> None:
    """How fast is for `prewatt bench store` on a quiet machine; that each one really stores is shown here."""
    figures = measure(rows=10_000, rounds=1)
    assert min(figures.copy_us, figures.postgres_us, figures.sqlite_us) > 0
    assert figures.postgres_django_us > figures.postgres_us
    assert figures.sqlite_django_us > figures.sqlite_us
    assert 60 < figures.sqlite_bytes < figures.postgres_bytes <= TARGET_BYTES
