"""`prewatt worker`: seals, leases, hourly and daily usage."""

from __future__ import annotations

import signal

import typer

from prewatt.server import log, ready

app = typer.Typer(add_completion=False)
_STOP = {signal.SIGINT, signal.SIGTERM}


@app.command()
def worker() -> None:
    """Run the centre's loops until Ctrl-C. Any number of workers may run beside each other."""
    log.configure()
    ready.centre(migrated=True)
    from prewatt.server.worker import Worker, centre_loops

    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)  # before the threads start: they inherit it
    running = Worker(centre_loops())
    running.start()
    signal.sigwait(_STOP)
    raise typer.Exit(0 if running.stop() else 1)
