"""`prewatt gateway`: the program at a site. The only place of the gateway that reads a clock, a directory or chance."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO, cast

import structlog
import typer

import prewatt
from prewatt.field.gateway import journal as journals
from prewatt.field.gateway import standalone
from prewatt.field.gateway.gateway import Gateway
from prewatt.field.gateway.journal import JournalBroken, SqliteJournal
from prewatt.field.gateway.standalone import ConfigError
from prewatt.field.line.loop import new_loop
from prewatt.field.line.opening import open_pipe
from prewatt.link import http, keys
from prewatt.link.keys import KeyUnusable
from prewatt.link.messages import Config, Reading
from prewatt.link.port import LinkError
from prewatt.profiles.quantities import as_display

EXIT_USAGE, EXIT_LINK, EXIT_JOURNAL = 2, 3, 4
REPORT_S = 10.0
JOURNAL, KEYS, STATUS, LOCK = "journal.sqlite3", "keys.json", "status.json", "lock"

_EXITS = """Exit codes: 0 ended cleanly · 1 a fault of the program · 2 wrong option or file, or not enrolled ·
3 the centre refused or was not reached · 4 the journal cannot be used."""

app = typer.Typer(add_completion=False, help="Read meters and carry out orders at a site. 通讯管理机", epilog=_EXITS)

DataOption = Annotated[
    Path, typer.Option("--data", envvar="PREWATT_GATEWAY_DATA", help="Where this gateway keeps its journal and keys.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Standalone: buses and meters from this TOML file, no centre.")
]
ProfilesOption = Annotated[
    list[Path] | None, typer.Option("--profiles", help="A directory with profiles of your own; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
DEFAULT_DATA = Path("gateway-data")


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    profiles: ProfilesOption = None,
) -> None:
    """Without a command: run."""
    if context.invoked_subcommand is None:
        run(data=data, config=config, profiles=profiles)


@app.command()
def run(data: DataOption = DEFAULT_DATA, config: ConfigOption = None, profiles: ProfilesOption = None) -> None:
    """Read meters and carry out orders until stopped (Ctrl-C, SIGTERM). Standalone readings go to standard output."""
    _log_plainly()
    _make(data)
    with _sole_owner(data), _explained():
        _run(_serve(data, config, profiles or []))


@app.command()
def enrol(
    centre: Annotated[str, typer.Option("--centre", help="https://HOST[:PORT] of the centre.")],
    code: Annotated[str, typer.Option("--code", help="The one-time code that the centre showed.")],
    data: DataOption = DEFAULT_DATA,
    again: Annotated[bool, typer.Option("--again", help="Replace the keys of an earlier enrolment.")] = False,
) -> None:
    """Exchange a one-time code for keys, and learn this gateway's buses and meters. Once per gateway."""
    _make(data)
    if (data / KEYS).exists() and not again:
        _fail(f"{data} is enrolled already. To replace its keys give --again; its journal stays.", EXIT_USAGE)
    with _sole_owner(data), _explained():
        config = asyncio.run(_enrol(centre, code, data))
    estate = f"{len(config.buses)} buses, {len(config.meters)} meters"
    typer.echo(f"enrolled as {config.gateway}: {estate}. Now: prewatt gateway --data {data}")


@app.command()
def status(data: DataOption = DEFAULT_DATA, as_json: JsonOption = False) -> None:
    """What waits in the journal, and how the buses of a running gateway do."""
    with _explained():
        facts: dict[str, Any] = {"journal": journals.inspect(data / JOURNAL), "running": _is_running(data)}
    if facts["running"]:
        with contextlib.suppress(OSError, ValueError):
            facts.update(json.loads((data / STATUS).read_text()))
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in _plain(facts):
        typer.echo(line)


@app.command()
def export(data: DataOption = DEFAULT_DATA) -> None:
    """Print every reading that is still in the journal, one JSON line each, oldest first."""
    with _explained():
        for reading in journals.readings(data / JOURNAL):
            typer.echo(_reading_line(reading))


# --- running --------------------------------------------------------------------------------------------------------


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On a loop whose short timers are exact: asyncio's own, and uvloop's, round a frame's gap up to a millisecond."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work)


