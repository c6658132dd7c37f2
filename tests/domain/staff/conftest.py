from __future__ import annotations

import pytest
from django.db import connection


@pytest.fixture
def without_guards(db: None) -> None:
    """The tables as somebody finds them who owns the database: no triggers. The rollback brings them back."""
    tables = ("staff_logentry", "staff_logseal")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s)", tables)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
