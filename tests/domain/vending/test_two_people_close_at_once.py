"""The same form from two desks, a second form, and a sale, all at one moment: one closing, or one sale before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = str(Path(__file__).parents[2] / "leaving_people.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]) -> dict[str, str]:
    one = os.environ | {
        "PREWATT_DATABASE": new_database(request.param),
        "PREWATT_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    _call(one, SCRIPT, "PREPARE")
    return one


def _call(environment: dict[str, str], *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout) if done.stdout else None


def test_one_act_whoever_was_faster(environment: dict[str, str]) -> None:
    asked = [("CLOSE", "c1"), ("CLOSE", "c1"), ("CLOSE", "c2"), ("SELL", "s1")]
    running = [
        subprocess.Popen(
            [sys.executable, SCRIPT, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in asked
    ]
    printed = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * len(asked), [error[-800:] for _, error in printed]
    first, again, other, sale = (json.loads(out) for out, _ in printed)
    under_way = {"orders_under_way"}  # the sale was faster
    refused = {"account_ending", "orders_under_way"}
    assert sale in {"s1", "account_ending"}
    assert {first, again} <= {"c1"} | refused
    assert other in {"c2"} | refused
    made = {answer for answer in (first, again, other) if answer in {"c1", "c2"}}
    assert len(made) == (0 if {first, again, other} <= under_way else 1)
    found = _call(environment, SCRIPT, "SETTLE")
    assert found["closings"] == [[pk, "done"] for pk in made]
    if made:
        assert found["lines"] == [["done", 7_000, 3_000]] * 2
        assert found["paid_fen"] == 14_000
    report = _call(environment, "-m", "prewatt.server.cli", "audit", "verify", "--json")
    assert report["ok"], report["findings"]
