"""Which registers to ask for together. One long request beats several short ones while the gap stays short."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from prewatt.profiles.rows import READ_DATA, Block, Quantity


def plan(
    rows: Iterable[Quantity], names: Collection[str] | None, *, gap_max: int, length_max: int
) -> tuple[Block, ...]:
    """Requests that read every wanted name once, lowest address first.

    A name that the meter shows at several places is read where most of the others are.
    """
    wanted = [row for row in rows if names is None or row.name in names]
    if any(row.function == READ_DATA for row in wanted):
        return tuple(Block(READ_DATA, address, 0) for address in sorted(_first_places(wanted)))
    chosen: list[Quantity] = []
    missing = {row.name for row in wanted}
    groups = [
        group
        for function in sorted({row.function for row in wanted})
        for group in _grouped([row for row in wanted if row.function == function], gap_max, length_max)
    ]
    while missing:
        best = max(groups, key=lambda group: len({row.name for row in group} & missing))
        chosen += [row for row in best if row.name in missing]
        missing -= {row.name for row in best}
    blocks = [
        _block(group)
        for function in sorted({row.function for row in chosen})
        for group in _grouped([row for row in chosen if row.function == function], gap_max, length_max)
    ]
    return tuple(sorted(blocks))


def _first_places(rows: list[Quantity]) -> set[int]:
    """DL/T 645: an identifier for each name; one that shows several names is taken before one that shows one."""
    places: dict[str, int] = {}
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.address] = counts.get(row.address, 0) + 1
    for row in sorted(rows, key=lambda row: -counts[row.address]):
        places.setdefault(row.name, row.address)
    return set(places.values())


def _grouped(rows: list[Quantity], gap_max: int, length_max: int) -> list[list[Quantity]]:
    groups: list[list[Quantity]] = []
    end = start = 0
    for row in sorted(rows, key=lambda row: (row.address, row.size)):
        row_end = row.address + row.size
        if groups and row.address - end <= gap_max and max(row_end, end) - start <= length_max:
            groups[-1].append(row)
            end = max(end, row_end)
        else:
            groups.append([row])
            start, end = row.address, row_end
    return groups


def _block(group: list[Quantity]) -> Block:
    start = min(row.address for row in group)
    return Block(group[0].function, start, max(row.address + row.size for row in group) - start)
