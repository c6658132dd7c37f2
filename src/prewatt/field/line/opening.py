"""From the address of a bus to its pipe and its line. Nothing is opened here."""

from __future__ import annotations

from prewatt.field.line.framing import Framing
from prewatt.field.line.line import Line
from prewatt.field.line.pipe import Pipe
from prewatt.field.line.serial import SerialPipe
from prewatt.field.line.tcp import TcpPipe
from prewatt.field.line.url import Url, UrlError


def open_pipe(url: str | Url) -> Pipe:
    """The pipe of this address. Raises UrlError."""
    url = Url.parse(url) if isinstance(url, str) else url
    if url.scheme == "serial":
        return SerialPipe(url.path, baud=url.baud, parity=url.parity, stop=url.stop)
    return TcpPipe(url.host, url.port)


def framing_for(url: Url, protocol: str) -> Framing:
    """How requests are framed there. `protocol` is a profile's: modbus-rtu or dlt645-2007."""
    if protocol.startswith("dlt645"):
        if url.scheme == "tcp":
            raise UrlError(
                f"{url}: DL/T 645 has no TCP form; for a serial server write rtu+tcp://HOST:PORT?baud=2400&parity=E"
            )
        return "dlt645"
    return "tcp" if url.scheme == "tcp" else "rtu"


def open_line(url: str | Url, *, protocol: str = "modbus-rtu", pipe: Pipe | None = None) -> Line:
    """The line of this address, still closed: `ask` or `open` opens it. `pipe` stands in for the real one."""
    url = Url.parse(url) if isinstance(url, str) else url
    framing = framing_for(url, protocol)
    return Line(pipe or open_pipe(url), framing=framing, baud=url.baud, bits_per_char=url.bits_per_char)
