"""A tower with accounts that run out of money, some of them billed by the platform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from counter import NOW, Counter
from prewatt.domain.billing.models import Billing
from prewatt.domain.billing.queries import Stand
from prewatt.domain.cutoff import facts, operations
from prewatt.domain.cutoff.models import Door, Notice, Standing

HOUR = timedelta(hours=1)


class Tower(Counter):
    """`credit` is what the platform's books say of each opening."""

    def __init__(self, *, meters: int = 1) -> None:
        super().__init__(meters=meters)
        self.credit: dict[int, Stand] = {}
        self.at = NOW

    def billed(self, meter: Any, money_fen: int) -> Any:
        opening = self.opened(meter)
        self.owes(opening, money_fen)
        self.read(meter, relay_closed=1, forced=0)
        return opening

    def owes(self, opening: Any, money_fen: int) -> None:
        self.credit[opening.pk] = Stand(
            opening=opening.pk,
            meter=opening.meter_id,
            billing=Billing.PLATFORM,
            available_fen=money_fen,
            overdraft_fen=0,
            switch_on_min_fen=0,
            known_at=self.at,
            read_at=self.at,
        )

    def tend(self, at: datetime | None = None) -> int:
        """A pass at `at`, every account read just before."""
        self.at = at or self.at
        self.credit = {pk: replace(one, known_at=self.at, read_at=self.at) for pk, one in self.credit.items()}
        return operations.tend(now=self.at)

    def tell_all(self) -> None:
        Notice.objects.filter(told_at__isnull=True).update(told_at=self.at, told_by=self.cashier, door=Door.PHONE)

    def pass_days(self, days: int, *, step: timedelta = HOUR / 2, told: bool = True) -> None:
        end = self.at + timedelta(days=days)
        while self.at < end:
            self.tend(self.at + step)
            if told:
                self.tell_all()

    def standing(self, opening: Any) -> Standing:
        return Standing.objects.get(pk=opening.pk)


@pytest.fixture
def tower(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tower]:
    made = Tower(meters=3)

    def credits_of(openings: Any = None) -> Any:
        return {pk: one for pk, one in made.credit.items() if openings is None or pk in openings}

    monkeypatch.setattr(facts, "credits_of", credits_of)
    return made
