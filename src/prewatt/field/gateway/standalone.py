"""A gateway without a centre: its buses and meters from a TOML file.

[[bus]]
bus = "floor-1"
url = "rtu+tcp://192.168.1.20:4001?baud=9600"
sweep_s = 900          # every meter fully, this often
status_s = 60

[[meter]]
meter = "030001040A"
bus = "floor-1"
unit = 1
profile = "acrel-dtsy1352-nk"
allow = ["manual"]     # which confidences of the profile may be used
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from prewatt.field.line.url import Url, UrlError
from prewatt.link.messages import BusConfig, Config, MeterConfig

FILE_BYTES_MAX = 4 * 1024 * 1024


class ConfigError(Exception):
    """The file cannot be used as it is. The message names the place; correct it and start again."""


def load(path: Path) -> Config:
    """Raises ConfigError."""
    try:
        data = path.read_bytes()
        if len(data) > FILE_BYTES_MAX:
            raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes; that is no configuration")
        table = tomllib.loads(data.decode())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    return parse(table, str(path))


def parse(table: dict[str, Any], file: str) -> Config:
    """Raises ConfigError naming the row that is wrong."""
    known = {"bus", "meter", "lost_after_s", "clock_drift_s_max", "gateway"}
    if unknown := sorted(set(table) - known):
        raise ConfigError(f"{file}: {unknown[0]!r} is no key; there are {', '.join(sorted(known))}")
    buses = [_row(row, BusConfig, f"{file}: bus[{n}]") for n, row in enumerate(table.get("bus", []))]
    meters = [_row(row, MeterConfig, f"{file}: meter[{n}]") for n, row in enumerate(table.get("meter", []))]
    _check(buses, meters, file)
    return Config(
        version=0,
        gateway=str(table.get("gateway", "standalone")),
        buses=buses,
        meters=meters,
        lost_after_s=int(table.get("lost_after_s", 600)),
        clock_drift_s_max=int(table.get("clock_drift_s_max", 60)),
    )


def _row(row: Any, kind: Any, where: str) -> Any:
    if isinstance(row, dict) and (unknown := sorted(set(row) - set(kind.__struct_fields__))):
        raise ConfigError(f"{where}: {unknown[0]!r} is no key; there are {', '.join(kind.__struct_fields__)}")
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check(buses: list[BusConfig], meters: list[MeterConfig], file: str) -> None:
    """What two rows contradict each other about."""
    if not buses or not meters:
        raise ConfigError(f"{file}: needs at least one [[bus]] and one [[meter]]")
    for bus in buses:
        try:
            Url.parse(bus.url)
        except UrlError as error:
            raise ConfigError(f"{file}: bus {bus.bus}: {error}") from error
    names = [bus.bus for bus in buses]
    places: dict[tuple[str, int, str], str] = {}
    for meter in meters:
        if meter.bus not in names:
            raise ConfigError(f"{file}: meter {meter.meter}: there is no bus {meter.bus!r}")
        place = (meter.bus, meter.unit, meter.address)
        if place in places:
            raise ConfigError(
                f"{file}: meters {places[place]} and {meter.meter} have one address on bus {meter.bus}: "
                "both would answer at once. Give one of them another address."
            )
        places[place] = meter.meter
    for kind, given in (("bus", names), ("meter", [meter.meter for meter in meters])):
        if twice := sorted({name for name in given if given.count(name) > 1}):
            raise ConfigError(f"{file}: {kind} {twice[0]!r} stands there twice")
