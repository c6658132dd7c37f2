"""Real doors to a building: RTU-over-TCP, Modbus TCP and pseudo-terminals, all buses in one process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from prewatt.field.line.url import Url
from prewatt.field.wire import modbus
from prewatt.sim.building import Building, bus_url
from prewatt.sim.bus import Bus
from prewatt.sim.door import Door
from prewatt.sim.fleet import BusEntry

CONNECTIONS_MAX = 16  # a bus; select() takes about a thousand in all
UNSENT_BYTES_MAX = 65_536


class EndpointError(OSError):
    """A door could not be opened. The message says which and why."""


class Endpoint(msgspec.Struct, frozen=True):
    """A bus that can be reached now: what `prewatt simulate` prints."""

    bus: str
    url: str
    meters: list[dict[str, Any]]


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are exact to some ten microseconds: epoll would round every one up to a millisecond."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class Doors:
    """Opens a door for every bus and keeps them open until `close`."""

    def __init__(self, building: Building) -> None:
        self._building = building
        self._servers: list[asyncio.Server] = []
        self._ptys: list[_Pty] = []

    async def open(self, *, port_base: int | None = None) -> list[Endpoint]:
        """`port_base` numbers the TCP doors from there on, in the order of the fleet. Raises EndpointError."""
        opened = []
        for entry in self._building.fleet.bus:
            if entry.endpoint.startswith("pty"):
                url = self._open_pty(entry)
            else:
                url = await self._open_tcp(entry, port_base)
                port_base = None if port_base is None else port_base + 1
            opened.append(Endpoint(entry.name, bus_url(entry, url), _meters(entry)))
        return opened

    def close(self) -> None:
        for server in self._servers:
            server.close()
        for pty in self._ptys:
            pty.close()

    def _open_pty(self, entry: BusEntry) -> str:
        pty = _Pty(self._building.buses[entry.name], entry.endpoint.partition(":")[2])
        self._ptys.append(pty)
        return f"serial://{pty.path}"

    async def _open_tcp(self, entry: BusEntry, port: int | None) -> str:
        host, own_port = _host_port(entry.endpoint)
        factory = self._factory(entry)
        wanted = own_port if port is None else port
        try:
            server = await asyncio.get_running_loop().create_server(factory, host, wanted)
        except OSError as error:
            raise EndpointError(
                f"bus {entry.name}: port {wanted} on {host} cannot be opened ({error.strerror}). "
                "Is another simulator running? Choose other ports in the fleet or with --port-base."
            ) from error
        self._servers.append(server)
        scheme = entry.endpoint.partition("://")[0]
        return f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}"

    def _factory(self, entry: BusEntry) -> Callable[[], _Connection]:
        bus = self._building.buses[entry.name]
        if not entry.is_tcp:
            return lambda: _Serial(bus)
        door = self._building.door(entry.name)
        return lambda: _ModbusTcp(bus, door)


def _host_port(endpoint: str) -> tuple[str, int]:
    """Port 0 is none for a caller, but to open it means any free one."""
    is_any = endpoint.endswith(":0")
    url = Url.parse(endpoint[:-1] + "1" if is_any else endpoint)
    return url.host, 0 if is_any else url.port


def _meters(entry: BusEntry) -> list[dict[str, Any]]:
    return [
        {"meter": meter.number, "profile": meter.profile}
        | ({"address": meter.address} if meter.address else {"unit": meter.unit})
        for meter in entry.meter
    ]


class _Connection(asyncio.Protocol):
    """One TCP connection to a bus. While its line is cut there is nobody."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._transport: asyncio.Transport | None = None
        self._cut_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(UNSENT_BYTES_MAX)
        now_ms = self._bus.now_ms()
        spell = self._bus.cuts.upcoming(now_ms)
        if self._bus.connections >= CONNECTIONS_MAX or (spell is not None and spell[0] <= now_ms):
            self._transport.abort()
            self._transport = None
            return
        self._bus.connections += 1
        if spell is not None:
            self._cut_timer = asyncio.get_running_loop().call_later((spell[0] - now_ms) / 1000, self._cut)
        self.opened()

    def opened(self) -> None: ...

    def closed(self) -> None: ...

    def send(self, data: bytes | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The other side does not read what it asked for."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._transport is None:
            return
        self._transport = None
        self._bus.connections -= 1
        if self._cut_timer is not None:
            self._cut_timer.cancel()
        self.closed()

    def _cut(self) -> None:
        self._cut_timer = None
        if self._transport is not None:
            self._bus.faults.record(self._bus.now_ms(), self._bus.name, "", "cut")
            self._transport.abort()


class _Serial(_Connection):
    """A serial server: bytes through, both ways, to everybody who is connected."""

    def opened(self) -> None:
        self._bus.listen(self.send)

    def closed(self) -> None:
        self._bus.unlisten(self.send)

    def data_received(self, data: bytes) -> None:
        self._bus.transmit(data)


class _ModbusTcp(_Connection):
    """A Modbus TCP gateway before the bus."""

    def __init__(self, bus: Bus, door: Door) -> None:
        super().__init__(bus)
        self._door = door
        self._reader = modbus.TcpServerReader()

    def closed(self) -> None:
        self._door.forget(self.send)

    def data_received(self, data: bytes) -> None:
        for transaction, request in self._reader.feed(data):
            self._door.ask(self.send, transaction, request)


class _Pty:
    """A pseudo-terminal whose other end is the bus. `link`: a name in the file system that leads to it."""

    def __init__(self, bus: Bus, link: str) -> None:
        self._bus = bus
        # our own copy of the far end stays open, or the near end would fail whenever nobody else has it open
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.path = os.ttyname(self._far)
        self._link = Path(link) if link else None
        if self._link is not None:
            self._put_link(self._link)
        asyncio.get_running_loop().add_reader(self._near, self._read)
        bus.listen(self._write)

    def _put_link(self, link: Path) -> None:
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(self.path)
        except OSError as error:
            raise EndpointError(f"{link}: no link to a pseudo-terminal can be put there ({error.strerror})") from error
        self.path = str(link.absolute())

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._near, 4096)
            if not self._is_cut():
                self._bus.transmit(data)

    def _write(self, data: bytes | memoryview) -> None:
        if not self._is_cut():
            with contextlib.suppress(BlockingIOError):
                os.write(self._near, data)

    def _is_cut(self) -> bool:
        now_ms = self._bus.now_ms()
        spell = self._bus.cuts.upcoming(now_ms)
        return spell is not None and spell[0] <= now_ms

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._near)
        self._bus.unlisten(self._write)
        os.close(self._near)
        os.close(self._far)
        if self._link is not None and self._link.is_symlink():
            self._link.unlink()
