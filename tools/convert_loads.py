"""Make the compact loads that the simulator carries (`src/prewatt/sim/data/loads.bin`) from the hourly CSV.

    python tools/convert_loads.py loads.csv.gz src/prewatt/sim/data/loads.bin

The CSV has a column of time and one of kWh per hour for each meter, an empty cell where nothing was recorded. Each
column is scaled so that its mean hour is 200 units, and kept as differences: a step is half a percent of the mean.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from array import array
from pathlib import Path

MEAN_UNITS = 200
HOURS_A_WEEK = 168


def main(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    first = rows[0][0]
    names = header[1:]
    blobs, columns, offset = [], [], 0
    for number, name in enumerate(names, 1):
        hours, gaps, mean_kwh = filled([row[number] for row in rows])
        blob = packed(scaled(hours, mean_kwh))
        place = {"name": name, "offset": offset, "size": len(blob)}
        columns.append({**place, "mean_wh": round(mean_kwh * 1000), "gaps": gaps})
        blobs.append(blob)
        offset += len(blob)
    head = {"first": first[:16], "hours": len(rows), "mean_units": MEAN_UNITS, "columns": columns}
    index = zlib.compress(json.dumps(head, separators=(",", ":")).encode(), 9)
    target.write_bytes(b"PWL1" + len(index).to_bytes(4, "big") + index + b"".join(blobs))
    print(f"{len(names)} meters, {len(rows)} hours, {target.stat().st_size} bytes")


def filled(cells: list[str]) -> tuple[list[float], list[list[int]], float]:
    """Hours with their gaps filled by the same hour of the nearest week, the gaps as [start, length], the mean."""
    known = [float(cell) if cell else None for cell in cells]
    present = [value for value in known if value is not None]
    hours = [value if value is not None else _same_hour(known, hour) for hour, value in enumerate(known)]
    return hours, _runs(known), sum(present) / len(present)


def _same_hour(known: list[float | None], hour: int) -> float:
    for weeks in range(1, len(known) // HOURS_A_WEEK):
        for other in (hour - weeks * HOURS_A_WEEK, hour + weeks * HOURS_A_WEEK):
            if 0 <= other < len(known) and (value := known[other]) is not None:
                return value
    raise ValueError(f"hour {hour} of the week was never recorded")


def _runs(known: list[float | None]) -> list[list[int]]:
    runs: list[list[int]] = []
    for hour, value in enumerate(known):
        if value is None and runs and runs[-1][0] + runs[-1][1] == hour:
            runs[-1][1] += 1
        elif value is None:
            runs.append([hour, 1])
    return runs


def scaled(hours: list[float], mean_kwh: float) -> list[int]:
    return [round(value / mean_kwh * MEAN_UNITS) for value in hours]


def packed(units: list[int]) -> bytes:
    """Differences of 16 bits, all low bytes before all high ones, deflated."""
    steps = array("h", [now - before for before, now in zip([0, *units[:-1]], units, strict=True)])
    if sys.byteorder == "big":
        steps.byteswap()
    raw = steps.tobytes()
    return zlib.compress(raw[0::2] + raw[1::2], 9)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
