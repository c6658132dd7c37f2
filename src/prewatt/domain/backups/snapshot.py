"""The database as it is at one moment, while everybody goes on writing; and what it holds, in figures.

SQLite: its own online backup, inside one reading transaction. PostgreSQL: pg_dump on a snapshot that also gave the
figures.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.db import connection
from django.utils.translation import gettext as _

from prewatt.domain.backups.archive import POSTGRES, SQLITE, Alive
from prewatt.domain.backups.refusals import DatabaseRefused, DiskFull, ProgramMissing

COUNTED = (
    *("staff_operator", "staff_logentry", "staff_logseal", "estate_building", "estate_meter", "estate_customer"),
    *("estate_opening", "ledger_account", "ledger_transfer", "ledger_seal", "dispatch_meterorder", "vending_sale"),
    *("vending_refund", "vending_reversal", "vending_series", "metering_reading", "metering_usageday"),
)
HEADS = {"ledger": "ledger_seal", "log": "staff_logseal"}
# What opens doors or seals papers: never in an archive that anybody can read. All of it can be made anew.
GUARDED = ("django_session", "otp_totp_totpdevice", "vending_receiptkey")
_PAGES = 4000
PROGRAM_S_MAX = 6 * 3600

Facts = dict[str, Any]


class Asked(Protocol):
    def execute(self, query: str, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...


def engine() -> str:
    return str(connection.vendor)


def part() -> str:
    return POSTGRES if engine() == "postgresql" else SQLITE


def take(target: Path, *, guarded: bool, alive: Alive) -> Facts:
    """Write the database to `target` and say what is in it. `guarded`: leave out what opens doors."""
    return (_postgres if engine() == "postgresql" else _sqlite)(target, guarded=guarded, alive=alive)


def facts(cursor: Asked, tables: Iterable[str] = COUNTED) -> Facts:
    """Migrations, rows and the heads of both chains of seals."""
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    migrations = sorted(f"{app}.{name}" for app, name in cursor.fetchall())
    counts = {}
    for table in sorted(set(tables) & set(COUNTED)):
        cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608  # nosec B608 - names of our own
        counts[table] = int(cursor.fetchall()[0][0])
    heads = {}
    for name, table in HEADS.items():
        cursor.execute(f"SELECT seq, sha256 FROM {table} ORDER BY seq DESC LIMIT 1")  # noqa: S608  # nosec B608
        heads[name] = next(({"seq": int(seq), "sha256": sha} for seq, sha in cursor.fetchall()), None)
    return {"migrations": migrations, "counts": counts, "seals": heads}


def _sqlite(target: Path, *, guarded: bool, alive: Alive) -> Facts:
    source_path = str(connection.settings_dict["NAME"])
    try:
        with closing(sqlite3.connect(source_path, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # from here on we see this moment only
            source.backup(copy, pages=_PAGES, progress=lambda _s, left, all_: alive(1 - left / max(all_, 1)))
            source.rollback()
            return _ready(copy, guarded=guarded)
    except sqlite3.OperationalError as error:
        raise _sqlite_refusal(error, target) from error


def _ready(copy: sqlite3.Connection, *, guarded: bool) -> Facts:
    copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    if guarded:
        copy.execute("PRAGMA secure_delete=ON")
        there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in sorted(there & set(GUARDED)):
            copy.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608
        copy.commit()
    said = copy.execute("PRAGMA quick_check").fetchone()[0]
    if said != "ok":
        raise DatabaseRefused(
            _("The database is damaged: %(what)s. No backup was made. Keep the last good one.") % {"what": said}
        )
    return facts(copy.cursor())


def _sqlite_refusal(error: sqlite3.OperationalError, target: Path) -> Exception:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return DiskFull(
            _("The disk of %(folder)s is full. No backup was made and nothing stands under its name. Make room.")
            % {"folder": target.parent}
        )
    return DatabaseRefused(_("The database did not give a copy: %(what)s. No backup was made.") % {"what": error})


def program(name: str) -> str:
    """Where one of PostgreSQL's own programs lies. Raises ProgramMissing, which names the package."""
    found = shutil.which(name)
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: one.parent.name.zfill(4), reverse=True)
    own = [str(folder / name) for folder in folders if (folder / name).exists()]
    if own or found:
        return str(found or own[0])
    raise ProgramMissing(
        _("%(program)s is not installed on this machine. Nothing was done. Install the package postgresql-client.")
        % {"program": name}
    )


def reach() -> tuple[list[str], dict[str, str]]:
    """How PostgreSQL's programs reach our database; the password never among the arguments."""
    at = connection.settings_dict
    options = {"-h": at["HOST"], "-p": at["PORT"], "-U": at["USER"], "-d": at["NAME"]}
    words = [word for option, value in options.items() if value for word in (option, str(value))]
    return words, {**os.environ, **({"PGPASSWORD": str(at["PASSWORD"])} if at["PASSWORD"] else {})}


def _postgres(target: Path, *, guarded: bool, alive: Alive) -> Facts:
    dump = program("pg_dump")
    words, environment = reach()
    left_out = [f"--exclude-table-data=public.{table}" for table in GUARDED] if guarded else []
    with _exported() as (cursor, name):
        found = facts(cursor)
        command = [dump, *words, "--no-password", "--format=custom", "--schema=public", "--no-owner", "--no-privileges"]
        call([*command, f"--snapshot={name}", *left_out, "-f", str(target)], environment, alive)
    return found


@contextmanager
def _exported() -> Iterator[tuple[Any, str]]:
    """A connection of its own that keeps one moment, and the moment's name."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            yield cursor, str(cursor.fetchone()[0])
            cursor.execute("ROLLBACK")
    finally:
        own.close()


def call(command: list[str], environment: dict[str, str], alive: Alive) -> None:
    """Run one of PostgreSQL's programs to its end. Raises DatabaseRefused with what it said."""
    with subprocess.Popen(  # noqa: S603  # nosec B603 - a program of PostgreSQL, arguments of our own
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        began, said = time.monotonic(), ""
        while True:
            try:
                said = running.communicate(timeout=2)[1]
                break
            except subprocess.TimeoutExpired:
                alive(0.5)
                if time.monotonic() - began > PROGRAM_S_MAX:
                    running.kill()
    if running.returncode:
        what = said.strip().splitlines()[-1] if said.strip() else f"exit {running.returncode}"
        full = "No space left on device" in said
        sentence = _("%(program)s failed: %(what)s. Nothing was kept.")
        raise (DiskFull if full else DatabaseRefused)(sentence % {"program": Path(command[0]).name, "what": what})
