"""The demo's meters as a fleet file and as the memory from which the simulator goes on living them."""

from __future__ import annotations

import json
from pathlib import Path

from prewatt.server.demo import tower
from prewatt.server.demo.past import Life, room_load, spec
from prewatt.sim.state import VERSION


def write_fleet(path: Path, ports: list[int]) -> None:
    """`prewatt simulate --fleet`: what stands where. What a meter remembers comes from the state file."""
    lines = ['name = "demo"', "zone_offset_s = 28800", "", "[defaults]", f'profile = "{tower.PROFILE}"']
    for number, port in enumerate(ports, 1):
        lines += ["", "[[bus]]", f'name = "bus-{number}"', f'endpoint = "rtu+tcp://127.0.0.1:{port}"', "meter = ["]
        lines += [f"  {_entry(plan)}," for plan in tower.rooms() if plan.bus == number]
        lines += ["]"]
    path.write_text("\n".join(lines) + "\n")


def _entry(plan: tower.RoomPlan) -> str:
    what = spec(plan)
    facts = {
        "number": plan.meter,
        "unit": plan.unit,
        "load": room_load(plan).column.name,
        "mean_wh": plan.mean_wh,
        "seed": plan.index,
        "ct_ratio": what.ct_ratio,
        "clock_ppm": what.clock_ppm,
        "salt": what.salt,
        "present": plan.wanted is not tower.Wanted.LOST,
        "remark": plan.number,
    }
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in facts.items()) + " }"


def write_memory(path: Path, lives: list[Life]) -> None:
    """`prewatt simulate --state`: the simulator lives on where the past ended."""
    meters = {tower.rooms()[life.index].meter: life.last for life in lives}
    path.write_text(json.dumps({"version": VERSION, "meters": meters}))
