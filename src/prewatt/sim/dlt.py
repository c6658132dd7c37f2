"""A DL/T 645-2007 meter on a bus: reading, settings, 1CH switching with expiry, and 03H under the documented toy key.

What a real meter wants in 03H is not public; the layout here is the simulator's own (`simulated`):

    070101FF open, 070102FF recharge   amount 4 BCD (0.01 yuan) · purchase count 2 BCD · customer 6 BCD
    070103FF balance absolutely        amount 4 BCD; the count becomes 0
    078102FF status                    nothing
    answer to each                     remaining 4 BCD · purchase count 2 BCD · customer 6 BCD

lowest byte first, each payload sealed by `wire.dlt645.ToyKey`. Errors as firmware of this class gives them: 80 count,
81 customer, else 01.
"""

from __future__ import annotations

from typing import NamedTuple

from prewatt.field.wire import dlt645
from prewatt.field.wire.errors import Malformed
from prewatt.profiles import Profile, numbers
from prewatt.profiles.rows import Quantity
from prewatt.sim.commands import LIMITS
from prewatt.sim.memory import Refused
from prewatt.sim.meter import Meter
from prewatt.sim.station import carry_out

OTHER, NO_DATA, PASSWORD = 0x01, 0x02, 0x04
WRONG_COUNT, WRONG_CUSTOMER = 0x80, 0x81
STATE_WORD_3 = 0x04000503
OPEN_ACCOUNT, RECHARGE, SET_BALANCE, STATUS = 0x070101FF, 0x070102FF, 0x070103FF, 0x078102FF
CLOCK_STEP_MS_MAX = 300_000  # a broadcast moves the clock by at most five minutes
_SWITCHING = {
    0x1A: "switch_off",
    0x1B: "allow_on",
    0x1C: "switch_on",
    0x1D: "remind",
    0x1E: "remind",
    0x3A: "hold",
    0x3B: "release",
}
_NOTHING_TO_DO = frozenset({0x2A, 0x2B})  # lamp and bell


class _Turn(NamedTuple):
    """One request and what goes wrong with it."""

    request: dlt645.Frame
    now_ms: int
    slip: str | None
    step: int


