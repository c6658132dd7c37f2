"""备份: when, where, how many, how the last ones went, one now; and what a restore left to be done."""

from __future__ import annotations

import os
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.backups import operations as backups
from prewatt.domain.backups import queries
from prewatt.domain.backups.making import PASSPHRASE, PASSPHRASE_FILE
from prewatt.domain.backups.models import RunState
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, new_id, typed
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page

RUNS_MAX = 30


@page(Right.SETTINGS, methods=("GET", "HEAD", "POST"))
def index(request: HttpRequest) -> HttpResponseBase:
    _all_buildings(request)
    if request.method != "POST":
        return draw(request, _page(request))
    try:
        _change(request)
    except Refused as error:
        return draw(request, _page(request), error=error)
    messages.success(request, _("The plan is kept."))
    return HttpResponseRedirect(reverse("console:backups"))


@page(Right.SETTINGS, methods=("POST",))
def make(request: HttpRequest) -> HttpResponseBase:
    """Back up now; the page then shows how far it is."""
    _all_buildings(request)
    try:
        backups.ask(run_id=form_id(request), operator=operator(request), now=now(), address=address(request))
    except Refused as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("console:backups"))


@page(Right.SETTINGS)
def live(request: HttpRequest) -> HttpResponse:
    """The list alone, as long as one is on its way."""
    _all_buildings(request)
    return render(request, "console/backups/_runs.html", _runs(request))


def _all_buildings(request: HttpRequest) -> None:
    """A backup holds every building: for who sees only some, this page is not there."""
    if not operator(request).all_buildings:
        raise Http404


def _runs(request: HttpRequest) -> dict[str, Any]:
    runs = list(queries.runs(operator=operator(request))[:RUNS_MAX])
    return {
        "runs": [(run, words.backup_reason(run.reason)) for run in runs],
        "busy": any(run.state in (RunState.QUEUED, RunState.RUNNING) for run in runs),
        "now": now(),
    }


def _page(request: HttpRequest) -> Page:
    plan = backups.plan()
    when = [
        Box("on", _("Back up every day"), "tick", value="1" if plan.on else ""),
        Box(
            "hour",
            _("Time of day"),
            "choice",
            value=str(plan.hour),
            choices=[(str(n), f"{n:02d}:00") for n in range(24)],
        ),
        Box("keep", _("Keep"), value=str(plan.keep), unit=_("backups"), mode="numeric", length_max=3, required=True),
    ]
    where = [
        Box(
            "folder",
            _("Folder on the server"),
            value=plan.folder,
            note=_("The whole path, best on another disk or machine."),
            length_max=400,
            wide=True,
        ),
        Box("encrypt", _("Encrypt by a passphrase"), "tick", value="1" if plan.encrypt else ""),
        Box(
            "passphrase_file",
            _("File that holds the passphrase"),
            value=plan.passphrase_file,
            note=_from_where(),
            length_max=400,
            wide=True,
        ),
    ]
    return Page(
        title=_("Backups"),
        page="backups",
        back=reverse("console:dashboard"),
        parts=(
            Part(_("When"), when, note=_("Older ones of the plan are removed, never those that a person asked for.")),
            Part(_("Where"), where, note=_("Not encrypted, the keys and second factors are left out.")),
        ),
        save=_("Keep this plan of backups"),
        more={
            **_runs(request),
            "health": queries.health(operator=operator(request), now=now()),
            "restored": queries.restored(),
            "run_id": new_id(),
            "has_folder": bool(plan.folder),
        },
        template="console/backups/index.html",
    )


def _from_where() -> str:
    if os.environ.get(PASSPHRASE) or os.environ.get(PASSPHRASE_FILE):
        return _("Empty: the passphrase of the environment, which is set.")
    return _("Empty: %(variable)s of the environment, which is not set now.") % {"variable": PASSPHRASE}


def _change(request: HttpRequest) -> None:
    given = typed(request)
    keep = given.get("keep", "").strip()
    if not (keep.isdecimal() and 1 <= int(keep[:4]) <= backups.KEEP_MAX):
        raise FieldsRefused({"keep": _("Give a whole number from 1 to 365.")})
    backups.change_plan(
        on="on" in given,
        hour=int(given["hour"]) if given.get("hour", "").isdecimal() else -1,
        folder=given.get("folder", ""),
        keep=int(keep),
        encrypt="encrypt" in given,
        passphrase_file=given.get("passphrase_file", ""),
        operator=operator(request),
        now=now(),
        address=address(request),
    )