async def _serve(data: Path, file: Path | None, directories: list[Path]) -> None:
    alone = standalone.load(file) if file is not None else None
    secrets = None if alone is not None else keys.load(data / KEYS, os.environ.get("PREWATT_MASTER_KEY"))
    kind = _Printing if alone is not None else SqliteJournal
    journal = kind(data / JOURNAL, boot_min=_now_ms())
    centre = None
    try:
        await journal.forget_settled(now=_now_ms())
        config = alone or await journal.config()
        if secrets is not None:
            url = (await journal.recall("centre") or b"").decode()
            allow_3des = os.environ.get("PREWATT_ALLOW_3DES") == "1"
            centre = http.HttpCentre(url=url, keys=secrets, boot=journal.boot, allow_3des=allow_3des)
        if config is None:
            raise KeyUnusable(f"{data}: has keys and no configuration. Enrol this gateway again.")
        gateway = Gateway(
            config,
            journal=journal,
            open_pipe=lambda bus: open_pipe(bus.url),
            centre=centre,
            now_ms=_now_ms,
            random=random.Random(),  # noqa: S311 - spreads retries, guards nothing
            directories=directories,
        )
        await _until_stopped(gateway, data)
    finally:
        if centre is not None:
            await centre.close()
        await journal.close()


async def _until_stopped(gateway: Gateway, data: Path) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gateway.stop)
    reporter = loop.create_task(_report(gateway, data / STATUS))
    structlog.get_logger().info("gateway_started", gateway=gateway.config.gateway, meters=len(gateway.config.meters))
    try:
        await gateway.run()
    finally:
        reporter.cancel()
        with contextlib.suppress(OSError):
            (data / STATUS).unlink(missing_ok=True)


async def _report(gateway: Gateway, path: Path) -> None:
    """Leave the facts where `status` finds them."""
    new = path.with_suffix(".new")
    while True:
        with contextlib.suppress(OSError):  # a full disk must not end the gateway
            new.write_text(json.dumps(gateway.report()))
            new.replace(path)
        await asyncio.sleep(REPORT_S)


async def _enrol(centre: str, code: str, data: Path) -> Config:
    allow_3des = os.environ.get("PREWATT_ALLOW_3DES") == "1"
    found = await http.enrol(url=centre, code=code, software=f"prewatt {prewatt.__version__}", allow_3des=allow_3des)
    journal = SqliteJournal(data / JOURNAL)
    try:
        await journal.save_config(found.config)
        await journal.remember("centre", centre.encode())
    finally:
        await journal.close()
    keys.save(data / KEYS, found.keys, os.environ.get("PREWATT_MASTER_KEY"))
    return found.config


class _Printing(SqliteJournal):
    """Standalone: every reading is also a line on standard output."""

    def reading(self, reading: Reading, *, baseline: bool = False) -> None:
        super().reading(reading, baseline=baseline)
        with contextlib.suppress(OSError, ValueError):  # whoever listened is gone; the journal still has it
            sys.stdout.write(_reading_line(reading) + "\n")
            sys.stdout.flush()


def _reading_line(reading: Reading) -> str:
    at = datetime.fromtimestamp(reading.taken_at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"meter": reading.meter, "taken_at": at, "values": as_display(reading.values)})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


# --- the directory --------------------------------------------------------------------------------------------------


def _make(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _fail(f"{data}: {error.strerror}. Choose a directory with --data.", EXIT_USAGE)


@contextlib.contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Two gateways with one journal would read each other's answers."""
    with (data / LOCK).open("w") as file:
        if not _locked(file):
            _fail(f"{data}: another gateway runs there. Stop it first, or give --data another directory.", EXIT_USAGE)
        yield


def _is_running(data: Path) -> bool:
    try:
        with (data / LOCK).open("a") as file:
            return not _locked(file)
    except OSError:
        return False


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- words ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Errors that a person can act on become a sentence and an exit code."""
    try:
        yield
    except (ConfigError, KeyUnusable) as error:
        _fail(str(error), EXIT_USAGE)
    except LinkError as error:
        _fail(str(error), EXIT_LINK)
    except JournalBroken as error:
        _fail(str(error), EXIT_JOURNAL)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _plain(facts: dict[str, Any]) -> Iterator[str]:
    journal = facts["journal"]
    yield f"{'running' if facts['running'] else 'not running'}; {journal['waiting']} rows wait for the centre"
    yield f"open orders: {journal['open_orders']}, of them about money: {journal['open_money_orders']}"
    centre = facts.get("centre")
    if centre is not None:
        yield "centre: linked" if centre["linked"] else f"centre: not reached ({centre['error'] or 'not yet'})"
    for bus in facts.get("buses", []):
        state = "open" if bus["open"] else "not open"
        yield f"bus {bus['bus']} ({bus['url']}): {state}, {bus['meters']} meters, {len(bus['lost'])} lost"
        if bus["demand_percent"] > 100:
            yield f"  its intervals ask for {bus['demand_percent']} % of what the line can carry: meters take turns"


def _log_plainly() -> None:
    """Logs go to standard error: lines for people on a terminal, JSON elsewhere. Keys and codes are never logged."""
    shown: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
    )


class _StandardError:
    """Where log lines go. One that cannot be written is lost: a full disk behind it must not end the gateway."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
