from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
import django, sys
django.setup()
from prewatt.domain.audit.verify import verify
seen = []
def tick(check, done, total):
    if not seen:
        seen.append(check)
        from cashiers import sell_all
        from threading import Thread
        thread = Thread(target=sell_all, args=(100, 103))
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), "the audit made a sale wait"
report = verify(tick)
assert seen
print(report.checked["transfers"], report.ok, verify().checked["transfers"])
"""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_sales_go_on_meanwhile_and_are_not_seen(
    database: str, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    folder = Path(__file__).parents[2]
    environment = os.environ | {
        "PREWATT_DATABASE": new_database(database),
        "PREWATT_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
        "PYTHONPATH": str(folder),
    }
    printed = ""
    for arguments in (
        [str(folder / "cashiers.py"), "PREPARE", "2"],
        [str(folder / "cashiers.py"), "SELL", "0", "4"],
        ["-c", SCRIPT],
    ):
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
        printed = done.stdout
    assert printed.split() == ["8", "True", "14"]
