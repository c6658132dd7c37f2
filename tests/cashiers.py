"""One cashier as a process of its own: `python cashiers.py PREPARE METERS`, `SELL FIRST LAST` or `BREAK FIRST LAST`.

Several of them sell on the same database at the same time, the same forms sent by two of them at once. BREAK: every
third sale breaks after its receipt number was taken.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import django

django.setup()

from django.db import transaction  # noqa: E402  Django must be set up first

from counter import Counter  # noqa: E402
from prewatt.domain.estate.models import Meter  # noqa: E402
from prewatt.domain.staff.models import Operator  # noqa: E402
from prewatt.domain.vending.operations import sell  # noqa: E402


def prepare(meters: int) -> None:
    counter = Counter(meters=meters)
    for meter in counter.meters:
        counter.opened(meter)
    Meter.objects.update(ceiling_fen=0)


def sell_all(first: int, last: int) -> list[tuple[str, str]]:
    """Sales first..last, over all meters in turn; each with its receipt."""
    meters = list(Meter.objects.order_by("pk"))
    cashier = Operator.objects.get(username="cashier")
    receipts = []
    for number in range(first, last):
        sale = sell(
            sale_id=f"s{number}",
            meter=meters[number % len(meters)],
            amount="10",
            tender="cash",
            operator=cashier,
            now=datetime.now(UTC),
        )
        receipts.append((sale.pk, sale.receipt))
    return receipts


def sell_or_break(first: int, last: int) -> list[tuple[str, str]]:
    kept = []
    for number in range(first, last):
        try:
            with transaction.atomic():
                kept += sell_all(number, number + 1)
                if number % 3 == 0:
                    raise InterruptedError
        except InterruptedError:
            kept.pop()
    return kept


if __name__ == "__main__":
    if sys.argv[1] == "PREPARE":
        prepare(int(sys.argv[2]))
    elif sys.argv[1] == "BREAK":
        sys.stdout.write(json.dumps(sell_or_break(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        sys.stdout.write(json.dumps(sell_all(int(sys.argv[2]), int(sys.argv[3]))))
