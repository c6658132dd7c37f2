"""A pipe over a serial port: raw bytes, eight data bits, one owner."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import termios

from prewatt.field.line.pipe import Lost, PipeError, Receive

_READ_MAX = 4096
_UNSENT_MAX = 4096
_HINTS = {
    errno.ENOENT: "there is no such port; is the adapter plugged in?",
    errno.EACCES: "this user may not use it; add the user to the group that owns the port (often dialout)",
    errno.EBUSY: "another program uses it",
}


class SerialPipe:
    """One serial port, locked against a second owner while open."""

    def __init__(self, path: str, *, baud: int = 9600, parity: str = "N", stop: int = 1) -> None:
        self._path, self._baud, self._parity, self._stop = path, baud, parity, stop
        self._fd: int | None = None
        self._unsent = bytearray()

    async def open(self, receive: Receive, lost: Lost) -> None:
        self.close()
        fd = self._open_file()
        self._fd, self._receive, self._lost = fd, receive, lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._readable)

    def _open_file(self) -> int:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise PipeError(f"{self._path}: {_HINTS.get(error.errno or 0, error.strerror)}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._set_up(fd)
        except BlockingIOError as error:
            os.close(fd)
            raise PipeError(f"{self._path}: {_HINTS[errno.EBUSY]}; a bus has one owner") from error
        except (OSError, termios.error) as error:
            os.close(fd)
            raise PipeError(f"{self._path} does not work as a serial port: {error}") from error
        return fd

    def _set_up(self, fd: int) -> None:
        flags = termios.CS8 | termios.CREAD | termios.CLOCAL
        flags |= termios.CSTOPB if self._stop == 2 else 0
        flags |= {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}[self._parity]
        speed = getattr(termios, f"B{self._baud}")
        characters = list(termios.tcgetattr(fd)[6])
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        # A byte with bad parity passes: the checksum refuses its frame, and a hole would shift all that follows.
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, flags, 0, speed, speed, characters])
        termios.tcflush(fd, termios.TCIOFLUSH)

    def _readable(self) -> None:
        assert self._fd is not None
        try:
            data = os.read(self._fd, _READ_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(error)
            return
        if data:
            self._receive(data)
        else:
            self._break(PipeError(f"{self._path} was unplugged"))

    def write(self, data: bytes) -> None:
        if self._fd is None:
            return
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        """The kernel takes a whole frame at once but for a flooded port; what it does not take follows when it can."""
        assert self._fd is not None
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._break(error)
            return
        if len(self._unsent) > _UNSENT_MAX:
            self._break(PipeError(f"{self._path} no longer takes bytes"))
        elif self._unsent:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)

    def _break(self, error: Exception) -> None:
        lost = self._lost
        self.close()
        # Not from inside write(): the line must not learn of the loss while it is still sending.
        self._loop.call_soon(lost, error)

    def close(self) -> None:
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        self._unsent.clear()
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        with contextlib.suppress(OSError):
            os.close(fd)

    def __str__(self) -> str:
        return self._path
