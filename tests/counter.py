"""Standing people and things for money tests: a building, its gateway and meters, people with known rights."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prewatt.link.messages import Answer, Outcome
from prewatt.units.values import Money

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai


class Counter:
    """One tower, one bus. `now` moves on by a second with every look: nothing happens at the same time by accident."""

    def __init__(self, *, meters: int = 1) -> None:
        from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Room
        from prewatt.domain.staff.operations import ready_roles

        self._now = NOW
        self._roles = ready_roles()
        self.building = Building.objects.create(name="A座", code="A")
        self.room = Room.objects.create(floor=Floor.objects.create(building=self.building, number=1), number="101")
        self.gateway = Gateway.objects.create(code="gw-1")
        self.other_gateway = Gateway.objects.create(code="gw-2")
        self.bus = Bus.objects.create(gateway=self.gateway, code="bus-1")
        self.customer = Customer.objects.create(number="K0001", name="张三", created_at=NOW)
        self.admin = self.person("admin", "admin")
        self.second = self.person("second", "admin")
        self.cashier = self.person("cashier", "cashier")
        self.reader = self.person("reader", "viewer")
        self.stranger = self.person("stranger", "admin", all_buildings=False)
        self.meters = [self.meter(f"0300{n:06d}") for n in range(meters)]

    @property
    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def later(self, **duration: int) -> datetime:
        self._now += timedelta(**duration)
        return self._now

    def person(self, username: str, role: str, *, all_buildings: bool = True) -> Any:
        from prewatt.domain.staff.models import Operator

        return Operator.objects.create(
            username=username, role=self._roles[role], all_buildings=all_buildings, created_at=NOW
        )

    def other_customer(self) -> Any:
        from prewatt.domain.estate.models import Customer

        return Customer.objects.get_or_create(number="K0002", defaults={"name": "李四", "created_at": NOW})[0]

    def meter(self, number: str) -> Any:
        from prewatt.domain.estate.models import Meter

        unit = Meter.objects.filter(bus=self.bus).count() + 1

        return Meter.objects.create(
            number=number, unit=unit, profile="acrel-dtsy1352-nk", bus=self.bus, room=self.room, ceiling_fen=100_000
        )

    def opened(self, meter: Any = None, *, count: int = 0, balance_fen: int = 0, bought_fen: int = 0) -> Any:
        """An account that opened without money of ours: the meter's registers are its base."""
        from prewatt.domain.estate.models import Opening

        meter = meter or self.meters[0]
        opening = Opening.objects.create(
            meter=meter, customer=self.customer, opened_at=self.now, count_base=count, bought_base_fen=bought_fen
        )
        self.read(meter, balance_fen=balance_fen, purchase_count=count, bought_fen=bought_fen)
        return opening

    def read(self, meter: Any, *, lost: bool = False, **values: int) -> None:
        """The meter was read just now."""
        from prewatt.domain.metering.models import MeterState

        MeterState.objects.update_or_create(meter=meter, defaults={"taken_at": self.now, "lost": lost, **values})

    def read_all(self, meter: Any = None, **values: int) -> None:
        """A whole reading, kept as metering keeps it."""
        from prewatt.domain.metering.models import Reading

        meter = meter or self.meters[0]
        self.read(meter, **values)
        Reading.objects.create(meter=meter, taken_ms=round(self._now.timestamp() * 1000), **values)

    def sell(self, sale_id: str = "s1", amount: Any = "100", **changes: Any) -> Any:
        from prewatt.domain.vending.operations import sell

        asked: dict[str, Any] = {
            "sale_id": sale_id,
            "meter": self.meters[0],
            "amount": amount,
            "tender": "cash",
            "operator": self.cashier,
            "now": self.now,
        }
        return sell(**asked | changes)

    def answer(self, order_id: str, outcome: Outcome, *, meter: Any = None, reason: str = "", **after: int) -> Answer:
        return Answer(
            order_id=order_id,
            meter=(meter or self.meters[0]).number,
            outcome=outcome,
            at_ms=round(self.now.timestamp() * 1000),
            reason=reason,
            after=after,
            writes=1,
        )

    def settle(self, order_id: str, outcome: Outcome, **more: Any) -> Any:
        from prewatt.domain.settlement import settle

        gateway = more.pop("gateway", self.gateway)
        return settle(self.answer(order_id, outcome, **more), gateway=gateway, now=self.now)

    def lease(self) -> list[Any]:
        from prewatt.domain.dispatch.operations import lease

        return lease(gateway=self.gateway, now=self.now)

    def arrive(self, order_id: str, meter: Any = None) -> Any:
        """The order is fetched, carried out and proven: the registers grow as a true meter's would."""
        from prewatt.domain.dispatch.models import MeterOrder
        from prewatt.domain.vending.look import look

        self.lease()
        order = MeterOrder.objects.select_related("meter", "opening").get(pk=order_id)
        assert order.opening is not None
        assert order.amount_fen is not None
        delta = -order.amount_fen if order.kind == "refund" else order.amount_fen
        known = 0 if order.kind == "open" else look(order.meter_id).balance_fen
        return self.settle(
            order_id,
            Outcome.DONE,
            meter=order.meter,
            purchase_count=order.count,
            balance_fen=known + delta,
            bought_fen=(order.bought_before_fen or 0) + delta,
        )

    def wallet_fen(self) -> int:
        from prewatt.domain.ledger import accounts, queries

        return queries.balance_fen(accounts.wallet(self.customer.pk))

    def on_meter_fen(self, opening: Any) -> int:
        from prewatt.domain.ledger import accounts, queries

        return queries.balance_fen(accounts.meter(opening.pk))

    def drawer_fen(self, tender: str = "cash") -> int:
        """What came in: the tender account counts it down."""
        from prewatt.domain.ledger import accounts, queries

        return -queries.balance_fen(accounts.tender(tender))


def yuan(amount: str) -> int:
    return Money.parse(amount).fen
