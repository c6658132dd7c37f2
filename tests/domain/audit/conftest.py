from __future__ import annotations

from datetime import date, timedelta

import pytest

from counter import Counter
from prewatt.domain.ledger.sealing import checkpoint, seal, seal_day
from prewatt.domain.settlement import cancel, decide, post_closed_days
from prewatt.domain.staff.sealing import seal_log
from prewatt.domain.vending.operations import open_account, pay_out, refund, reverse
from prewatt.link.messages import Outcome


def live(counter: Counter) -> None:
    """A morning at the counter with everything that happens there."""
    counter.opened()
    for sale_id in ("s1", "s2", "s3"):
        counter.sell(sale_id, "50")
        counter.arrive(sale_id)
    meter, admin = counter.meters[0], counter.admin
    refund(refund_id="r1", meter=meter, amount="10", tender="cash", operator=admin, now=counter.now)
    counter.arrive("r1")
    reverse(reversal_id="v1", sale_id="s3", operator=admin, now=counter.now)
    counter.arrive("v1")
    counter.sell("s4", "5")
    cancel(order_id="s4", operator=admin, now=counter.now)
    pay_out(refund_id="r2", sale_id="s4", tender="cash", operator=admin, now=counter.now)
    counter.sell("s5", "7")
    counter.lease()
    counter.settle("s5", Outcome.UNCLEAR, purchase_count=9, bought_fen=9_500)
    decide(
        order_id="s5",
        applied=True,
        operator=admin,
        second_person=counter.second,
        reason="seen",
        now=counter.now,
    )
    _usage(counter)
    other = counter.meter("0300000077")
    open_account(
        opening_id="o1",
        meter=other,
        customer=counter.customer,
        first_amount="30",
        carried_in="3",
        tender="card",
        operator=counter.cashier,
        now=counter.now,
    )
    counter.lease()
    counter.settle("o1", Outcome.DONE, meter=other, purchase_count=0, balance_fen=3_300, bought_fen=3_300)


def _usage(counter: Counter) -> None:
    from prewatt.domain.metering.models import UsageDay

    now = counter.now
    UsageDay.objects.create(
        meter=counter.meters[0],
        day=date(2026, 6, 1),
        energy_wh=1000,
        deducted_fen=120,
        counter_fen=120,
        first_ms=0,
        last_ms=round(now.timestamp() * 1000),
        closed_at=now,
    )
    assert post_closed_days(now=now) == 1
    counter.read_all(balance_fen=9_500 - 120, purchase_count=9, bought_fen=9_500)


@pytest.fixture
def books(counter: Counter) -> Counter:
    """Sealed, with a checkpoint and a day seal in the middle, and some that are not sealed yet."""
    live(counter)
    seal(limit=12)
    seal_day(day=counter.now.date() - timedelta(days=1), now=counter.now)
    checkpoint(now=counter.now, every=1)
    counter.sell("s8", "1")
    counter.arrive("s8")
    counter.read_all(balance_fen=9_600 - 120, purchase_count=10, bought_fen=9_600)
    seal()
    seal_log()
    counter.sell("s9", "2")
    return counter
