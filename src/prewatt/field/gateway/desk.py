"""The engineer's place at one bus: what the centre wants looked at, a step at a time, beside the living meters.

An inquiry only reads, whatever it asks for: its requests pass `ReadOnly`. The schedule says when a step may be made;
nothing here decides that. Nothing is journalled: an inquiry ends with the gateway, and the centre notices by its time.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from prewatt import profiles
from prewatt.field.gateway.meters import ZONE_OFFSET_S, Meter, Wiring
from prewatt.field.gateway.watch import Watch
from prewatt.field.line import search
from prewatt.field.line.line import Line, LineDown, LineError, LineNoisy, NoAnswer
from prewatt.field.line.questions import answered, read_request
from prewatt.field.wire import dlt645, modbus
from prewatt.field.wire.errors import WireError
from prewatt.link.looking import INQUIRY_S_MAX, PATIENCE_S_MAX, PATIENCE_S_MIN, Figures, allowed_s, question_s
from prewatt.link.messages import FOUND_PER_FINDING_MAX, Finding, Found, Inquiry, InquiryKind
from prewatt.profiles import Profile, ProfileError

log = structlog.get_logger()

TELL_MS = 500  # news of an inquiry is gathered for so long
READ_AGAIN_MS = 2_000
CLEAR_S_MAX = 0.25  # a question whose missing answer is still expected is not waited for with the bus in hand
PUT_OFF_MS = 250  # such a question is tried again so much later
PACE_QUESTIONS_MIN = 5  # from so many on the pace of a scan is its own
ALLOW_UNKNOWN = ("manual", "observed")  # of a model that is read without being configured
_READS = frozenset({1, 2, 3, 4})


class NotARead(Exception):
    """An inquiry wanted to send what could change a meter. Nothing was sent."""


class ReadOnly:
    """A line through which only questions pass. Time limits are those of the meter; the wire's own time is added."""

    def __init__(self, line: Line, wiring: Wiring) -> None:
        self._line, self._wiring = line, wiring

    @property
    def stats(self) -> Counter[str]:
        return self._line.stats

    def ask(self, request: Any, *, timeout_s: float) -> Awaitable[Any]:
        if not is_read(request):
            raise NotARead(repr(request)[:200])
        quiet_at = max(self._line.ready_at, asyncio.get_running_loop().time())
        if self._line.clear_at(request) - quiet_at > CLEAR_S_MAX:
            raise NoAnswer("an earlier answer to the same question may still come", sent=False)
        return self._line.ask(request, timeout_s=timeout_s + self._wiring.wire_s(request))


def is_read(request: Any) -> bool:
    """Only what the protocols define as reading; a maker's own functions may do anything."""
    if isinstance(request, modbus.Request):
        return request.function in _READS
    return isinstance(request, dlt645.Read | dlt645.ReadMore | dlt645.ReadAddress)


Steps = AsyncIterator[None]  # one item: one step on the bus


class Running:
    """An inquiry that is being carried out, and what it has found since it last told."""

    def __init__(self, inquiry: Inquiry, *, began_at: int, ends_at: int, total: int = 0) -> None:
        self.inquiry, self.began_at, self.ends_at, self.total = inquiry, began_at, ends_at, total
        self.seq = self.asked = self.left_s = 0
        self.found: list[Found] = []
        self.missing: list[int] = []
        self.values: dict[str, int] = {}
        self.read_at_ms: int | None = None
        self.failure = ""
        self.has_news = True
        self.grew = False  # a scan that learned how much it has to ask
        self.put_off = False  # the last question did not leave
        self.told_at = self.ready_at = 0
        self.steps: Steps | None = None
        self.watch: Watch | None = None

    def finding(self, now_ms: int, *, reason: str = "") -> Finding:
        """The news, handed over. With a reason: the end."""
        self.seq += 1
        told = Finding(
            inquiry_id=self.inquiry.inquiry_id,
            seq=self.seq,
            at_ms=now_ms,
            final=bool(reason),
            reason=reason or self.failure,
            asked=self.asked,
            total=self.total,
            left_s=0 if reason else self.left_s,
            found=self.found[:FOUND_PER_FINDING_MAX],
            missing=self.missing[:FOUND_PER_FINDING_MAX],
            values=self.values,
            read_at_ms=self.read_at_ms,
            frames=self.watch.drain() if self.watch else [],
        )
        self.found, self.missing, self.has_news = [], [], False
        return told


