from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from leavers import Leavers
from prewatt.domain.audit.verify import verify
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger.queries import balance_fen
from prewatt.domain.vending.models import Refund
from prewatt.domain.vending.operations import close_account
from prewatt.domain.vending.records import Closing


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """One customer with two meters, 100 and 60 yuan sold; 30 of the first are used."""
    leavers = Leavers(counter)
    leavers.account("100", used_fen=3_000)
    leavers.account("60")
    return leavers


def close(leavers: Leavers, closing_id: str = "c1", **changes: Any) -> Closing:
    counter = leavers.counter
    asked: dict[str, Any] = {
        "closing_id": closing_id,
        "customer": counter.customer,
        "operator": counter.cashier,
        "now": counter.now,
        "tender": "cash",
    }
    return close_account(**asked | changes)


def test_all_meters_are_read_emptied_and_paid_back_in_one_act(leavers: Leavers) -> None:
    counter = leavers.counter
    drawer_fen = counter.drawer_fen()
    closing = close(leavers)
    assert close(leavers).pk == closing.pk
    leavers.answer_all()
    closing.refresh_from_db()
    lines = list(closing.lines.order_by("code"))
    assert (closing.state, [line.state for line in lines]) == ("done", ["done", "done"])
    assert [(line.balance_fen, line.back_fen, line.used_fen) for line in lines] == [
        (7_000, 7_000, 3_000),
        (6_000, 6_000, 0),
    ]
    assert [line.energy_wh for line in lines] == [leavers.energy_wh, leavers.energy_wh]
    assert drawer_fen - counter.drawer_fen() == 13_000
    assert not Opening.objects.filter(closed_at__isnull=True).exists()
    assert [balance_fen(accounts.meter(line.opening_id)) for line in lines] == [0, 0]
    assert sorted(Refund.objects.values_list("series", "number", "state")) == [
        ("T2026", 1, "done"),
        ("T2026", 2, "done"),
    ]
    assert balance_fen(accounts.REVENUE) == 3_000
    assert verify().findings == []
