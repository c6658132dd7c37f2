"""导入: a template, a file, a preview that names each bad cell, and the good rows into the estate."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.estate.importing import uploads
from prewatt.domain.estate.importing.uploads import FileRefused, Preview, UploadGone
from prewatt.domain.estate.refusals import EstateRefused, NotYours
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import form_id, new_id
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.sheets import TYPE

LINES_MAX = 100  # of a sheet, on the page; the bad ones come first
BOTH = ("GET", "HEAD", "POST")


@page(Right.SETTINGS, methods=BOTH)
def upload(request: HttpRequest) -> HttpResponseBase:
    """The file goes in; what it holds is looked at on its own page."""
    if request.method != "POST":
        return _start(request)
    file = request.FILES.get("file")
    try:
        if file is None or file.size is None:
            raise FileRefused(_("No file was chosen. Choose the workbook that you filled in."))
        if file.size > uploads.UPLOAD_BYTES_MAX:
            raise FileRefused(_("The file is larger than 5 MB. Nothing was kept. Split it."))
        kept = uploads.keep(
            key=form_id(request), name=file.name or "", content=file.read(), operator=operator(request), now=now()
        )
    except EstateRefused as error:
        return _start(request, error=error)
    return HttpResponseRedirect(reverse("console:estate-import-preview", args=[kept.key]))


def _start(request: HttpRequest, *, error: Exception | None = None) -> HttpResponse:
    context = {"page": "estate-import", "form_id": new_id(), "refused": refusal(error) if error else None}
    return render(request, "console/estate/import.html", context, status=422 if error else 200)


@page(Right.SETTINGS)
def template(_request: HttpRequest) -> HttpResponse:
    name = 'attachment; filename="prewatt-estate.xlsx"'
    return HttpResponse(uploads.template(), content_type=TYPE, headers={"Content-Disposition": name})


@page(Right.SETTINGS, methods=BOTH)
def preview(request: HttpRequest, key: str) -> HttpResponseBase:
    """What an import would do now; and doing it, once."""
    try:
        if request.method == "POST":
            only_good = request.POST.get("only_good") == "1"
            who = operator(request)
            uploads.import_upload(key=key, only_good=only_good, operator=who, now=now(), address=address(request))
            return HttpResponseRedirect(reverse("console:estate-import-preview", args=[key]))
        return _look(request, uploads.preview(key=key, operator=operator(request)))
    except UploadGone as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("console:estate-import"))
    except NotYours:
        if not uploads.is_his(key=key, operator=operator(request)):
            raise Http404 from None
        raise
    except EstateRefused as error:
        return _look(request, uploads.preview(key=key, operator=operator(request)), error=error)


def _look(request: HttpRequest, found: Preview, *, error: Exception | None = None) -> HttpResponse:
    context = {
        "page": "estate-import",
        "found": found,
        "sheets": [_sheet(one) for one in found.sheets],
        "done": [(title, found.upload.counts.get(kind, 0)) for kind, title in uploads.kinds().items()],
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/estate/preview.html", context, status=422 if error else 200)


def _sheet(shown: tuple[Any, Any, Any]) -> dict[str, Any]:
    """Bad rows first, each cell with its sentence or none."""
    sheet, columns, lines = shown
    ranked = sorted(lines, key=lambda line: line.verdict != "bad")
    return {
        "title": sheet.title,
        "columns": columns,
        "lines": [
            (line, [(text, line.problems.get(place, "")) for place, text in enumerate(line.cells)])
            for line in ranked[:LINES_MAX]
        ],
        "more": max(0, len(lines) - LINES_MAX),
        "bad": sum(line.verdict == "bad" for line in lines),
        "new": sum(line.verdict == "new" for line in lines),
        "unchanged": sum(line.verdict == "unchanged" for line in lines),
    }
