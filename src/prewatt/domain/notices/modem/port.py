"""A modem's serial port: bytes out, bytes in, and a clear word when it is no longer there."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios
from typing import Protocol

from prewatt.domain.notices.modem.refusals import ModemGone

BAUDS = (9600, 19200, 38400, 57600, 115200, 230400)
_READ_MAX = 4096
_WRITE_S = 10.0
_HINTS = {
    errno.ENOENT: "there is no such port; is the modem plugged in?",
    errno.EACCES: "this user may not use it; add the user to the group that owns the port (often dialout)",
}


class Port(Protocol):
    """What the dialogue needs. Both raise ModemGone."""

    def write(self, data: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        """What came, as soon as something comes; empty after `timeout_s` of silence."""
        ...

    def close(self) -> None: ...


class SerialPort:
    """Eight data bits, no parity, no flow control; locked against a second program that sends."""

    def __init__(self, path: str, *, baud: int = 115200) -> None:
        self.path = path
        self._fd = self._opened(baud)

    def _opened(self, baud: int) -> int:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ModemGone(f"{self.path}: {_HINTS.get(error.errno or 0, error.strerror)}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _raw(fd, baud)
        except BlockingIOError as error:
            os.close(fd)
            raise ModemGone(f"{self.path}: another program uses it; a modem has one owner") from error
        except (OSError, termios.error) as error:
            os.close(fd)
            raise ModemGone(f"{self.path} does not work as a serial port: {error}") from error
        return fd

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if not select.select((), (self._fd,), (), _WRITE_S)[1]:
                raise ModemGone(f"{self.path} takes no more bytes; is the modem switched on?")
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ModemGone(f"{self.path} is gone: {error.strerror}") from error

    def read(self, timeout_s: float) -> bytes:
        if not select.select((self._fd,), (), (), max(0.0, timeout_s))[0]:
            return b""
        try:
            found = os.read(self._fd, _READ_MAX)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise ModemGone(f"{self.path} is gone: {error.strerror}") from error
        if not found:
            raise ModemGone(f"{self.path} is gone: it was unplugged")
        return found

    def close(self) -> None:
        os.close(self._fd)


def _raw(fd: int, baud: int) -> None:
    speed = getattr(termios, f"B{baud}")
    characters = list(termios.tcgetattr(fd)[6])
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    flags = termios.CS8 | termios.CREAD | termios.CLOCAL
    termios.tcsetattr(fd, termios.TCSANOW, [0, 0, flags, 0, speed, speed, characters])
    termios.tcflush(fd, termios.TCIOFLUSH)
