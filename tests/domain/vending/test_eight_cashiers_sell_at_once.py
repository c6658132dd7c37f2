"""Eight processes, three meters, every form sent by two of them: nothing twice, no receipt number missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CASHIERS, FORMS, METERS = 8, 10, 3
SCRIPT = Path(__file__).parents[2] / "cashiers.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]) -> dict[str, str]:
    """A database of its own, with meters to sell to."""
    one = os.environ | {
        "PREWATT_DATABASE": new_database(request.param),
        "PREWATT_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    _call(one, str(SCRIPT), "PREPARE", str(METERS))
    return one


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_no_sale_twice_and_no_number_missing(environment: dict[str, str]) -> None:
    spans = [(half * FORMS, (half + 1) * FORMS) for half in range(CASHIERS // 2)]
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), "SELL", str(first), str(last)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first, last in spans * 2
    ]
    printed = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * CASHIERS, [error[-800:] for _, error in printed]
    answers = [tuple(pair) for out, _ in printed for pair in json.loads(out)]
    assert len(answers) == CASHIERS * FORMS
    sales = dict(answers)
    assert len(sales) == len(set(sales.values())) == CASHIERS // 2 * FORMS
    assert len(set(answers)) == len(sales)  # whoever sent a form second got the first one's receipt
    assert sorted(int(receipt.split("-")[1]) for receipt in sales.values()) == list(range(1, len(sales) + 1))
    report = json.loads(_call(environment, "-m", "prewatt.server.cli", "audit", "verify", "--json"))
    assert report["ok"], report["findings"]
    assert report["checked"]["transfers"] == 2 * len(sales)
