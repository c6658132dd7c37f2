"""Fleet files: which meters stand on which buses, as TOML. See docs/simulator.md."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from prewatt.field.line.url import Url, UrlError
from prewatt.sim import loads
from prewatt.sim.memory import CEILING_FEN
from prewatt.sim.tariff import ZHUHAI_PRICES_E4, TariffError, parse_tariff

METERS_MAX = 20_000
ARTICLE = "tower.toml"


class FleetError(ValueError):
    """The fleet file cannot be served. The message names what to correct; trying again does not help."""


class MeterEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter. `load` names recorded data scaled to `mean_wh` an hour; else `watts` flow all the time."""

    number: str
    unit: int = 0
    address: str = ""  # DL/T 645: twelve digits
    profile: str = "acrel-dtsy1352-nk"
    present: bool = True  # false: nothing answers at this address
    remark: str = ""
    # what it draws
    load: str = ""
    mean_wh: int = 1000
    seed: int | None = None  # of the load within the hour; None: the run's own
    watts: int = 0
    # what it is
    ct_ratio: int = 1
    phases: Literal[1, 3] = 3
    firmware: Literal["2010", "2018", "unchecked"] = "2018"
    persist: tuple[str, ...] = ("count", "balance+bought", "record")
    persist_ms: int = 4
    breaker: Literal["built_in", "shunt", "failed"] = "built_in"
    hand_s: int | None = None
    clock_ppm: int = 0
    clock_offset_s: int = 0
    boot_ms: int = 3_000
    salt: int | None = None  # small differences between meters; None: from the number
    refund_into_debt: bool = False
    password: str = "000000"  # noqa: S105 - DL/T 645, what meters leave the factory with
    # what it remembers at first
    opened: bool = True
    balance_fen: int = 10_000
    purchase_count: int = 0
    energy_wh: int = 0  # on the flat register, secondary side
    alarm1_fen: int = 1_000
    alarm2_fen: int = 500
    ceiling_fen: int = CEILING_FEN
    overdraft_limit_fen: int = 0
    close_from_fen: int = 0
    reminder_restore_s: int = 0
    overload_limit_w: int = 0
    overload_restore_s: int = 60
    overload_allowed: int = 3
    forced: Literal[0, 1, 2] = 0
    prices_e4: tuple[int, int, int, int, int] = ZHUHAI_PRICES_E4
    plans: list[list[str]] | None = None  # slots "08:00 flat" of each daily plan; absent: Zhuhai's
    dates: list[str] | None = None  # "07-01 2": from this day the second plan


class BusEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pair of wires and its door: `rtu+tcp://HOST:PORT`, `tcp://HOST:PORT`, `pty`, `pty:LINK`. Port 0: any."""

    name: str
    endpoint: str = "rtu+tcp://127.0.0.1:0"
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1
    turnaround_ms: float = 20.0
    jitter_ms: float = 0.0
    manner: Literal["0b", "silence"] = "0b"  # Modbus TCP: what a gateway says about a silent meter
    timeout_s: float = 0.5
    meter: list[MeterEntry]

    @property
    def bits_per_char(self) -> int:
        return 9 + (self.parity != "N") + self.stop

    @property
    def is_tcp(self) -> bool:
        return self.endpoint.startswith("tcp:")


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = "fleet"
    zone_offset_s: int = 28_800
    bus: list[BusEntry]

    @property
    def meters(self) -> list[MeterEntry]:
        return [meter for bus in self.bus for meter in bus.meter]


def read_fleet(path: Path) -> Fleet:
    """Raises FleetError."""
    try:
        return parse_fleet(path.read_text(), str(path))
    except OSError as error:
        raise FleetError(f"{path} cannot be read: {error.strerror}") from error


def article() -> Fleet:
    """The article's tower: 152 DTSY1352-NK on 8 buses of 19."""
    return parse_fleet((resources.files("prewatt.sim") / "data" / ARTICLE).read_text(), ARTICLE)


def parse_fleet(text: str, name: str = "fleet") -> Fleet:
    """Fill in the defaults, then check everything that would fail later. Raises FleetError."""
    try:
        table = tomllib.loads(text)
        fleet = msgspec.convert(_with_defaults(table), Fleet)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FleetError(f"{name}: {error}") from error
    _check(fleet, name)
    return fleet


def _with_defaults(table: dict[str, Any]) -> dict[str, Any]:
    """`[defaults]` and `[bus_defaults]` stand for every meter and bus that does not say otherwise."""
    meter_defaults, bus_defaults = table.pop("defaults", {}), table.pop("bus_defaults", {})
    for bus in table.get("bus", []):
        bus["meter"] = [meter_defaults | meter for meter in bus.get("meter", [])]
    table["bus"] = [bus_defaults | bus for bus in table.get("bus", [])]
    return table


def _check(fleet: Fleet, name: str) -> None:
    _check_unique([bus.name for bus in fleet.bus], f"{name}: two buses are called")
    _check_unique([meter.number for meter in fleet.meters], f"{name}: two meters have the number")
    if not fleet.bus or len(fleet.meters) > METERS_MAX:
        raise FleetError(f"{name}: at least one bus and at most {METERS_MAX} meters")
    for bus in fleet.bus:
        _check_endpoint(bus, name)
        for meter in bus.meter:
            _check_meter(meter, f"{name}: meter {meter.number}")


def _check_unique(names: list[str], what: str) -> None:
    for one in names:
        if names.count(one) > 1:
            raise FleetError(f"{what} {one}")


def _check_endpoint(bus: BusEntry, name: str) -> None:
    if bus.endpoint.startswith("pty"):
        return
    try:
        Url.parse(bus.endpoint.replace(":0", ":1") if bus.endpoint.endswith(":0") else bus.endpoint)
    except UrlError as error:
        raise FleetError(f"{name}: bus {bus.name}: {error}") from error


def _check_meter(meter: MeterEntry, what: str) -> None:
    if meter.load and meter.load not in loads.names():
        raise FleetError(f"{what}: there is no load {meter.load}; there are {loads.names()[0]} to {loads.names()[-1]}")
    if not (1 <= meter.unit <= 247 or (len(meter.address) == 12 and meter.address.isdigit())):
        raise FleetError(f"{what}: needs a unit from 1 to 247, or for DL/T 645 an address of twelve digits")
    if meter.plans is not None:
        try:
            parse_tariff(meter.plans, meter.dates)
        except TariffError as error:
            raise FleetError(f"{what}: {error}") from error
