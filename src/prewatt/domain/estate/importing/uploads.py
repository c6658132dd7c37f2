"""A workbook in the browser: kept under an id, looked at as often as one likes, imported once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.importing import plan as planning
from prewatt.domain.estate.importing import workbook
from prewatt.domain.estate.importing.plan import Plan, Problem
from prewatt.domain.estate.importing.sheets import Column, Sheet, sheets
from prewatt.domain.estate.importing.workbook import Row, WorkbookRefused
from prewatt.domain.estate.importing.writing import write
from prewatt.domain.estate.models import Upload
from prewatt.domain.estate.refusals import EstateRefused
from prewatt.domain.estate.scope import check_site

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

UPLOAD_BYTES_MAX = 5 * 1024 * 1024
KEPT = timedelta(days=1)
NAME_MAX = 128


class FileRefused(EstateRefused):
    """The file is no workbook that can be imported; the same file will be refused again."""

    code = "file_refused"


class UploadGone(EstateRefused):
    code = "upload_gone"


class BadRows(EstateRefused):
    code = "bad_rows"


class NothingNew(EstateRefused):
    code = "nothing_new"


@dataclass(frozen=True)
class Line:
    """A row of the file as the preview shows it: its cells in the sheet's order, and what is wrong with them."""

    number: int
    cells: list[str]
    problems: dict[int, str]  # place of the cell -> its sentence
    verdict: str  # new, unchanged, bad


@dataclass(frozen=True)
class Preview:
    """`sheets` are (sheet, its columns that the file has, its lines); `plan` what an import would do now."""

    upload: Upload
    plan: Plan
    sheets: list[tuple[Sheet, list[Column], list[Line]]]

    @property
    def new(self) -> int:
        return sum(self.plan.counts().values())

    @property
    def unchanged(self) -> int:
        return sum(self.plan.unchanged.values())


def keep(*, key: str, name: str, content: bytes, operator: Operator, now: datetime) -> Upload:
    """Take the file in, if it is a workbook by what is inside. The same id again is the first file."""
    check_site(operator)
    first = Upload.objects.filter(key=key).first()
    if first is not None:
        return first
    if len(content) > UPLOAD_BYTES_MAX:
        raise FileRefused(_("The file is larger than 5 MB. Nothing was kept. Split it."))
    _pages(name, content)
    with transaction.atomic():
        Upload.objects.filter(made_at__lt=now - KEPT).delete()
        return Upload.objects.create(key=key, name=name[:NAME_MAX], content=content, made_at=now, made_by=operator)


def _pages(name: str, content: bytes) -> list[workbook.Page]:
    """The reader wants a file; it is called as the person calls it, so that the sentences name it."""
    with tempfile.TemporaryDirectory(prefix="prewatt-import-") as folder:
        path = Path(folder) / "upload.xlsx"
        path.write_bytes(content)
        try:
            return workbook.read(path)
        except WorkbookRefused as error:
            said = str(error).replace(path.name, name[:NAME_MAX])
            raise FileRefused(_("%(what)s Nothing was kept.") % {"what": said}) from error


def _upload(key: str, operator: Operator) -> Upload:
    """His own: what one person looks at is nobody else's."""
    found = Upload.objects.filter(key=key, made_by=operator).first()
    if found is None:
        raise UploadGone(
            _("This preview is gone: they are kept for a day. Nothing was imported. Upload the file again.")
        )
    return found


def is_his(*, key: str, operator: Operator) -> bool:
    return Upload.objects.filter(key=key, made_by=operator).exists()


def preview(*, key: str, operator: Operator) -> Preview:
    """Every row of the file, judged against the estate as it is now."""
    check_site(operator)
    upload = _upload(key, operator)
    pages = _pages(upload.name, bytes(upload.content)) if upload.imported_at is None else []
    plan = planning.check(pages)
    wrong: dict[tuple[str, int], list[Problem]] = {}
    for problem in plan.problems:
        wrong.setdefault((problem.sheet, _row_number(problem)), []).append(problem)
    return Preview(upload, plan, [_shown(page, plan, wrong) for page in pages])


def _row_number(problem: Problem) -> int:
    return int(problem.cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def _shown(
    page: workbook.Page, plan: Plan, wrong: dict[tuple[str, int], list[Problem]]
) -> tuple[Sheet, list[Column], list[Line]]:
    columns = [one for one in page.sheet.columns if one.key in page.letters]
    new = {_identity(page.sheet, values) for values in plan.new.get(page.sheet.kind, [])}
    lines = [_line(row, columns, page, new, wrong.get((page.sheet.title, row.number), [])) for row in page.rows]
    return page.sheet, columns, lines


def _identity(sheet: Sheet, values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(values.get(key, "")).strip() for key in sheet.identity)


def _line(
    row: Row, columns: list[Column], page: workbook.Page, new: set[tuple[str, ...]], found: list[Problem]
) -> Line:
    places = {page.letters[column.key]: place for place, column in enumerate(columns)}
    problems = {places.get(one.cell.rstrip("0123456789"), 0): f"{one.cell}: {one.text}" for one in found}
    cells = [_text(row.cells.get(column.key, "")) for column in columns]
    fresh = _identity(page.sheet, row.cells) in new
    return Line(row.number, cells, problems, "bad" if problems else "new" if fresh else "unchanged")


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell if cell is not None else "").strip()[:80]


@transaction.atomic
def import_upload(*, key: str, only_good: bool, operator: Operator, now: datetime, address: str = "") -> dict[str, int]:
    """All of it, or with `only_good` what can be; how many rows of each kind. The same id again imports nothing more.

    Raises BadRows while rows are bad and nobody said to leave them out.
    """
    check_site(operator)
    upload = Upload.objects.select_for_update().filter(key=key, made_by=operator).first() or _upload(key, operator)
    if upload.imported_at is not None:
        return dict(upload.counts)
    plan = planning.check(_pages(upload.name, bytes(upload.content)))
    if plan.bad_rows and not only_good:
        raise BadRows(
            _("%(count)d row(s) are bad. Nothing was imported. Mend the file, or import only the good rows.")
            % {"count": plan.bad_rows}
        )
    if not any(plan.new.values()):
        raise NothingNew(_("The file has no good row that is new. Nothing was imported. Mend the marked cells first."))
    write(plan, operator=operator, now=now, source=upload.name, address=address)
    counts = plan.counts()
    taken = Upload.objects.filter(key=key, imported_at__isnull=True)
    if not taken.update(imported_at=now, counts=counts, content=b""):
        raise UploadGone(
            _("This file was imported at this very moment. Nothing was imported twice. Look at the estate.")
        )
    return counts


def template() -> bytes:
    """An empty workbook with an example row and a sheet of notes."""
    with tempfile.TemporaryDirectory(prefix="prewatt-template-") as folder:
        path = Path(folder) / "estate.xlsx"
        workbook.write_template(path)
        return path.read_bytes()


def kinds() -> dict[str, str]:
    """What the file calls each kind of row."""
    return {sheet.kind: sheet.title for sheet in sheets()}
