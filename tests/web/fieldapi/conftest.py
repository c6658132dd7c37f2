from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from counter import Counter
from door import FieldGateway
from prewatt.domain.estate.enrolment import new_code
from prewatt.link.messages import Batch


@pytest.fixture
def tower(db: None) -> Counter:
    return Counter(meters=2)


class Clock:
    """What the views take for now."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: int) -> None:
        self.now += timedelta(**duration)

    @property
    def ms(self) -> int:
        return int(self.now.timestamp() * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def gateway(tower: Counter, clock: Clock) -> FieldGateway:
    """The tower's gateway, enrolled a moment ago."""
    return FieldGateway.enrolled(new_code(gateway=tower.gateway, now=clock.now))


@pytest.fixture
def batch(clock: Clock) -> Any:
    """A batch of these rows, sent now."""

    def make(**rows: Any) -> Batch:
        return Batch(**{"sent_at_ms": clock.ms, "first_seq": 1, "last_seq": 1, "software": "test", **rows})

    return make
