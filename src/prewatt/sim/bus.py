"""A bus of virtual meters with the true time of every byte, on whatever event loop runs (virtual or real).

    request on the wire | turnaround, at least 3.5 characters | answer on the wire      floor: 8 Tc + … + (5 + 2N) Tc

One pair of wires: who speaks while another speaks garbles both, and two meters with one address do so to each other.
All times are absolute loop times, so that lateness of a timer is not carried on into the next frame.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import zip_longest
from operator import and_
from typing import Any, NamedTuple

from prewatt.field.line.pipe import Lost, PipeError, Receive
from prewatt.field.wire import dlt645, modbus
from prewatt.sim.faults import Faults, Spells
from prewatt.sim.station import Station

GAP_CHARS = 3.5
GAP_FAST_S = 0.00175  # above 19200 baud the silent gap is fixed
GAP_FAST_BAUD = 19_200
SPLIT_PAUSE_S = 0.004
UNSENT_S_MAX = 5.0  # what a master writes beyond that finds the converter's buffer full
AFTER_S = 0.003  # between two frames that a converter hands over back to back


class _Answer(NamedTuple):
    """What one station puts on the wires: from when on, and the pieces, each after a pause."""

    start: float
    pieces: list[tuple[float, bytes]]
    is_late: bool = False


class Bus:
    """Stations on one pair of wires. `turnaround_ms` is from the last byte heard to the first byte answered."""

    def __init__(
        self,
        name: str,
        stations: Sequence[Station],
        *,
        now_ms: Callable[[], int],
        baud: int = 9600,
        bits_per_char: int = 10,
        turnaround_ms: float = 20.0,
        jitter_ms: float = 0.0,
        faults: Faults | None = None,
        protocol: str = "modbus-rtu",
    ) -> None:
        self.name = name
        self.stations = list(stations)
        self.now_ms = now_ms
        self.char_s = bits_per_char / baud
        self.gap_s = GAP_FAST_S if baud > GAP_FAST_BAUD else GAP_CHARS * self.char_s
        self.turnaround_s = turnaround_ms / 1000
        self.jitter_s = jitter_ms / 1000
        self.faults = faults or Faults()
        self.frames = 0
        self.connections = 0
        self.dropped_bytes = 0
        self.before_answer: Callable[[Station], None] | None = None
        self._random = random.Random(f"{self.faults.seed} bus {name}")  # noqa: S311
        self._is_dlt = protocol == "dlt645-2007"
        self._reader: Any = dlt645.ServerReader() if self._is_dlt else modbus.RtuServerReader()
        self._listeners: list[Receive] = []
        self._free_at = 0.0  # the master's transmitter has sent everything by then
        self._answer: tuple[float, float] = (0.0, 0.0)  # the answer on the wires, from and to
        self._answer_garbled = False
        self._held: list[tuple[bytes, asyncio.TimerHandle]] = []
        plan = self.faults.plan
        self._spells: dict[int, tuple[Spells, Spells]] = {
            number: (
                self.faults.spells(f"silence {station.meter.spec.number}", plan.silence),
                self.faults.spells(f"reset {station.meter.spec.number}", plan.reset),
            )
            for number, station in enumerate(self.stations)
        }
        self._told: set[tuple[str, int]] = set()
        self.cuts = self.faults.spells(f"cut {name}", plan.cut)

    # --- whoever is connected -----------------------------------------------------------------------------

    def listen(self, receive: Receive) -> None:
        self._listeners.append(receive)

    def unlisten(self, receive: Receive) -> None:
        if receive in self._listeners:
            self._listeners.remove(receive)

    # --- the master speaks --------------------------------------------------------------------------------

    def transmit(self, data: bytes) -> float:
        """Put the master's bytes on the wires as soon as its transmitter is free; the loop time when they are out."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._free_at - now > UNSENT_S_MAX:
            self.dropped_bytes += len(data)
            return self._free_at
        start = max(now, self._free_at)
        end = start + len(data) * self.char_s
        is_garbled = start < self._answer[1] and end > self._answer[0]
        if is_garbled:
            self._answer_garbled = True
        if start - self._free_at > self.gap_s and not self._is_dlt:
            self._reader.reset()
        self._free_at = end
        loop.call_at(end, self._heard, bytes(data), end, is_garbled)
        return end

    def _heard(self, data: bytes, end: float, is_garbled: bool) -> None:
        self._release_held(end)
        if is_garbled:
            return
        answers = [answer for request in self._reader.feed(data) for answer in self._asked(request, end)]
        if answers:
            self._answer_together(answers)

    def _asked(self, request: Any, end: float) -> list[_Answer]:
        """Everybody with this address answers; usually that is one."""
        self.frames += 1
        answers = []
        for number, station in enumerate(self.stations):
            if station.is_meant(request):
                answer = self._exchange(number, station, request, end)
                if answer is not None:
                    answers.append(answer)
        return answers

    def _exchange(self, number: int, station: Station, request: Any, end: float) -> _Answer | None:
        """What one station answers; None: nothing. Misfortune strikes here."""
        now_ms = self.now_ms()
        if self._is_away(number, station, now_ms):
            return None
        kind = None if station.is_broadcast(request) else self.faults.draw(is_write=station.is_write(request))
        if kind is not None:
            self._note(now_ms, station, kind, request)
        if kind == "lost_request":
            return None
        answer = station.answer(request, now_ms, kind, self._random.randrange(64) if kind else 0)
        if self.before_answer is not None and station.is_write(request):
            self.before_answer(station)
        if answer is None or kind == "lost_answer":
            return None
        turnaround_s = self.turnaround_s + (self._random.uniform(0, self.jitter_s) if self.jitter_s else 0.0)
        if station.is_write(request):  # a meter says yes when it has kept what it was told
            turnaround_s = max(turnaround_s, station.meter.spec.keeping_s)
        return _Answer(end + max(turnaround_s, self.gap_s), self._damaged(kind, answer), kind == "late")

    def _is_away(self, number: int, station: Station, now_ms: int) -> bool:
        """Silent for a while, starting after a power failure, or not there at all."""
        if not station.is_present or now_ms < station.meter.silent_until_ms:
            return True
        silence, reset = self._spells[number]
        if (spell := reset.current(now_ms)) is not None and self._is_new("reset", number, spell[0], station):
            station.meter.power_fails(spell[0], boot_ms=spell[1] - spell[0])
            if now_ms < station.meter.silent_until_ms:
                return True
        spell = silence.current(now_ms)
        if spell is None or spell[1] <= now_ms:
            return False
        self._is_new("silence", number, spell[0], station)
        return True

    def _is_new(self, kind: str, number: int, start_ms: int, station: Station) -> bool:
        key = (f"{kind} {number}", start_ms)
        if key in self._told:
            return False
        self._told = {told for told in self._told if told[0] != key[0]} | {key}
        self.faults.record(start_ms, self.name, station.meter.spec.number, kind)
        return True

    def _note(self, now_ms: int, station: Station, kind: str, request: Any) -> None:
        self.faults.record(now_ms, self.name, station.meter.spec.number, kind, station.describe(request))

    # --- the meters answer --------------------------------------------------------------------------------

    def _damaged(self, kind: str | None, answer: bytes) -> list[tuple[float, bytes]]:
        """What becomes of the answer on its way."""
        faults = self.faults
        if kind == "corrupted":
            answer = faults.corrupt(answer)
        elif kind == "truncated":
            answer = faults.truncate(answer)
        elif kind == "doubled":
            return [(0.0, answer), (AFTER_S, answer)]
        elif kind == "split":
            return [(SPLIT_PAUSE_S if number else 0.0, piece) for number, piece in enumerate(faults.split(answer))]
        elif kind == "noise" and faults.random.random() < 0.5:
            return [(0.0, answer), (AFTER_S, faults.noise())]
        elif kind == "noise":
            answer = faults.noise() + answer
        return [(0.0, answer)]

    def _answer_together(self, answers: list[_Answer]) -> None:
        answer = answers[0] if len(answers) == 1 else self._superposed(answers)
        if answer.is_late:
            self._hold(answer.pieces[0][1])
            return
        loop = asyncio.get_running_loop()
        at = answer.start
        self._answer_garbled = answer.start < self._free_at
        for pause_s, piece in answer.pieces:
            at += pause_s + len(piece) * self.char_s
            loop.call_at(at, self._deliver, piece)
        self._answer = (answer.start, at)

    def _superposed(self, answers: list[_Answer]) -> _Answer:
        """Two drivers on one pair: a zero of either wins, each shifted by when it began."""
        start = min(answer.start for answer in answers)
        streams = [
            b"\xff" * round((answer.start - start) / self.char_s) + b"".join(piece for _, piece in answer.pieces)
            for answer in answers
        ]
        mixed = bytes(reduce(and_, column) for column in zip_longest(*streams, fillvalue=0xFF))
        return _Answer(start, [(0.0, mixed)])

    def _deliver(self, data: bytes) -> None:
        self._hand_over(self.faults.corrupt(data) if self._answer_garbled else data)

    # --- late answers: kept in a converter until the master has asked again ---------------------------------

    def _hold(self, answer: bytes) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_at(loop.time() + self.faults.plan.late_s_max, self._release_held, None)
        self._held.append((answer, timer))

    def _release_held(self, end: float | None) -> None:
        if not self._held:
            return
        held, self._held = self._held, []
        loop = asyncio.get_running_loop()
        at = loop.time() if end is None else end
        for number, (answer, timer) in enumerate(held):
            timer.cancel()
            loop.call_at(at + AFTER_S * number, self._hand_over, answer)

    def _hand_over(self, data: bytes) -> None:
        for receive in tuple(self._listeners):
            receive(data)


