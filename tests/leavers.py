"""Meters that answer whatever they are asked, for tests of accounts that end: no gateway, only its answers."""

from __future__ import annotations

from typing import Any

from counter import Counter
from prewatt.link.messages import Outcome


class Leavers:
    """What each meter holds, by its number. `answer_all` lets every order that is on its way be carried out."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.energy_wh = 68_460
        self.holds: dict[str, dict[str, int]] = {}

    def account(self, first: str, *, used_fen: int = 0, number: str = "", customer: Any = None) -> Any:
        """An account opened by an order, with its first recharge, of which `used_fen` are gone by now."""
        from prewatt.domain.vending.operations import open_account

        counter, known = self.counter, len(self.holds)
        meter = (
            counter.meters[known]
            if known < len(counter.meters) and not number
            else counter.meter(number or f"L{known}")
        )
        self.know(meter)
        opening = open_account(
            opening_id=f"open-{meter.number}",
            meter=meter,
            customer=customer or counter.customer,
            first_amount=first,
            tender="cash",
            operator=counter.cashier,
            now=counter.now,
        )
        self.answer_all()
        self.use(meter, used_fen)
        opening.refresh_from_db()
        return opening

    def know(self, meter: Any) -> None:
        self.holds.setdefault(meter.number, {"purchase_count": 0, "balance_fen": 0, "bought_fen": 500})

    def use(self, meter: Any, fen: int) -> None:
        self.holds[meter.number]["balance_fen"] -= fen
        self.read(meter)

    def read(self, meter: Any, **more: int) -> None:
        self.counter.read_all(meter, energy_wh=self.energy_wh, **self.holds[meter.number], **more)

    def answer_all(self, *, rounds: int = 12) -> None:
        """Orders are fetched and carried out until nothing moves any more."""
        from prewatt.domain.vending.operations import advance

        for _ in range(rounds):
            orders = self.counter.lease()
            for order in orders:
                self.carry_out(order)
            if not advance(now=self.counter.now) and not orders:
                return

    def carry_out(self, order: Any) -> None:
        from prewatt.domain.estate.models import Meter

        held = self.holds[order.meter]
        if order.kind in ("recharge", "refund"):
            delta = order.amount_fen if order.kind == "recharge" else -order.amount_fen
            if held["balance_fen"] + delta < 0:
                self.tell(order, Outcome.REFUSED, reason="balance_too_small")
                return
            held["balance_fen"] += delta
            held["bought_fen"] += delta
            held["purchase_count"] = order.count
        elif order.kind == "open":
            held["bought_fen"] += order.amount_fen - held["balance_fen"]
            held["balance_fen"], held["purchase_count"] = order.amount_fen, 0
        self.tell(order, Outcome.DONE)
        self.read(Meter.objects.get(number=order.meter))

    def tell(self, order: Any, outcome: Outcome, *, reason: str = "") -> None:
        from prewatt.domain.estate.models import Meter

        meter = Meter.objects.get(number=order.meter)
        shown = {"energy_wh": self.energy_wh, **self.holds[order.meter]}
        self.counter.settle(order.order_id, outcome, meter=meter, reason=reason, **shown)
