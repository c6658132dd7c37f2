from __future__ import annotations

from collections.abc import Iterator

import pytest

from counter import Counter
from paying import Paying
from watching import Watching


@pytest.fixture
def watching(db: None) -> Watching:
    return Watching(Counter(meters=6))


@pytest.fixture
def paying(watching: Watching) -> Iterator[Paying]:
    made = Paying(watching.counter)
    yield made
    made.unplug()
