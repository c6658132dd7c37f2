"""docs/simulator.md: its example files can be served, and it names every key."""

from __future__ import annotations

import re
from pathlib import Path

from prewatt.sim import faults
from prewatt.sim.building import Building
from prewatt.sim.fleet import MeterEntry, parse_fleet
from sim.meters import START_MS

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
FLEET, FAULTS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_fleet_can_be_served() -> None:
    one = Building.from_fleet(parse_fleet(FLEET), now_ms=lambda: START_MS)
    assert list(one.meters) == ["030001040A", "030001040B", "C", "D"]


def test_the_example_faults_can_be_drawn_and_name_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(FAULTS)
    plan = faults.load_plan(path)
    assert set(re.findall(r"^(\w+) = 0\.", FAULTS, re.MULTILINE)) >= set(faults.KINDS)
    assert plan.cut.per_day == 0.5


def test_every_key_of_a_meter_is_on_the_page() -> None:
    missing = [name for name in MeterEntry.__struct_fields__ if f"`{name}`" not in PAGE and f"`{name} = " not in PAGE]
    assert missing == []
