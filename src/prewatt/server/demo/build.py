"""The demo's first child: make the building once, then only see that everything still fits together.

`python -m prewatt.server.demo.build`, with the environment that `prewatt demo` gives its children.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from prewatt.server import garbage
from prewatt.server.demo import files, fleet, lows, past
from prewatt.server.demo.files import Files, report

WORKERS = max(1, min(4, os.cpu_count() or 1))


def main() -> None:
    folder = Files.of_environment()
    if folder.facts().get("built"):
        _go_on(folder)
    else:
        _begin(folder)
    _scale(folder)
    report(folder, "ready", 1, 1)


def _scale(folder: Files) -> None:
    """The many meters that nobody simulates, once."""
    facts = folder.facts()
    meters = facts.get("scale", 0)
    if not meters or facts.get("scaled"):
        return
    from prewatt.domain.staff.models import Operator
    from prewatt.server.demo import scale

    report(folder, "scale", 0, meters)
    scale.load(meters=meters, now=datetime.now(UTC), seller=Operator.objects.get(username="manager"))
    files.write(folder.mark, folder.facts() | {"scaled": meters})


def _begin(folder: Files) -> None:
    """The meters live their past on all cores while the database is made."""
    end_ms = time.time_ns() // 1_000_000
    with past.living(end_ms, workers=WORKERS, live=lows.live) as lives_to_come:
        from prewatt.server import ready
        from prewatt.server.commands.serve import migrate

        report(folder, "building", 0, 1)
        ready.centre()
        migrate()
        from prewatt.server.demo import billed, estate, sales

        ports = folder.facts()["ports"]
        estate.build(ports=ports, now=_time(past.first_midnight_ms(end_ms)))
        files.write(folder.mark, folder.facts() | {"pages": True})
        lives = lives_to_come()
    with garbage.rarely():
        sales.replay(lives, progress=lambda done, total: report(folder, "sales", done, total))
    sales.last_look(lives)
    billed.hand_over(now=datetime.now(UTC))
    fleet.write_fleet(folder.fleet, ports)
    fleet.write_memory(folder.meters, lives)
    folder.keep_lives(lives)
    _draw_code(folder)
    files.write(folder.mark, folder.facts() | {"built": True})


def _go_on(folder: Files) -> None:
    from prewatt.server import ready
    from prewatt.server.commands.serve import migrate

    ready.centre()
    migrate()
    from prewatt.server.demo import estate

    facts = folder.facts() | {"pages": True}
    files.write(folder.mark, facts)
    estate.move_buses(facts["ports"])
    fleet.write_fleet(folder.fleet, facts["ports"])
    if facts.get("enrolled_at_port") != facts["web_port"]:
        _draw_code(folder)


def _draw_code(folder: Files) -> None:
    """The gateway enrols as any other does: with a one-time code, through the door."""
    from prewatt.domain.estate.enrolment import new_code
    from prewatt.domain.estate.models import Gateway
    from prewatt.server.demo import estate

    code = new_code(gateway=Gateway.objects.get(code=estate.GATEWAY), now=datetime.now(UTC))
    folder.code.touch(mode=0o600)
    folder.code.write_text(code)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


if __name__ == "__main__":
    main()
