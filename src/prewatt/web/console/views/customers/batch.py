"""批量开户: a template, a sheet, a preview that names each bad cell, and the good rows opened by the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.estate.importing.workbook import WorkbookRefused
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import preset_sheet, presetting
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.presets import Preset, PresetRow, RowState
from prewatt.web.console.views.customers import form as forms
from prewatt.web.console.views.sale import tenders
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.sheets import TYPE

ROWS_MAX = 200  # on the page; the bad ones come first
PRESETS_MAX = 20
ROWS: dict[str, tuple[words.Text, str, str]] = {
    RowState.BAD: (RowState.BAD.label, "ban", "bad"),
    RowState.READY: (RowState.READY.label, "circle-dashed", "ink2"),
    RowState.WAITING: (RowState.WAITING.label, "clock", "accent"),
    RowState.OPENED: (RowState.OPENED.label, "circle-check", "good"),
    RowState.REFUSED: (RowState.REFUSED.label, "alert-triangle", "warn"),
}
# Those that need a person stand first.
WORST = {RowState.BAD: 0, RowState.REFUSED: 1, RowState.WAITING: 2, RowState.READY: 3, RowState.OPENED: 4}


class NoFile(Refused):
    code = "no_file"


@page(Right.OPEN_ACCOUNT, methods=("GET", "HEAD", "POST"))
def upload(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return _start(request)
    file = request.FILES.get("file")
    try:
        if file is None or file.size is None:
            raise NoFile(_("No file was chosen. Choose the sheet that you filled in."))
        if file.size > preset_sheet.FILE_BYTES_MAX:
            raise NoFile(_("The file is larger than 5 MB. Nothing was kept. Split it."))
        preset = presetting.upload(
            preset_id=forms.form_id(request),
            name=file.name or "",
            content=file.read(),
            operator=operator(request),
            now=now(),
        )
    except (Refused, WorkbookRefused) as error:
        return _start(request, error=error)
    return redirect("console:preset", preset_id=preset.pk)


def _start(request: HttpRequest, *, error: Exception | None = None) -> HttpResponse:
    found = [(one, presetting.counts(one)) for one in presetting.presets(operator=operator(request))[:PRESETS_MAX]]
    context = {
        "page": "batch",
        "form_id": forms.new_id(),
        "presets": found,
        "refused": refusal(error) if error else None,
        "now": now(),
    }
    return render(request, "console/customers/batch.html", context, status=422 if error else 200)


@page(Right.OPEN_ACCOUNT)
def template(_request: HttpRequest) -> HttpResponse:
    name = 'attachment; filename="prewatt-accounts.xlsx"'
    return HttpResponse(preset_sheet.template(), content_type=TYPE, headers={"Content-Disposition": name})


def preset_of(request: HttpRequest, preset_id: str) -> Preset:
    found = presetting.presets(operator=operator(request)).filter(pk=preset_id).first()
    if found is None:
        raise Http404
    return found


def _context(preset: Preset) -> dict[str, Any]:
    counts = presetting.counts(preset)
    rows = list(preset.rows.select_related("meter__room", "opening"))
    rows.sort(key=lambda row: (WORST[RowState(row.state)], row.number))
    good = counts["ready"] + counts["waiting"] + counts["opened"] + counts["refused"]
    done = counts["opened"] + counts["refused"]
    return {
        "page": "batch",
        "preset": preset,
        "counts": counts,
        "good": good,
        "done": done,
        "percent": round(100 * done / good) if good else 0,
        "under_way": counts["waiting"] > 0,
        "total_fen": sum(row.values.get("first", 0) for row in rows if row.state != RowState.BAD),
        "rows": [_row(row) for row in rows[:ROWS_MAX]],
        "more": max(0, len(rows) - ROWS_MAX),
        "now": now(),
    }


def _row(row: PresetRow) -> dict[str, Any]:
    word, icon, tone = ROWS[row.state]
    return {"row": row, "word": word, "icon": icon, "tone": tone}


@page(Right.OPEN_ACCOUNT)
def show(request: HttpRequest, preset_id: str) -> HttpResponse:
    return _show(request, preset_of(request, preset_id))


def _show(request: HttpRequest, preset: Preset, *, error: Refused | None = None) -> HttpResponse:
    context = {
        **_context(preset),
        "tenders": tenders(),
        "tender": request.session.get("tender", "cash"),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/customers/preset.html", context, status=422 if error else 200)


@page(Right.OPEN_ACCOUNT)
def live(request: HttpRequest, preset_id: str) -> HttpResponse:
    """The rows alone; asks again by itself while some wait."""
    return render(request, "console/customers/_preset.html", _context(preset_of(request, preset_id)))


@page(Right.OPEN_ACCOUNT, methods=("POST",))
def start(request: HttpRequest, preset_id: str) -> HttpResponse:
    return _do(request, preset_id, presetting.start, tender=request.POST.get("tender", ""))


@page(Right.OPEN_ACCOUNT, methods=("POST",))
def retry(request: HttpRequest, preset_id: str) -> HttpResponse:
    return _do(request, preset_id, presetting.retry)


def _do(request: HttpRequest, preset_id: str, call: Callable[..., Any], **given: Any) -> HttpResponse:
    preset = preset_of(request, preset_id)
    try:
        call(preset_id=preset.pk, operator=operator(request), now=now(), address=address(request), **given)
    except Refused as error:
        return _show(request, preset, error=error)
    return redirect("console:preset", preset_id=preset.pk)
