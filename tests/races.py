"""Two people at the same moment: `python races.py RACE` on a migrated database of its own, one thread a person.

Prints what each of them got, and what the books say afterwards.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import django

django.setup()

from django.db import connection  # noqa: E402  Django must be set up first

from counter import Counter  # noqa: E402
from prewatt.domain.alarms.models import Alarm  # noqa: E402
from prewatt.domain.alarms.operations import watch  # noqa: E402
from prewatt.domain.audit.verify import verify  # noqa: E402
from prewatt.domain.reconciliation.models import Line  # noqa: E402
from prewatt.domain.reconciliation.operations import daily  # noqa: E402
from prewatt.domain.vending import operations as vending  # noqa: E402
from prewatt.domain.vending.checks import Refused  # noqa: E402
from prewatt.domain.vending.models import Payment, Refund, Reversal, Sale, Shift  # noqa: E402
from prewatt.link.messages import Outcome  # noqa: E402

Act = Callable[[], Any]


def now() -> datetime:
    return datetime.now(UTC)


def building() -> Counter:
    one = Counter(meters=2)
    one._now = now()
    for meter in one.meters:
        one.opened(meter)
    return one


def sell(one: Counter, sale_id: str, amount: str) -> Act:
    return lambda: one.sell(sale_id, amount, now=now()).receipt


def pay(one: Counter, payment_id: str, meters: list[Any]) -> Act:
    lines = [(f"{payment_id}{meter.pk}", meter, "10") for meter in meters]
    asked: dict[str, Any] = {"payment_id": payment_id, "lines": lines, "tender": "cash", "operator": one.cashier}
    return lambda: vending.sell_many(**asked, now=now()).pk


def refund(one: Counter, amount: str) -> Act:
    asked: dict[str, Any] = {"refund_id": "r1", "meter": one.meters[0], "amount": amount, "tender": "cash"}
    return lambda: vending.refund(**asked, operator=one.admin, now=now()).pk


def reverse(one: Counter, reversal_id: str) -> Act:
    return lambda: vending.reverse(reversal_id=reversal_id, sale_id="s1", operator=one.second, now=now()).pk


def arrived(one: Counter) -> None:
    one.sell("s1", "100")
    one.arrive("s1")


def ceiling() -> list[Act]:
    one = building()
    return [sell(one, "s1", "600"), sell(one, "s2", "600")]


def same_form() -> list[Act]:
    one = building()
    return [pay(one, "p1", one.meters), pay(one, "p1", one.meters)]


def opposite_order() -> list[Act]:
    one = building()
    return [pay(one, "p1", one.meters), pay(one, "p2", one.meters[::-1])]


def refund_against_reversal() -> list[Act]:
    one = building()
    arrived(one)
    return [refund(one, "80"), reverse(one, "c1")]


def reversal_twice() -> list[Act]:
    one = building()
    arrived(one)
    return [reverse(one, "c1"), reverse(one, "c2")]


def pay_out_against_resend() -> list[Act]:
    one = building()
    one.sell("s1", "100")
    one.lease()
    one.settle("s1", Outcome.REFUSED, reason="not_taken")
    out: dict[str, Any] = {"refund_id": "r1", "sale_id": "s1", "tender": "cash", "operator": one.admin}
    again: dict[str, Any] = {"order_id": "o2", "sale_id": "s1", "operator": one.cashier}
    return [lambda: vending.pay_out(**out, now=now()).pk, lambda: vending.resend(**again, now=now()).pk]


def two_shifts() -> list[Act]:
    one = building()
    asked: dict[str, Any] = {"float_amount": "200", "operator": one.cashier}
    return [lambda at=at: vending.open_shift(shift_id=at, **asked, now=now()).pk for at in ("h1", "h2")]  # type: ignore[misc]


def close_against_sale() -> list[Act]:
    one = building()
    vending.change_settings(
        methods=["cash"], default_method="cash", shift_needed=True, payee="", operator=one.admin, now=now()
    )
    vending.open_shift(shift_id="h1", float_amount="200", operator=one.cashier, now=now())
    asked: dict[str, Any] = {"shift_id": "h1", "counted": "200", "operator": one.cashier, "reason": "raced"}
    return [sell(one, "s1", "10"), lambda: vending.close_shift(**asked, now=now()).pk]


def print_twice() -> list[Act]:
    one = building()
    document = one.sell("s1", "10")
    asked: dict[str, Any] = {"document": document, "operator": one.cashier}
    return [lambda at=at: vending.print_receipt(print_id=at, **asked, now=now()).nth for at in ("p1", "p2")]  # type: ignore[misc]


def two_watches() -> list[Act]:
    building()  # two meters without a fen
    return [lambda: watch(now=now())] * 3


def two_comparisons() -> list[Act]:
    building()
    return [lambda: daily(now=now())] * 2


RACES = {
    one.__name__: one
    for one in (
        *(ceiling, same_form, opposite_order, refund_against_reversal, reversal_twice),
        *(pay_out_against_resend, two_shifts, close_against_sale, print_twice),
        *(two_watches, two_comparisons),
    )
}


def run(acts: list[Act]) -> list[str]:
    """All at once; each one's result, or the code of what he is told."""
    results, start = [""] * len(acts), Barrier(len(acts))

    def person(at: int) -> None:
        try:
            start.wait()
            results[at] = f"ok {acts[at]()}"
        except Refused as refused:
            results[at] = f"refused {refused.code}"
        except Exception as error:
            results[at] = f"broken {error!r}"
        finally:
            connection.close()

    threads = [Thread(target=person, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def books() -> dict[str, Any]:
    shift = Shift.objects.filter(closed_at__isnull=False).first()
    in_shift = sum(Sale.objects.filter(shift=shift).values_list("amount_fen", flat=True)) if shift else 0
    return {
        "sales": Sale.objects.count(),
        "payments": Payment.objects.count(),
        "backs": Refund.objects.count() + Reversal.objects.count(),
        "alarms": Alarm.objects.count(),
        "compared": Line.objects.count(),
        "open_shifts": Shift.objects.filter(closed_at__isnull=True).count(),
        "drawer_fits": shift is None or shift.expected_fen == shift.float_fen + in_shift,
        "audit": [str(one) for one in verify().findings],
    }


if __name__ == "__main__":
    told = run(RACES[sys.argv[1]]())
    sys.stdout.write(json.dumps({"told": sorted(told), **books()}))
