"""Files that are being written for whoever asked, and the filters he saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render

from prewatt.domain.lists import exports, saved
from prewatt.domain.lists.models import Export
from prewatt.domain.lists.refusals import Refused
from prewatt.web.parts.exporting import NotAList, ask, list_of, sent
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.sheets import TooManyRows

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

POST = ("POST",)
ID = re.compile("[0-9a-f]{32}")


@page()
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "console/lists/exports.html", _facts(request))


@page()
def live(request: HttpRequest) -> HttpResponse:
    """The rows, asked for again and again while one of them still moves."""
    return render(request, "console/lists/_exports.html", _facts(request))


def _facts(request: HttpRequest) -> dict[str, object]:
    found = list(exports.of(operator(request))[: exports.SHOWN_MAX])
    return {"page": "exports", "exports": found, "moving": any(one.open for one in found), "now": now()}


@page(methods=POST)
def export(request: HttpRequest) -> HttpResponseBase:
    """Have the file of a list written by a worker."""
    path, query = request.POST.get("path", ""), request.POST.get("query", "")
    table = list_of(path=path, query=query, operator=operator(request))
    drawn = _drawn_id(request)
    try:
        ask(table, export_id=drawn, path=path, operator=operator(request), now=now(), address=address(request))
    except TooManyRows as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{path}{table.export_query}")
    return redirect("console:exports")


def _drawn_id(request: HttpRequest) -> str:
    value = str(request.POST.get("export_id", ""))
    if not ID.fullmatch(value):
        raise NotAList
    return value


@page(methods=POST)
def cancel(request: HttpRequest, pk: str) -> HttpResponse:
    _own(request, pk)
    exports.cancel(export_id=pk, operator=operator(request), now=now())
    return redirect("console:exports")


@page()
def file(request: HttpRequest, pk: str) -> HttpResponseBase:
    """The file, to whoever asked for it, if he may still see the list it is of."""
    return sent(_own(request, pk), operator=operator(request))


def _own(request: HttpRequest, pk: str) -> Export:
    one = exports.of(operator(request)).filter(pk=pk).first()
    if one is None:
        raise Http404
    return one


@page(methods=POST)
def save(request: HttpRequest) -> HttpResponse:
    """Keep a list's filters, columns and order under a name, and stay on the list."""
    path, query = request.POST.get("path", ""), QueryDict(request.POST.get("query", "")).urlencode()
    list_of(path=path, query=query, operator=operator(request))
    back = f"{path}?{query}"
    try:
        saved.save(operator=operator(request), path=path, name=request.POST.get("name", ""), query=query, now=now())
    except Refused as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(back)


@page(methods=POST)
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    one = saved.forget(operator=operator(request), pk=pk)
    if one is None:
        raise Http404
    return HttpResponseRedirect(one.path)
