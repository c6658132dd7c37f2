"""Write the example fleet that the simulator carries: the article's tower, 152 DTSY1352-NK on 8 buses of 19.

    python tools/make_tower.py > src/prewatt/sim/data/tower.toml

Meter numbers are built as the article's are: 0300 01, bus, unit, two hexadecimal digits each. The 19 numbers that the
article prints (buses 4 and 5) and its CT ratios are kept; the other rooms, sizes and first balances are made up.
"""

from __future__ import annotations

import json
import random

from prewatt.sim import loads

BUSES, METERS_A_BUS = 8, 19
# unit -> CT ratio, as in the article's usage table
PRINTED = {
    4: dict.fromkeys((0x01, 0x02, 0x03, 0x05, 0x06, 0x0F, 0x10, 0x17, 0x1A, 0x1D), 1)
    | {0x08: 15, 0x09: 60, 0x0A: 120, 0x19: 20, 0x1C: 20},
    5: {0x16: 60, 0x1E: 100, 0x1F: 80, 0x20: 120},
}
POWER_W_MAX = 30_000  # what the meter's own 16 bits of 1 W can show; a quarter may draw twice the hour's mean
CT_RATIOS = [1] * 13 + [15, 20, 60, 80, 100, 120]


def main() -> None:
    chance = random.Random(1352)
    columns = [f"D{number:03d}" for number in range(1, BUSES * METERS_A_BUS + 1)]
    chance.shuffle(columns)
    print(_head())
    for bus in range(1, BUSES + 1):
        print(f'\n[[bus]]\nname = "{bus}"\nmeter = [')
        for unit, ct_ratio in _units(bus, chance):
            print("  " + _meter(bus, unit, ct_ratio, columns.pop(), chance))
        print("]")


def _head() -> str:
    return (
        "# The article's tower: 152 three-phase prepaid meters DTSY1352-NK, 8 RS-485 buses of 19, 9600 8N1.\n"
        "# Numbers end in bus and unit (hexadecimal). Those that the article prints (buses 4 and 5) are kept, with\n"
        "# their CT ratios. Loads are recorded buildings scaled to rooms of `mean_wh` an hour (docs/simulator.md).\n"
        "# Written by tools/make_tower.py.\n"
        'name = "tower"\nzone_offset_s = 28800\n\n'
        "[bus_defaults]\nbaud = 9600\nturnaround_ms = 20\n\n"
        '[defaults]\nprofile = "acrel-dtsy1352-nk"\nalarm1_fen = 2000\nalarm2_fen = 500\nceiling_fen = 10000000'
    )


def _units(bus: int, chance: random.Random) -> list[tuple[int, int]]:
    units = dict(PRINTED.get(bus, {}))
    for unit in range(1, 0x20):
        if len(units) < METERS_A_BUS and unit not in units:
            units[unit] = chance.choice(CT_RATIOS)
    return sorted(units.items())


def _meter(bus: int, unit: int, ct_ratio: int, column: str, chance: random.Random) -> str:
    mean_wh = round(chance.lognormvariate(7.0, 0.7)) if ct_ratio == 1 else ct_ratio * chance.randint(60, 240)
    mean_wh = min(mean_wh, POWER_W_MAX * ct_ratio * 200 // (2 * max(loads._units(column))))
    days = chance.choice([0.5, 2, 4, 8, 15, 30, 60])
    entry = {
        "number": f"030001{bus:02X}{unit:02X}",
        "unit": unit,
        "ct_ratio": ct_ratio,
        "load": column,
        "mean_wh": mean_wh,
        "balance_fen": round(mean_wh * 24 * days * 0.09 / 100) * 100 + 500,
        "energy_wh": round(mean_wh / ct_ratio * chance.randint(500, 9000)),
    }
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()) + " },"


if __name__ == "__main__":
    main()
