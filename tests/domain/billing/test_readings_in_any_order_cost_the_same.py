"""Through the whole loop on the database: readings in, hours and days closed, rated, posted; late, shuffled, twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Counter

pytestmark = pytest.mark.django_db
FIRST = date(2026, 6, 2)
MIDNIGHT = datetime(2026, 6, 1, 16, tzinfo=UTC)  # of the second of June in Shanghai
OPENED = MIDNIGHT + timedelta(hours=9, minutes=20)
DAYS = 3
BANDS = ("sharp", "peak", "flat", "valley", "deep")
SLOW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SLOTS = [{"at": "00:00", "band": "valley"}, {"at": "08:15", "band": "peak"}, {"at": "22:00", "band": "valley"}]
STEPS = [{"up_to_kwh": "20", "add": "0"}, {"up_to_kwh": "45", "add": "0.05"}, {"add": "0.3"}]
PLANS: dict[str, dict[str, Any]] = {
    "flat": {"price": "0.6543"},
    "ladder over hours": {
        "prices": {"peak": "1.1237", "valley": "0.3351"},
        "tables": {"a": SLOTS},
        "ladder": {"steps": STEPS},
    },
    "the meter's bands": {"prices": dict(zip(BANDS, ("1.5", "1.2", "0.8", "0.4", "0.3"), strict=True))},
}


@st.composite
def looks(draw: Any) -> list[tuple[int, dict[str, int]]]:
    """A meter's registers at odd minutes over three days and a little, from before the account on, whole Wh."""
    minutes = sorted(draw(st.sets(st.integers(1, DAYS * 1440 - 1), min_size=2, max_size=9)))
    at, shown, found = 0, dict.fromkeys(BANDS, 0), []
    for minute in [0, *minutes, DAYS * 1440 + 10]:
        if minute:
            band = draw(st.sampled_from(BANDS))
            # So many Wh a minute: on the line between two readings every minute is a whole number.
            shown = shown | {band: shown[band] + draw(st.integers(0, 9)) * (minute - at)}
        at = minute
        found.append((minute, dict(shown)))
    return found


class Account:
    """One meter with one account that the platform bills, and the turns of the worker."""

    def __init__(self, counter: Counter, name: str) -> None:
        from prewatt.domain.billing.operations import begin
        from prewatt.domain.estate.models import Opening
        from prewatt.domain.tariff.operations import assign
        from prewatt.domain.tariff.rules.plan import FORMAT
        from prewatt.domain.tariff.versions import add_version

        self.counter = counter
        self.meter = counter.meter(f"m{Opening.objects.count()}")
        document = {"format": FORMAT, "name": name, "versions": [PLANS[name]]}
        early = MIDNIGHT - timedelta(days=2)
        facts: dict[str, Any] = {"operator": counter.admin, "now": early}
        key = f"{name}{self.meter.pk}"
        made = add_version(
            key=key, plan=None, name=key, document=document, effective_from=None, day=early.date(), **facts
        )
        assign(plan=made.plan, meter_ids=[self.meter.pk], **facts)
        self.opening = Opening.objects.create(meter=self.meter, customer=counter.customer, opened_at=OPENED)
        begin(opening=self.opening, asked=key, billing="platform", overdraft_fen=0, switch_on_min_fen=0)

    def take(self, found: Sequence[tuple[int, dict[str, int]]]) -> None:
        """These readings come in one message; then the worker has its turn."""
        from prewatt.domain.billing.operations import rate
        from prewatt.domain.metering.operations import close_days, close_hours, record_readings
        from prewatt.domain.settlement import post_closed_days
        from prewatt.link.messages import Reading

        now = MIDNIGHT + timedelta(days=DAYS, hours=2)
        batch = [
            Reading(
                meter=self.meter.number,
                taken_at_ms=round((MIDNIGHT + timedelta(minutes=minute)).timestamp() * 1000),
                values={"energy_wh": sum(wh.values()), **{f"energy_{band}_wh": wh[band] for band in BANDS}},
            )
            for minute, wh in found
        ]
        record_readings(batch, gateway=self.counter.gateway, now=now)
        for work in (close_hours, close_days, post_closed_days):
            work(now=now)
        rate(now=self.counter.now, every=timedelta(0))

    @property
    def facts(self) -> tuple[Any, ...]:
        """What it was charged, what it has left, what it used by day and by hour."""
        from prewatt.domain.billing.queries import available_fen
        from prewatt.domain.metering.models import UsageDay, UsageHour
        from prewatt.domain.settlement import used_fen

        names = ("day", "energy_wh", *(f"energy_{band}_wh" for band in BANDS))
        days = list(UsageDay.objects.filter(meter=self.meter).order_by("day").values_list(*names))
        hours = list(
            UsageHour.objects.filter(meter=self.meter).order_by("start_ms").values_list("energy_wh", flat=True)
        )
        return used_fen(self.opening.pk), available_fen(self.opening.pk), days, hours


@pytest.mark.parametrize("name", PLANS)
@SLOW
@given(found=looks(), chance=st.randoms(use_true_random=False))
def test_late_and_shuffled_readings_come_to_the_same_fen(
    counter: Counter, name: str, found: list[tuple[int, dict[str, int]]], chance: Any
) -> None:
    """Each is rated once, whatever came before it, and however often it comes."""
    with transaction.atomic():
        at_once, piecemeal = Account(counter, name), Account(counter, name)
        at_once.take(found)
        shuffled = [*found, *chance.sample(found, 2)]  # two come twice
        chance.shuffle(shuffled)
        while shuffled:
            many = chance.randint(1, 3)
            piecemeal.take(shuffled[:many])
            shuffled = shuffled[many:]
        assert piecemeal.facts == at_once.facts
        charged_fen, left_fen = at_once.facts[:2]
        assert 0 <= charged_fen <= -left_fen  # the ten minutes after the last midnight are rated, not booked yet
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", PLANS)
@SLOW
@given(found=looks(), chance=st.randoms(use_true_random=False))
def test_a_reading_more_on_the_way_changes_nothing(
    counter: Counter, name: str, found: list[tuple[int, dict[str, int]]], chance: Any
) -> None:
    """An interval is cut anywhere, at any minute, by a reading on the line: before or after its day was booked."""
    with transaction.atomic():
        plain, cut = Account(counter, name), Account(counter, name)
        plain.take(found)
        more = [between(one, other, chance) for one, other in pairwise(found)]
        if chance.random() < 0.5:
            cut.take(found)
        cut.take([*found, *more])
        assert cut.facts == plain.facts
        transaction.set_rollback(True)


def between(
    one: tuple[int, dict[str, int]], other: tuple[int, dict[str, int]], chance: Any
) -> tuple[int, dict[str, int]]:
    (from_min, low), (to_min, high) = one, other
    at = chance.randint(from_min, to_min)
    share = {band: (high[band] - low[band]) * (at - from_min) // (to_min - from_min) for band in BANDS}
    return at, {band: low[band] + share[band] for band in BANDS}
