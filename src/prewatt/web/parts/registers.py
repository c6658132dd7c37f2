"""The one view of every register page: the page, or the same rows as an Excel file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from prewatt.domain.lists.models import NAME_MAX
from prewatt.domain.lists.saved import saved
from prewatt.domain.metering import queries as metering
from prewatt.web.parts import charted
from prewatt.web.parts.formats import moment
from prewatt.web.parts.pages import now, operator
from prewatt.web.parts.sheets import asked, export, filters_text
from prewatt.web.parts.tables import Ask, Register, Table, count_text

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

DIRECT_MAX = 5_000  # rows; a longer file is written by a worker (`prewatt.web.parts.exporting`)
WANTED = "wanted_tables"  # on a request that asks for the table itself


def answer(
    request: HttpRequest,
    register: Register,
    *,
    template: str = "parts/table/register.html",
    more: Callable[[Ask], Mapping[str, Any]] | None = None,
    more_of: Callable[[Table], Mapping[str, Any]] | None = None,
) -> HttpResponseBase:
    """`?export=xlsx` gives the file. `more` adds what a page shows above its table, `more_of` what it needs of it.

    A list of more than DIRECT_MAX rows shows its page instead, with the button that has the file written.
    """
    table = Table(register, operator(request), request.GET)
    if (wanted := getattr(request, WANTED, None)) is not None:
        wanted.append(table)
        return HttpResponse()
    count = table.page.paginator.count
    exporting = request.GET.get("export") == "xlsx"
    if exporting and count <= DIRECT_MAX:
        at = now()
        return export(table, file_name=file_name(table), now=at)
    context = {
        "table": table,
        "count_text": count_text(table),
        "on_paper": on_paper(table),
        "long": count > DIRECT_MAX,
        "too_long_to_wait": exporting,
        "export_id": uuid4().hex,
        "saved": saved(operator=table.operator, path=request.path),
        "saved_query": _kept(request),
        "saved_name_max": NAME_MAX,
        **(more(table.ask) if more else {}),
    }
    if more_of is not None:
        context |= more_of(table)
    if request.GET.get("export") == "chart" and (charts := context.get("charts") or [context.get("chart")])[0]:
        return _figures(table, charts)
    return render(request, template, context)


def _figures(table: Table, charts: Sequence[Mapping[str, Any]]) -> HttpResponseBase:
    """What the page draws, as a file."""
    title, name = str(table.register.title), f"{table.register.name}-chart"
    filters = _("Filters: %(filters)s") % {"filters": filters_text(table)}
    return charted.file(charts, title=title, name=name, about=[filters], who=str(table.operator), now=now())


def on_paper(table: Table) -> list[str]:
    """What stands on each printed list: nobody sees the page's filters there."""
    printed = _("Printed at %(at)s by %(who)s") % {"at": moment(now()), "who": table.operator}
    return [*asked(table), printed]


def file_name(table: Table) -> str:
    return f"{table.register.name}-{metering.today(now()):%Y%m%d}"


def _kept(request: HttpRequest) -> str:
    """The address as it was asked for, without the page. What the list begins with by itself stays unsaid."""
    query = request.GET.copy()
    for name in ("page", "export", "print"):
        query.pop(name, None)
    return query.urlencode()
