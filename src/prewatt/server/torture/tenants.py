"""The tenants whose money the platform counts 平台计费: their balance is in the ledger, their meters only count energy.

They buy, take back, are cut for arrears and pay; now and then their meter bills them for a while. Prices change under
them, and readings taken by hand come in late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from prewatt.domain.billing.models import Billing
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.storing import READING_COLUMNS
from prewatt.domain.tariff import versions
from prewatt.domain.vending import closing
from prewatt.domain.vending.platform import open_on_platform
from prewatt.domain.vending.rebilling import change_billing
from prewatt.link.messages import Kind, Reading
from prewatt.server.torture.people import SWITCH_LIFE, People, Place, Wishes, told
from prewatt.server.torture.site import document

WALKS_S = (900.0, 5400.0)
KEPT_S = (600.0, 6 * 3600.0)  # how long a note with a reading lies about before somebody types it in
SHOWN_WH = 10
Look = Callable[[Meter], dict[str, int]]


class Tenants(People):
    """`look` is somebody who stands before a meter and writes down what it shows."""

    _called = "t-"

    def __init__(self, *facts: Any, look: Look, **more: Any) -> None:
        super().__init__(*facts, **more)
        self._look = look
        self._notes: list[tuple[int, Reading]] = []

    async def live(self, until_ms: int, now_ms: Callable[[], int]) -> None:
        """One life a meter, and one person who walks round with a pencil."""
        async with asyncio.TaskGroup() as group:
            for meter, customer in self._places():
                group.create_task(self._serve(Place(meter, customer), until_ms, now_ms))
            group.create_task(self._walk(until_ms, now_ms))

    def _places(self) -> list[tuple[Meter, Customer]]:
        return self._estate.billed

    def _wishes(self, place: Place, account: Opening) -> Wishes:
        meter = place.meter
        if getattr(account, "platform_terms", None) is None:
            return (
                (0.35, lambda: self._sell(meter)),
                (0.45, lambda: self._refund(meter)),
                (0.65, lambda: self._waiting(meter)),
                (1.00, lambda: self._rebill(account, Billing.PLATFORM)),
            )
        return (
            (0.40, lambda: self._sell(meter)),
            (0.51, lambda: self._refund(meter)),
            (0.58, lambda: self._reverse(meter)),
            (0.66, lambda: self._close(account)),
            (0.82, lambda: self._cut(account)),
            (0.89, self._price),
            (0.94, lambda: self._switch(meter)),
            (1.00, lambda: self._rebill(account, None)),
        )

    async def _open(self, meter: Meter, customer: Customer) -> None:
        facts: dict[str, Any] = {"opening_id": self._id("open"), "meter": meter, "customer": customer, **self._who()}
        facts |= {"billing_kind": Billing.PLATFORM, "switch_on_min": self._yuan(1, 500)}
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            await self._do(lambda: open_on_platform(**facts, now=self._centre.now()), **told(facts))

    async def _rebill(self, account: Opening, to: Billing | None) -> None:
        """From the platform to the meter, and back: settled at one reading, whatever happens in between."""
        facts: dict[str, Any] = {"rebill_id": self._id("rebill"), "opening": account, "to": to, **self._who()}
        told_ = {"rebill_id": facts["rebill_id"], "meter": account.meter.number, "to": to or "meter"}
        for _ in range(2 if self._luck.random() < 0.25 else 1):
            await self._do(lambda: change_billing(**facts, now=self._centre.now()), **told_)

    async def _cut(self, account: Opening) -> None:
        """A trip for arrears, and perhaps a payment behind it."""
        facts: dict[str, Any] = {"order_id": self._id("cut"), "meter": account.meter, "kind": Kind.SWITCH_OFF}
        facts |= {"cause": ("arrears", str(account.pk)), "opening_id": account.pk}
        await self._do(
            lambda: dispatch.place(**facts, now=self._centre.now(), expires_at=self._centre.now() + SWITCH_LIFE),
            **told(facts),
        )
        if self._luck.random() < 0.7:
            await asyncio.sleep(self._luck.expovariate(1 / 60.0))
            await self._sell(account.meter)

    async def _price(self) -> None:
        """From now or from a moment to come; sent to the meters when it holds."""
        prices_e4 = [100 * self._luck.randint(10, 200) for _ in range(5)]
        later = self._centre.now() + timedelta(minutes=self._luck.choice((0, 1, 200)))
        facts: dict[str, Any] = {"key": self._id("price"), "plan": self._estate.plan, "document": document(prices_e4)}
        facts["effective_from"] = later if self._luck.random() < 0.5 else None
        await self._do(
            lambda: versions.add_version(
                **facts, send=True, now=self._centre.now(), day=self._centre.now().date(), **self._who()
            ),
            price=facts["key"],
            e4=prices_e4,
        )

    async def _typed(self, account: Opening) -> closing.Typed:
        """Who reads a register off reads it well: by what it says the last use is priced."""
        typed = await super()._typed(account)
        return typed._replace(energy_wh=_as_shown("energy_wh", self._look(account.meter)["energy_wh"]))

    # --- readings by hand --------------------------------------------------------------------------------

    async def _walk(self, until_ms: int, now_ms: Callable[[], int]) -> None:
        """Written down now, typed in much later: the day may be closed by then."""
        while now_ms() < until_ms:
            await asyncio.sleep(self._luck.uniform(*WALKS_S))
            for meter, _customer in self._places():
                due_ms = now_ms() + round(1000 * self._luck.uniform(*KEPT_S))
                self._notes.append((due_ms, self._note(meter, now_ms())))
            await self.type_in(before_ms=now_ms())

    def _note(self, meter: Meter, now_ms: int) -> Reading:
        shown = self._look(meter)
        values = {name: _as_shown(name, value) for name, value in shown.items() if name in READING_COLUMNS}
        return Reading(meter=meter.number, taken_at_ms=now_ms, values=values)

    async def type_in(self, *, before_ms: int | None = None) -> None:
        """What is due, the newest first; `None`: everything."""
        due = [one for one in self._notes if before_ms is None or one[0] <= before_ms]
        self._notes = [one for one in self._notes if one not in due]
        for _due_ms, note in sorted(due, key=lambda one: -one[1].taken_at_ms):
            await self._do(partial(self._record, note), typed_in=note.meter, taken_ms=note.taken_at_ms)

    def _record(self, note: Reading) -> None:
        metering.record_readings([note], gateway=None, now=self._centre.now())


def _as_shown(name: str, value: int) -> int:
    """A meter's window has two decimals of a kWh, as its registers have."""
    return value // SHOWN_WH * SHOWN_WH if name.endswith("_wh") else value
