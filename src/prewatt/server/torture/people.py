"""The people of a run: a tenant who asks for an account, a cashier who clicks twice and cancels, one who decides.

They know only what stands on their screens. When the centre dies under them they ask again, with the same id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from prewatt.domain import settlement
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.fleet import operations as fleet
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.accounts import meter as meter_account
from prewatt.domain.metering.models import MeterState
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.vending import changing, closing, closing_queries, handing, opening, returning, selling
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.records import ENDED, ClosingLine, LineState, Settle
from prewatt.link.messages import Kind
from prewatt.server.torture.centre import Centre, CentreDown
from prewatt.server.torture.history import History
from prewatt.server.torture.site import Estate
from prewatt.units.values import Money

T = TypeVar("T")
ASKED_MAX = 400
NO = (Refused, dispatch.OrderEnded, dispatch.OrderUnclear)
SWITCH_LIFE = timedelta(minutes=10)
Wishes = tuple[tuple[float, Callable[[], Any]], ...]  # each up to its share of all of them
_TENDERS = ("cash", "wechat", "alipay", "card")


@dataclass(slots=True)
class Place:
    """Where a tenant gets his power: one meter after another. `change_id`: it is being changed right now."""

    meter: Meter
    customer: Customer
    change_id: str = ""
    other: Meter | None = None  # while it is changed: the one that hung here before


class People:
    """`sales_per_day` per meter. Everything they want is drawn from one stream of chance."""

    _called = ""  # what their ids begin with

    def __init__(
        self, estate: Estate, centre: Centre, *, luck: random.Random, history: History, sales_per_day: float
    ) -> None:
        self._estate, self._centre, self._luck, self._history = estate, centre, luck, history
        self._pause_s = 86_400 / sales_per_day
        self._ids = 0
        self._spares = list(estate.spares)
        self.decided = 0

    async def live(self, until_ms: int, now_ms: Callable[[], int]) -> None:
        """One life a meter, and one person who looks at what is unclear."""
        async with asyncio.TaskGroup() as group:
            for meter, customer in self._places():
                group.create_task(self._serve(Place(meter, customer), until_ms, now_ms))
            group.create_task(self._watch(until_ms, now_ms))

    def _places(self) -> list[tuple[Meter, Customer]]:
        return list(zip(self._estate.meters, self._estate.customers, strict=False))  # the last one only takes over

    # --- at the counter ----------------------------------------------------------------------------------

    async def _serve(self, place: Place, until_ms: int, now_ms: Callable[[], int]) -> None:
        while True:
            wait_s = min(self._luck.expovariate(1 / self._pause_s), 3 * self._pause_s)
            if now_ms() + 1000 * wait_s >= until_ms:
                return
            await asyncio.sleep(wait_s)
            await self._one(place)

    async def _one(self, place: Place) -> None:
        if place.change_id and not await self._is_changed(place):
            return
        meter = place.meter
        account = await self._do(lambda: _account(meter))
        if account is None:
            await self._open(meter, place.customer)
            return
        wish = self._luck.random()
        await next(act for limit, act in self._wishes(place, account) if wish < limit)()

    def _wishes(self, place: Place, account: Opening) -> Wishes:
        meter = place.meter
        return (
            (0.52, lambda: self._sell(meter)),
            (0.63, lambda: self._refund(meter)),
            (0.70, lambda: self._reverse(meter)),
            (0.77, lambda: self._waiting(meter)),
            (0.83, lambda: self._close(account)),
            (0.88, lambda: self._change(place, account)),
            (0.93, lambda: self._hand_over(account)),
            (0.96, self._batch),
            (1.00, lambda: self._switch(meter)),
        )

    async def _open(self, meter: Meter, customer: Customer) -> None:
        facts: dict[str, Any] = {"meter": meter, "customer": customer, "tender": "cash", **self._who()}
        facts |= {"opening_id": self._id("open"), "first_amount": self._yuan(0, 20_000)}
        facts |= {"carried_in": self._yuan(0, 5_000) if self._luck.random() < 0.3 else 0}
        await self._do(lambda: opening.open_account(**facts, now=self._centre.now()), **told(facts))

    async def _sell(self, meter: Meter) -> None:
        facts = {"sale_id": self._id("sale"), "meter": meter, "amount": self._yuan(1, 50_000), **self._who()}
        facts["tender"] = self._luck.choice(_TENDERS)
        for _ in range(2 if self._luck.random() < 0.25 else 1):  # a double click sends the same form twice
            await self._do(lambda: selling.sell(**facts, now=self._centre.now()), **told(facts))
        if self._luck.random() < 0.12:
            await asyncio.sleep(self._luck.expovariate(1 / 5.0))
            await self._cancel(str(facts["sale_id"]))

    async def _cancel(self, order_id: str) -> None:
        who = self._who()
        await self._do(
            lambda: settlement.cancel(order_id=order_id, now=self._centre.now(), **who) if _exists(order_id) else None,
            cancel=order_id,
        )

    async def _refund(self, meter: Meter) -> None:
        await self._order(meter, Kind.READ)
        await asyncio.sleep(self._luck.uniform(5, 120))
        state = await self._do(lambda: MeterState.objects.filter(meter=meter).first())
        if state is None or (state.balance_fen or 0) < 100:
            return
        facts = {"refund_id": self._id("refund"), "meter": meter, "tender": "cash", **self._who()}
        facts["amount"] = self._yuan(1, state.balance_fen or 1)
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            await self._do(lambda: returning.refund(**facts, now=self._centre.now()), **told(facts))

    async def _reverse(self, meter: Meter) -> None:
        await self._order(meter, Kind.READ)
        await asyncio.sleep(self._luck.uniform(5, 120))
        sale = await self._do(lambda: Sale.objects.filter(meter=meter, first=False).order_by("-sold_at").first())
        if sale is not None:
            facts = {"reversal_id": self._id("reversal"), "sale_id": sale.pk, **self._who()}
            await self._do(lambda: returning.reverse(**facts, now=self._centre.now()), **told(facts))

    async def _waiting(self, meter: Meter) -> None:
        """Money that a meter refused: send it again, or pay it out."""
        waits = Sale.objects.filter(meter=meter, state=SaleState.WAITING, first=False).order_by("sold_at")
        sale = await self._do(waits.first)
        if sale is None:
            return
        facts = {"sale_id": sale.pk, **self._who()}
        if self._luck.random() < 0.5:
            facts["order_id"] = self._id("resend")
            await self._do(lambda: selling.resend(**facts, now=self._centre.now()), **told(facts))
        else:
            facts |= {"refund_id": self._id("payout"), "tender": "cash"}
            await self._do(lambda: returning.pay_out(**facts, now=self._centre.now()), **told(facts))

    async def _switch(self, meter: Meter) -> None:
        kind = self._luck.choice((Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE))
        await self._order(meter, kind)

    async def _order(self, meter: Meter, kind: Kind) -> None:
        facts: dict[str, Any] = {
            "order_id": self._id(kind.value),
            "meter": meter,
            "kind": kind,
            "operator": self._estate.operator,
        }
        facts["cause"] = ("torture", "")
        await self._do(
            lambda: dispatch.place(**facts, now=self._centre.now(), expires_at=self._centre.now() + SWITCH_LIFE),
            **told(facts),
        )

    # --- accounts that end -------------------------------------------------------------------------------

    async def _close(self, account: Opening) -> None:
        """All accounts of this customer, or this one; a meter that does not answer has its reading entered by hand."""
        facts: dict[str, Any] = {"closing_id": self._id("close"), "customer": account.customer, "tender": "cash"}
        facts |= self._who()
        if self._luck.random() < 0.7:
            facts["openings"] = [account]
        if self._luck.random() < 0.15:
            facts |= {"typed_readings": {account.meter_id: await self._typed(account)}}
            facts |= {"openings": [account], "second_person": self._estate.second}
        told = {"closing_id": facts["closing_id"], "meter": account.meter.number}
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            await self._do(lambda: closing.close_account(**facts, now=self._centre.now()), **told)

    async def _typed(self, account: Opening) -> closing.Typed:
        """What somebody read off a dead meter: never more than the books have there, perhaps below zero."""
        booked_fen = await self._do(lambda: ledger_queries.balance_fen(meter_account(account.pk)))
        state = await self._do(lambda: MeterState.objects.filter(meter=account.meter_id).first())
        last_wh = state.energy_wh or 0 if state is not None else 0
        balance_fen = min(booked_fen or 0, self._luck.randint(-500, 9_000))
        return closing.Typed(last_wh + self._luck.randint(0, 10**6), balance_fen, "dead", sure=True)

    async def _change(self, place: Place, account: Opening) -> None:
        if not self._spares:
            return
        new = self._spares.pop()
        facts: dict[str, Any] = {"change_id": self._id("change"), "opening": account, "new_meter": new, **self._who()}
        if self._luck.random() < 0.25:
            facts |= {"typed": await self._typed(account), "second_person": self._estate.second}
        told = {"change_id": facts["change_id"], "meter": account.meter.number, "new_meter": new.number}
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            done = await self._do(lambda: changing.change_meter(**facts, now=self._centre.now()), **told)
        if done is None:
            self._spares.append(new)
        else:
            place.change_id, place.meter, place.other = facts["change_id"], new, place.meter

    async def _is_changed(self, place: Place) -> bool:
        """While a meter is changed nobody buys there. The one that hung there is a spare one afterwards."""
        line = await self._do(lambda: ClosingLine.objects.get(closing=place.change_id))
        if line is None or place.other is None or line.state not in ENDED:
            return False
        if line.state == LineState.WITHDRAWN:
            place.meter, place.other = place.other, place.meter
        self._spares.append(place.other)
        place.change_id, place.other = "", None
        return True

    async def _hand_over(self, account: Opening) -> None:
        await self._order(account.meter, Kind.READ)
        await asyncio.sleep(self._luck.uniform(5, 120))
        to = self._luck.choice(self._estate.customers)
        facts: dict[str, Any] = {"hand_id": self._id("hand"), "openings": [account], "to_customer": to, **self._who()}
        facts["settle"] = self._luck.choice((Settle.CARRY, Settle.PAY_BACK))
        told = {"hand_id": facts["hand_id"], "meter": account.meter.number, "settle": str(facts["settle"])}
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            await self._do(lambda: handing.hand_over(**facts, now=self._centre.now()), **told)

    async def look_after(self) -> None:
        """What ends and cannot go on by itself: a person does what the page offers."""
        lines = closing_queries.under_way(operator=self._estate.operator).order_by("code")
        for line in await self._do(lambda: list(lines)) or []:
            offered = closing_queries.may(line)
            if offered and line.state != LineState.READING:
                await self._help(line, self._luck.choice(offered))

    async def _help(self, line: ClosingLine, verb: str) -> None:
        who = self._who()
        of_line: dict[str, Any] = {"closing_id": line.closing_id, "opening_id": line.opening_id, **who}
        of_change = {"change_id": line.closing_id, **who}
        owed = Money(max(0, -(line.balance_fen or 0)))
        by_hand: dict[str, Any] = {
            "typed": await self._typed(line.opening),
            "second_person": self._estate.second,
            **of_line,
        }
        verbs: dict[str, Callable[[], Any]] = {
            "collect_arrears": lambda: closing.collect_arrears(
                **of_line, amount=owed, tender="cash", now=self._centre.now()
            ),
            "type_reading": lambda: closing.type_reading(**by_hand, now=self._centre.now()),
            "try_again": lambda: closing.try_again(**of_line, now=self._centre.now()),
            "withdraw": lambda: closing.withdraw(**of_line, now=self._centre.now()),
            "in_place": lambda: changing.in_place(**of_change, now=self._centre.now()),
            "carry_again": lambda: changing.carry_again(**of_change, now=self._centre.now()),
            "pay_back_carried": lambda: changing.pay_back_carried(**of_change, tender="cash", now=self._centre.now()),
        }
        if verb in verbs:
            await self._do(verbs[verb], help=line.code, verb=verb, state=line.state)

    async def _batch(self) -> None:
        """One order for every meter, and perhaps a second thought."""
        kind = self._luck.choice((Kind.READ, Kind.HOLD, Kind.RELEASE, Kind.RELEASE))
        facts: dict[str, Any] = {"batch_id": self._id("batch"), "kind": kind, **self._who()}
        meters = Meter.objects.filter(active=True)
        await self._do(lambda: fleet.place_batch(**facts, meters=meters, now=self._centre.now()), **told(facts))
        if self._luck.random() < 0.4:
            await asyncio.sleep(self._luck.expovariate(1 / 5.0))
            word = {"batch_id": facts["batch_id"], **self._who()}
            await self._do(lambda: fleet.stop_batch(**word, now=self._centre.now()), stop=facts["batch_id"])

    # --- who looks at what is unclear --------------------------------------------------------------------

    async def _watch(self, until_ms: int, now_ms: Callable[[], int]) -> None:
        while now_ms() < until_ms:
            await asyncio.sleep(self._luck.uniform(600, 7200))
            await self.decide_all()
            await self.look_after()

    async def decide_all(self) -> None:
        """Look at every unclear order with both readings, and at every contradiction, and say what is so."""
        for order in await self._do(lambda: list(dispatch_queries.unclear_orders())) or []:
            await self._decide(order)
        for kept in await self._do(lambda: list(dispatch_queries.contradictions())) or []:
            await self._accept(kept.pk)

    async def _accept(self, contradiction_id: int) -> None:
        why = {"reason": "read at the meter", "second_person": self._estate.second, **self._who()}
        await self._do(
            lambda: settlement.accept_late(contradiction_id=contradiction_id, **why, now=self._centre.now()),
            contradiction=contradiction_id,
        )

    async def _decide(self, order: MeterOrder) -> None:
        applied = order.after.get("bought_fen") != order.before.get("bought_fen")
        if not order.before or order.before == order.after:
            applied = order.after.get("bought_fen") != order.bought_before_fen
        if order.kind == Kind.OPEN:
            applied = order.after.get("prepaid_open") == 1 and order.after.get("balance_fen") == order.amount_fen
        word = {"order_id": order.pk, "applied": applied, "reason": "read at the meter"}
        done = await self._do(
            lambda: settlement.decide(**word, second_person=self._estate.second, **self._who(), now=self._centre.now()),
            decide=order.pk,
            applied=applied,
        )
        self.decided += done is not None

    # --- asking ------------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[], T], **told: object) -> T | None:
        """Ask until the centre answers. A refusal is an answer. The same ids each time."""
        for _ in range(ASKED_MAX):
            try:
                result = self._centre.ask(work)
            except CentreDown:
                await asyncio.sleep(self._luck.uniform(2, 60))
                continue
            except NO as error:
                self._history.note("refused", why=getattr(error, "code", type(error).__name__), **told)
                return None
            if told:
                self._history.note("did", **told)
            return result
        raise RuntimeError("the centre never came back")

    def _who(self) -> dict[str, Any]:
        return {"operator": self._estate.operator}

    def _id(self, what: str) -> str:
        self._ids += 1
        return f"{self._called}{what}-{self._ids:05d}"

    def _yuan(self, low_fen: int, high_fen: int) -> str:
        fen = self._luck.randint(low_fen, max(low_fen, high_fen))
        return f"{fen // 100}.{fen % 100:02d}"


def _account(meter: Meter) -> Opening | None:
    found = Opening.objects.filter(meter=meter, closed_at__isnull=True)
    return found.select_related("customer", "meter", "platform_terms").first()


def _exists(order_id: str) -> bool:
    return MeterOrder.objects.filter(pk=order_id).exists()


def told(facts: dict[str, Any]) -> dict[str, object]:
    """What the history says of a call: names and amounts, no objects."""
    return {
        name: getattr(value, "number", value) for name, value in facts.items() if name not in {"operator", "customer"}
    }
