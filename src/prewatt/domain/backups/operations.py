"""Plan backups, ask for one, and make what is asked for: one at a time, by whichever worker comes first."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.backups import making
from prewatt.domain.backups.models import Plan, Run, RunState
from prewatt.domain.backups.refusals import BackupRefused, FolderUnusable
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

KEEP_MAX = 365
TRIES_A_DAY = 3
TRY_AGAIN = timedelta(minutes=30)
DEAD = timedelta(minutes=5)  # nobody has said for so long that he is at it
_OPEN = (RunState.QUEUED, RunState.RUNNING)


class NotYours(Refused):
    """A backup holds every building."""

    code: ClassVar[str] = "not_yours"


class PlanRefused(Refused):
    code: ClassVar[str] = "plan"


def check(operator: Operator) -> None:
    if not (operator.may(Right.SETTINGS) and operator.all_buildings):
        raise NotYours(
            _("A backup holds every building, and you see only some. Nothing was changed. Ask an administrator.")
        )


def plan() -> Plan:
    return Plan.objects.filter(pk=1).first() or Plan(pk=1)


@transaction.atomic
def change_plan(
    *,
    on: bool,
    hour: int,
    folder: str,
    keep: int,
    encrypt: bool,
    passphrase_file: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Plan:
    """Raises NotYours, and BackupRefused when such a backup could not be made even now."""
    check(operator)
    kept = Plan.objects.select_for_update().filter(pk=1).first() or Plan(pk=1)
    before = _facts(kept)
    if not (0 <= hour <= 23 and 1 <= keep <= KEEP_MAX):
        raise PlanRefused(_("The hour is 0 to 23 and 1 to 365 backups are kept. Nothing was changed."))
    kept.on, kept.hour, kept.folder, kept.keep = on, hour, folder.strip(), keep
    kept.encrypt, kept.passphrase_file = encrypt, passphrase_file.strip()
    if on or kept.folder:
        _check_folder(kept.folder)
    if on and encrypt:
        making.passphrase(kept.passphrase_file)
    kept.save()
    log(
        operator=operator,
        action="backup.plan",
        target="site",
        before=before,
        after=_facts(kept),
        address=address,
        now=now,
    )
    return kept


def _check_folder(folder: str) -> None:
    path = Path(folder)
    if not path.is_absolute() or not path.is_dir():
        raise PlanRefused(
            _("There is no folder “%(folder)s” on the server. Nothing was changed. Give its whole path.")
            % {"folder": folder}
        )
    try:
        probe = path / f".prewatt-probe-{timezone.now().timestamp()}"
        probe.touch(0o600)
        probe.unlink()
    except OSError as error:
        raise PlanRefused(
            _("The server may not write to %(folder)s (%(why)s). Nothing was changed. Choose another folder.")
            % {"folder": folder, "why": error.strerror}
        ) from error


def _facts(one: Plan) -> dict[str, object]:
    names = ("on", "hour", "folder", "keep", "encrypt", "passphrase_file")
    return {name: getattr(one, name) for name in names}


@transaction.atomic
def ask(*, run_id: str, operator: Operator, now: datetime, address: str = "") -> Run:
    """Back up now. The same id again, or while one is on its way: that one. Raises NotYours, PlanRefused."""
    check(operator)
    first = Run.objects.filter(pk=run_id).first() or Run.objects.filter(state__in=_OPEN).first()
    if first is not None:
        return first
    if not plan().folder:
        raise PlanRefused(
            _("Nobody has said where backups go. Nothing was started. Choose a folder and save it first.")
        )
    log(operator=operator, action="backup.ask", target=f"backup {run_id}", address=address, now=now)
    return Run.objects.create(id=run_id, asked_at=now, asked_by=operator)


def work(now: datetime) -> int:
    """The worker's turn: bury the dead, ask for today's, make one that was asked for. How many were ended."""
    stale = Run.objects.filter(state=RunState.RUNNING).filter(Q(seen_at__lt=now - DEAD) | Q(seen_at=None))
    stale.update(state=RunState.FAILED, reason="interrupted", ended_at=now)
    _ask_for_today(now)
    run = Run.objects.filter(state=RunState.QUEUED).order_by("asked_at").first()
    if run is None or not _claim(run, now):
        return 0
    _make(run)
    return 1


def _ask_for_today(now: datetime) -> None:
    one, local = plan(), timezone.localtime(now)
    if not one.on or local.hour < one.hour:
        return
    tries = Run.objects.filter(pk__startswith=f"plan-{local:%Y%m%d}").order_by("-asked_at")
    last, count = tries.first(), tries.count()
    over = last is not None and (last.state != RunState.FAILED or now - (last.ended_at or now) < TRY_AGAIN)
    if not over and count < TRIES_A_DAY:
        Run.objects.get_or_create(pk=f"plan-{local:%Y%m%d}-{count + 1}", defaults={"asked_at": now, "planned": True})


def _claim(run: Run, now: datetime) -> bool:
    mine = Run.objects.filter(pk=run.pk, state=RunState.QUEUED)
    return bool(mine.update(state=RunState.RUNNING, seen_at=now, percent=0))


def _make(run: Run) -> None:
    """The clock is read here: a large database takes longer than the moment that the worker came with."""
    one = plan()

    def alive(done: float) -> None:
        Run.objects.filter(pk=run.pk).update(seen_at=timezone.now(), percent=round(done * 100))

    try:
        _check_there(Path(one.folder))
        words = making.passphrase(one.passphrase_file) if one.encrypt else None
        made = making.make(Path(one.folder), now=timezone.now(), passphrase=words, alive=alive)
    except BackupRefused as error:
        _end(run, state=RunState.FAILED, reason=error.code, detail=str(error)[:400])
        return
    except Exception as error:
        _end(run, state=RunState.FAILED, reason="broken", detail=f"{type(error).__name__}: {error}"[:400])
        raise
    _done(run, made, encrypted=words is not None)
    rotate(keep=one.keep, now=timezone.now())


def _check_there(folder: Path) -> None:
    if not folder.is_dir():
        raise FolderUnusable(
            _("The folder %(folder)s is not there. No backup was made. Is its disk connected?") % {"folder": folder}
        )


def _done(run: Run, made: making.Made, *, encrypted: bool) -> None:
    _end(
        run,
        state=RunState.DONE,
        percent=100,
        file=str(made.file),
        bytes=made.bytes,
        sha256=made.sha256,
        encrypted=encrypted,
        verified_at=timezone.now(),
    )


def _end(run: Run, **facts: object) -> None:
    Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(ended_at=timezone.now(), **facts)


def record(made: making.Made, *, run_id: str, encrypted: bool, now: datetime) -> None:
    """One that the command line made stands in the list too."""
    run = Run.objects.create(id=run_id, asked_at=now, state=RunState.RUNNING)
    _done(run, made, encrypted=encrypted)
    log(operator=None, action="backup.made", target=f"backup {run_id}", after={"file": str(made.file)}, now=now)


def rotate(*, keep: int, now: datetime) -> int:
    """Remove the files of planned backups beyond the newest `keep`. What a person asked for stays. Returns how many."""
    kept = Run.objects.filter(planned=True, state=RunState.DONE, gone_at=None).order_by("-ended_at")
    removed = 0
    for run in kept[keep:]:
        try:
            Path(run.file).unlink(missing_ok=True)
        except OSError:
            continue  # a drive that is not there today; tomorrow's turn tries again
        removed += Run.objects.filter(pk=run.pk).update(gone_at=now)
    return removed
