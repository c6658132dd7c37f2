from __future__ import annotations

from collections.abc import Iterator

import pytest

from counter import Counter
from paying import Paying


@pytest.fixture
def paying(db: None, counter: Counter) -> Iterator[Paying]:
    made = Paying(counter)
    yield made
    made.unplug()
