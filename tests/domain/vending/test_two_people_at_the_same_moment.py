"""Two people at the same moment, on both databases: one truth, a named refusal for the loser, clean books."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a migrated database of its own for each race: migrated once, copied for each."""
    folder = tmp_path_factory.mktemp("races")
    common = os.environ | {"PREWATT_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "prewatt.server.settings"}
    on_postgres = request.param == "postgresql"
    first = folder / "migrated.sqlite3"
    cluster = request.getfixturevalue("postgres_cluster") if on_postgres else None
    template = f"races{os.getpid()}"
    url = cluster.create(template) if cluster else f"sqlite:///{first}"
    _call(common | {"PREWATT_DATABASE": url}, "-m", "django", "migrate", "-v0", "--skip-checks")

    def copied(name: str) -> dict[str, str]:
        if cluster is None:
            shutil.copyfile(first, folder / f"{name}.sqlite3")
            return common | {"PREWATT_DATABASE": f"sqlite:///{folder / name}.sqlite3"}
        at = ("-h", "127.0.0.1", "-p", str(cluster.port), "-U", "prewatt")
        cluster.call("createdb", *at, "-T", template, f"{name}{os.getpid()}")
        return common | {"PREWATT_DATABASE": cluster.url(f"{name}{os.getpid()}")}

    return copied


@pytest.mark.parametrize("race", EXPECTED)
def test_one_truth_and_a_clear_word_for_the_loser(migrated: Any, race: str) -> None:
    found = json.loads(_call(migrated(race), str(SCRIPT), race))
    ways, stands = EXPECTED[race]
    told = found["told"]
    assert any(all(one.startswith(said) for one, said in zip(told, way, strict=True)) for way in ways), told
    assert {name: found[name] for name in stands} == stands
    assert found["drawer_fits"]
    assert found["audit"] == []
