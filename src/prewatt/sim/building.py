"""A whole building in one process: buses, meters, what went wrong, and every meter's own truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prewatt import profiles
from prewatt.link.messages import BusConfig, Config, MeterConfig
from prewatt.profiles import Profile, ProfileError
from prewatt.sim import loads
from prewatt.sim.bus import Bus, SimPipe
from prewatt.sim.dlt import DltStation
from prewatt.sim.door import Door, DoorPipe
from prewatt.sim.faults import Faults
from prewatt.sim.fleet import BusEntry, Fleet, FleetError, MeterEntry
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Load, Meter
from prewatt.sim.station import ModbusStation, Station
from prewatt.sim.tariff import RATES, ZHUHAI, parse_tariff

ALLOWED = ("manual", "observed", "unverified", "simulated")


class Building:
    """Buses by name and meters by number. Everything lives when it is looked at; nothing runs by itself."""

    def __init__(self, fleet: Fleet, buses: dict[str, Bus], meters: dict[str, Meter], faults: Faults) -> None:
        self.fleet = fleet
        self.buses = buses
        self.meters = meters
        self.faults = faults
        self._entries = {bus.name: bus for bus in fleet.bus}
        self._doors: dict[str, Door] = {}

    @classmethod
    def from_fleet(
        cls,
        fleet: Fleet,
        *,
        now_ms: Callable[[], int],
        seed: int = 0,
        faults: Faults | None = None,
        state: Mapping[str, Any] | None = None,
        profile_dirs: tuple[Path, ...] = (),
        speed: int = 1,
    ) -> Building:
        """`state` is what `truth` gave: meters named there go on from it, others begin now. Raises FleetError."""
        builder = _Builder(fleet, now_ms, seed, faults or Faults(seed), state or {}, profile_dirs, speed)
        buses = {entry.name: builder.bus(entry) for entry in fleet.bus}
        return cls(fleet, buses, builder.meters, builder.faults)

    def open_pipe(self, config: BusConfig) -> SimPipe | DoorPipe:
        """A gateway's `open_pipe`, by the name of the bus: RTU, or Modbus TCP where the fleet says `tcp://`."""
        return self.pipe(config.bus)

    def pipe(self, bus: str) -> SimPipe | DoorPipe:
        return DoorPipe(self.door(bus)) if self._entries[bus].is_tcp else SimPipe(self.buses[bus])

    def door(self, bus: str) -> Door:
        """The Modbus TCP gateway of a bus: one, however many connect."""
        if bus not in self._doors:
            entry = self._entries[bus]
            self._doors[bus] = Door(self.buses[bus], manner=entry.manner, timeout_s=entry.timeout_s)
        return self._doors[bus]

    def advance(self, now_ms: int) -> None:
        """Let every meter live until this moment."""
        for meter in self.meters.values():
            meter.advance(now_ms)

    @property
    def frames(self) -> int:
        """Requests that reached a meter's ear."""
        return sum(bus.frames for bus in self.buses.values())

    def truth(self) -> dict[str, dict[str, Any]]:
        """Every meter's own memory and books, by number."""
        return {number: meter_truth(meter) for number, meter in self.meters.items()}

    def link_config(self, *, gateway: str = "sim", version: int = 1, allow: tuple[str, ...] = ALLOWED) -> Config:
        """What a centre would tell the gateway of this building."""
        return Config(
            version=version,
            gateway=gateway,
            buses=[BusConfig(bus=bus.name, url=bus_url(bus, bus.endpoint)) for bus in self.fleet.bus],
            meters=[
                MeterConfig(
                    meter=meter.number,
                    bus=bus.name,
                    unit=meter.unit,
                    address=meter.address,
                    profile=meter.profile,
                    ct_ratio=meter.ct_ratio,
                    allow=list(allow),
                )
                for bus in self.fleet.bus
                for meter in bus.meter
            ],
        )


def bus_url(bus: BusEntry, endpoint: str) -> str:
    """The address under which a gateway finds the bus."""
    return endpoint if bus.is_tcp else f"{endpoint}?baud={bus.baud}&parity={bus.parity}&stop={bus.stop}"


def meter_truth(meter: Meter) -> dict[str, Any]:
    """One meter's memory, what it shows of money, and its own list of money events. Deducted is its own sum."""
    return {
        **meter.memory_dict(),
        "balance_fen": meter.balance_fen,
        "purchase_count": meter.purchase_count,
        "bought_fen": meter.bought_fen,
        "deducted_fen": meter.deducted_fen,
        "registers_wh": dict(zip(RATES, meter.registers_wh(), strict=True)),
        "relay_closed": int(meter.memory.contact_closed),
        "resets": meter.resets,
        "load": _load_truth(meter),
        "events": [event._asdict() for event in meter.events],
    }


