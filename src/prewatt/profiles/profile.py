"""What a profile says about one meter model, and how to read and write with it.

A profile is data (`*.toml`); this module gives it meaning. Values are whole numbers in the stored units of
`quantities`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import mul
from typing import Any, Literal

from prewatt.profiles import numbers
from prewatt.profiles.planner import plan
from prewatt.profiles.rows import (
    GAP_MAX,
    LENGTH_MAX,
    PARTS,
    READ_DATA,
    ZONE_OFFSET_S,
    Block,
    CannotRepresent,
    Command,
    NotAllowed,
    Quantity,
    Write,
)

Protocol = Literal["modbus-rtu", "dlt645-2007"]


@dataclass(frozen=True, slots=True)
class Rating:
    """The most a sound reading can show; beyond it the reading is quarantined."""

    power_w_max: int
    current_a_max: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer recorded from a meter (or published, or computed from the maker's table): the profile's own test."""

    request: str
    response: str
    values: tuple[tuple[str, int], ...]
    source: str


Decoder = Callable[[Any, int], dict[str, int]]
Shower = Callable[[Mapping[str, int], int], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Profile:
    """One meter model. `quantities` may show a name more than once (two places of one meter);
    `commands` holds the first allowed.
    """

    name: str
    title: str
    protocol: Protocol
    rows: tuple[Quantity, ...]
    command_rows: tuple[Command, ...]
    rating: Rating
    proof: str
    proof_confidence: str
    sweep: tuple[str, ...]
    status: tuple[str, ...]
    money: tuple[str, ...]
    whole: tuple[tuple[Block, str], ...]  # blocks that a sweep reads whole, with their confidence
    recorded: tuple[Recorded, ...]
    sums: tuple[tuple[str, tuple[str, ...]], ...] = ()  # a name that no register shows: the sum of others
    length_max: int = LENGTH_MAX
    gap_max: int = GAP_MAX
    options: tuple[tuple[str, str], ...] = ()
    _decoders: dict[Block, Decoder] = field(default_factory=dict, init=False, repr=False)
    _showers: dict[Block, Shower] = field(default_factory=dict, init=False, repr=False)
    _plans: dict[Any, tuple[Block, ...]] = field(default_factory=dict, init=False, repr=False)

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The first place of each name."""
        return {row.name: row for row in reversed(self.rows)}

    @property
    def commands(self) -> dict[str, Command]:
        return {row.name: row for row in reversed(self.command_rows)}

    def allowed(self, confidences: Collection[str]) -> Profile:
        """Only what carries one of these confidences. What is not allowed is absent: not read, not written."""
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.confidence in confidences),
            command_rows=tuple(row for row in self.command_rows if row.confidence in confidences),
            proof=self.proof if self.proof_confidence in confidences else "none",
            whole=tuple(item for item in self.whole if item[1] in confidences),
        )

    # --- what to ask ------------------------------------------------------------------------------------------------

    @property
    def sweep_blocks(self) -> tuple[Block, ...]:
        """Everything of a full reading, in as few requests as the gaps allow."""
        return self._planned("sweep", self.sweep)

    @property
    def status_blocks(self) -> tuple[Block, ...]:
        """The short look: balance, count, switch, alarms."""
        return self._planned("status", self.status)

    @property
    def money_blocks(self) -> tuple[Block, ...]:
        """What the recharge table reads: balance, count, bought."""
        return self._planned("money", self.money)

    def _planned(self, key: str, names: tuple[str, ...]) -> tuple[Block, ...]:
        if key not in self._plans:
            whole = tuple(block for block, _ in self.whole) if key == "sweep" else ()
            covered = {row.name for row in self.rows if any(_inside(row, block) for block in whole)}
            self._plans[key] = whole + self.plan([name for name in names if name not in covered])
        return self._plans[key]

    def plan(
        self, names: Collection[str] | None = None, gap_max: int | None = None, length_max: int | None = None
    ) -> tuple[Block, ...]:
        """The requests that read these names (None: all that the profile may).

        Unknown names are left out, never guessed.
        """
        return plan(
            self.rows,
            names,
            gap_max=self.gap_max if gap_max is None else gap_max,
            length_max=self.length_max if length_max is None else min(length_max, self.length_max),
        )

    # --- what was answered ------------------------------------------------------------------------------------------

    def decode(
        self, block: Block, registers: Sequence[int] | bytes, zone_offset_s: int = ZONE_OFFSET_S
    ) -> dict[str, int]:
        """Registers (or the bytes after a DL/T 645 identifier) to stored values.

        What the meter does not say is absent.
        """
        decoder = self._decoders.get(block)
        if decoder is None:
            decoder = self._decoders[block] = _compile(self, block)
        return decoder(registers, zone_offset_s)

    # --- what to write ----------------------------------------------------------------------------------------------

    def command(self, name: str) -> Command:
        """Raises NotAllowed."""
        for row in self.command_rows:
            if row.name == name:
                return row
        raise NotAllowed(
            f"{self.name} has no command {name!r} that this site allows. "
            "Nothing was sent. Allow its confidence for this meter, or switch by hand."
        )

    def encode(self, command: str, values: Mapping[str, int], zone_offset_s: int = ZONE_OFFSET_S) -> Write:
        """The one write that carries all of it.

        Raises NotAllowed, CannotRepresent (also when it takes several writes).
        """
        writes = self.writes(command, values, zone_offset_s)
        if len(writes) != 1:
            raise CannotRepresent(f"{self.name} {command}: takes {len(writes)} writes; use writes()")
        return writes[0]

    def writes(self, command: str, values: Mapping[str, int], zone_offset_s: int = ZONE_OFFSET_S) -> tuple[Write, ...]:
        """The writes that carry the values, in order; only an `each` command (settings) may take more than one."""
        row = self.command(command)
        known = {item.name for item in row.fields}
        if extra := sorted(set(values) - known):
            raise CannotRepresent(f"{self.name} {command}: this meter has no place for {', '.join(extra)}")
        if missing := sorted(known - set(values)) if not row.each else []:
            raise CannotRepresent(f"{self.name} {command}: needs {', '.join(missing)}")
        words = dict(row.constants)
        for item in row.fields:
            if item.name in values:
                words.update(enumerate(item.encode(values[item.name], zone_offset_s), item.address))
        return tuple(Write(row.function, start, run) for start, run in _runs(words))

    def parse_write(
        self, function: int, address: int, registers: Sequence[int], zone_offset_s: int = ZONE_OFFSET_S
    ) -> tuple[str, dict[str, int]] | None:
        """The simulator's side of `writes`: which command this write is, with its values; None:
        no command of this meter.
        """
        for row in self.command_rows:
            if row.function != function:
                continue
            values = _parsed(row, address, registers, zone_offset_s)
            if values is not None:
                return row.name, values
        return None

    # --- the simulator's side of a reading --------------------------------------------------------------------------

    def image(self, values: Mapping[str, int], zone_offset_s: int = ZONE_OFFSET_S) -> dict[int, int]:
        """Address -> register, as a meter with these values would show them at every place that the profile names."""
        words: dict[int, int] = {}
        for row in self.rows:
            value = values.get(row.name)
            if value is None:
                continue
            if row.kind in PARTS:
                words[row.address] = row.merged(words.get(row.address, 0), value)
            else:
                words.update(enumerate(row.shown(value, zone_offset_s), row.address))
        return words

    def show(self, block: Block, values: Mapping[str, int], zone_offset_s: int = ZONE_OFFSET_S) -> tuple[int, ...]:
        """The registers of one block, as `image` would give them, faster. Registers that nothing names are zero."""
        shower = self._showers.get(block)
        if shower is None:
            shower = self._showers[block] = _compile_show(self, block)
        return shower(values, zone_offset_s)


def _inside(row: Quantity, block: Block) -> bool:
    if block.function == READ_DATA and block.count == 0:
        return row.address == block.address
    return (
        row.function == block.function
        and block.address <= row.address
        and row.address + row.size <= block.address + block.count
    )


def _runs(words: dict[int, int]) -> list[tuple[int, tuple[int, ...]]]:
    """Neighbouring registers together: [(start, words)]."""
    runs: list[tuple[int, list[int]]] = []
    for address in sorted(words):
        if runs and runs[-1][0] + len(runs[-1][1]) == address:
            runs[-1][1].append(words[address])
        else:
            runs.append((address, [words[address]]))
    return [(start, tuple(run)) for start, run in runs]


def _parsed(row: Command, address: int, registers: Sequence[int], zone_offset_s: int) -> dict[str, int] | None:
    end = address + len(registers)
    if address < row.address or end > row.address + row.count or (not row.each and len(registers) != row.count):
        return None
    if any(not address <= at < end or registers[at - address] != word for at, word in row.constants):
        return None
    values: dict[str, int] = {}
    covered = len(row.constants)
    for item in row.fields:
        if address <= item.address and item.address + item.size <= end:
            start = item.address - address
            value = item.decode(registers[start : start + item.size], zone_offset_s)
            if value is None:
                return None
            values[item.name] = value
            covered += item.size
    return values if covered == len(registers) else None


def _compile(profile: Profile, block: Block) -> Decoder:
    rows = [row for row in profile.rows if _inside(row, block)]
    if profile.protocol == "dlt645-2007":
        return lambda data, _zone: _present((row.name, row.decode_bytes(bytes(data))) for row in rows)
    plain, others = _split(rows)
    letters, at = [">"], block.address
    for row in plain:
        letters += [f"{2 * (row.address - at)}x", numbers.NUMBERS[row.kind][0]]
        at = row.address + row.size
    letters.append(f"{2 * (block.address + block.count - at)}x")
    unpack = struct.Struct("".join(letters)).unpack
    pack = struct.Struct(f">{block.count}H").pack
    names = tuple(row.name for row in plain)
    factors = tuple(row.numerator for row in plain)
    parts = tuple(
        (row.name, row.address - block.address, row.address - block.address + row.size, row) for row in others
    )
    flags = tuple((name, start, _mask(row), row.inverted) for name, start, _, row in parts if row.kind == "bits")
    rest = tuple(part for part in parts if part[3].kind != "bits")
    here = {row.name for row in rows}
    sums = tuple((name, of) for name, of in profile.sums if name not in here and here.issuperset(of))

    def decode(registers: Sequence[int], zone_offset_s: int) -> dict[str, int]:
        values = dict(zip(names, map(mul, unpack(pack(*registers)), factors), strict=True))
        for name, index, mask, inverted in flags:
            values[name] = int((registers[index] & mask == mask) != inverted)
        for name, start, end, row in rest:
            value = row.decode(registers[start:end], zone_offset_s)
            if value is not None:
                values[name] = value
        for name, of in sums:
            values[name] = sum(values[part] for part in of)
        return values

    return decode


def _split(rows: list[Quantity]) -> tuple[list[Quantity], list[Quantity]]:
    """Those that one struct can take in one go (plain, not overlapping), and the others."""
    plain: list[Quantity] = []
    others: list[Quantity] = []
    for row in sorted(rows, key=lambda row: row.address):
        overlaps = bool(plain) and row.address < plain[-1].address + plain[-1].size
        (others if overlaps or not row.plain else plain).append(row)
    return plain, others


def _mask(row: Quantity) -> int:
    return sum(1 << bit for bit in row.bits)


def _present(pairs: Any) -> dict[str, int]:
    return {name: value for name, value in pairs if value is not None}


def _compile_show(profile: Profile, block: Block) -> Shower:
    rows = tuple((row, row.address - block.address) for row in profile.rows if _inside(row, block))
    zeros = [0] * block.count

    def show(values: Mapping[str, int], zone_offset_s: int) -> tuple[int, ...]:
        words = zeros.copy()
        for row, index in rows:
            value = values.get(row.name)
            if value is None:
                continue
            if row.kind in PARTS:
                words[index] = row.merged(words[index], value)
            elif row.size == 1 and row.kind == "u16" and row.denominator == 1 and not row.meanings:
                words[index] = min(max(value // row.numerator, 0), 0xFFFF)
            elif row.kind in ("u32", "i32") and row.order == "ABCD" and row.denominator == 1 and not row.meanings:
                raw = _held(value // row.numerator, signed=row.kind == "i32")
                words[index], words[index + 1] = raw >> 16 & 0xFFFF, raw & 0xFFFF
            else:
                words[index : index + row.size] = row.shown(value, zone_offset_s)
        return tuple(words)

    return show


def _held(raw: int, *, signed: bool) -> int:
    return min(max(raw, -0x80000000), 0x7FFFFFFF) if signed else min(max(raw, 0), 0xFFFFFFFF)
