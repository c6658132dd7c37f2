"""Workers that write files of long lists, a process each: `python exporters.py ASK | DIE SECONDS | WORK SECONDS`.

ASK: two files of one operator and one of another wait. DIE: a worker takes the next file and hangs with half of it on
the disk, to be killed. WORK: a worker does what there is to do. Both come so many seconds later. Each prints how things
stand.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import django

django.setup()

from counter import Counter  # noqa: E402  Django must be set up first
from prewatt.domain.lists import exports  # noqa: E402
from prewatt.domain.lists.models import Export  # noqa: E402
from prewatt.domain.lists.refusals import NotReady  # noqa: E402
from prewatt.web.parts import exporting  # noqa: E402

SALES = 5


def ask() -> None:
    counter = Counter()
    counter.opened()
    for nth in range(SALES):
        counter.sell(f"s{nth}", "10")
    facts = {"path": "/sales/", "query": "?from=&to=", "language": "en", "title": "Sales", "said": ""}
    for at, (name, who) in enumerate((("a1", counter.admin), ("a2", counter.admin), ("b1", counter.second))):
        asked_at = datetime.now(UTC) + timedelta(milliseconds=at)
        exports.ask(export_id=name, operator=who, file_name="f", rows_total=SALES, now=asked_at, **facts)  # type: ignore[arg-type]


def die(at: datetime) -> None:
    def half(file: Any, *_table: Any, **_more: Any) -> None:
        file.write(b"half")
        file.flush()
        say()
        time.sleep(120)

    exporting.write = half  # type: ignore[attr-defined]
    exporting.work(at)


def say() -> None:
    found = {one.pk: [one.state, one.tries, one.error, _offered(one)] for one in Export.objects.order_by("pk")}
    files = sorted((path.suffix, path.stat().st_size) for path in exports.folder().iterdir())
    sys.stdout.write(json.dumps({"files": files, **found}) + "\n")
    sys.stdout.flush()


def _offered(one: Export) -> str:
    try:
        return str(exports.file_of(export=one, operator=one.operator))
    except NotReady:
        return ""


if __name__ == "__main__":
    moment = datetime.now(UTC) + timedelta(seconds=int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    if sys.argv[1] == "ASK":
        ask()
    elif sys.argv[1] == "DIE":
        die(moment)
    else:
        while exporting.work(moment):
            pass
    say()
