"""One client of `prewatt bench vend`, a process of its own: `python -m … prepare | post | sell`.

Prints `ready`; then for every line SECONDS on its input it works so long and prints the milliseconds of each call.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

METERS = 1000


def prepare() -> None:
    """A tower to sell in: meters with open accounts, each read lately."""
    from django.db import transaction

    from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Meter, Opening, Room
    from prewatt.domain.metering.models import MeterState
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.staff.operations import ready_roles

    now = datetime.now(UTC)
    with transaction.atomic():
        floor = Floor.objects.create(building=Building.objects.create(code="B", name="Bench"), number=1)
        room = Room.objects.create(floor=floor, number="1")
        gateway = Gateway.objects.create(code="bench")
        buses = [
            Bus.objects.create(gateway=gateway, code=f"{n}", url="tcp://127.0.0.1:1") for n in range(METERS // 100)
        ]
        meters = Meter.objects.bulk_create(
            [
                Meter(number=f"{n:010d}", bus=buses[n // 100], unit=n % 100 + 1, profile="acrel-dtsy1352-nk", room=room)
                for n in range(METERS)
            ]
        )
        customers = Customer.objects.bulk_create(
            [Customer(number=f"K{n}", name=f"Customer {n}", created_at=now) for n in range(METERS)]
        )
        pairs = list(zip(meters, customers, strict=True))
        Opening.objects.bulk_create([Opening(meter=m, customer=c, opened_at=now, bought_base_fen=0) for m, c in pairs])
        MeterState.objects.bulk_create([MeterState(meter=m, taken_at=now, balance_fen=100) for m in meters])
        Operator.objects.create(username="cashier", role=ready_roles()["cashier"], all_buildings=True, created_at=now)


def seller() -> Callable[[], None]:
    """Whole sales: random meters, as at a row of counters."""
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.vending.operations import sell

    meters = list(Meter.objects.all())
    cashier = Operator.objects.select_related("role").get(username="cashier")
    pick = random.Random()  # noqa: S311  only to spread the load

    def one() -> None:
        sell(
            sale_id=str(uuid.uuid4()),
            meter=pick.choice(meters),
            amount="100",
            tender="cash",
            operator=cashier,
            now=datetime.now(UTC),
        )

    return one


def poster() -> Callable[[], None]:
    """Single durable transfers."""
    from prewatt.domain.ledger import accounts
    from prewatt.domain.ledger import operations as ledger

    cause, cash, wallet = ledger.Cause("sale", "bench"), accounts.tender("cash"), accounts.wallet(1)

    def one() -> None:
        key = f"bench:{uuid.uuid4()}"
        ledger.post(key=key, cause=cause, debit=cash, credit=wallet, amount_fen=100, at=datetime.now(UTC))

    return one


def work(one: Callable[[], None], seconds: float) -> list[float]:
    """Milliseconds of each call, for so many seconds."""
    spent_ms = []
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        one()
        before, now = now, time.perf_counter()
        spent_ms.append((now - before) * 1000)
    return spent_ms


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    import django

    django.setup()
    if sys.argv[1] == "prepare":
        prepare()
        return
    one = {"sell": seller, "post": poster}[sys.argv[1]]()
    one()  # connections and caches
    _tell("ready")
    for line in sys.stdin:
        _tell(json.dumps(work(one, float(line))))


if __name__ == "__main__":
    main()