class DltStation:
    """A meter with a DL/T 645 profile and a twelve-digit address."""

    def __init__(self, meter: Meter, profile: Profile, address: str, *, password: str, wake: int = 0) -> None:
        self.meter = meter
        self.profile = profile
        self.address = address
        self.password = bytes.fromhex(password)[::-1]
        self.wake = b"\xfe" * wake
        self.is_present = True
        self.cipher: dlt645.CipherProvider = dlt645.ToyKey()
        self._items: dict[int, list[Quantity]] = {}
        for row in profile.rows:
            self._items.setdefault(row.address, []).append(row)

    def is_meant(self, request: dlt645.Frame) -> bool:
        if request.address == dlt645.BROADCAST:
            return True
        return all(asked in ("A", own) for asked, own in zip(request.address, self.address, strict=True))

    def is_broadcast(self, request: dlt645.Frame) -> bool:
        return request.address == dlt645.BROADCAST

    def is_write(self, request: dlt645.Frame) -> bool:
        return request.function in (dlt645.SECURITY, dlt645.WRITE, dlt645.CONTROL)

    def describe(self, request: dlt645.Frame) -> str:
        return f"{request.function:02X} {request.data[:4][::-1].hex()}"

    def answer(self, request: dlt645.Frame, now_ms: int, slip: str | None = None, step: int = 0) -> bytes | None:
        """The answer as it goes on the wires. A broadcast is obeyed in silence."""
        self.meter.advance(now_ms)
        if slip == "refused" and not self.is_broadcast(request):
            return self._refusal(request, OTHER)
        handler = _HANDLERS.get(request.function)
        if handler is None:
            return self._refusal(request, OTHER)
        try:
            answer = handler(self, _Turn(request, now_ms, slip, step))
        except _Error as error:
            answer = self._refusal(request, error.word)
        except Refused as refusal:
            words = {"count_mismatch": WRONG_COUNT, "customer_mismatch": WRONG_CUSTOMER}
            answer = self._refusal(request, words.get(refusal.code, OTHER))
        return None if self.is_broadcast(request) else answer

    def _refusal(self, request: dlt645.Frame, word: int) -> bytes:
        return self.wake + dlt645.refusal(request, self.address, word)

    def _reply(self, request: dlt645.Frame, data: bytes = b"") -> bytes:
        return self.wake + dlt645.reply(request, self.address, data)

    # --- reading --------------------------------------------------------------------------------------------

    def _read(self, turn: _Turn) -> bytes:
        identifier = turn.request.data[:4]
        rows = self._items.get(int.from_bytes(identifier, "little"))
        if rows is None or len(turn.request.data) < 4:
            raise _Error(NO_DATA)
        if rows[0].address == STATE_WORD_3:
            return self._reply(turn.request, identifier + self._state_word().to_bytes(2, "little"))
        values = self.meter.values(turn.now_ms)
        data = bytearray(max(row.offset + row.size for row in rows))
        for row in rows:
            data[row.offset : row.offset + row.size] = _bcd(row, values.get(row.name, 0))
        return self._reply(turn.request, identifier + bytes(data))

    def _state_word(self) -> int:
        memory = self.meter.memory
        word = 0x0200  # a money meter
        word |= (not memory.contact_closed) << 4 | (not self.meter.relay_command) << 6
        word |= memory.reminder_open << 7 | (memory.forced == 2) << 12 | memory.opened << 15
        return word

    def _read_address(self, turn: _Turn) -> bytes:
        return self._reply(turn.request, bytes.fromhex(self.address)[::-1])

    # --- writing --------------------------------------------------------------------------------------------

    def _write(self, turn: _Turn) -> bytes | None:
        """Settings by identifier: those limits and prices that the profile can read."""
        rows = self._items.get(int.from_bytes(turn.request.data[:4], "little"), [])
        self._check_password(turn.request.data[4:8])
        settable = [row for row in rows if row.name in LIMITS or row.name.startswith("price_")]
        if not settable or len(turn.request.data) != 12 + settable[0].size:
            raise _Error(NO_DATA)
        value = settable[0].decode_bytes(turn.request.data[12:])
        if value is None:
            raise _Error(OTHER)
        command = "limits" if settable[0].name in LIMITS else "prices"
        return self._done(turn, command, {settable[0].name: value})

    def _control(self, turn: _Turn) -> bytes | None:
        """1CH. Too late, the wrong password, or a trip while on hold: refused."""
        if len(turn.request.data) != 16:
            raise _Error(OTHER)
        self._check_password(turn.request.data[:4])
        expiry, clock_ms = turn.request.data[10:16], self.meter.clock_ms(turn.now_ms)
        if any(expiry) and self._is_past(expiry, clock_ms):
            raise _Error(OTHER)
        number = turn.request.data[8]
        if number in _NOTHING_TO_DO:
            return self._reply(turn.request)
        if number not in _SWITCHING:
            raise _Error(OTHER)
        return self._done(turn, _SWITCHING[number], {})

    def _done(self, turn: _Turn, command: str, values: dict[str, int]) -> bytes | None:
        if _carry_out(self.meter, command, values, turn):
            return None
        if turn.slip in ("denied_applied", "half"):
            return self._refusal(turn.request, OTHER)
        return self._reply(turn.request)

    def _check_password(self, access: bytes) -> None:
        if access[1:4] != self.password:
            raise _Error(PASSWORD)

    def _is_past(self, expiry: bytes, clock_ms: int) -> bool:
        second, minute, hour, day, month, year = (_two(byte) for byte in expiry)
        at_ms = numbers.clock_to_ms((year, month, day, hour, minute, second), self.meter.spec.zone_offset_s)
        return at_ms is None or at_ms < clock_ms

    def _broadcast_time(self, turn: _Turn) -> None:
        if len(turn.request.data) != 6:
            raise _Error(OTHER)
        second, minute, hour, day, month, year = (_two(byte) for byte in turn.request.data)
        at_ms = numbers.clock_to_ms((year, month, day, hour, minute, second), self.meter.spec.zone_offset_s)
        if at_ms is not None and abs(at_ms - self.meter.clock_ms(turn.now_ms)) <= CLOCK_STEP_MS_MAX:
            self.meter.apply("clock", {"clock_ms": at_ms}, turn.now_ms)

    # --- money under the toy key ------------------------------------------------------------------------------

    def _security(self, turn: _Turn) -> bytes | None:
        di = int.from_bytes(turn.request.data[:4], "little")
        try:
            payload = self.cipher.open(self.address, di, turn.request.data[8:])
        except Malformed:
            raise _Error(PASSWORD) from None
        if di != STATUS and self._money(di, payload, turn):
            return None
        if turn.slip in ("denied_applied", "half"):
            return self._refusal(turn.request, OTHER)
        meter = self.meter
        customer = bytes.fromhex((meter.memory.customer or "0" * 12).zfill(12))[::-1]
        state = _low_first(max(0, meter.balance_fen), 4) + _low_first(meter.purchase_count % 10_000, 2) + customer
        return self._reply(turn.request, turn.request.data[:4] + self.cipher.seal(self.address, di, state))

    def _money(self, di: int, payload: bytes, turn: _Turn) -> bool:
        """True: silent now. Raises Refused or _Error."""
        amount = numbers.from_bcd(payload[3::-1])
        if di == SET_BALANCE and len(payload) == 4 and amount is not None:
            return _carry_out(self.meter, "open", {"amount_fen": amount, "count": 0}, turn)
        count = numbers.from_bcd(payload[5:3:-1])
        if di not in (OPEN_ACCOUNT, RECHARGE) or len(payload) != 12 or amount is None or count is None:
            raise _Error(NO_DATA)
        customer = payload[:5:-1].hex()
        if di == RECHARGE and self.meter.memory.customer not in ("", customer):
            raise Refused("customer_mismatch")
        command = "open" if di == OPEN_ACCOUNT else "recharge"
        silent = _carry_out(self.meter, command, {"amount_fen": amount, "count": count}, turn)
        if turn.slip != "claimed_not_applied":
            self.meter.memory.customer = customer
        return silent


