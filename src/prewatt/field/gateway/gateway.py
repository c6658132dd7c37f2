"""The gateway:

one poller a bus, one uplink, one journal. After a restart it goes on where its journal says, by reading.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

import prewatt
from prewatt.field.gateway.findings import Findings
from prewatt.field.gateway.journal import Journal, JournalFull, OpenOrder, Taken, is_money
from prewatt.field.gateway.poller import Poller
from prewatt.field.gateway.recharge import RechargeRules
from prewatt.field.gateway.switching import SwitchRules
from prewatt.field.gateway.uplink import Pace, Uplink
from prewatt.field.line.pipe import Pipe
from prewatt.field.line.url import UrlError
from prewatt.link.messages import Answer, BusConfig, Config, Event, Finding, Inquiry, Order, Outcome, Reading
from prewatt.link.port import CentrePort

log = structlog.get_logger()

STOP_S_MAX = 5.0  # how long a job under way may take to end
HOMELESS_S = 5.0  # how often an order without a bus is looked at again
INQUIRIES_REMEMBERED = 200  # so that one that is given twice begins once


class Gateway:
    """Everything at one site. `centre=None`: standalone, readings stay in the journal.

    Nothing here reads a clock, a file or chance by itself: the same arguments on the same loop give the same run.
    """

    def __init__(
        self,
        config: Config,
        *,
        journal: Journal,
        open_pipe: Callable[[BusConfig], Pipe],
        centre: CentrePort | None,
        now_ms: Callable[[], int],
        random: random.Random,
        recharge_rules: RechargeRules | None = None,
        switch_rules: SwitchRules | None = None,
        directories: Sequence[Path | str] = (),
        pace: Pace | None = None,
        rest_ms: int | None = None,
    ) -> None:
        self.config = config
        self._journal, self._open_pipe, self._now_ms = journal, open_pipe, now_ms
        self._rules: dict[str, Any] = {"recharge_rules": recharge_rules, "switch_rules": switch_rules}
        self._directories, self._rest_ms = directories, rest_ms
        self._baselines: dict[str, Reading] = {}
        self.pollers: dict[str, Poller] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._retiring: dict[Poller, asyncio.Task[None]] = {}
        self._stopping = False
        self._homeless = False  # an order waits for a bus, or for the centre's word that its meter is not ours
        self._poke = asyncio.Event()  # something for `_watch` to look at
        self._findings = Findings()
        self._inquiries: OrderedDict[str, None] = OrderedDict()
        self.uplink: Uplink | None = None
        if centre is not None:
            self.uplink = Uplink(
                centre=centre,
                journal=journal,
                now_ms=now_ms,
                chance=random,
                config_version=lambda: self.config.version,
                on_orders=self._take,
                on_config=self._reconfigure,
                on_inquiries=self._inquire,
                findings=self._findings,
                pace=pace,
                software=f"prewatt {prewatt.__version__}",
            )

    async def run(self) -> None:
        """Until `stop`. The journal is left open: it is its owner's to close."""
        self._baselines = await self._journal.baselines()
        self._apply(self.config)
        await self._adopt()
        links = []
        if self.uplink is not None:
            loop = asyncio.get_running_loop()
            links = [
                loop.create_task(self.uplink.deliver(), name="uplink"),
                loop.create_task(self.uplink.listen(), name="orders"),
            ]
        try:
            await self._watch(links)
        finally:
            await self._end(links)

    async def _watch(self, links: list[asyncio.Task[None]]) -> None:
        """Wait for `stop`. A task of ours that ends by itself has found a mistake of the program: end loudly."""
        while not self._stopping:
            poke = asyncio.get_running_loop().create_task(self._poke.wait(), name="poke")
            try:
                tasks = [*self._tasks.values(), *links]
                done, _ = await asyncio.wait(
                    [*tasks, *self._retiring.values(), poke],
                    return_when=asyncio.FIRST_COMPLETED,
                    timeout=HOMELESS_S if self._homeless else None,
                )
            finally:
                poke.cancel()
            for task in tasks:
                if task in done:
                    task.result()
            self._poke.clear()
            self._retiring = {poller: task for poller, task in self._retiring.items() if task not in done}
            await self._adopt()

    async def _end(self, links: list[asyncio.Task[None]]) -> None:
        for task in links:
            task.cancel()
        for poller in self.pollers.values():
            poller.stop()
        tasks = [*links, *self._tasks.values(), *self._retiring.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_S_MAX)
            for task in tasks:
                if task in late:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """End cleanly: jobs under way are finished first. Orders not yet answered go on after the next start."""
        self._stopping = True
        self._poke.set()

    def report(self) -> dict[str, Any]:
        """What a person at the site may want to know; no secrets in it."""
        uplink = self.uplink
        return {
            "gateway": self.config.gateway,
            "config_version": self.config.version,
            "at_ms": self._now_ms(),
            "centre": None
            if uplink is None
            else {
                "linked": uplink.is_linked,
                "error": uplink.last_error,
                "clock_error_ms": uplink.centre_clock_error_ms,
            },
            "buses": [poller.report() for poller in self.pollers.values()],
        }

    # --- configuration ------------------------------------------------------------------------------------------------

    async def _reconfigure(self, config: Config) -> None:
        try:
            await self._journal.save_config(config)
        except JournalFull as error:
            log.error("journal_full", what="config", error=str(error))
        self._apply(config)
        log.info("configured", version=config.version, buses=len(config.buses), meters=len(config.meters))

    def _apply(self, config: Config) -> None:
        """Buses come, change and go; meters do so inside their poller."""
        self.config = config
        wanted = {bus.bus: bus for bus in config.buses}
        for name in [name for name, poller in self.pollers.items() if _is_gone(poller, wanted.get(name))]:
            self._retire(name)
        for name, bus in wanted.items():
            meters = [meter for meter in config.meters if meter.bus == name]
            if name in self.pollers:
                self.pollers[name].update(config, bus, meters)
            else:
                self._start(config, bus)
        self._poke.set()

    def _start(self, config: Config, bus: BusConfig) -> None:
        meters = [meter for meter in config.meters if meter.bus == bus.bus]
        try:
            poller = Poller(
                bus,
                meters,
                config=config,
                pipe=self._open_pipe(bus),
                journal=self._journal,
                now_ms=self._now_ms,
                baselines=self._baselines,
                directories=self._directories,
                rest_ms=self._rest_ms,
                is_linked=lambda: self.uplink is None or self.uplink.is_linked,
                is_clock_trusted=lambda: self.uplink is None or self.uplink.is_clock_trusted,
                tell_finding=self._findings.add,
                **self._rules,
            )
        except UrlError as error:
            log.error("bad_bus", bus=bus.bus, error=str(error))
            self._journal.event(
                Event(at_ms=self._now_ms(), code="bad_bus", detail={"bus": bus.bus, "error": str(error)})
            )
            return
        self.pollers[bus.bus] = poller
        self._tasks[bus.bus] = asyncio.get_running_loop().create_task(poller.run(), name=f"bus-{bus.bus}")

    def _retire(self, name: str) -> None:
        """A bus that is gone or has another address: its owner ends, then its orders find a new one in the journal."""
        poller = self.pollers.pop(name)
        poller.stop()
        self._retiring[poller] = self._tasks.pop(name)

    # --- orders -------------------------------------------------------------------------------------------------------

    async def _take(self, orders: list[Order]) -> None:
        """Journal each order, then hand it to its bus.

        One that cannot be journalled is not taken: it is given again.
        """
        for order in orders:
            try:
                taken = await self._journal.take(order, now=self._now_ms())
            except JournalFull as error:
                log.error("journal_full", what="order", order=order.order_id, error=str(error))
                await asyncio.sleep(1.0)
                return
            if taken is Taken.NEW:
                if not self._hand_over(OpenOrder(order=order)):
                    self._poke.set()
            elif taken is Taken.KNOWN and not self._repeat(order):
                await self._adopt()

    def _hand_over(self, opened: OpenOrder) -> bool:
        return any(poller.add_order(opened) for poller in self.pollers.values())

    def _repeat(self, order: Order) -> bool:
        """The same order again, perhaps with a wish to cancel it."""
        return any(poller.repeat_order(order) for poller in self.pollers.values())

    def _inquire(self, inquiries: list[Inquiry], centre_time_ms: int) -> None:
        """An engineer looks at a bus. How long is told by the centre's clock, which ours need not agree with."""
        for inquiry in sorted(inquiries, key=lambda one: not one.cancel):
            if inquiry.cancel:
                for poller in self.pollers.values():
                    poller.inquire(inquiry, life_ms=0)
            elif inquiry.inquiry_id not in self._inquiries:
                self._inquiries[inquiry.inquiry_id] = None
                self._begin_inquiry(inquiry, inquiry.expires_at_ms - centre_time_ms)
        while len(self._inquiries) > INQUIRIES_REMEMBERED:
            self._inquiries.popitem(last=False)

    def _begin_inquiry(self, inquiry: Inquiry, life_ms: int) -> None:
        poller = self.pollers.get(inquiry.bus)
        if poller is not None:
            poller.inquire(inquiry, life_ms=life_ms)
            return
        self._findings.add(
            Finding(inquiry_id=inquiry.inquiry_id, seq=1, at_ms=self._now_ms(), final=True, reason="unknown_bus")
        )

    async def _adopt(self) -> None:
        """Open orders of the journal that no bus works on: after a start, and after a bus or a meter came or went."""
        working = {
            order_id for poller in (*self.pollers.values(), *self._retiring) for order_id in poller.open_order_ids
        }
        self._homeless = False
        for opened in await self._journal.open_orders():
            if opened.order.order_id not in working and not self._hand_over(opened):
                self._homeless = not await self._answer_homeless(opened) or self._homeless

    async def _answer_homeless(self, opened: OpenOrder) -> bool:
        """An order for a meter that is not ours, by a configuration that the centre confirms; False: not yet.

        Of money nobody can say.
        """
        order = opened.order
        if any(meter.meter == order.meter for meter in self.config.meters):
            return False  # ours, on a bus that cannot be used as configured: the order waits, as for a silent meter
        if self._retiring or (self.uplink is not None and self.uplink.config_seen != self.config.version):
            return False
        outcome = Outcome.UNCLEAR if is_money(order.kind) else Outcome.REFUSED
        answer = Answer(
            order_id=order.order_id, meter=order.meter, outcome=outcome, at_ms=self._now_ms(), reason="unknown_meter"
        )
        try:
            await self._journal.end(answer)
        except JournalFull as error:
            log.error("journal_full", what="answer", order=order.order_id, error=str(error))
            return False
        return True


def _is_gone(poller: Poller, bus: BusConfig | None) -> bool:
    return bus is None or bus.url != poller.bus.url
