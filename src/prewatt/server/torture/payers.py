"""Tenants who pay by themselves, at two providers that lose, double, reorder and forge their notifications and are
down for up to a day; and the worker that repairs, as mortal as everything at the centre.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from prewatt.domain.estate.models import Opening
from prewatt.domain.payments import caring, channels, giving, matching, operations, queries, repairing
from prewatt.domain.payments.channel import Standing
from prewatt.domain.payments.models import BACK_OPEN, UNSETTLED, Attempt, BackStanding, Became, PaidBack, State
from prewatt.domain.staff.refusals import Refused
from prewatt.server.torture.centre import Centre, CentreDown
from prewatt.server.torture.history import History
from prewatt.server.torture.provider import Message, Provider
from prewatt.server.torture.site import Estate

REPAIR_S, MATCH_S, CARE_S = 600.0, 3600.0, 10_800.0  # bills come once a day
LATE_S = (0.1, 86_400.0)  # a notification may come a day late
DOWN_S = (600.0, 86_400.0)
LOST, DOUBLED, LATE, FORGED = 0.25, 0.25, 0.3, 0.1
TELLS_MAX = 9  # a provider says it again for a day, and then never
SETTLE_TURNS_MAX = 60


class Payers:
    """`per_day`: orders of all tenants together."""

    def __init__(
        self, estate: Estate, centre: Centre, *, luck: random.Random, history: History, per_day: float
    ) -> None:
        self._estate, self._centre, self._luck, self._history = estate, centre, luck, history
        self._pause_s = 86_400 / per_day
        self.providers = (Provider("alipay"), Provider("wechat"))
        self._orders = 0
        self._tells: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Event()  # the worker looks every second; here it looks when there is something to see
        self.calm = False
        channels.plug(self.providers)

    async def live(self, until_ms: int, now_ms: Callable[[], int]) -> None:
        async with asyncio.TaskGroup() as group:
            for work in (self._pay, self._repair, self._match, self._care, self._break_down):
                group.create_task(self._until(until_ms, now_ms, work))

    async def _until(self, until_ms: int, now_ms: Callable[[], int], work: Callable[[], Any]) -> None:
        while now_ms() < until_ms:
            await work()

    # --- the payer ---------------------------------------------------------------------------------------

    async def _pay(self) -> None:
        await asyncio.sleep(self._luck.expovariate(1 / self._pause_s))
        openings = await self._ask(lambda: list(Opening.objects.filter(closed_at=None).order_by("pk")))
        if not openings:
            return
        self._orders += 1
        order = {"order_id": f"pay-{self._orders:05d}", "opening": self._luck.choice(openings)}
        order |= {"amount_fen": self._luck.randint(1, 30_000)}
        tried = [await self._begin(order, one.name) for one in self._some()]
        await asyncio.sleep(self._luck.expovariate(1 / 60.0))
        for attempt in tried:
            if attempt is not None and self._luck.random() < 0.75:
                self._pays(attempt)

    def _some(self) -> list[Provider]:
        """One, or both: two pages open on two telephones."""
        return list(self.providers) if self._luck.random() < 0.3 else [self._luck.choice(self.providers)]

    async def _begin(self, order: dict[str, Any], channel: str) -> Attempt | None:
        facts = {**order, "channel": channel, "way": "code", "by": "tenant", "address": "", "return_url": ""}
        for _ in range(3):  # somebody presses the button again
            try:
                return self._centre.ask(lambda: operations.begin(**facts, now=self._centre.now()))
            except CentreDown:
                await asyncio.sleep(self._luck.uniform(2, 60))
            except Refused as error:
                self._history.note("not_begun", order=order["order_id"], why=error.code)
                if not error.retry:
                    return None
        return None

    def _pays(self, attempt: Attempt) -> None:
        provider = self._of(attempt.channel)
        known = provider.orders.get(attempt.order_no)
        if known is None or (known.standing == Standing.CLOSED and self._luck.random() < 0.7):
            return
        wrong = attempt.amount_fen + 1 if self._luck.random() < 0.05 else None
        message = provider.pay(attempt.order_no, now=self._centre.now(), amount_fen=wrong)
        self._history.note("paid", order=attempt.order_no, channel=provider.name)
        for one in self._told(message):
            task = asyncio.get_running_loop().create_task(self._tell(provider, one))
            self._tells.add(task)
            task.add_done_callback(self._tells.discard)

    def _told(self, message: Message) -> Iterator[Message]:
        headers, body = message
        if self._luck.random() < FORGED:
            yield headers, body.replace(b'"amount_fen": ', b'"amount_fen": 9')
        if self._luck.random() >= LOST:
            yield message
        while self._luck.random() < DOUBLED:
            yield message

    async def _tell(self, provider: Provider, message: Message) -> None:
        """Until it is answered with success; late, so that two of them come in any order."""
        late = self._luck.random() < LATE
        await asyncio.sleep(self._luck.uniform(*LATE_S) if late else self._luck.uniform(0.1, 5.0))
        headers, body = message
        for _ in range(TELLS_MAX):
            try:
                reply = self._centre.ask(
                    lambda: operations.take(channel=provider, headers=headers, body=body, now=self._centre.now())
                )
            except CentreDown:
                await asyncio.sleep(self._luck.uniform(15, 600))
                continue
            self._heard.set()
            if reply.body == b"success":
                return
            await asyncio.sleep(self._luck.uniform(15, 600))

    def _of(self, name: str) -> Provider:
        return next(one for one in self.providers if one.name == name)

    # --- the provider and the worker ---------------------------------------------------------------------

    async def _break_down(self) -> None:
        await asyncio.sleep(self._luck.expovariate(1 / 86_400))
        provider = self._luck.choice(self.providers)
        provider.down = True
        self._history.note("provider_down", channel=provider.name)
        await asyncio.sleep(self._luck.uniform(*DOWN_S))
        provider.down = False

    async def _repair(self) -> None:
        self._heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(REPAIR_S):
                await self._heard.wait()
        await asyncio.sleep(1.0)
        self.repair()

    async def _match(self) -> None:
        await asyncio.sleep(MATCH_S)
        self.match()

    def repair(self) -> None:
        self._centre.tend(lambda: repairing.tend(now=self._centre.now()))

    def match(self) -> None:
        self._centre.tend(lambda: matching.tend(now=self._centre.now()))

    # --- who cares for what lies in the wallet -----------------------------------------------------------

    async def _care(self) -> None:
        await asyncio.sleep(self._luck.uniform(0, CARE_S))
        found = await self._ask(lambda: list(queries.attempts(operator=self._estate.operator).filter(state=State.PAID)))
        if not found:
            return
        one = self._luck.choice(found)
        who = {"attempt": one, "operator": self._estate.operator}
        if one.became == Became.WALLET and self._luck.random() < 0.5:
            await self._ask(lambda: caring.send_on(**who, now=self._centre.now()))
            return
        self._orders += 1
        back: dict[str, Any] = {"form_id": f"back-{self._orders:05d}", "reason": "asked for", **who}
        back["amount"] = f"0.{self._luck.randint(1, 99):02d}" if self._luck.random() < 0.3 else _yuan(one.paid_fen or 1)
        for _ in range(2):  # a double click
            await self._ask(lambda: giving.give_back(**back, now=self._centre.now()))

    async def _ask(self, work: Callable[[], Any]) -> Any:
        for _ in range(50):
            try:
                return self._centre.ask(work)
            except CentreDown:
                await asyncio.sleep(self._luck.uniform(2, 60))
            except Refused as error:
                self._history.note("payment_refused", why=error.code)
                return None
        return None

    # --- the end -----------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Both providers are up again, and everything that is open is asked about until nothing is."""
        for one in self.providers:
            one.down = False
        for task in list(self._tells):
            task.cancel()
        for _ in range(SETTLE_TURNS_MAX):
            self.repair()
            self.match()
            if not self._open():
                return
            await asyncio.sleep(1800)

    def _open(self) -> bool:
        asked = Attempt.objects.filter(state__in=UNSETTLED).exists()
        return asked or PaidBack.objects.filter(state__in=BACK_OPEN).exists()

    def judge(self) -> Iterator[str]:
        """Statement 4, from the providers' side: what they captured is in our books to the fen, and what went back."""
        for provider in self.providers:
            ours = {one.order_no: one for one in Attempt.objects.filter(channel=provider.name)}
            for no, order in sorted(provider.orders.items()):
                mine = ours.get(no)
                captured = order.amount_fen if order.standing == Standing.PAID else None
                booked = mine.paid_fen if mine is not None and mine.state == State.PAID else None
                if captured != booked:
                    yield f"statement 4: payment {no} captured {captured} fen, booked {booked}"
            backs = {one.back_no: one for one in PaidBack.objects.filter(tender=provider.name)}
            for no, ask in sorted(provider.backs.items()):
                back = backs.pop(no, None)
                if back is None or (back.state, back.amount_fen) != (BackStanding.DONE, ask.amount_fen):
                    yield f"statement 4: {provider.name} gave back {no} ({ask.amount_fen} fen), our books say {back}"
            for back in backs.values():
                if back.state == BackStanding.DONE:
                    yield f"statement 4: refund {back.back_no} is done here and unknown to {provider.name}"
        for left in Attempt.objects.filter(state__in=UNSETTLED):
            yield f"payment {left.order_no} never ended ({left.state})"
        for one in PaidBack.objects.filter(state__in=BACK_OPEN):
            yield f"refund {one.back_no} never ended ({one.state})"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