class Desk:
    """One bus. At most one inquiry that asks and one that watches; a newer one of its sort takes the place."""

    def __init__(
        self,
        line: Line,
        *,
        wiring: Wiring,
        meters: Mapping[str, Meter],
        directories: Sequence[Path | str],
        now_ms: Callable[[], int],
        tell: Callable[[Finding], object],
    ) -> None:
        self._line, self._wiring, self._meters = line, wiring, meters
        self._directories, self._now_ms, self._tell = directories, now_ms, tell
        self._asker: search.Asks = ReadOnly(line, wiring)
        self._active: Running | None = None
        self._watching: Running | None = None

    # --- from the centre ----------------------------------------------------------------------------------------------

    def take(self, inquiry: Inquiry, *, life_ms: int, now: int) -> None:
        """Begin. What cannot begin is answered by its reason."""
        life_ms = min(life_ms, 1000 * min(max(1, inquiry.seconds), INQUIRY_S_MAX))
        running = Running(inquiry, began_at=now, ends_at=now + life_ms)
        try:
            if inquiry.kind == InquiryKind.WATCH:
                self._begin_watch(running)
            else:
                running.steps = self._steps(running)
                self._replace(running)
        except ProfileError:
            self._tell(running.finding(self._now_ms(), reason="unknown_model"))
        except ValueError as error:
            self._tell(running.finding(self._now_ms(), reason=str(error)))

    def _begin_watch(self, running: Running) -> None:
        if self._watching is not None:
            self._end(self._watching, "replaced")
        watch = Watch(framing=self._wiring.framing, unit=running.inquiry.unit, now_ms=self._now_ms)
        running.watch = watch
        self._watching, self._line.observer = running, watch.observe

    def _replace(self, running: Running) -> None:
        if self._active is not None:
            self._end(self._active, "replaced")
        self._active = running

    def cancel(self, inquiry_id: str) -> None:
        for running in (self._active, self._watching):
            if running is not None and running.inquiry.inquiry_id == inquiry_id:
                self._end(running, "cancelled")

    def close(self) -> None:
        """The bus ends or gets another owner."""
        for running in (self._active, self._watching):
            if running is not None:
                self._end(running, "gateway_stopped")

    def _end(self, running: Running, reason: str) -> None:
        if running is self._active:
            self._active = None
        if running is self._watching:
            self._watching = self._line.observer = None
        self._tell(running.finding(self._now_ms(), reason=reason))

    # --- for the poller -----------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """End what is over, tell what is new."""
        for running in (self._active, self._watching):
            if running is None:
                continue
            if now >= running.ends_at:
                self._end(running, "expired" if running.inquiry.kind not in _TIMED else "done")
            elif (running.has_news or running.watch) and now - running.told_at >= TELL_MS:
                self._tell_news(running, now)

    def _tell_news(self, running: Running, now: int) -> None:
        news = running.finding(self._now_ms())
        if news.frames or not running.watch or running.seq == 1:
            self._tell(news)
        else:
            running.seq -= 1
        running.told_at = now

    def wake_at(self, now: int) -> int:
        """When the desk wants to be looked at again."""
        times = [now + 60_000]
        for running in (self._active, self._watching):
            if running is not None:
                times.append(running.ends_at)
                times += [running.told_at + TELL_MS] if running.has_news or running.watch else []
                times += [running.ready_at] if running.ready_at > now else []
        return max(now + 1, min(times))

    def step_ms(self, now: int) -> int | None:
        """How long the next step may take; None: nothing wants the bus now."""
        if self._active is None or self._active.ready_at > now:
            return None
        probe = dlt645.ReadAddress("A" * 12) if self._wiring.framing == "dlt645" else modbus.read(1, 0, 10)
        return round(1000 * (self._patience_s() + self._wiring.wire_s(probe) + self._line.gap_s)) + 50

    async def step(self, now: int) -> None:
        """One step. Raises LineDown and LineNoisy, which end the inquiry; a fault of its own never leaves."""
        running = self._active
        if running is None or running.steps is None:
            return
        try:
            await anext(running.steps)
        except StopAsyncIteration:
            self._end(running, "done")
        except (LineDown, LineNoisy) as error:
            self._end(running, error.code)
            raise
        except NotARead:
            log.exception("inquiry_would_write", inquiry=running.inquiry.inquiry_id)
            self._end(running, "would_write")
        except Exception:  # an engineer's look must never stop a bus that counts money
            log.exception("inquiry_failed", inquiry=running.inquiry.inquiry_id)
            self._end(running, "internal_error")
        else:
            if running.put_off:
                running.put_off, running.ready_at = False, now + PUT_OFF_MS
            elif running.inquiry.kind != InquiryKind.READ:
                running.has_news = True
                self._reckon(running, now)
            elif running.has_news:
                running.ready_at = now + READ_AGAIN_MS

    def _reckon(self, running: Running, now: int) -> None:
        """What is left of a scan, at its own pace. One that grew, because many answered at once, may take longer."""
        left = running.total - running.asked
        if left <= 0:
            running.left_s = 0
            return
        pace_s = question_s(self._figures())
        if running.asked >= PACE_QUESTIONS_MIN:
            pace_s = (now - running.began_at) / 1000 / running.asked
        running.left_s = round(left * pace_s)
        if running.grew:
            running.grew = False
            latest = running.began_at + 1000 * INQUIRY_S_MAX
            running.ends_at = min(latest, max(running.ends_at, now + 1000 * allowed_s(running.left_s)))

    def _figures(self) -> Figures:
        is_probing = any(meter.lost for meter in self._meters.values())
        return Figures(self._wiring.char_s, self._wiring.framing == "dlt645", bool(self._meters), is_probing)

    def _patience_s(self) -> float:
        """Long enough for the slowest that this bus has shown, and a bit."""
        return min(PATIENCE_S_MAX, max(PATIENCE_S_MIN, 3 * self._line.turnaround_s))

    # --- what each kind does ------------------------------------------------------------------------------------------

    def _steps(self, running: Running) -> Steps:
        """Raises ValueError with a code, and ProfileError."""
        inquiry = running.inquiry
        if inquiry.kind == InquiryKind.READ:
            return self._read(running, *self._blocks(running))
        if inquiry.kind == InquiryKind.IDENTIFY and self._wiring.framing != "dlt645":
            running.total = 1
            return self._scan(running, [inquiry.unit], guess=True)
        if inquiry.kind not in (InquiryKind.SCAN, InquiryKind.DUPLICATES, InquiryKind.IDENTIFY):
            raise ValueError("unknown_kind")
        if self._wiring.framing == "dlt645":
            return self._scan_addresses(running)
        units = list(range(max(1, inquiry.first_unit), min(247, inquiry.last_unit) + 1))
        running.total = len(units)
        return self._scan(running, units, guess=inquiry.kind == InquiryKind.SCAN)

    async def _scan(self, running: Running, units: list[int], *, guess: bool) -> Steps:
        configured = {meter.config.unit: meter for meter in self._meters.values()}
        waiting = deque(units)
        while waiting:
            unit = waiting.popleft()
            try:
                found = await search.look(self._asker, unit, timeout_s=self._patience_s())
            except NoAnswer:  # it did not leave: nobody was asked
                waiting.append(unit)
                running.put_off = True
                yield
                continue
            running.asked += 1
            if found is None and unit in configured:
                running.missing.append(unit)
            yield
            if found is None:
                continue
            if guess and found.note != "garbled":
                async for _ in self._guess(running, found, configured.get(unit), thorough=len(units) == 1):
                    yield
            running.found.append(Found(unit=unit, profiles=found.profiles, note=found.note))
            running.has_news = True

    async def _guess(self, running: Running, found: search.Found, meter: Meter | None, *, thorough: bool) -> Steps:
        """The configured model first: where it fits, a scan looks no further."""
        votes: dict[str, int] = {}
        if meter is not None and not thorough:
            async for _ in self._vote(running, found.unit, meter.whole, votes):
                yield
        if not any(votes.values()):
            for profile in self._candidates():
                async for _ in self._vote(running, found.unit, profile, votes):
                    yield
        found.profiles = search.best(votes)

    async def _vote(self, running: Running, unit: int, profile: Profile, votes: dict[str, int]) -> Steps:
        """One block a step: an order waits for one frame, not for a whole guess."""
        values: dict[str, int] = {}
        waiting = deque(profile.sweep_blocks)
        while waiting:
            block = waiting[0]
            try:
                read = await search.read_block(self._asker, unit, profile, block, timeout_s=self._patience_s())
            except NoAnswer:  # it did not leave
                running.put_off = True
                yield
                continue
            waiting.popleft()
            yield
            if read is None:
                votes[profile.name] = 0
                return
            values |= read
        votes[profile.name] = search.count_votes(profile, values)

    def _candidates(self) -> list[Profile]:
        known = [profiles.load(name, self._directories) for name in profiles.names(self._directories)]
        return [profile for profile in known if profile.protocol == "modbus-rtu"]

    async def _scan_addresses(self, running: Running) -> Steps:
        asking = search.AddressSearch()
        running.total = asking.left
        while asking.left:
            try:
                _mask, found = await asking.ask(self._asker, timeout_s=self._patience_s())
            except NoAnswer:  # it did not leave: nobody was asked
                running.put_off = True
                yield
                continue
            running.asked += 1
            running.grew = running.asked + asking.left > running.total
            running.total = running.asked + asking.left
            if found is not None:
                running.found.append(Found(address=found.address, profiles=["dlt645-2007"]))
            yield

    def _blocks(self, running: Running) -> tuple[Profile, tuple[profiles.Block, ...]]:
        """What a live reading asks for: everything of the model that this site allows to be read."""
        inquiry = running.inquiry
        meter = self._configured(inquiry)
        if meter is not None and inquiry.profile in ("", meter.whole.name):
            profile = meter.profile
        elif inquiry.profile:
            profile = profiles.load(inquiry.profile, self._directories).allowed(ALLOW_UNKNOWN)
        else:
            raise ValueError("model_needed")
        if profile.protocol.startswith("dlt645") != (self._wiring.framing == "dlt645"):
            raise ValueError("other_protocol")
        blocks = profile.plan(None)
        if not blocks:
            raise ValueError("nothing_to_read")
        running.total = len(blocks)
        return profile, blocks

    def _configured(self, inquiry: Inquiry) -> Meter | None:
        for meter in self._meters.values():
            if (meter.config.unit, meter.config.address) == (inquiry.unit, inquiry.address) or (
                inquiry.address and meter.config.address == inquiry.address
            ):
                return meter
        return None

    async def _read(self, running: Running, profile: Profile, blocks: tuple[profiles.Block, ...]) -> Steps:
        """Everything, again and again, until the time is over. What did not answer is absent, with its reason told."""
        inquiry = running.inquiry
        while True:
            values: dict[str, int] = {}
            failure = ""
            for block in blocks:
                request = read_request(profile, block, unit=inquiry.unit, address=inquiry.address)
                try:
                    reply = await self._asker.ask(request, timeout_s=self._patience_s())
                    values |= profile.decode(block, answered(reply), ZONE_OFFSET_S)
                except (LineDown, LineNoisy):
                    raise
                except (LineError, WireError) as error:
                    failure = error.code
                running.asked += 1
                if block is blocks[-1]:
                    running.values, running.failure, running.read_at_ms = values, failure, self._now_ms()
                    running.has_news = True
                yield


_TIMED = frozenset({InquiryKind.READ, InquiryKind.WATCH})  # their end is their time, not a lack of it
