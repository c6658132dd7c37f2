"""`prewatt demo`: a living building, in one command.

This process only supervises: it starts the parts, shows how far they are, and ends them. The parts are the real ones.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from prewatt.server import ready
from prewatt.server.commands.serve import command
from prewatt.server.demo import files
from prewatt.server.demo.files import Files
from prewatt.server.demo.screen import Screen
from prewatt.server.demo.tower import BUSES
from prewatt.server.processes import free_port, port_is_free
from prewatt.server.supervisor import Child, Supervisor
from prewatt.sim.paying.cli import SETTINGS

app = typer.Typer(add_completion=False)
FOLDER = Path("var/demo")
SCALE_MAX = 50_000
SPEED_MAX = (
    10  # beyond that, what a room counts is more than its meter's rating, and the gateway rightly disbelieves it
)


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the pages, on loopback.")] = 8000,
    speed: Annotated[
        int, typer.Option(min=1, max=SPEED_MAX, help="Rooms live and meters count so many times faster.")
    ] = 1,
    scale: Annotated[
        int,
        typer.Option(min=0, max=SCALE_MAX, help="So many more meters, loaded once and not simulated."),
    ] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the demo's building and begin again.")] = False,
) -> None:
    """Bring the article's tower to life on this machine: meters, buses, gateway, centre and counter. 演示

    Everything is kept in PREWATT_DATA, by default var/demo; a second start continues there. Ctrl-C ends it cleanly.
    """
    folder = Files(Path(os.environ.get("PREWATT_DATA", FOLDER)).absolute())
    with _sole_user(folder):
        _prepare(folder, port=port, fresh=fresh, scale=scale)
        _environment(folder, port=port)
        raise typer.Exit(_run(folder, port=port, speed=speed))


@contextmanager
def _sole_user(folder: Files) -> Iterator[None]:
    try:
        folder.folder.mkdir(parents=True, exist_ok=True)
        lock = folder.lock.open("w")
    except OSError as error:
        raise ready.WrongSetting(
            f"The demo's folder {folder.folder} cannot be used ({error.strerror}). Give PREWATT_DATA another one."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ready.NotThereYet(f"A demo runs in {folder.folder} already. End it first.") from None
        yield


def _prepare(folder: Files, *, port: int, fresh: bool, scale: int) -> None:
    """Ports, and an empty folder if the building is to be made anew."""
    facts = folder.facts()
    if not facts and any(folder.folder.glob("*.sqlite3")):
        raise ready.WrongSetting(
            f"{folder.folder} holds a real site's data, which the demo must not touch. "
            "Give PREWATT_DATA another folder."
        )
    if not port_is_free("127.0.0.1", port):
        raise ready.NotThereYet(f"Port {port} is taken by another program. Choose another with --port.")
    if fresh or not facts.get("built"):
        files.wipe(folder)
        facts = {}
    if scale and facts.get("scaled", scale) != scale:
        raise ready.WrongSetting(
            f"This demo has {facts['scaled']} more meters already. Leave --scale out, or begin again with --fresh."
        )
    for left_over in (folder.progress, folder.running):
        left_over.unlink(missing_ok=True)
    ports = _bus_ports(facts.get("ports", []))
    wanted = scale or facts.get("scale", 0)
    files.write(folder.mark, facts | {"ports": ports, "web_port": port, "pages": False, "scale": wanted})


def _bus_ports(before: list[int]) -> list[int]:
    """Those of last time where they are still free."""
    if before and all(port_is_free("127.0.0.1", port) for port in before):
        return before
    ports: set[int] = set()
    while len(ports) < BUSES:
        ports.add(free_port())
    return sorted(ports)


def _environment(folder: Files, *, port: int) -> None:
    os.environ.update(PREWATT_DATA=str(folder.folder), PREWATT_DEMO="1", PREWATT_ZONE="Asia/Shanghai")
    os.environ.pop("PREWATT_HOSTS", None)  # loopback only, whatever the site's settings say
    _pay_at_the_sandbox(folder, port)


def _pay_at_the_sandbox(folder: Files, port: int) -> None:
    """Never at a real provider, whatever the site's own environment says."""
    for name in [name for name in os.environ if name.startswith("PREWATT_PAY_")]:
        del os.environ[name]
    for channel, names in SETTINGS.items():
        for name in names:
            os.environ[f"PREWATT_PAY_{channel}_{name}_file".upper()] = str(folder.providers / f"{channel}_{name}")
    os.environ["PREWATT_PUBLIC_URL"] = f"http://127.0.0.1:{port}"


def _run(folder: Files, *, port: int, speed: int) -> int:
    children = _children(folder, port=port, speed=speed)
    screen = Screen(folder, url=f"http://127.0.0.1:{port}/", port=port)
    supervisor = Supervisor(children, say=screen.say)
    with screen:
        return supervisor.run(each_turn=lambda: screen.turn(supervisor.pids()))


def _children(folder: Files, *, port: int, speed: int) -> list[Child]:
    def module(name: str) -> tuple[str, ...]:
        return (sys.executable, "-m", f"prewatt.server.demo.{name}")

    def part(name: str, argv: tuple[str, ...], **more: object) -> Child:
        return Child(name, argv, log=folder.logs / f"{name}.log", **more)  # type: ignore[arg-type]

    def is_built() -> bool:
        return bool(files.read(folder.progress).get("stage") not in {None, "building", "sales", "scale"})

    def is_up() -> bool:
        return not port_is_free("127.0.0.1", port)

    def has_keys() -> bool:
        return is_built() and folder.facts().get("enrolled_at_port") == port and is_up()

    def is_closed() -> bool:
        return is_built() and bool(files.read(folder.history).get("closed"))

    simulate = ("simulate", "--fleet", str(folder.fleet), "--state", str(folder.meters), "--speed", str(speed))
    children = [
        part("build", module("build"), once=True, tries=2),
        part("web", command("web", "--port", str(port)), when=lambda: bool(folder.facts().get("pages"))),
        part("simulator", command(*simulate), when=is_built),
        part("providers", command("simulate-payments", "--hand-out", str(folder.providers))),
        part("enrol", module("enrol"), once=True, when=lambda: is_built() and is_up()),
        part("gateway", command("gateway", "--data", str(folder.gateway)), when=has_keys),
        part("worker", command("worker"), when=is_closed),
    ]
    if folder.facts()["scale"]:
        children.append(part("repeating", module("repeating"), when=is_built))
    if not files.read(folder.history).get("closed"):
        children.append(part("history", module("history"), once=True, when=is_built, tries=5))
    return children
