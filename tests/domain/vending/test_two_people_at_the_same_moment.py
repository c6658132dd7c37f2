"""Two people at the same moment, on both databases: one truth, a named refusal for the loser, clean books."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "races.py"
# race -> what the two are told in any order (or in one of several ways), and how many sales, payments, pay-backs stand
EXPECTED: dict[str, tuple[list[tuple[str, ...]], dict[str, int]]] = {
    "ceiling": ([("ok", "refused above_ceiling")], {"sales": 1}),
    "same_form": ([("ok p1", "ok p1")], {"sales": 2, "payments": 1}),
    "opposite_order": ([("ok p1", "ok p2")], {"sales": 4, "payments": 2}),
    "refund_against_reversal": ([("ok", "refused more_than_balance")], {"backs": 1}),
    "reversal_twice": ([("ok", "refused already_reversed")], {"backs": 1}),
    "pay_out_against_resend": ([("ok", "refused not_waiting")], {"sales": 1}),
    "two_shifts": ([("ok", "refused shift_open_already")], {"open_shifts": 1}),
    "close_against_sale": ([("ok", "ok"), ("ok", "refused no_shift")], {"open_shifts": 0}),
    "print_twice": ([("ok 1", "ok 2")], {"sales": 1}),
    "two_watches": ([("ok 0", "ok 0", "ok 2")], {"alarms": 2}),
    "two_comparisons": ([("ok 0", "ok 2")], {"compared": 2}),
}


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]) -> dict[str, str]:
    """A database of its own for each race."""
    own = {"PREWATT_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "prewatt.server.settings"}
    return os.environ | own | {"PREWATT_DATABASE": new_database(request.param)}


@pytest.mark.parametrize("race", EXPECTED)
def test_one_truth_and_a_clear_word_for_the_loser(environment: dict[str, str], race: str) -> None:
    found = json.loads(_call(environment, str(SCRIPT), race))
    ways, stands = EXPECTED[race]
    told = found["told"]
    assert any(all(one.startswith(said) for one, said in zip(told, way, strict=True)) for way in ways), told
    assert {name: found[name] for name in stands} == stands
    assert found["drawer_fits"]
    assert found["audit"] == []
