"""The scaled estate's meters go on standing where they stand: their last values are looked at again, and nothing more.

`python -m prewatt.server.demo.repeating`. Without it all of them would be lost after ten minutes. Their power sways a
little, so that pages which renew themselves have something to show; nobody lives behind these meters.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prewatt.link.messages import Reading

EVERY_S = 20.0
PARTS = 8  # each meter is looked at every 160 s, as often as a gateway would
_SWAY = (2, 3, -1, -2, 1, -3, 2, -2)  # per cent of change; in eight turns they add up to nothing


def main() -> None:
    from prewatt.server import ready

    ready.centre(migrated=True)
    turn = 0
    while True:
        repeat(turn=turn, now=datetime.now(UTC))
        turn += 1
        time.sleep(EVERY_S)


def repeat(*, turn: int, now: datetime) -> int:
    """One part of the meters is looked at. Returns how many."""
    from prewatt.domain.estate.models import Gateway
    from prewatt.domain.metering.models import MeterState
    from prewatt.domain.metering.operations import record_readings
    from prewatt.server.demo.scale import CODE, NO_ANSWER

    Gateway.objects.filter(code__startswith=f"GW-{CODE}").update(last_seen_at=now)
    mine = MeterState.objects.filter(meter__bus__gateway__code__startswith=f"GW-{CODE}").exclude(last_error=NO_ANSWER)
    rows = mine.values_list("meter", "meter__number", "power_w", "balance_fen", "relay_closed")
    at_ms = int(now.timestamp() * 1000)
    looks = [
        Reading(
            meter=number,
            taken_at_ms=at_ms,
            values={
                "power_w": _swayed(power_w or 0, turn // PARTS + pk),
                "balance_fen": balance_fen or 0,
                "relay_closed": 1 if relay_closed is None else relay_closed,
            },
        )
        for pk, number, power_w, balance_fen, relay_closed in rows
        if pk % PARTS == turn % PARTS
    ]
    record_readings(looks, gateway=None, now=now)
    return len(looks)


def _swayed(power_w: int, turn: int) -> int:
    return max(0, power_w + power_w * _SWAY[turn % len(_SWAY)] // 100)


if __name__ == "__main__":
    main()
