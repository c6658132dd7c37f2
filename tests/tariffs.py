"""Plans and use for tests of prices."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from prewatt.domain.tariff.rules.plan import FORMAT, Plan
from prewatt.domain.tariff.rules.reading import parse
from prewatt.domain.tariff.rules.timeline import Interval
from prewatt.units import Energy
from vector_files import FOLDER

PUBLISHED: dict[str, Any] = json.loads((FOLDER / "published_tariffs.json").read_text())["tariffs"]
DOCUMENTS: dict[str, Any] = json.loads((FOLDER / "tariff_plans.json").read_text())["plans"]
ZONE = "Asia/Shanghai"


@cache
def plan_of(name: str) -> Plan:
    """A published tariff as it is kept with the tests."""
    return parse(json.dumps(DOCUMENTS[name]))


def plan(*versions: dict[str, Any], **more: Any) -> Plan:
    return parse(json.dumps({"format": FORMAT, "name": "test", "versions": list(versions)} | more))


def at(text: str, zone: str = ZONE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def use(start: str, kwh: str, *, hours: float = 1, band: str | None = None, zone: str = ZONE) -> Interval:
    begin = at(start, zone)
    return Interval.between(begin, begin + timedelta(hours=hours), Energy.parse_kwh(kwh).wh, band)
