"""Make one backup: snapshot, pack, seal, read back. Works while eight cashiers sell."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

import prewatt
from prewatt.domain.backups import archive, snapshot
from prewatt.domain.backups.archive import Alive
from prewatt.domain.backups.refusals import DiskFull, FolderUnusable, NoPassphrase

PASSPHRASE, PASSPHRASE_FILE = "PREWATT_BACKUP_PASSPHRASE", "PREWATT_BACKUP_PASSPHRASE_FILE"
SUFFIX = ".prewatt-backup"
PASSPHRASE_MIN = 12
_LEFT_BEHIND_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Made:
    file: Path
    bytes: int
    sha256: str
    manifest: dict[str, Any]


def make(to: Path, *, now: datetime, passphrase: str | None, alive: Alive = lambda _done: None) -> Made:
    """A backup as the file `to`, or under a name with the time when `to` is a folder. Raises BackupRefused.

    It is read back from the disk, every part of it, before it counts as made.
    """
    target = _target(to, now)
    with archive.disk_spoken_for(target.parent), _workroom() as room:
        parts = {snapshot.part(): room / snapshot.part()}
        found = snapshot.take(parts[snapshot.part()], guarded=passphrase is None, alive=lambda done: alive(done * 0.4))
        if passphrase is not None:
            parts[archive.SECRETS] = room / archive.SECRETS
            parts[archive.SECRETS].write_text(json.dumps(_secrets()))
        _check_room(target.parent, parts)
        archive.write(
            target,
            manifest={**_about(now), **found},
            parts=parts,
            passphrase=passphrase,
            alive=lambda done: alive(0.4 + done * 0.4),
        )
    manifest = archive.unpack(target, None, passphrase=passphrase)
    alive(0.9)
    return Made(target, target.stat().st_size, archive.digest(target), manifest)


def _about(now: datetime) -> dict[str, Any]:
    return {
        "version": prewatt.__version__,
        "made_at": now.isoformat(timespec="seconds"),
        "engine": snapshot.engine(),
        "zone": settings.TIME_ZONE,
    }


def _secrets() -> dict[str, str]:
    """Without these a restored centre could not open its gateways' keys, nor show that its receipts' seals are its."""
    return {"secret_key": settings.SECRET_KEY, "master_key": os.environ.get("PREWATT_MASTER_KEY", "")}


def _target(to: Path, now: datetime) -> Path:
    to = to.absolute()
    if not to.is_dir():
        if not to.parent.is_dir():
            raise FolderUnusable(
                _("There is no folder %(folder)s. No backup was made. Make it first, or choose another.")
                % {"folder": to.parent}
            )
        return to
    _sweep(to)
    name = f"prewatt-{timezone.localtime(now):%Y%m%d-%H%M%S}"
    free = (to / f"{name}{nth}{SUFFIX}" for nth in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(one for one in free if not one.exists())


def _sweep(folder: Path) -> None:
    """What a power cut left half made a day ago or more."""
    for left in folder.glob(f".*{SUFFIX}.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_S:
                left.unlink()


@contextmanager
def _workroom() -> Iterator[Path]:
    """Beside the database, not in the backups' folder: what lies here is not encrypted yet."""
    for left in settings.DATA_DIR.glob(".backup-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_S:
                shutil.rmtree(left)
    room = Path(tempfile.mkdtemp(prefix=".backup-", dir=settings.DATA_DIR))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _check_room(folder: Path, parts: dict[str, Path]) -> None:
    """Compressed it is smaller; what does not even fit a tenth is not begun."""
    needed = sum(path.stat().st_size for path in parts.values()) // 10
    if shutil.disk_usage(folder).free < needed:
        raise DiskFull(
            _("The disk of %(folder)s is full. No backup was made and nothing stands under its name. Make room.")
            % {"folder": folder}
        )


def passphrase(file: str = "") -> str:
    """From the file that the plan names, else from the environment. Raises NoPassphrase."""
    named = file or os.environ.get(PASSPHRASE_FILE, "")
    try:
        found = Path(named).read_text().strip("\r\n") if named else os.environ.get(PASSPHRASE, "")
    except OSError as error:
        raise NoPassphrase(
            _("The passphrase file %(file)s cannot be read (%(why)s). No backup was made. Make it readable.")
            % {"file": named, "why": error.strerror}
        ) from error
    except UnicodeDecodeError as error:
        raise NoPassphrase(
            _("The passphrase file %(file)s is not text. No backup was made.") % {"file": named}
        ) from error
    if not found:
        raise NoPassphrase(
            _("There is no passphrase. No backup was made. Set %(variable)s, or name a file that holds it.")
            % {"variable": PASSPHRASE}
        )
    if len(found) < PASSPHRASE_MIN:
        raise NoPassphrase(
            _("The passphrase is shorter than %(n)d characters. No backup was made. Take a longer one.")
            % {"n": PASSPHRASE_MIN}
        )
    return found
