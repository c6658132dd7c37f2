"""A small bar chart without a library: where every bar, line and word stands. The template draws it as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 350.0, 168.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 8.0, 20.0
LABELS_MAX = 7
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: its word below, what it says when it is looked at, and its parts from the bottom up (class, Wh)."""

    label: str
    said: str
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Box:
    x: str
    y: str
    width: str
    height: str
    look: str


@dataclass(frozen=True, slots=True)
class Mark:
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    said: str
    middle: str
    label: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    lines: tuple[Mark, ...]


def chart(columns: Sequence[Column], *, unit: int = 1000) -> Chart:
    """`unit`: so many of what is given make one on the scale (Wh to kWh)."""
    highest = max((sum(value for _look, value in one.parts) for one in columns), default=0) / unit
    step = _step(highest)
    top = max(step, step * -(-highest // step))
    high = HEIGHT - TOP - BOTTOM
    wide = (WIDTH - LEFT - RIGHT) / max(1, len(columns))
    every = -(-len(columns) // LABELS_MAX)
    bars = []
    for at, one in enumerate(columns):
        x, y, boxes = LEFT + wide * (at + 0.19), TOP + high, []
        for look, value in one.parts:
            tall = high * value / unit / top
            y -= tall
            boxes.append(Box(f"{x:.1f}", f"{y:.1f}", f"{wide * 0.62:.1f}", f"{tall:.1f}", look))
        label = one.label if (len(columns) - 1 - at) % every == 0 else ""
        bars.append(Bar(one.said, f"{LEFT + wide * (at + 0.5):.1f}", label, tuple(boxes)))
    count = round(top / step)
    lines = [Mark(f"{TOP + high * (1 - n / count):.1f}", f"{step * n:g}") for n in range(count + 1)]
    return Chart(tuple(bars), tuple(lines))


def _step(highest: float) -> float:
    """Of the scale: about four steps of 1, 2 or 5 times a power of ten."""
    if highest <= 0:
        return 1
    power = 10.0**-6
    while True:
        for digit in STEPS[:3]:
            if digit * power * 4 >= highest:
                return digit * power
        power *= 10
