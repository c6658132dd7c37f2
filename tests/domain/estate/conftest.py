from __future__ import annotations

import pytest

from domain.estate.tower import Tower


@pytest.fixture
def tower(db: None) -> Tower:
    return Tower()
