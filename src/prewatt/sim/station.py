"""A meter at an address: requests in, answers out, through the meter's profile. No I/O and no clock of its own.

What a station may do wrong (`slip`) is named as in `faults`: refuse, deny what it did, claim what it did not, do half,
lose power in the middle.
"""

from __future__ import annotations

from typing import Any, Protocol

from prewatt.field.wire import modbus
from prewatt.profiles import Block, Profile
from prewatt.sim.memory import Refused
from prewatt.sim.meter import Meter

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
REGISTERS_MAX = 125
_STATE_REFUSALS = frozenset({"on_hold", "arrears", "not_open", "no_such_command"})


class Station(Protocol):
    """One device on a bus. Requests are those of its protocol's codec."""

    meter: Meter
    is_present: bool

    def is_meant(self, request: Any) -> bool: ...

    def is_broadcast(self, request: Any) -> bool: ...

    def is_write(self, request: Any) -> bool: ...

    def describe(self, request: Any) -> str:
        """The request in a few words, for the story of a run."""
        ...

    def answer(self, request: Any, now_ms: int, slip: str | None = None, step: int = 0) -> bytes | None:
        """The whole answer frame, or None for silence. `step` says how far a slip in a write comes."""
        ...


class ModbusStation:
    """A meter with a Modbus profile and a unit number."""

    def __init__(self, meter: Meter, profile: Profile, unit: int) -> None:
        self.meter = meter
        self.profile = profile
        self.unit = unit
        self.is_present = True
        self._readable = _readable(profile)
        self._commands = tuple((row.address, row.address + row.count) for row in profile.command_rows)
        self._blocks = {
            block: names <= _STATUS_NAMES
            for block in (*profile.sweep_blocks, *profile.status_blocks, *profile.money_blocks)
            if (names := _names(profile, block))
        }

    def is_meant(self, request: modbus.Request) -> bool:
        return request.unit in (self.unit, 0)

    def is_broadcast(self, request: modbus.Request) -> bool:
        return request.unit == 0

    def is_write(self, request: modbus.Request) -> bool:
        return request.function in (6, 16)

    def describe(self, request: modbus.Request) -> str:
        if not self.is_write(request):
            return f"read {request.address:04X}+{request.count}"
        parsed = self.profile.parse_write(16, request.address, request.values, self.meter.spec.zone_offset_s)
        if parsed is None:
            return f"write {request.address:04X}"
        return " ".join([parsed[0], *(f"{name}={value}" for name, value in parsed[1].items())])

    def answer(self, request: modbus.Request, now_ms: int, slip: str | None = None, step: int = 0) -> bytes | None:
        """The answer as it goes on RS-485. A broadcast is obeyed in silence."""
        pdu = self.pdu(request, now_ms, slip, step)
        return None if pdu is None or request.is_broadcast else modbus.rtu_frame(request.unit, pdu)

    def pdu(self, request: modbus.Request, now_ms: int, slip: str | None = None, step: int = 0) -> bytes | None:
        if slip == "refused":
            return modbus.encode_exception(request, DEVICE_FAILURE)
        if request.function in (3, 4):
            return self._read(request, now_ms)
        if request.function in (6, 16):
            return self._write(request, now_ms, slip, step)
        return modbus.encode_exception(request, ILLEGAL_FUNCTION)

    def _read(self, request: modbus.Request, now_ms: int) -> bytes:
        start, end = request.address, request.address + request.count
        readable = self._readable.get(request.function)
        if readable is None:
            return modbus.encode_exception(request, ILLEGAL_FUNCTION)
        if not 1 <= request.count <= REGISTERS_MAX:
            return modbus.encode_exception(request, ILLEGAL_VALUE)
        if end > len(readable) or readable.find(0, start, end) >= 0:
            return modbus.encode_exception(request, ILLEGAL_ADDRESS)
        registers = self._registers(Block(request.function, start, request.count), now_ms)
        return modbus.encode_reply(request, modbus.Reply(request.unit, request.function, registers))

    def _registers(self, block: Block, now_ms: int) -> tuple[int, ...]:
        is_status = self._blocks.get(block)
        zone_s = self.meter.spec.zone_offset_s
        if is_status is not None:
            values = self.meter.status(now_ms) if is_status else self.meter.values(now_ms)
            return self.profile.show(block, values, zone_s)
        words = self.profile.image(self.meter.values(now_ms), zone_s)
        return tuple(words.get(address, 0) for address in range(block.address, block.address + block.count))

    def _write(self, request: modbus.Request, now_ms: int, slip: str | None, step: int) -> bytes | None:
        zone_s = self.meter.spec.zone_offset_s
        parsed = self.profile.parse_write(16, request.address, request.values, zone_s)
        if parsed is None:
            return modbus.encode_exception(request, self._why_unknown(request))
        try:
            silent = carry_out(self.meter, *parsed, now_ms=now_ms, slip=slip, step=step)
        except Refused as refusal:
            failure = DEVICE_FAILURE if refusal.code in _STATE_REFUSALS else ILLEGAL_VALUE
            return modbus.encode_exception(request, failure)
        if silent:
            return None
        if slip in ("denied_applied", "half"):
            return modbus.encode_exception(request, DEVICE_FAILURE)
        return modbus.encode_reply(request, modbus.Reply(request.unit, request.function))

    def _why_unknown(self, request: modbus.Request) -> int:
        start, end = request.address, request.address + len(request.values)
        touched = any(start < last and first < end for first, last in self._commands)
        return ILLEGAL_VALUE if touched else ILLEGAL_ADDRESS


