"""What an episode is about, and what holds of it at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from prewatt.domain.alarms.models import Kind


class Key(NamedTuple):
    """What an episode is about: one of these things. The tenant belongs to it where it is about his money."""

    kind: Kind
    meter: int | None = None
    gateway: int | None = None
    opening: int | None = None
    bus: int | None = None
    carrier: int | None = None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """`begins`: bad enough to begin an episode; else only to keep one going. `bus`: behind which the thing hangs."""

    since: datetime
    value: int | None = None
    threshold: int | None = None
    detail: str = ""
    opening: int | None = None
    building: int | None = None
    begins: bool = True
    bus: int | None = None