def _load_truth(meter: Meter) -> dict[str, Any] | None:
    load = meter.load
    if not isinstance(load, loads.RoomLoad):
        return None
    return {"column": load.column.name, "scale": load.scale, "is_filled": load.is_filled(meter.at_ms)}


@dataclass
class _Builder:
    """Puts one building together."""

    fleet: Fleet
    now_ms: Callable[[], int]
    seed: int
    faults: Faults
    state: Mapping[str, Any]
    profile_dirs: tuple[Path, ...]
    speed: int
    meters: dict[str, Meter] = field(default_factory=dict)
    _profiles: dict[str, Profile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start_ms = self.now_ms()

    def bus(self, entry: BusEntry) -> Bus:
        kinds = {self._profile(meter.profile).protocol for meter in entry.meter}
        if len(kinds) > 1 or (entry.is_tcp and kinds == {"dlt645-2007"}):
            raise FleetError(f"bus {entry.name}: one bus speaks one protocol, and Modbus TCP only Modbus")
        return Bus(
            entry.name,
            [self._station(meter) for meter in entry.meter],
            now_ms=self.now_ms,
            baud=entry.baud,
            bits_per_char=entry.bits_per_char,
            turnaround_ms=entry.turnaround_ms,
            jitter_ms=entry.jitter_ms,
            faults=self.faults,
            protocol=next(iter(kinds), "modbus-rtu"),
        )

    def _profile(self, name: str) -> Profile:
        if name not in self._profiles:
            try:
                self._profiles[name] = profiles.load(name, self.profile_dirs)
            except ProfileError as error:
                raise FleetError(str(error)) from error
        return self._profiles[name]

    def _station(self, entry: MeterEntry) -> Station:
        profile, meter = self._profile(entry.profile), self._meter(entry)
        self.meters[entry.number] = meter
        station: Station
        if profile.protocol == "dlt645-2007":
            station = DltStation(meter, profile, entry.address, password=entry.password)
        else:
            station = ModbusStation(meter, profile, entry.unit)
        station.is_present = entry.present
        return station

    def _meter(self, entry: MeterEntry) -> Meter:
        load = self._load(entry)
        try:
            spec = self._spec(entry)
        except ValueError as error:
            raise FleetError(str(error)) from error
        if (kept := self.state.get(entry.number)) is not None:
            meter = Meter.from_dict(spec, load, kept)
            meter.advance(self.start_ms)
            return meter
        return Meter(spec, load, self._memory(entry), now_ms=self.start_ms)

    def _load(self, entry: MeterEntry) -> Load:
        if not entry.load:
            return loads.steady(entry.watts)
        zone_s = self.fleet.zone_offset_s
        return loads.RoomLoad(
            entry.load,
            mean_wh=entry.mean_wh,
            seed=self.seed if entry.seed is None else entry.seed,
            zone_offset_s=zone_s,
            speed=self.speed,
            start_ms=self.start_ms,
        )

    def _spec(self, entry: MeterEntry) -> MeterSpec:
        return MeterSpec(
            number=entry.number,
            ct_ratio=entry.ct_ratio,
            phases=entry.phases,
            firmware=entry.firmware,
            persist=entry.persist,
            persist_ms=entry.persist_ms,
            breaker=entry.breaker,
            hand_s=entry.hand_s,
            clock_ppm=entry.clock_ppm + self.faults.clock_ppm(entry.number),
            zone_offset_s=self.fleet.zone_offset_s,
            boot_ms=entry.boot_ms,
            refund_into_debt=entry.refund_into_debt,
            speed=self.speed,
            salt=zlib.crc32(entry.number.encode()) if entry.salt is None else entry.salt,
        )

    def _memory(self, entry: MeterEntry) -> Memory:
        return Memory(
            energy_wms=[0, 0, entry.energy_wh * entry.ct_ratio * 3_600_000, 0, 0],
            opened=entry.opened,
            purchase_count=entry.purchase_count,
            credit_fen=entry.balance_fen if entry.opened else 0,
            bought_fen=entry.balance_fen if entry.opened else 0,
            prices_e4=list(entry.prices_e4),
            tariff=ZHUHAI if entry.plans is None else parse_tariff(entry.plans, entry.dates),
            alarm1_fen=entry.alarm1_fen,
            alarm2_fen=entry.alarm2_fen,
            overdraft_limit_fen=entry.overdraft_limit_fen,
            ceiling_fen=entry.ceiling_fen,
            close_from_fen=entry.close_from_fen,
            reminder_restore_s=entry.reminder_restore_s,
            overload_limit_w=entry.overload_limit_w,
            overload_restore_s=entry.overload_restore_s,
            overload_allowed=entry.overload_allowed,
            forced=entry.forced,
            clock_set_ms=self.start_ms + 1000 * entry.clock_offset_s,
            clock_set_at_ms=self.start_ms,
        )
