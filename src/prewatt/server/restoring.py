"""Bring an installation back. Everything is made ready and judged beside the place that it will take; what stands there
is touched last, and then only renamed.

The steps: check the whole archive · database into a workroom (PostgreSQL: into an empty schema, in one transaction) ·
the manifest's figures · migrations · keys for this machine · mark it as restored (receipt series, meters to compare) ·
audit · take the place.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from prewatt.domain.backups import archive
from prewatt.domain.backups.refusals import BackupRefused
from prewatt.server import ready, schema

if TYPE_CHECKING:
    from prewatt.domain.audit.report import Report


class RestoreRefused(BackupRefused):
    """Nothing was touched. The text says why and what to do."""

    code: ClassVar[str] = "restore"


@dataclass(frozen=True, slots=True)
class Restored:
    file: Path
    manifest: dict[str, Any]
    report: Report
    aside: str  # where what was there before lies now
    series: str
    meters_to_compare: int
    gateways_to_enrol: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.report.ok,
            "file": str(self.file),
            **{name: self.manifest[name] for name in ("made_at", "version", "counts", "seals")},
            "moved_aside": self.aside,
            "receipt_series_ending": self.series,
            "meters_to_compare": self.meters_to_compare,
            "gateways_to_enrol": self.gateways_to_enrol,
            "audit": self.report.as_dict(),
        }

    def told(self) -> str:
        lines = [f"Restored the backup of {self.manifest['made_at']} (version {self.manifest['version']})."]
        if self.aside:
            lines.append(f"What was there before lies in {self.aside}.")
        lines.append(
            f"Receipts go on in new series that end with {self.series}. {self.meters_to_compare} meters are compared "
            "with the books as they are read; new money waits for that."
        )
        if self.gateways_to_enrol:
            lines.append(f"Enrol these gateways again (prewatt code): {', '.join(self.gateways_to_enrol)}.")
        if not self.manifest["encrypted"]:
            lines.append("Second factors were not in this backup: people set theirs up again.")
        if self.report.ok:
            lines.append(
                "The audit found the books clean. Whatever was sold after the backup is not in them: see above."
            )
        else:
            first = self.report.findings[0]
            lines.append(
                f"NOT CLEAN: {len(self.report.findings)} findings; the first is {first.check} {first.kind}: "
                f"{first.row}: {first.what}. `prewatt audit verify` shows them all."
            )
        return "\n".join(lines)


def restore(file: Path, *, passphrase: str | None, force: bool) -> Restored:
    """Into the place that PREWATT_DATA and PREWATT_DATABASE name. Raises BackupRefused: then nothing was touched."""
    place = _place()
    place.check(force)
    with _workroom(place) as room:
        manifest = archive.unpack(file, room, passphrase=passphrase)
        if manifest.get("engine") != place.engine:
            raise RestoreRefused(
                f"This backup is of {manifest.get('engine')}, and PREWATT_DATABASE names {place.engine}. Nothing was "
                "touched. Set PREWATT_DATABASE to the same kind of database."
            )
        secrets = _secrets(room)
        _stage(place, room, secrets)
        _check_version(manifest)
        with place.filled(room, force) as aside:
            _check_figures(manifest)
            schema.bring_up_to_date()
            lost = _own_keys(secrets)
            point, meters = _mark(manifest, file)
            report = _audit()
            moved = place.take(room, aside, force)
    return Restored(file, manifest, report, moved, point, meters, lost)


# --- the place --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    data: Path
    database: Path
    engine: ClassVar[str] = "sqlite"

    @property
    def beside(self) -> Path:
        return self.database.parent

    def check(self, force: bool) -> None:
        if not self.database.exists():
            return
        if not force:
            raise RestoreRefused(
                f"There is an installation already: {self.database}. Nothing was touched. Choose an empty folder with "
                "--into, or --force to move what is there aside."
            )
        _nobody_at(self.database)

    @contextmanager
    def filled(self, _room: Path, _force: bool) -> Iterator[str]:
        yield ""  # it was put into the workroom as it came

    def take(self, room: Path, _aside: str, force: bool) -> str:
        from django.db import connections

        connections.close_all()
        _one_file(room / "prewatt.sqlite3")
        aside = self._move_aside() if force else ""
        for old, new in self._moves(room):
            if old.exists():
                old.rename(new)
        archive.sync_folder(self.beside)
        archive.sync_folder(self.data)
        return aside

    def _moves(self, room: Path) -> list[tuple[Path, Path]]:
        """The keys first: a database without its keys is worse than keys without their database."""
        key = self.data / "secret.key"
        if key.exists():
            key.rename(self.data / f"secret.key.before-{datetime.now(UTC):%Y%m%d%H%M%S}")
        return [(room / "secret.key", key), (room / "prewatt.sqlite3", self.database)]

    def _move_aside(self) -> str:
        if not self.database.exists():
            return ""
        _nobody_at(self.database)
        aside = self.beside / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        aside.mkdir(mode=0o700)
        if (self.data / "secret.key").exists():
            shutil.copy2(self.data / "secret.key", aside / "secret.key")
        self.database.rename(aside / self.database.name)
        archive.sync_folder(aside)
        return str(aside)


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    data: Path
    engine: ClassVar[str] = "postgresql"

    @property
    def beside(self) -> Path:
        return self.data

    def check(self, force: bool) -> None:
        """Asked when the database can be reached: see `filled`."""

    @contextmanager
    def filled(self, room: Path, force: bool) -> Iterator[str]:
        """The backup in the schema `public`; whatever goes wrong, what was there stands there again."""
        from django.db import connection

        aside = self._schema_aside(force)
        try:
            self._fill(room)
            connection.close()
            yield aside
        except BaseException:
            self._back(aside)
            raise

    def _schema_aside(self, force: bool) -> str:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'")
            tables = cursor.fetchone()[0]
            if tables and not force:
                raise RestoreRefused(
                    "There is an installation already in the database of PREWATT_DATABASE. Nothing was touched. Name "
                    "an empty database, or --force to move what is there aside."
                )
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0]:
                raise _running("the database of PREWATT_DATABASE")
            if not tables:
                return ""
            aside = f"before_restore_{datetime.now(UTC):%Y%m%d%H%M%S}"
            cursor.execute(f"ALTER SCHEMA public RENAME TO {aside}")
            cursor.execute("CREATE SCHEMA public")
        return aside

    def _fill(self, room: Path) -> None:
        from prewatt.domain.backups import snapshot

        words, environment = snapshot.reach()
        flags = ["--no-password", "--schema=public", "--no-owner", "--no-privileges", "--single-transaction"]
        command = [snapshot.program("pg_restore"), *words, *flags, "--exit-on-error", str(room / archive.POSTGRES)]
        snapshot.call(command, environment, lambda _done: None)

    def _back(self, aside: str) -> None:
        from django.db import connection

        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute(f"ALTER SCHEMA {aside} RENAME TO public" if aside else "CREATE SCHEMA public")

    def take(self, room: Path, aside: str, _force: bool) -> str:
        key = self.data / "secret.key"
        if (room / "secret.key").exists():
            if key.exists():
                key.rename(self.data / f"secret.key.before-{datetime.now(UTC):%Y%m%d%H%M%S}")
            (room / "secret.key").rename(key)
            archive.sync_folder(self.data)
        return f"the schema {aside}" if aside else ""


Place = SqlitePlace | PostgresPlace


def _place() -> Place:
    data = Path(os.environ.get("PREWATT_DATA", "var")).absolute()
    parts = urlsplit(os.environ.get("PREWATT_DATABASE", ""))
    if parts.scheme in {"postgres", "postgresql"}:
        return PostgresPlace(data)
    if parts.scheme not in {"", "sqlite"}:
        raise ready.WrongSetting("PREWATT_DATABASE must start with sqlite:/// or postgresql://. Nothing was touched.")
    named = unquote(parts.path[1:])
    return SqlitePlace(data, Path(named).absolute() if named else data / "prewatt.sqlite3")


def _nobody_at(database: Path) -> None:
    """Only somebody alone with a database may leave WAL. It does: what is moved aside is one whole file."""
    try:
        with closing(sqlite3.connect(database, timeout=2)) as own:
            if own.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                raise _running(str(database))
    except sqlite3.OperationalError as error:
        raise _running(str(database)) from error
    except sqlite3.DatabaseError:
        return  # no database any more: all the more reason to move it aside


def _running(what: str) -> RestoreRefused:
    return RestoreRefused(f"Somebody works with {what}. Nothing was touched. Stop prewatt here first, then restore.")


def _one_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as own:
        own.execute("PRAGMA journal_mode=DELETE")
    handle = os.open(database, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


@contextmanager
def _workroom(place: Place) -> Iterator[Path]:
    """Beside the database, so that taking the place is a rename."""
    made = [folder for folder in (place.beside, *place.beside.parents) if not folder.exists()]
    with archive.disk_spoken_for(place.beside):
        place.beside.mkdir(parents=True, exist_ok=True)
        place.data.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".restore-", dir=place.beside))
        try:
            yield room
        except BaseException:
            shutil.rmtree(room, ignore_errors=True)
            for folder in made:
                if not any(folder.iterdir()):
                    folder.rmdir()
            raise
        shutil.rmtree(room, ignore_errors=True)


# --- what goes into it ------------------------------------------------------------------------------------------------


def _secrets(room: Path) -> dict[str, str]:
    path = room / archive.SECRETS
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _stage(place: Place, room: Path, secrets: dict[str, str]) -> None:
    """Django at work in the workroom. The backup's own key travels along; without one, the key that is here stays."""
    here = place.data / "secret.key"
    if secrets:
        handle = os.open(room / "secret.key", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets["secret_key"])
            file.flush()
            os.fsync(file.fileno())
    elif here.exists():
        shutil.copy2(here, room / "secret.key")
    os.environ["PREWATT_DATA"] = str(room)
    if place.engine == "sqlite":
        (room / archive.SQLITE).rename(room / "prewatt.sqlite3")
        os.environ["PREWATT_DATABASE"] = f"sqlite:///{room / 'prewatt.sqlite3'}"
    ready.centre()
    from django.utils import translation

    translation.activate("en")


