from __future__ import annotations

import pytest

from counter import Counter


@pytest.fixture
def counter(db: None) -> Counter:
    """One tower, one meter, people with known rights."""
    return Counter()
