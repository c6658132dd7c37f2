"""Price plans made at random, for properties that every plan must keep."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from prewatt.domain.tariff.rules.plan import Plan
from tariffs import plan

BANDS = ("peak", "flat", "valley")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns")


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def tables(draw: Any) -> Any:
    minutes = sorted(draw(st.sets(st.integers(1, 1439), max_size=6)))
    return [{"at": _clock(at), "band": draw(st.sampled_from(BANDS))} for at in [0, *minutes]]


def rates() -> Any:
    return st.integers(1, 3 * 10**8).map(lambda e8: f"{e8 // 10**8}.{e8 % 10**8:08d}")


@st.composite
def ladders(draw: Any, own_prices: bool) -> Any:
    ends = sorted(draw(st.sets(st.integers(1, 200), min_size=1, max_size=3)))
    steps: list[dict[str, Any]] = []
    for end in [*ends, None]:
        step: dict[str, Any] = {} if end is None else {"up_to_kwh": str(end)}
        steps.append(
            step | ({"prices": {band: draw(rates()) for band in BANDS}} if own_prices else {"add": draw(rates())})
        )
    return {"steps": steps}


@st.composite
def versions(draw: Any, own_prices: bool, laddered: bool) -> Any:
    version: dict[str, Any] = {"tables": {"a": draw(tables()), "b": draw(tables())}}
    version["calendar"] = [{"table": "a", "days": ["weekend"]}, {"table": "b"}]
    if not own_prices:
        version["prices"] = {band: draw(rates()) for band in BANDS}
    if own_prices or laddered:
        version["ladder"] = draw(ladders(own_prices))
    if draw(st.booleans()):
        version["free"] = {"kwh": str(draw(st.integers(1, 30))), "every": draw(st.sampled_from(["span", "month"]))}
    if draw(st.booleans()):
        version["fees"] = [
            {"name": "service", "per_kwh": draw(rates())},
            {"name": "line", "amount": "1.25", "every": draw(st.sampled_from(["month", "span", "day"]))},
            {"name": "tax", "rate": "0.0875"},
        ]
    return version


@st.composite
def settlements(draw: Any) -> Any:
    return {"every": draw(st.sampled_from(["month", "year"])), "day": draw(st.integers(1, 28)), "time": "07:30"}


@st.composite
def plans(draw: Any) -> Plan:
    """Two versions, the second from some minute of 2026 on."""
    own = draw(st.booleans())
    first, second = draw(versions(own, draw(st.booleans()))), draw(versions(own, draw(st.booleans())))
    change = datetime(2026, 3, 27) + timedelta(minutes=draw(st.integers(0, 6 * 1440)))  # noqa: DTZ001
    return plan(
        first,
        second | {"from": change.isoformat(timespec="minutes")},
        zone=draw(st.sampled_from(ZONES)),
        settlement={
            "every": draw(st.sampled_from(["month", "year"])),
            "day": draw(st.integers(1, 28)),
            "time": "07:30",
        },
        rounding={"each": draw(st.sampled_from(["total", "line"]))},
    )
