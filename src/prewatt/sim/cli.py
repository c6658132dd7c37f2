"""`prewatt simulate`: buses of virtual meters on real endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from prewatt.sim.building import Building
from prewatt.sim.endpoints import Doors, EndpointError, new_loop
from prewatt.sim.faults import LEVELS, Faults, FaultsError, Plan, load_plan
from prewatt.sim.fleet import FleetError, article, read_fleet
from prewatt.sim.state import StateError, StateFile, read_state

app = typer.Typer(add_completion=False)
EXIT_USAGE = 2
EXIT_ENDPOINT = 3


@app.command()
def simulate(  # noqa: PLR0917 - typer calls it by keywords
    fleet: Annotated[Path | None, typer.Option(help="TOML file: buses and meters (docs/simulator.md)")] = None,
    is_article: Annotated[
        bool, typer.Option("--article", help="the article's tower: 152 DTSY1352-NK on 8 buses of 19")
    ] = False,
    faults: Annotated[str, typer.Option(help="none, mild, rough, brutal, or a TOML file")] = "none",
    seed: Annotated[int, typer.Option(help="the same seed draws the same misfortune and the same loads")] = 0,
    state: Annotated[Path | None, typer.Option(help="keep each meter's own memory here, and go on from it")] = None,
    speed: Annotated[int, typer.Option(help="rooms live and meters count so many times faster", min=1, max=3600)] = 1,
    port_base: Annotated[
        int | None, typer.Option(help="number the TCP doors from here on, one a bus", min=1, max=65_000)
    ] = None,
    profiles: Annotated[list[Path] | None, typer.Option(help="folder with profiles of your own; repeatable")] = None,
) -> None:
    """Serve buses of virtual prepaid meters. 楼宇模拟器

    Prints one JSON line per endpoint when it is ready: {"bus", "url", "meters"}. Ends cleanly on Ctrl-C or SIGTERM.
    """
    if (fleet is None) != is_article:
        _fail("give either --fleet FILE or --article", EXIT_USAGE)
    loop = new_loop()
    try:
        building = Building.from_fleet(
            article() if fleet is None else read_fleet(fleet),
            now_ms=_now_ms,
            seed=seed,
            faults=Faults(seed, _plan(faults)),
            state=read_state(state) if state is not None else None,
            profile_dirs=tuple(profiles or ()),
            speed=speed,
        )
        loop.run_until_complete(_serve(building, state, port_base))
    except (FleetError, FaultsError, StateError) as error:
        _fail(str(error), EXIT_USAGE)
    except EndpointError as error:
        _fail(str(error), EXIT_ENDPOINT)
    finally:
        loop.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _plan(text: str) -> Plan:
    return LEVELS[text] if text in LEVELS else load_plan(Path(text))


async def _serve(building: Building, state: Path | None, port_base: int | None) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    doors = Doors(building)
    keeper = None
    try:
        endpoints = await doors.open(port_base=port_base)
        if state is not None:
            keeper = asyncio.create_task(StateFile(state, building).run())
            await asyncio.sleep(0)
        for endpoint in endpoints:
            print(msgspec.json.encode(endpoint).decode(), flush=True)
        await ended.wait()
    finally:
        doors.close()
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper


def _fail(message: str, code: int) -> NoReturn:
    print(f"prewatt simulate: {message}", file=sys.stderr)
    raise typer.Exit(code)
