"""Small facts about processes and ports that the servers need."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import time

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork: a child may only call


def die_with_parent(parent: int, how: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel for `how` when the parent process is gone, even by kill -9, so that no orphan keeps a port."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(how))
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def port_is_free(host: str, port: int) -> bool:
    """Without SO_REUSEPORT, which a server may set itself and would then share the port with a forgotten instance."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def wait_until_free(host: str, port: int, *, patience_s: float = 3.0) -> bool:
    """A restarted server's predecessor may need a moment to let go."""
    deadline = time.monotonic() + patience_s
    while not port_is_free(host, port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
