"""Files of long lists: asked for, written by a worker one at a time for each operator, kept for a day.

A worker claims a file by a conditional update and holds it by a lease that it renews while it writes. If it dies, the
next one begins anew under a name of its own, so that two halves never meet in one file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from prewatt.domain.lists.models import OPEN, QUERY_MAX, Export, ExportState
from prewatt.domain.lists.refusals import ExportIdTaken, NotReady, ScopeChanged, TooLong, TooManyExports
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

WAITING_MAX = 20  # of one operator
LEASE = timedelta(seconds=60)
TRIES_MAX = 3
KEPT = timedelta(days=1)
SHOWN_MAX = 100


def folder() -> Path:
    """Where the files lie; made when it is missing. Every web and worker process needs the same one."""
    path = Path(settings.DATA_DIR) / "exports"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def scope(operator: Operator) -> str:
    """The buildings that somebody sees, as one word to compare."""
    if operator.all_buildings:
        return "all"
    return ",".join(map(str, operator.buildings.order_by("pk").values_list("pk", flat=True)))


@transaction.atomic
def ask(
    *,
    export_id: str,
    operator: Operator,
    path: str,
    query: str,
    language: str,
    title: str,
    said: str,
    file_name: str,
    rows_total: int,
    now: datetime,
    address: str = "",
) -> Export:
    """Have a file written. The same `export_id` (at most 40 letters) again is the first one. Raises Refused."""
    if len(query) > QUERY_MAX:
        raise TooLong
    asked = Export(
        id=export_id,
        operator=operator,
        path=path,
        query=query,
        language=language,
        scope=scope(operator),
        title=title[:120],
        said=said[:QUERY_MAX],
        file_name=file_name[:120],
        asked_at=now,
        rows_total=rows_total,
    )
    if (first := Export.objects.filter(pk=export_id).first()) is not None:
        return _same(first, asked)
    if Export.objects.filter(operator=operator, state__in=OPEN).count() >= WAITING_MAX:
        raise TooManyExports(WAITING_MAX)
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        return _same(Export.objects.get(pk=export_id), asked)  # the same form, sent twice at the same moment
    staff.log(
        operator=operator,
        action="export.ask",
        target=f"list {path}",
        after={"filters": query, "rows": rows_total},
        address=address,
        now=now,
    )
    return asked


def _same(first: Export, asked: Export) -> Export:
    if (first.operator_id, first.path, first.query) != (asked.operator_id, asked.path, asked.query):
        raise ExportIdTaken
    return first


def claim(*, now: datetime) -> Export | None:
    """The next file to write, held for LEASE by the caller alone; None when there is nothing to do.

    What a worker left behind comes first; after TRIES_MAX deaths it has failed.
    """
    _give_up(now)
    busy = Export.objects.filter(operator=OuterRef("operator"), state=ExportState.RUNNING)
    waiting = Q(state=ExportState.WAITING) & ~Exists(busy)
    left = Q(state=ExportState.RUNNING, lease_until__lt=now)
    try:
        with transaction.atomic():
            found = Export.objects.filter(waiting | left).order_by("asked_at", "pk")
            if connection.features.has_select_for_update_skip_locked:
                found = found.select_for_update(skip_locked=True)
            one = found.first()
            if one is None or not _take(one, now):
                return None
    except IntegrityError:
        return None  # another worker took another file of the same operator at the same moment
    return Export.objects.select_related("operator__role").get(pk=one.pk)


def _give_up(now: datetime) -> None:
    """What every worker died of, said in the language of whoever asked."""
    dead = Export.objects.filter(state=ExportState.RUNNING, lease_until__lt=now, tries__gte=TRIES_MAX)
    for one in dead:
        with translation.override(one.language or None):
            said = _(
                "The program was stopped %(times)d times while it wrote this file. There is no file. Export again; if "
                "it fails once more, choose fewer days."
            ) % {"times": one.tries}
        mine = Export.objects.filter(pk=one.pk, state=ExportState.RUNNING, holder=one.holder)
        mine.update(state=ExportState.FAILED, ended_at=now, error=said[:300])


def _take(one: Export, now: datetime) -> bool:
    mine = Export.objects.filter(pk=one.pk, state=one.state, holder=one.holder, tries=one.tries)
    return bool(
        mine.update(
            state=ExportState.RUNNING,
            holder=secrets.token_hex(16),
            lease_until=now + LEASE,
            started_at=now,
            rows_done=0,
            tries=F("tries") + 1,
        )
    )


def _held(one: Export) -> QuerySet[Export]:
    return Export.objects.filter(pk=one.pk, state=ExportState.RUNNING, holder=one.holder)


def advance(one: Export, *, rows_done: int, rows_total: int, now: datetime) -> bool:
    """So far it is; the lease runs anew. False: it is no longer the caller's (cancelled, or another worker has it)."""
    return bool(_held(one).update(rows_done=rows_done, rows_total=rows_total, lease_until=now + LEASE))


