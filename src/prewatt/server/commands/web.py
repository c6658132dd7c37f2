"""`prewatt web`: the pages and the gateways' door, on granian."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from prewatt.server import ready
from prewatt.server.processes import die_with_parent, wait_until_free

app = typer.Typer(add_completion=False)

# A gateway that waits for orders holds one thread, an idle thread is given back after half a minute.
# Beyond some fifty gateways start a second `prewatt web` for /field/ behind the site's proxy.
THREADS = 64
KILL_AFTER_S = 5


@app.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    threads: Annotated[int, typer.Option(min=2, max=512, help="Requests answered at a time.")] = THREADS,
    tls_cert: Annotated[Path | None, typer.Option(exists=True, help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(exists=True, help="Its private key (PEM).")] = None,
) -> None:
    """Serve the pages and the gateways' door. Ctrl-C ends it; running requests get a few seconds."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together.")
    if tls_cert:
        os.environ.setdefault("PREWATT_TLS", "1")
    ready.centre(migrated=True)
    _make_static_root()
    if not wait_until_free(host, port):
        raise ready.NotThereYet(f"Port {port} on {host} is taken by another program. Choose another with --port.")
    _serve(address=host, port=port, blocking_threads=threads, ssl_cert=tls_cert, ssl_key=tls_key)


def _make_static_root() -> None:
    """Files are served where they are installed; the empty folder only keeps whitenoise from complaining."""
    from django.conf import settings

    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)


def _serve(**settings: Any) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        target="prewatt.server.wsgi:application",
        interface=Interfaces.WSGI,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_AFTER_S,
        **settings,
    ).serve(target_loader=_Loader(os.getpid()), wrap_loader=False)


class _Loader:
    """Loads the application inside granian's worker process, which must not outlive its main process on the port."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self) -> Callable[..., Any]:
        die_with_parent(self._parent, signal.SIGKILL)
        from prewatt.server.wsgi import application

        return application
