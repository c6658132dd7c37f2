"""Shared by all tests. Times come in as arguments; no test sleeps to wait for a clock.

The same tests run on both databases: SQLite as they are, PostgreSQL with PREWATT_TEST_DATABASE=postgresql, on a cluster
that this session starts for itself and removes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from counter import Counter
from postgres import Cluster, cluster

_session_cluster: list[Cluster] = []


def _on_postgres() -> bool:
    return os.environ.get("PREWATT_TEST_DATABASE", "sqlite") == "postgresql"


def pytest_configure(config: pytest.Config) -> None:
    """Point the settings at our own cluster. Django is set up by now, but has not connected yet."""
    if not _on_postgres():
        return
    from django.conf import settings
    from django.db import connections

    from prewatt.server.settings import _database

    own = Cluster()
    _session_cluster.append(own)
    settings.DATABASES["default"] = _database(own.url("prewatt")) | {"CONN_MAX_AGE": 0}
    connections.configure_settings(settings.DATABASES)
    connections.settings = settings.DATABASES
    for made_early in connections.all(initialized_only=True):
        del connections[made_early.alias]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """The tests' own database is made as a site's is: in one step where that is known."""
    from django.core import management

    from prewatt.server import schema

    usual = management.call_command

    def call(name: str, *given: Any, **named: Any) -> Any:
        made_new = name == "migrate" and named.get("run_syncdb")  # a test that walks the migrations walks them
        return schema.bring_up_to_date() if made_new else usual(name, *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(management, "call_command", call)
        yield


def pytest_unconfigure(config: pytest.Config) -> None:
    while _session_cluster:
        _session_cluster.pop().close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A second run on PostgreSQL repeats only what touches the database.

    The browser comes last: its driver keeps an event loop running in this thread to the end of the session, and neither
    asyncio.run() nor virtual time works inside another loop.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if _on_postgres():
        for item in items:
            names = getattr(item, "fixturenames", ())
            if not {"db", "transactional_db"} & set(names) and not item.get_closest_marker("django_db"):
                item.add_marker(pytest.mark.skip(reason="touches no database: it ran on SQLite"))


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A cluster for tests that need PostgreSQL itself, whatever database the session runs on."""
    if _session_cluster:
        yield _session_cluster[0]
        return
    with cluster() as own:
        yield own


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Makes a migrated database for processes of a test's own, on "sqlite" or "postgresql": migrated once a session,
    copied for each. What it returns is what PREWATT_DATABASE takes.
    """
    folder, number, made = tmp_path_factory.mktemp("databases"), count(), set[str]()
    first, template = folder / "first.sqlite3", f"first{os.getpid()}"

    def migrated(kind: str, url: str) -> None:
        if kind not in made:
            one = {"PREWATT_DATABASE": url, "PREWATT_DATA": str(folder)}
            command = [sys.executable, "-m", "prewatt.server.cli", "migrate"]
            subprocess.run(command, env=os.environ | one, check=True, capture_output=True, timeout=300)
            made.add(kind)

    def another(kind: str) -> str:
        name = f"own{os.getpid()}n{next(number)}"
        if kind == "sqlite":
            migrated(kind, f"sqlite:///{first}")
            shutil.copyfile(first, folder / f"{name}.sqlite3")
            return f"sqlite:///{folder / name}.sqlite3"
        cluster = request.getfixturevalue("postgres_cluster")
        if kind not in made:
            migrated(kind, cluster.create(template))
        at = ("-h", "127.0.0.1", "-p", str(cluster.port), "-U", "prewatt")
        cluster.call("createdb", *at, "-T", template, name)
        return str(cluster.url(name))

    return another


def _lift(connection: Any) -> list[str]:
    """Take the triggers away and return the statements that bring them back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
            tables = [row[0] for row in cursor.fetchall()]
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            return [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        triggers = cursor.fetchall()
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        return [sql for _name, sql in triggers]


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_guards() -> Iterator[None]:
    """Django empties all tables after a transactional test; the database refuses that for the ledger, as it should."""
    from django.db import connection
    from django.test import TransactionTestCase

    original: Any = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(self: Any) -> None:
        statements = _lift(connection)
        try:
            original(self)
        finally:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


@pytest.fixture
def counter(db: None) -> Counter:
    """One tower, one meter, people with known rights."""
    return Counter()
