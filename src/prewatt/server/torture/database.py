"""The centre's database for a run: the real migrations, in memory, made once and copied for every seed."""

from __future__ import annotations

import gc
import os
import sqlite3
import tempfile
from functools import cache
from types import SimpleNamespace

MEMORY = "sqlite:///:memory:"


class NotOurDatabase(Exception):
    """The centre is set up on another database already. A torture run never touches one that is not its own."""


def set_up() -> None:
    """Make this process a centre on a database in memory. Before anything imports the domain."""
    os.environ["PREWATT_DATABASE"] = MEMORY
    os.environ.setdefault("PREWATT_DATA", os.path.join(tempfile.gettempdir(), f"prewatt-torture-{os.getuid()}"))
    os.environ["PREWATT_SECRET_KEY"] = "torture: nothing here is secret"  # noqa: S105
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # one thread, one loop, virtual time: nothing else waits
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prewatt.server.settings")
    import django

    django.setup()
    from django.db import connections

    # Django gives every task of a loop a connection of its own; a database in memory has only the one.
    connections._connections = SimpleNamespace()  # type: ignore[attr-defined]


@cache
def _template() -> sqlite3.Connection:
    from django.db import connection

    from prewatt.server import schema

    if connection.settings_dict["NAME"] != ":memory:":
        raise NotOurDatabase(f"{connection.settings_dict['NAME']} is not a database of this run")
    schema.bring_up_to_date()
    kept = sqlite3.connect(":memory:")
    connection.connection.backup(kept)
    gc.collect()
    gc.freeze()  # what the program itself is made of need not be looked through again for every seed
    return kept


def fresh() -> None:
    """An empty centre: every table, no row."""
    from django.db import connection

    kept = _template()
    connection.connection = None  # a dead life may have left a statement open in the one before
    connection.ensure_connection()
    kept.backup(connection.connection)
