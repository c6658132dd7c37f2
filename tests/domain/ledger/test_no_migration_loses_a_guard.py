"""SQLite makes a table anew to change a column, and the triggers on it are gone without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

GUARDED = (
    "ledger_transfer",
    "ledger_account",
    "ledger_seal",
    "ledger_dayseal",
    "staff_logentry",
    "staff_logseal",
    "vending_sale",
    "vending_refund",
    "vending_reversal",
    "dispatch_meterorder",
    "dispatch_decision",
    "dispatch_countcorrection",
    "dispatch_contradiction",
    "reports_dayclose",
    "billing_statement",
)


def guards(of: Any) -> set[str]:
    with of.cursor() as cursor:
        if of.vendor == "sqlite":
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal")
        return {f"{table}: {name}" for table, name in cursor.fetchall()}


@pytest.mark.django_db
def test_every_table_that_must_not_change_is_guarded() -> None:
    tables = {name.partition(":")[0] for name in guards(connection)}
    assert set(GUARDED) - tables == set()


STEP_BY_STEP = """
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

stood = set()

def look(action, migration=None, _fake=False):
    global stood
    if action == "apply_success":
        with connection.cursor() as cursor:
            cursor.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")
            now = set(cursor.fetchall())
        for table, name in sorted(stood - now):
            print(f"{migration} took away {name} of {table}")
        stood = now

executor = MigrationExecutor(connection, look)
executor.migrate(executor.loader.graph.leaf_nodes())
print(len({table for table, _name in stood}), "tables guarded")
"""


def test_no_step_of_the_migrations_on_sqlite_takes_a_guard_away(tmp_path: Path) -> None:
    own = {"PREWATT_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "prewatt.server.settings"}
    environment = {**os.environ, **own, "PREWATT_DATABASE": f"sqlite:///{tmp_path / 'fresh.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "-c", STEP_BY_STEP], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    *taken, last = done.stdout.splitlines()
    assert taken == []
    assert int(last.split()[0]) >= len(GUARDED)