def _carry_out(meter: Meter, command: str, values: dict[str, int], turn: _Turn) -> bool:
    return carry_out(meter, command, values, now_ms=turn.now_ms, slip=turn.slip, step=turn.step)


class _Error(Exception):
    """An error word of the protocol."""

    def __init__(self, word: int) -> None:
        super().__init__(f"{word:02X}")
        self.word = word


def _bcd(row: Quantity, value: int) -> bytes:
    """The digits as the meter shows them: steps cut off, debt as zero where there is no sign, the largest held."""
    raw = abs(value) * row.denominator // row.numerator if value > 0 or row.signed else 0
    digits = min(raw, 10 ** (2 * row.size) // (10 if row.signed else 1) - 1)
    return numbers.to_bcd(-digits if value < 0 and row.signed else digits, row.size, signed=row.signed)[::-1]


def _low_first(number: int, size: int) -> bytes:
    return numbers.to_bcd(number, size)[::-1]


def _two(byte: int) -> int:
    return (byte >> 4) * 10 + (byte & 15)


_HANDLERS = {
    dlt645.READ: DltStation._read,
    dlt645.READ_ADDRESS: DltStation._read_address,
    dlt645.WRITE: DltStation._write,
    dlt645.CONTROL: DltStation._control,
    dlt645.SECURITY: DltStation._security,
    dlt645.BROADCAST_TIME: DltStation._broadcast_time,
}
