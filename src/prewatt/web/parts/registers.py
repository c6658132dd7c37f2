"""The one view of every register page: the page, or the same rows as an Excel file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.shortcuts import render

from prewatt.domain.metering import queries as metering
from prewatt.web.parts.pages import now, operator
from prewatt.web.parts.sheets import TooManyRows, export
from prewatt.web.parts.tables import Ask, Register, Table, count_text

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


def answer(
    request: HttpRequest,
    register: Register,
    *,
    template: str = "parts/table/register.html",
    more: Callable[[Ask], Mapping[str, Any]] | None = None,
    more_of: Callable[[Table], Mapping[str, Any]] | None = None,
) -> HttpResponseBase:
    """`?export=xlsx` gives the file. `more` adds what a page shows above its table, `more_of` what it needs of it."""
    table = Table(register, operator(request), request.GET)
    refused = ""
    if request.GET.get("export") == "xlsx":
        try:
            at = now()
            return export(table, file_name=f"{register.name}-{metering.today(at):%Y%m%d}", now=at)
        except TooManyRows as error:
            refused = str(error)
    context = {"table": table, "count_text": count_text(table), "refused": refused, **(more(table.ask) if more else {})}
    if more_of is not None:
        context |= more_of(table)
    return render(request, template, context, status=422 if refused else 200)
