"""Profiles from TOML files: those that are shipped, and those of a site (`--profiles DIR`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from prewatt.profiles.numbers import NUMBERS, ORDERS
from prewatt.profiles.profile import Profile, Rating, Recorded
from prewatt.profiles.quantities import QUANTITIES
from prewatt.profiles.rows import (
    CONFIDENCES,
    GAP_MAX,
    LENGTH_MAX,
    PARTS,
    READ_DATA,
    Block,
    Command,
    ProfileError,
    Quantity,
)

FILE_BYTES_MAX = 256 * 1024
ROWS_MAX = 1000
PROOFS = ("purchase_count", "order_id", "absolute", "none")
PROTOCOLS = ("modbus-rtu", "dlt645-2007")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# unit of a register -> (suffix that the quantity's name must have, how many of the name's own unit it is)
_UNITS = {
    "kWh": ("_wh", 1000),
    "Wh": ("_wh", 1),
    "V": ("_v", 1),
    "A": ("_a", 1),
    "kW": ("_w", 1000),
    "W": ("_w", 1),
    "kvar": ("_var", 1000),
    "var": ("_var", 1),
    "yuan": ("_fen", 100),
    "yuan/kWh": ("_e4", 10_000),
    "Hz": ("_hz", 1),
    "1": ("", 1),
}
_CLOCKS = {"clock-ymdwhms": 4, "clock-smhwdmy": 4}
_QUANTITY_KEYS = {
    *("name", "address", "type", "step", "bit", "bits", "shift", "width", "inverted", "meanings", "order", "function"),
    *("length", "cases", "offset", "signed", "access", "source", "confidence", "reason"),
}


def names(directories: Sequence[Path | str] = ()) -> list[str]:
    """Every profile that can be loaded by name, sorted."""
    return sorted(_files(tuple(map(str, directories))))


def load(name: str, directories: Sequence[Path | str] = ()) -> Profile:
    """A profile by name (shipped, or from one of the directories, which win), or by the path of a TOML file.

    Raises ProfileError, which names the file and the key.
    """
    return _load(name, tuple(map(str, directories)))


@lru_cache(maxsize=256)
def _load(name: str, directories: tuple[str, ...]) -> Profile:
    if name.endswith(".toml"):
        return parse(_text(Path(name)), name)
    files = _files(directories)
    if name not in files:
        raise ProfileError(
            f"no profile {name!r}; known are {', '.join(sorted(files))}. A file of yours: --profiles DIR"
        )
    return parse(_text(files[name]), str(files[name]))


def _files(directories: tuple[str, ...]) -> dict[str, Any]:
    shipped = resources.files("prewatt.profiles")
    found: dict[str, Any] = {
        item.name.removesuffix(".toml"): item for item in shipped.iterdir() if item.name.endswith(".toml")
    }
    for directory in directories:
        path = Path(directory)
        if not path.is_dir():
            raise ProfileError(f"{directory}: not a directory of profiles")
        found.update({item.stem: item for item in sorted(path.glob("*.toml"))[:ROWS_MAX]})
    return found


def _text(file: Any) -> str:
    try:
        with file.open("rb") as handle:
            data: bytes = handle.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ProfileError(f"{file}: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise ProfileError(f"{file}: larger than {FILE_BYTES_MAX} bytes; that is no profile")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProfileError(f"{file}: not UTF-8 text") from None


def parse(text: str, file: str) -> Profile:
    """A profile from its text. Raises ProfileError, which names `file` and the key."""
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: not TOML: {error}") from None
    return _Table(data, file, "").profile()


class _Table:
    """One table of the file; it knows where it stands, so that an error can say so."""

    def __init__(self, data: Any, file: str, where: str) -> None:
        if not isinstance(data, dict):
            raise ProfileError(f"{file}: {where}: must be a table")
        self.data, self.file, self.where = data, file, where

    def fail(self, key: str, why: str) -> ProfileError:
        return ProfileError(f"{self.file}: {self.where}{key}: {why}")

    def get(self, key: str, kind: type, default: Any = ...) -> Any:
        value = self.data.get(key, default)
        if value is ...:
            raise self.fail(key, "is missing")
        if value is not default and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self.fail(key, f"must be {kind.__name__}, not {value!r}")
        return value

    def number(self, key: str, low: int, high: int, default: Any = ...) -> int:
        value: int = self.get(key, int, default)
        if not low <= value <= high:
            raise self.fail(key, f"{value} is not between {low} and {high}")
        return value

    def one_of(self, key: str, allowed: Iterable[str], default: Any = ...) -> str:
        value: str = self.get(key, str, default)
        if value not in allowed:
            raise self.fail(key, f"{value!r} is none of {', '.join(allowed)}")
        return value

    def tables(self, key: str, **defaults: Any) -> list[_Table]:
        items = self.get(key, list, [])
        if len(items) > ROWS_MAX:
            raise self.fail(key, f"more than {ROWS_MAX} rows")
        return [
            _Table({**defaults, **item} if isinstance(item, dict) else item, self.file, f"{self.where}{key}[{index}].")
            for index, item in enumerate(items)
        ]

    def strings(self, key: str) -> tuple[str, ...]:
        items = self.get(key, list, [])
        if not all(isinstance(item, str) for item in items):
            raise self.fail(key, "must be a list of names")
        return tuple(items)

    # --- the whole file ----------------------------------------------------------------------------------------------

    def profile(self) -> Profile:
        name = self.get("name", str)
        if not _NAME.fullmatch(name):
            raise self.fail("name", f"{name!r} is not a name of small letters, digits, '-', '_' and '.'")
        protocol = self.one_of("protocol", PROTOCOLS)
        function = READ_DATA if protocol == "dlt645-2007" else 3
        rows = tuple(row for group in self.tables("group") for row in group.quantities(protocol, function))
        if not rows:
            raise self.fail("group", "a profile reads at least one quantity")
        proof = _Table(self.get("proof", dict, {"kind": "none", "confidence": "manual"}), self.file, "proof.")
        return Profile(
            name=name,
            title=self.get("title", str, name),
            protocol=protocol,  # type: ignore[arg-type]
            rows=rows,
            command_rows=tuple(table.command(protocol) for table in self.tables("command")),
            rating=self.rating(),
            proof=proof.one_of("kind", PROOFS),
            proof_confidence=proof.confidence(),
            sweep=self.strings("sweep") or tuple(dict.fromkeys(row.name for row in rows)),
            status=self.strings("status"),
            money=self.strings("money"),
            whole=tuple(table.block() for table in self.tables("block")),
            recorded=tuple(table.recorded() for table in self.tables("recorded")),
            sums=self.sums(),
            length_max=self.number("length_max", 1, LENGTH_MAX, LENGTH_MAX),
            gap_max=self.number("gap_max", 0, LENGTH_MAX, GAP_MAX),
            options=tuple(sorted((key, str(value)) for key, value in self.get("options", dict, {}).items())),
        )

    def sums(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        table = _Table(self.get("sum", dict, {}), self.file, "sum.")
        for name in table.data:
            if name not in QUANTITIES or not set(table.strings(name)) <= set(QUANTITIES):
                raise table.fail(name, "sums quantities of prewatt.profiles.quantities")
        return tuple((name, table.strings(name)) for name in table.data)

    def rating(self) -> Rating:
        table = _Table(self.get("rating", dict), self.file, "rating.")
        table.origin()
        return Rating(table.number("power_w_max", 1, 10**9), table.number("current_a_max", 1, 10**6))

    def block(self) -> tuple[Block, str]:
        confidence = self.origin()[1]
        count = self.number("count", 1, LENGTH_MAX)
        return Block(self.number("function", 3, 4, 3), self.number("address", 0, 0x10000 - count), count), confidence

    def recorded(self) -> Recorded:
        values = self.get("values", dict)
        for key, value in values.items():
            if type(value) is not int:
                raise self.fail(f"values.{key}", "must be a whole number in the stored unit")
        return Recorded(
            self.get("request", str), self.get("response", str), tuple(values.items()), self.get("source", str)
        )

    # --- rows --------------------------------------------------------------------------------------------------------

    def origin(self) -> tuple[str, str, str]:
        """(source, confidence, reason); what is simulated must say why."""
        confidence = self.confidence()
        reason = self.get("reason", str, "")
        if confidence == "simulated" and not reason:
            raise self.fail("reason", "what is simulated must say why")
        source = self.get("source", str, "") or ("simulated" if confidence == "simulated" else "")
        if not source:
            raise self.fail("source", "is missing: every fact names where it is from")
        return source, confidence, reason

    def confidence(self) -> str:
        return self.one_of("confidence", CONFIDENCES)

    def quantities(self, protocol: str, function: int) -> list[Quantity]:
        shared = {key: value for key, value in self.data.items() if key != "quantity"}
        if unknown := sorted(set(shared) - _QUANTITY_KEYS):
            raise self.fail(unknown[0], "is no key of a group")
        tables = self.tables("quantity", **{"function": function, **shared})
        return [table.quantity(protocol, checked=True) for table in tables]

    def quantity(self, protocol: str, *, checked: bool) -> Quantity:
        """`checked`: the name must be one of `quantities.QUANTITIES` (fields of commands have further names)."""
        if unknown := sorted(set(self.data) - _QUANTITY_KEYS):
            raise self.fail(unknown[0], "is no key of a quantity")
        name = self.get("name", str)
        if checked and name not in QUANTITIES:
            raise self.fail("name", f"{name!r} is no quantity of prewatt.profiles.quantities")
        source, confidence, reason = self.origin()
        kind, size, bits = self.kind(protocol)
        numerator, denominator = self.factor(name)
        return Quantity(
            name=name,
            address=self.number("address", 0, 0xFFFFFFFF if protocol == "dlt645-2007" else 0x10000 - size),
            kind=kind,
            size=size,
            source=source,
            confidence=confidence,
            reason=reason,
            function=self.number("function", 1, 0x7F),
            order=self.one_of("order", ORDERS, "ABCD"),
            numerator=numerator,
            denominator=denominator,
            bits=bits,
            shift=self.number("shift", 0, 15, 0),
            width=self.number("width", 1, 16, 16),
            inverted=self.get("inverted", bool, False),
            meanings=self.meanings(),
            cases=self.cases(kind),
            offset=self.number("offset", 0, 200, 0),
            signed=self.get("signed", bool, False),
            access=self.one_of("access", ("R", "RW", "W"), "R"),
        )

    def kind(self, protocol: str) -> tuple[str, int, tuple[int, ...]]:
        """(kind, size, bits). Sizes count registers, or bytes for DL/T 645."""
        kind = self.one_of("type", (*NUMBERS, *PARTS, "bcd", *_CLOCKS))
        serial = protocol == "dlt645-2007"
        if serial and kind not in (*PARTS, "bcd"):
            raise self.fail("type", "DL/T 645 carries bcd, bits, field and cases only")
        if kind == "bcd":
            return kind, self.number("length", 1, 8), ()
        if kind in PARTS:
            bits = tuple(self.get("bits", list, [])) or ((self.number("bit", 0, 15),) if kind == "bits" else ())
            if not all(type(bit) is int and 0 <= bit <= 15 for bit in bits):
                raise self.fail("bits", "must be numbers from 0 to 15")
            return kind, 2 if serial else 1, bits
        return kind, NUMBERS[kind][1] if kind in NUMBERS else _CLOCKS[kind], ()

    def factor(self, name: str) -> tuple[int, int]:
        """Stored units in one step of the register, as a fraction."""
        text: str = self.get("step", str, "1")
        amount, _, unit = text.partition(" ")
        suffix, of_own_unit = _UNITS.get(unit or "1", (None, 0))
        try:
            step = Fraction(Decimal(amount))
        except InvalidOperation:
            raise self.fail("step", f"{text!r} is not a number and a unit, such as '0.01 kWh'") from None
        if suffix is None or step <= 0 or step.denominator > 10**9:
            raise self.fail("step", f"{text!r}: the unit must be one of {', '.join(_UNITS)}")
        if suffix and not name.endswith(suffix):
            raise self.fail("step", f"{unit} does not fit the name {name}")
        factor = step * of_own_unit * QUANTITIES.get(name, 1)
        return factor.numerator, factor.denominator

    def cases(self, kind: str) -> tuple[tuple[int, int, int], ...]:
        tables = self.tables("cases")
        if bool(tables) != (kind == "cases"):
            raise self.fail("cases", "goes with type = 'cases', and only with it")
        return tuple(
            (table.number("mask", 0, 0xFFFF), table.number("equals", 0, 0xFFFF), table.number("is", 0, 0xFFFF))
            for table in tables
        )

    def meanings(self) -> tuple[tuple[int, int], ...]:
        table = self.get("meanings", dict, {})
        try:
            pairs = tuple((int(raw, 0), value) for raw, value in table.items())
        except ValueError:
            raise self.fail("meanings", "keys must be numbers such as 0x00010001") from None
        if not all(type(value) is int for _, value in pairs):
            raise self.fail("meanings", "values must be whole numbers")
        return pairs

    def command(self, protocol: str) -> Command:
        source, confidence, reason = self.origin()
        function = self.number("function", 1, 0x7F, 16)
        shared = {"source": source, "confidence": confidence, "reason": reason, "function": function}
        fields = tuple(table.quantity(protocol, checked=False) for table in self.tables("field", **shared))
        constants = {}
        for table in self.tables("constant"):
            constants[table.number("address", 0, 0xFFFF)] = table.number("value", 0, 0xFFFF)
        places = [at for item in fields for at in range(item.address, item.address + item.size)] + list(constants)
        if protocol == "modbus-rtu" and (not places or len(set(places)) != len(places)):
            raise self.fail("field", "a command writes at least one register and none twice")
        each = self.get("each", bool, False)
        start = min(places, default=0)
        count = max(places, default=0) + 1 - start
        if not each and protocol == "modbus-rtu" and count != len(places):
            raise self.fail(
                "field", "the registers of one write must follow each other without a gap (or set each = true)"
            )
        return Command(
            name=self.get("name", str),
            function=function,
            address=start,
            count=count,
            fields=fields,
            constants=tuple(sorted(constants.items())),
            source=source,
            confidence=confidence,
            reason=reason,
            each=each,
        )
