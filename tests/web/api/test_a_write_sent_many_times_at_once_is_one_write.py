"""The same key from many threads at the same moment, on both databases: one sale, one order, one answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "replays.py"


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]) -> dict[str, str]:
    return os.environ | {
        "PREWATT_DATA": str(tmp_path),
        "PREWATT_DATABASE": new_database(request.param),
        "PREWATT_API_PER_MINUTE": "100000",
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }


@pytest.mark.parametrize(("threads", "times"), [(20, 10), pytest.param(40, 25, marks=pytest.mark.slow)])
def test_one_sale_one_order_one_answer(environment: dict[str, str], threads: int, times: int) -> None:
    found = json.loads(_call(environment, str(SCRIPT), str(threads), str(times)))
    assert found["states"] == {"200": threads * times}
    assert (found["sales"], found["orders"], found["answers"]) == (1, 1, 1)
    assert (found["drawer_fen"], found["other"], found["audit"]) == (10_000, "key_used", [])