class SimPipe:
    """`field.line.pipe.Pipe` to a bus of this process. A cut line is lost, and refuses to open until it is whole."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._receive: Receive | None = None
        self._lost: Lost | None = None
        self._cut_timer: asyncio.TimerHandle | None = None

    async def open(self, receive: Receive, lost: Lost) -> None:
        """Raises PipeError while the line is cut."""
        bus, now_ms = self.bus, self.bus.now_ms()
        spell = bus.cuts.upcoming(now_ms)
        if spell is not None and spell[0] <= now_ms:
            raise PipeError(f"bus {bus.name}: the line is cut")
        if spell is not None:
            loop = asyncio.get_running_loop()
            self._cut_timer = loop.call_at(loop.time() + (spell[0] - now_ms) / 1000, self._cut)
        self._receive, self._lost = receive, lost
        bus.listen(receive)

    def write(self, data: bytes) -> None:
        if self._receive is not None:
            self.bus.transmit(data)

    def close(self) -> None:
        if self._receive is not None:
            self.bus.unlisten(self._receive)
            self._receive = self._lost = None
        if self._cut_timer is not None:
            self._cut_timer.cancel()
            self._cut_timer = None

    def _cut(self) -> None:
        lost = self._lost
        self.bus.faults.record(self.bus.now_ms(), self.bus.name, "", "cut")
        self.close()
        if lost is not None:
            lost(ConnectionResetError(f"bus {self.bus.name}: the line was cut"))
