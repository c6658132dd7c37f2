"""People who end accounts, each a process of its own, on one database at the same time.

`PREPARE` opens two accounts; `CLOSE ID` closes them under that form's id; `SELL ID` sells to the first of them;
`SETTLE` lets the meters answer. Each prints what came of it as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import django

django.setup()

from counter import Counter  # noqa: E402  Django must be set up first
from leavers import Leavers  # noqa: E402
from prewatt.domain.estate.models import Customer, Meter  # noqa: E402
from prewatt.domain.staff.models import Operator  # noqa: E402
from prewatt.domain.vending.models import Refund  # noqa: E402
from prewatt.domain.vending.operations import Refused, close_account, sell  # noqa: E402
from prewatt.domain.vending.records import Closing, ClosingLine  # noqa: E402


def prepare() -> Any:
    counter = Counter(meters=2)
    leavers = Leavers(counter)
    for _ in counter.meters:
        leavers.account("100", used_fen=3_000)


def act(what: str, form: str) -> Any:
    who: dict[str, Any] = {"operator": Operator.objects.get(username="cashier"), "now": datetime.now(UTC)}
    try:
        if what == "CLOSE":
            return close_account(closing_id=form, customer=Customer.objects.get(), tender="cash", **who).pk
        return sell(sale_id=form, meter=Meter.objects.order_by("pk")[0], amount="10", tender="cash", **who).pk
    except Refused as error:
        return error.code


def settle() -> Any:
    counter = Counter.__new__(Counter)
    counter._now, counter.gateway = datetime.now(UTC), Meter.objects.all()[0].bus.gateway
    leavers = Leavers(counter)
    for meter in Meter.objects.select_related("state"):
        shown = meter.state
        leavers.holds[meter.number] = {
            name: int(getattr(shown, name) or 0) for name in ("purchase_count", "balance_fen", "bought_fen")
        }
    leavers.answer_all(rounds=20)
    return {
        "closings": list(Closing.objects.values_list("pk", "state")),
        "lines": list(ClosingLine.objects.order_by("code").values_list("state", "back_fen", "used_fen")),
        "paid_fen": sum(Refund.objects.filter(state="done").values_list("amount_fen", flat=True)),
    }


if __name__ == "__main__":
    word = sys.argv[1]
    sys.stdout.write(
        json.dumps(prepare() if word == "PREPARE" else settle() if word == "SETTLE" else act(*sys.argv[1:]))
    )
