"""Where a bus is, as text: `rtu+tcp://10.0.0.5:4001?baud=9600&parity=E`, `tcp://10.0.0.5:502`, `serial:///dev/ttyS1?baud=9600`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Scheme = Literal["rtu+tcp", "tcp", "serial"]

LENGTH_MAX = 300
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
_OPTIONS = ("baud", "parity", "stop")
_FORMS = "serial:///dev/ttyS1?baud=9600&parity=E, rtu+tcp://HOST:PORT?baud=9600 or tcp://HOST:PORT"
_MODBUS_TCP_PORT = 502


class UrlError(ValueError):
    """The text names no bus. Trying again with the same text does not help."""


@dataclass(frozen=True, slots=True)
class Url:
    """One bus. For `rtu+tcp` baud and parity describe the wire behind the serial server: they set the quiet gap."""

    scheme: Scheme
    host: str = ""
    port: int = 0
    path: str = ""
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1

    @classmethod
    def parse(cls, text: str) -> Url:
        """Raises UrlError with the right form in the message."""
        if len(text) > LENGTH_MAX:
            raise UrlError(f"an address of a bus has at most {LENGTH_MAX} characters, this has {len(text)}")
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise UrlError(f"{text!r} is not the address of a bus ({error}); write {_FORMS}") from error
        options = _options(text, parts.query)
        if parts.username or parts.password or parts.fragment:
            raise UrlError(f"{text!r}: a bus has no user, password or fragment; write {_FORMS}")
        if parts.scheme == "serial":
            return _serial(text, parts.netloc, unquote(parts.path), options)
        if parts.scheme in {"rtu+tcp", "tcp"}:
            return _network(text, parts, port, options)
        raise UrlError(f"{text!r} is not the address of a bus; write {_FORMS}")

    @property
    def bits_per_char(self) -> int:
        """Start bit, eight data bits, parity, stop bits: what one character costs on the wire."""
        return 9 + (self.parity != "N") + self.stop

    def __str__(self) -> str:
        line = f"baud={self.baud}&parity={self.parity}&stop={self.stop}"
        if self.scheme == "serial":
            return f"serial://{self.path}?{line}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}" + (f"?{line}" if self.scheme == "rtu+tcp" else "")


def _options(text: str, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=len(_OPTIONS))
    except ValueError as error:
        raise UrlError(f"{text!r}: the part behind ? must look like baud=9600&parity=E&stop=1") from error
    for name, _ in pairs:
        if name not in _OPTIONS:
            raise UrlError(f"{text!r}: unknown option {name!r}; there are {', '.join(_OPTIONS)}")
    if len({name for name, _ in pairs}) != len(pairs):
        raise UrlError(f"{text!r}: an option is given twice")
    return dict(pairs)


def _line_options(text: str, options: dict[str, str]) -> tuple[int, Literal["N", "E", "O"], Literal[1, 2]]:
    baud, parity, stop = options.get("baud", "9600"), options.get("parity", "N").upper(), options.get("stop", "1")
    if baud not in map(str, BAUDS):
        raise UrlError(f"{text!r}: no serial line runs at {baud!r} baud; choose {', '.join(map(str, BAUDS))}")
    if parity not in {"N", "E", "O"}:
        raise UrlError(f"{text!r}: parity is N (none), E (even) or O (odd), not {parity!r}")
    if stop not in {"1", "2"}:
        raise UrlError(f"{text!r}: there are 1 or 2 stop bits, not {stop!r}")
    return int(baud), parity, 1 if stop == "1" else 2  # type: ignore[return-value]  # narrowed by the checks above


def _serial(text: str, netloc: str, path: str, options: dict[str, str]) -> Url:
    if netloc:
        raise UrlError(f"{text!r}: a serial port is named by its path, with three slashes: serial:///dev/ttyS1")
    if not path.startswith("/") or "\0" in path or len(path) < 2:
        raise UrlError(f"{text!r} names no serial port; write serial:///dev/ttyS1?baud=9600&parity=E")
    baud, parity, stop = _line_options(text, options)
    return Url("serial", path=path, baud=baud, parity=parity, stop=stop)


def _network(text: str, parts: SplitResult, port: int | None, options: dict[str, str]) -> Url:
    host = parts.hostname or ""
    if not host:
        raise UrlError(f"{text!r} names no host; write {_FORMS}")
    if parts.path not in {"", "/"}:
        raise UrlError(f"{text!r}: nothing may stand between the port and the ?, found {parts.path!r}")
    if port == 0:
        raise UrlError(f"{text!r}: port 0 cannot be called; ports are 1 to 65535")
    if parts.scheme == "tcp":
        if options:
            raise UrlError(
                f"{text!r}: Modbus TCP has no baud or parity; for a serial server write rtu+tcp://HOST:PORT?baud=…"
            )
        return Url("tcp", host=host, port=port or _MODBUS_TCP_PORT)
    if port is None:
        raise UrlError(f"{text!r} names no port; every serial server has its own, often 4001, 8899 or 10001")
    baud, parity, stop = _line_options(text, options)
    return Url("rtu+tcp", host=host, port=port, baud=baud, parity=parity, stop=stop)