def _check_version(manifest: dict[str, Any]) -> None:
    from django.db.migrations.loader import MigrationLoader

    known = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations}
    newer = sorted(set(manifest["migrations"]) - known)
    if newer:
        raise RestoreRefused(
            f"This backup is of a newer version ({manifest['version']}): this one does not know {newer[0]}. Nothing "
            "was touched. Install that version, or a newer one, and restore again."
        )


def _check_figures(manifest: dict[str, Any]) -> None:
    """What came out of the archive is what went into it, by its own account."""
    from django.db import connection

    from prewatt.domain.backups import snapshot

    with connection.cursor() as cursor:
        found = snapshot.facts(cursor, manifest["counts"])
    for name in ("migrations", "counts", "seals"):
        if found[name] != manifest[name]:
            raise RestoreRefused(
                f"The database in this backup is not the one its manifest describes ({name} differ). Nothing was "
                "touched. Take another backup."
            )


def _own_keys(secrets: dict[str, str]) -> list[str]:
    """Gateways' keys and payment channels' secrets under this machine's passphrase. What cannot be opened: those
    gateways enrol again, and those secrets are typed in again.
    """
    from prewatt.domain.payments import setup as payment_channels
    from prewatt.web.fieldapi import keyring

    old = (secrets.get("master_key") or secrets.get("secret_key")) if secrets else None
    payment_channels.rewrap(old)
    return keyring.rewrap(old)


def _mark(manifest: dict[str, Any], file: Path) -> tuple[str, int]:
    from django.contrib.sessions.models import Session
    from django.db import transaction

    from prewatt.domain.backups.models import Run, RunState
    from prewatt.domain.dispatch.models import Unseen
    from prewatt.domain.dispatch.restores import restored
    from prewatt.domain.staff.models import SignIn
    from prewatt.domain.staff.operations import log

    now = datetime.now(UTC)
    with transaction.atomic():
        point = restored(backup_made_at=datetime.fromisoformat(manifest["made_at"]), now=now)
        Session.objects.all().delete()
        SignIn.objects.all().delete()
        open_runs = Run.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING))
        open_runs.update(state=RunState.FAILED, reason="interrupted", ended_at=now)
        after = {"file": file.name, "made_at": manifest["made_at"], "series": point.series}
        log(operator=None, action="restore", target="site", after=after, now=now)
    return point.series, Unseen.objects.count()


def _audit() -> Report:
    from prewatt.domain.audit.verify import verify

    return verify()
