"""Bringing a database up to date: a new one on SQLite is laid in one step, any other by its migrations.

Django makes a model of every table anew after each migration: ninety of them cost some eight seconds of a core, more
than half of what a newcomer waits for the demo's first page. So `schema.sql` holds what they all lead to. `tools/
schema.py` writes it from the migrations, and a test compares the two.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from prewatt.server import garbage

SCHEMA = files("prewatt.server") / "schema.sql"
_THERE = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY {}"
_ORDER = "CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, name"


def bring_up_to_date() -> None:
    """Every migration of this version is applied afterwards; nothing is done where nothing is to be done."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    if connection.vendor == "sqlite":
        lay(connection, SCHEMA.read_text(encoding="utf-8"))
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        with garbage.rarely():
            call_command("migrate", interactive=False, verbosity=0)


def lay(connection: Any, schema: str) -> bool:
    """All tables at once, if the database has none. Whoever is stopped half-way leaves none."""
    from django.core.management.sql import emit_post_migrate_signal
    from django.db import transaction

    if connection.introspection.table_names():
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.introspection.table_names(cursor):  # another process was quicker
            return False
        for statement in statements(schema):
            cursor.execute(statement)
        _rows()
        emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)
    return True


def statements(schema: str) -> Iterator[str]:
    """A trigger's body has semicolons of its own."""
    statement = ""
    for line in schema.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _rows() -> None:
    """What the migrations put in besides tables: nothing but the key that seals this building's receipts."""
    from prewatt.domain.vending.models import ReceiptKey

    ReceiptKey.objects.create(pk=1, secret=os.urandom(32))


def written(connection: Any) -> str:
    """What `schema.sql` says of this database."""
    with connection.cursor() as cursor:
        cursor.execute(_THERE.format(_ORDER))
        made = [f"{sql};\n" for (sql,) in cursor.fetchall()]
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        done = [
            f"INSERT INTO django_migrations (app, name, applied) VALUES ('{app}', '{name}', CURRENT_TIMESTAMP);\n"  # noqa: S608  our own names
            for app, name in cursor.fetchall()
        ]
    return "".join(made + done)