def draft(one: Export) -> Path:
    """Where the holder writes. A worker that took over writes elsewhere."""
    return folder() / f"{one.pk}-{one.holder}.part"


def open_draft(one: Export) -> IO[bytes]:
    """An empty draft that nobody else on this machine may read."""
    handle = os.open(draft(one), os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
    return os.fdopen(handle, "w+b")


def finish(one: Export, *, rows_done: int, now: datetime) -> bool:
    """The draft is whole: made durable, then called ready. False: it is no longer the caller's, and goes."""
    part = draft(one)
    whole = part.with_suffix(".xlsx")
    with part.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    part.rename(whole)
    _sync(whole.parent)
    facts = {"file": whole.name, "bytes": size, "rows_done": rows_done, "rows_total": rows_done}
    if _held(one).update(state=ExportState.READY, ended_at=now, error="", **facts):
        return True
    whole.unlink(missing_ok=True)
    return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fail(one: Export, *, error: str, now: datetime) -> None:
    """It cannot be written, and would not be a second time."""
    draft(one).unlink(missing_ok=True)
    _held(one).update(state=ExportState.FAILED, ended_at=now, error=error[:300])


def drop(one: Export) -> None:
    """The caller stops because the file is not his any more."""
    draft(one).unlink(missing_ok=True)


def cancel(*, export_id: str, operator: Operator, now: datetime) -> bool:
    """Stop it, whether it waits or is being written. False: it had ended already, or there is none of his."""
    mine = Export.objects.filter(pk=export_id, operator=operator, state__in=OPEN)
    return bool(mine.update(state=ExportState.CANCELLED, ended_at=now))


def of(operator: Operator) -> QuerySet[Export]:
    """One's own, the newest first."""
    return Export.objects.filter(operator=operator).order_by("-asked_at", "-pk")


def file_of(*, export: Export, operator: Operator) -> Path:
    """The file of one's own export. Raises NotReady, and ScopeChanged if his buildings are not what they were."""
    path = folder() / export.file
    if export.operator_id != operator.pk or export.state != ExportState.READY or not export.file or not path.is_file():
        raise NotReady
    if export.scope != scope(operator):
        raise ScopeChanged
    return path


def sweep(*, now: datetime) -> int:
    """Delete what ended a day ago, and files that belong to nothing any more. Returns how many files went."""
    Export.objects.filter(ended_at__lt=now - KEPT).delete()
    kept = set(Export.objects.filter(state=ExportState.READY).values_list("file", flat=True))
    drafts = {draft(one).name for one in Export.objects.filter(state=ExportState.RUNNING)}
    return _remove([path for path in folder().iterdir() if path.name not in kept | drafts], now)


def _remove(paths: Sequence[Path], now: datetime) -> int:
    """Files older than a lease: a younger one may just be on its way to its name."""
    gone = 0
    for path in paths:
        try:
            if now.timestamp() - path.stat().st_mtime > LEASE.total_seconds():
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue
    return gone
