"""Every list and report of the console as data, the files made of them, and filters kept under a name.

A list is asked for by its page, whose rights, buildings and filters are the ones of who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final

from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Schema
from pydantic import AfterValidator, Field

from prewatt.domain.lists import exports, saved
from prewatt.domain.lists.models import NAME_MAX, QUERY_MAX, Export, SavedFilter
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import BigPk, Given, Name, Word
from prewatt.web.parts.exporting import NotAList, ask, list_of, sent
from prewatt.web.parts.sheets import TYPE, TooManyRows
from prewatt.web.parts.tables import SIZES, Column, Table

chapter = Chapter("lists")
# Pages of the console that show a list, by their names there.
LISTS: Final = (
    "fleet cutoff sales waiting closings customers shifts alarms alarm-history lost lost-gateways reconciliation "
    "reconciliation-days plans differing fleet-batches estate-gateways estate-events estate-meters estate-rooms "
    "statements operators log report-finance report-sales report-days report-readings report-daily report-usage "
    "report-daily-columns "
    "report-shape report-balance report-balance-below report-quality report-quality-day report-meters "
    "commissioning-duplicates deliveries purchase-bills over-charged clear-backs clear-back-lines what-if "
    "online online-bills online-differences online-messages notices notice-costs"
).split()
Asked = Annotated[str, Field(max_length=QUERY_MAX, pattern=shapes.PRINTABLE)]


class ColumnOut(Schema):
    """`kind`: money is whole fen, energy whole Wh, price 1e-4 yuan per kWh; when and day are times and days."""

    key: str
    title: str
    kind: str
    shown: bool
    sortable: bool


class ChoiceOut(Schema):
    value: str
    title: str


class FilterOut(Schema):
    key: str
    title: str
    kind: str
    choices: list[ChoiceOut]


class ListOut(Schema):
    """What `query` may hold: its filters by key, `sort` (a column's key, with - in front for falling), `cols`."""

    name: str
    title: str
    columns: list[ColumnOut]
    filters: list[FilterOut]


class ListsOut(Schema):
    items: list[ListOut]


def _known(size: int) -> int:
    if size not in SIZES:
        raise ValueError(_("Give one of %(sizes)s.") % {"sizes": ", ".join(map(str, SIZES))})
    return size


class WantedRows(Schema):
    """`query` as in the page's address, such as `from=2026-06-01&to=2026-06-30&sort=-asked`."""

    query: Asked = ""
    page: Annotated[int, Field(ge=1, lt=1_000_000)] = 1
    size: Annotated[int, AfterValidator(_known), Field(json_schema_extra={"enum": list(SIZES)})] = SIZES[-1]


class RowsOut(Schema):
    """Each row by its columns' keys; `totals` of all pages, where the list has any."""

    name: str
    title: str
    columns: list[ColumnOut]
    rows: list[dict[str, Any]]
    totals: dict[str, int]
    count: int
    pages: int


class BadQuery(Refused):
    code: ClassVar[str] = "fields"

    def __init__(self) -> None:
        text = _("This is no part of a list's address. Nothing was done. Take it from the address of its page.")
        self.problems = {"query": text}
        super().__init__(text)


def _query(text: str) -> QueryDict:
    """Raises BadQuery."""
    try:
        query = QueryDict(text, mutable=True)
    except SuspiciousOperation as error:  # too many fields
        raise BadQuery from error
    if not all(value.isprintable() for _key, values in query.lists() for value in values):
        raise BadQuery
    return query


def _path(name: str) -> str:
    if name not in LISTS:
        raise Http404
    return reverse(f"console:{name}")


def _table(request: HttpRequest, name: str, query: str) -> Table:
    try:
        return list_of(path=_path(name), query=query, operator=bearer(request))
    except NotAList as error:
        raise Http404 from error


def _columns(chosen: Sequence[Column]) -> list[dict[str, Any]]:
    return [
        {"key": one.key, "title": str(one.title), "kind": one.kind, "shown": one.shown, "sortable": bool(one.sort)}
        for one in chosen
    ]


def _described(name: str, table: Table) -> dict[str, Any]:
    filters = [
        {
            "key": each.filter.key,
            "title": str(each.filter.title),
            "kind": each.filter.kind,
            "choices": [{"value": value, "title": str(title)} for value, title in each.options],
        }
        for each in table.fields()
    ]
    columns = _columns(table.register.columns)
    return {"name": name, "title": str(table.register.title), "columns": columns, "filters": filters}


@reads(chapter, "/lists", of=ListsOut)
def list_lists(request: HttpRequest) -> Any:
    """Every list and report that this token may see, with its columns and filters"""
    found = []
    for name in LISTS:
        try:
            found.append(_described(name, _table(request, name, "")))
        except Http404:
            continue
    return {"items": found}


@reads(chapter, "/lists/{name}", of=RowsOut)
def get_list(request: HttpRequest, name: Name, wanted: Annotated[WantedRows, Query()]) -> Any:
    """A list or report as its page shows it: the same filters, columns and order"""
    query = _query(wanted.query)
    query["page"], query["size"] = str(wanted.page), str(wanted.size)
    table = _table(request, name, query.urlencode())
    pages = table.page.paginator
    rows = table.page.object_list if wanted.page <= pages.num_pages else []
    keys = [one.key for one in table.columns]
    return {
        "name": name,
        "title": str(table.register.title),
        "columns": _columns(table.columns),
        "rows": [{one.key: _plain(one.of(row)) for one in table.columns} for row in rows],
        "totals": {key: int(sum_) for key, sum_ in (table.sums() or {}).items() if key in keys},
        "count": pages.count,
        "pages": pages.num_pages,
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | datetime | date) else str(value)


# --- files ------------------------------------------------------------------------------------------------------------


class ExportOut(Schema):
    """`state`: waiting, running, ready, failed or cancelled. A file is kept for a day."""

    id: str
    title: str
    said: str
    state: str
    rows_total: int
    rows_done: int
    percent: int
    asked_at: datetime
    ended_at: datetime | None
    bytes: int | None
    error: str


class ExportsOut(Schema):
    items: list[ExportOut]
    next: str


class ExportIn(Given):
    """`name` as in `list_lists`; `query` as for `get_list`."""

    name: Word
    query: Asked = ""


class TooLong(Refused):
    code: ClassVar[str] = "too_many_rows"


def _export(held: Export) -> dict[str, Any]:
    return {name: getattr(held, name) for name in ExportOut.model_fields}


class NarrowToken(Refused):
    code: ClassVar[str] = "narrow_token"

    def __init__(self) -> None:
        super().__init__(
            _(
                "A file holds all that its operator may see, and this token may see less. Nothing was started. Read "
                "the list in parts, or use a token with all of its operator's rights and buildings."
            )
        )


def _check_wide(request: HttpRequest) -> None:
    """A worker writes the file as the operator himself: a token that is narrower than he may not have it written."""
    who = bearer(request)
    whole = Operator.objects.select_related("role").get(pk=who.pk)
    if set(whole.role.rights) - set(who.role.rights) or exports.scope(whole) != exports.scope(who):
        raise NarrowToken


def _mine(request: HttpRequest) -> QuerySet[Export]:
    """Those that hold what this token may see."""
    who = bearer(request)
    return exports.of(who).filter(scope=exports.scope(who))


def _own(request: HttpRequest, pk: str) -> Export:
    return one(_mine(request).filter(pk=pk))


@reads(chapter, "/exports", of=ExportsOut)
def list_exports(request: HttpRequest, part: Parts) -> Any:
    """One's own files, the newest first"""
    rows, after = take(_mine(request), part, by="-asked_at")
    return {"items": [_export(row) for row in rows], "next": after}


@writes(chapter, "/exports", of=ExportOut)
def start_export(request: HttpRequest, given: ExportIn) -> Any:
    """Have the Excel file of a list written; by a token that is as wide as its operator"""
    _check_wide(request)
    table = _table(request, given.name, _query(given.query).urlencode())
    try:
        made = ask(table, export_id=write_id(request), path=_path(given.name), **by(request))
    except TooManyRows as error:
        raise TooLong(str(error)) from error
    return _export(made)


@reads(chapter, "/exports/{export_id}", of=ExportOut)
def get_export(request: HttpRequest, export_id: Name) -> Any:
    """How far a file is"""
    return _export(_own(request, export_id))


@writes(chapter, "/exports/{export_id}/cancel", of=ExportOut)
def cancel_export(request: HttpRequest, export_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Stop a file, whether it waits or is being written"""
    who = by(request)
    exports.cancel(export_id=_own(request, export_id).pk, operator=who["operator"], now=who["now"])
    return _export(_own(request, export_id))


@reads(chapter, "/exports/{export_id}/file", of=None, file=TYPE)
def get_export_file(request: HttpRequest, export_id: Name) -> Any:
    """The Excel file itself, once it is ready"""
    return sent(_own(request, export_id), operator=bearer(request))


# --- saved filters ----------------------------------------------------------------------------------------------------


class SavedOut(Schema):
    """`of`: the name of its list; empty where the filter is of a page that is no list here."""

    id: int
    name: str
    of: str
    query: str
    saved_at: datetime


class SavedsOut(Schema):
    items: list[SavedOut]
    next: str


class SavedIn(Given):
    """`of`: the name of a list."""

    of: Word
    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=shapes.PRINTABLE)]
    query: Asked = ""


def _saved(held: SavedFilter) -> dict[str, Any]:
    names = {_path(name): name for name in LISTS}
    facts = {name: getattr(held, name) for name in ("id", "name", "query", "saved_at")}
    return {**facts, "of": names.get(held.path, "")}


@reads(chapter, "/saved-filters", of=SavedsOut)
def list_saved_filters(request: HttpRequest, part: Parts) -> Any:
    """Filters of lists that one has kept under a name"""
    rows, after = take(SavedFilter.objects.filter(operator=bearer(request).pk), part)
    return {"items": [_saved(row) for row in rows], "next": after}


@writes(chapter, "/saved-filters", of=SavedOut)
def save_filter(request: HttpRequest, given: SavedIn) -> Any:
    """Keep a list's filters, columns and order under a name"""
    query, who = _query(given.query).urlencode(), by(request)
    _table(request, given.of, query)
    made = saved.save(operator=who["operator"], path=_path(given.of), name=given.name, query=query, now=who["now"])
    return _saved(made)


@writes(chapter, "/saved-filters/{saved_id}/delete", of=SavedOut)
def delete_saved_filter(request: HttpRequest, saved_id: BigPk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Forget one"""
    held = one(SavedFilter.objects.filter(operator=bearer(request).pk, pk=saved_id))
    was = _saved(held)
    saved.forget(operator=bearer(request), pk=held.pk)
    return was