def carry_out(meter: Meter, command: str, values: dict[str, int], *, now_ms: int, slip: str | None, step: int) -> bool:
    """Do the command, or what the slip makes of it. True: the meter is silent now. Raises Refused."""
    if slip == "claimed_not_applied":
        meter.advance(now_ms)
        return False
    if slip == "half" and command in ("prices", "limits") and len(values) > 1:
        values = dict(list(values.items())[: len(values) // 2])
    meter.apply(command, values, now_ms)
    if slip in ("half", "reset_in_write"):
        torn_ms = now_ms + meter.spec.persist_ms * (step % len(meter.spec.persist)) + meter.spec.persist_ms // 2
        meter.power_fails(torn_ms, boot_ms=None if slip == "reset_in_write" else 0)
    return slip == "reset_in_write"


def _names(profile: Profile, block: Block) -> frozenset[str]:
    end = block.address + block.count
    return frozenset(
        row.name
        for row in profile.rows
        if row.function == block.function and block.address <= row.address and row.address + row.size <= end
    )


def _readable(profile: Profile) -> dict[int, bytes]:
    """For each read function a map of the registers that answer: those named, and the short gaps between them."""
    maps: dict[int, bytes] = {}
    for function in {row.function for row in profile.rows}:
        spans = [(row.address, row.address + row.size) for row in profile.rows if row.function == function]
        spans += [(b.address, b.address + b.count) for b, _ in profile.whole if b.function == function]
        mapped = bytearray(0x10000)
        last = -profile.gap_max - 1
        for start, end in sorted(spans):
            first = last if 0 <= last <= start <= last + profile.gap_max else start
            mapped[first:end] = b"\1" * (end - first)
            last = max(last, end)
        maps[function] = bytes(mapped)
    return maps


_STATUS_NAMES = frozenset(
    {
        *("balance_fen", "overdraft_fen", "purchase_count", "bought_fen", "alarm1_fen", "alarm2_fen", "ceiling_fen"),
        *("overdraft_limit_fen", "price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4"),
        *("price_deep_e4", "overload_limit_w", "overload_trips", "relay_closed", "relay_command", "forced"),
        *("prepaid_open", "state_arrears", "state_alarm1", "state_alarm2", "state_overload", "ct_ratio"),
    }
)
