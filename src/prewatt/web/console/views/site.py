"""The door's sign: what the log-in page and the frame call this site."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from prewatt.domain.staff import site as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.pages import address, now, operator, page, refusal

YEAR_S = 365 * 24 * 3600


@page(Right.SETTINGS, methods=("GET", "HEAD", "POST"))
def sign(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request)
    file = request.FILES.get("logo")
    try:
        staff.change(
            name=request.POST.get("name", ""),
            text=request.POST.get("text", ""),
            logo=file.read(staff.LOGO_BYTES_MAX + 1) if file is not None else None,
            drop_logo=request.POST.get("drop_logo") == "yes",
            by=operator(request),
            address=address(request),
            now=now(),
        )
    except Refused as error:
        return _form(request, refused=refusal(error))
    messages.success(request, _("Saved. The log-in page shows it from now on."))
    return redirect("console:site")


def _form(request: HttpRequest, *, refused: Any = None) -> HttpResponse:
    door = staff.door()
    given = request.POST if refused else {"name": door.name, "text": door.text}
    context = {"page": "site", "door": door, "given": given, "refused": refused}
    return render(request, "console/site.html", context, status=422 if refused else 200)


@require_safe
def logo(_request: HttpRequest) -> HttpResponse:
    """For everybody, also before the log-in. The type is what the first bytes said when it came, not a guess."""
    found = staff.logo()
    if found is None or found.logo is None:
        raise Http404
    response = HttpResponse(bytes(found.logo), content_type=found.logo_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"  # its address carries its digest
    return response
