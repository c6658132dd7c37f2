"""The final register of a meter that does not answer, as a person read it: is there sense in it?

It becomes the use of the account's last days. Lower than what the meter itself said last cannot be, unless its register
was full and began again; far above what it can have counted since is most often a digit too many.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.metering.closing import rise
from prewatt.domain.metering.models import MeterState, UsageDay
from prewatt.domain.vending.checks import Refused
from prewatt.units.values import Energy

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter

HIGHEST_W = 66_000  # three phases of 100 A: more does not go through a meter, whatever its transformer
USUAL_TIMES = 5  # so many times its highest day is still no surprise
USUAL_DAYS = 60
DISPLAY_WH = 100  # a display with one decimal shows up to so much less than the register has
LEAST_WH = 10_000  # what a shop that stood empty may use when somebody comes back


class TypedBelow(Refused):
    code = "below_last_reading"

    def __init__(self, meter: Meter, last: MeterState) -> None:
        super().__init__(
            _(
                "The register of meter %(meter)s stood at %(last)s kWh already, on %(at)s: it does not run backwards. "
                "Nothing was booked. Read the display again, or leave the register empty if nobody can read it."
            )
            % {"meter": meter.number, **_last(last)}
        )


class TypedFarAbove(Refused):
    """`meter` is the one whose figure is to be looked at again. Confirmed by both (`Typed.sure`), it counts."""

    code = "far_above_last_reading"
    retry = True

    def __init__(self, meter: Meter, last: MeterState, risen_wh: int) -> None:
        self.meter = meter
        super().__init__(
            _(
                "The register of meter %(meter)s was last read at %(last)s kWh, on %(at)s; %(more)s kWh since then is "
                "far more than it uses. Nothing was booked. Read the display again, together; if the figure is right, "
                "say so, and let the second person confirm it."
            )
            % {"meter": meter.number, "more": Energy(risen_wh), **_last(last)}
        )


def _last(last: MeterState) -> dict[str, str]:
    at = timezone.localtime(last.energy_at) if last.energy_at else None
    return {"last": str(Energy(last.energy_wh or 0)), "at": f"{at:%Y-%m-%d %H:%M}" if at else "—"}


def check_register(meter: Meter, *, energy_wh: int | None, sure: bool, now: datetime) -> None:
    """Raises TypedBelow, TypedFarAbove. A meter that never said anything proves nothing."""
    last = MeterState.objects.filter(meter=meter, energy_wh__isnull=False, energy_at__isnull=False).first()
    if energy_wh is None or last is None or last.energy_wh is None or last.energy_at is None:
        return
    risen_wh = rise(last.energy_wh, energy_wh)
    if energy_wh <= last.energy_wh - DISPLAY_WH and not risen_wh:
        raise TypedBelow(meter, last)
    if risen_wh > most_wh(meter, since=last.energy_at, now=now) and not sure:
        raise TypedFarAbove(meter, last, risen_wh)


def most_wh(meter: Meter, *, since: datetime, now: datetime) -> int:
    """What the register may have risen since then without surprising anybody, in its own Wh (no CT ratio)."""
    span = max(now - since, timedelta())
    carried = HIGHEST_W * int(span.total_seconds()) // 3600
    known = UsageDay.objects.filter(meter=meter, day__gte=(now - timedelta(days=USUAL_DAYS)).date())
    highest = known.aggregate(highest=Max("energy_wh"))["highest"]
    if highest is None:
        return max(LEAST_WH, carried)
    usual = USUAL_TIMES * int(highest) // meter.ratio * (span.days + 1)
    return max(LEAST_WH, min(carried, usual))
