"""What `schema.sql` lays is what the migrations make, whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

MADE_ONCE = "SELECT hex(secret) FROM vending_receiptkey"
COUNTED = ("django_content_type", "auth_permission", "vending_receiptkey")

MIGRATED = "from django.core.management import call_command; call_command('migrate', verbosity=0)"
LAID = "from prewatt.server import schema; schema.bring_up_to_date()"
HALF = """
from django.db import connection
from prewatt.server import schema
whole = schema.SCHEMA.read_text()
try:
    schema.lay(connection, whole[: len(whole) // 2] + ";\\nCREATE TABLE what;\\n")
except Exception as error:
    print(type(error).__name__, connection.introspection.table_names())
"""


def after(path: Path, code: str) -> str:
    """A process of its own: Django knows one database for as long as it lives."""
    environment = os.environ | {
        "PREWATT_DATABASE": f"sqlite:///{path}",
        "PREWATT_SECRET_KEY": "nothing here is secret",
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    whole = f"import django; django.setup()\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", whole], env=environment, check=True, timeout=300, capture_output=True, text=True
    )
    return done.stdout.strip()


def facts(path: Path) -> tuple[list[tuple[str, ...]], dict[str, int], list[tuple[str, ...]]]:
    with sqlite3.connect(path) as own:
        made = own.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        rows = {name: own.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for (_, name, *_) in made if _is(name)}
        done = own.execute("SELECT app, name FROM django_migrations ORDER BY app, name").fetchall()
    return made, rows, done


def _is(name: str) -> bool:
    return name in COUNTED


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("laid") / "b.sqlite3"
    after(path, LAID)
    return path


def test_laid_and_migrated_are_the_same(laid: Path, tmp_path: Path) -> None:
    migrated = tmp_path / "a.sqlite3"
    after(migrated, MIGRATED)
    ours, theirs = facts(laid), facts(migrated)
    assert ours[1] == theirs[1]
    assert ours[2] == theirs[2], "run tools/schema.py"
    assert ours[0] == theirs[0], "run tools/schema.py"


def test_every_building_seals_its_receipts_with_a_key_of_its_own(laid: Path, tmp_path: Path) -> None:
    other = tmp_path / "c.sqlite3"
    after(other, LAID)
    keys = set()
    for path in (laid, other):
        with sqlite3.connect(path) as own:
            keys.add(own.execute(MADE_ONCE).fetchone()[0])
    assert [len(key) for key in keys] == [64, 64]


def test_laid_again_is_left_alone(laid: Path) -> None:
    before = laid.read_bytes()
    after(laid, LAID)
    assert laid.read_bytes() == before


def test_half_a_schema_leaves_an_empty_database_that_the_next_start_lays(laid: Path, tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite3"
    assert after(path, HALF) == "OperationalError []"
    after(path, LAID)
    assert facts(path)[0] == facts(laid)[0]
