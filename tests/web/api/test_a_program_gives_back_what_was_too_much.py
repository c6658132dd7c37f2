"""A purchase bill is kept by a program, and what was charged above it goes back with a second token."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from counter import Counter
from web.api.door import Program

pytestmark = pytest.mark.django_db
BILL = {"month": "2026-05-01", "energy_wh": {"flat": 300_000}, "amount_fen": {"flat": 24_000}, "number": "GD-05"}
RUN = {"first_month": "2026-05-01", "last_month": "2026-05-01", "shown_fen": 2_000, "reason": "self check"}


@pytest.fixture
def opening(counter: Counter) -> Any:
    """200 kWh at 0.90 yuan; the bill says 0.80."""
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.settlement import post_usage_day

    opening = counter.opened(balance_fen=100_000)
    opening.opened_at = datetime(2026, 4, 1, tzinfo=UTC)
    opening.save()
    UsageDay.objects.create(
        meter=opening.meter,
        day=date(2026, 5, 31),
        energy_wh=200_000,
        deducted_fen=18_000,
        first_ms=0,
        last_ms=0,
        closed_at=counter.now,
        posted_version=1,
    )
    post_usage_day(opening=opening, day=date(2026, 5, 31), deducted_fen=18_000, now=counter.now)
    return opening


def give(program: Program, second: str = "", key: str = "give-it-back") -> Any:
    import json

    headers = program.headers(key) | ({"Second-Authorization": f"Bearer {second}"} if second else {})
    path = "/api/v1/clear-backs"
    return program.client.generic("POST", path, json.dumps(RUN), content_type="application/json", headers=headers)


def test_a_bill_is_kept_and_what_was_too_much_goes_back_once(counter: Counter, opening: Any) -> None:
    program, other = Program(counter.admin), Program(counter.second)
    kept = program.send("/purchase-bills", BILL)
    assert kept.status_code == 200, kept.content
    assert kept.json()["amount_fen"]["flat"] == 24_000
    assert [one["number"] for one in program.get("/purchase-bills").json()["items"]] == ["GD-05"]
    assert give(program, key="give-it-alone").json()["code"] == "second_person_needed"
    for _twice in range(2):
        answer = give(program, other.secret)
        assert answer.status_code == 200, answer.content
        run = answer.json()
        assert (run["total_fen"], run["lines"][0]["account_id"]) == (2_000, opening.pk)
    assert counter.wallet_fen() == 2_000
    for _twice in range(2):
        paid = program.send(f"/clear-backs/{run['id']}/accounts/{opening.pk}/pay-out", {"tender": "cash"})
        assert (paid.status_code, paid.json()["amount_fen"]) == (200, 2_000)
    assert (counter.wallet_fen(), counter.drawer_fen()) == (0, -2_000)
