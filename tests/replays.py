"""One write sent many times at once: `python replays.py THREADS TIMES` on a migrated database of its own.

Every thread sends the same key and body; then one sends the key with another body. Prints what they were told and what
the books say.
"""

from __future__ import annotations

import json
import sys
from collections import Counter as Tally
from pathlib import Path
from threading import Barrier, Lock, Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import django

django.setup()

from django.db import connection  # noqa: E402  Django must be set up first
from django.test import Client  # noqa: E402

from counter import Counter  # noqa: E402
from prewatt.domain.audit.verify import verify  # noqa: E402
from prewatt.domain.dispatch.models import MeterOrder  # noqa: E402
from prewatt.domain.vending.models import Sale  # noqa: E402
from web.api.door import ROOT, Program  # noqa: E402


def main(threads: int, times: int) -> dict[str, Any]:
    counter = Counter()
    counter.opened()
    program = Program(counter.cashier)
    body = {"meter_id": counter.meters[0].pk, "amount_fen": 10_000, "tender": "cash"}
    start, lock = Barrier(threads), Lock()
    states: Tally[int] = Tally()
    answers: set[bytes] = set()

    def till() -> None:
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        start.wait()
        for _ in range(times):
            answer = client.post(
                f"{ROOT}/sales", json.dumps(body), content_type="application/json", headers=program.headers("one-key-1")
            )
            with lock:
                states[answer.status_code] += 1
                answers.add(answer.content if answer.status_code == 200 else b"")
        connection.close()

    people = [Thread(target=till) for _ in range(threads)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    other = Client(SERVER_NAME="localhost").post(
        f"{ROOT}/sales",
        json.dumps(body | {"amount_fen": 1}),
        content_type="application/json",
        headers=program.headers("one-key-1"),
    )
    return {
        "states": dict(states),
        "answers": len(answers),
        "other": other.json()["code"],
        "sales": Sale.objects.count(),
        "orders": MeterOrder.objects.count(),
        "drawer_fen": counter.drawer_fen(),
        "audit": [str(one) for one in verify().findings],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
