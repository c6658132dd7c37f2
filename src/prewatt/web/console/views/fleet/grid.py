"""The grid of all meters: worst first, counted by state, live in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.metering import board
from prewatt.domain.metering.board import Line
from prewatt.domain.metering.states import State
from prewatt.domain.staff.rights import Right
from prewatt.web.console import fleet
from prewatt.web.console.views.fleet.batches import running
from prewatt.web.parts.pages import now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import SIZES, Cell, Table


@dataclass(frozen=True, slots=True)
class Row:
    line: Line
    cells: list[Cell]
    last: MeterOrder | None


def _rows(table: Table, lines: list[Line]) -> list[Row]:
    last = fleet.last_orders([line.meter.pk for line in lines])
    return [Row(line, cells, last.get(line.meter.pk)) for line, cells in zip(lines, table.cells(lines), strict=True)]


def _counted(table: Table) -> Mapping[State, int]:
    found: fleet.Counted = table.page.paginator.object_list  # type: ignore[assignment]  # what our own register gives
    return found.states


@page(Right.READ)
def grid(request: HttpRequest) -> HttpResponseBase:
    """The page, the Excel file of what is filtered, or nothing but the rows after a filter was changed."""

    def more(table: Table) -> Mapping[str, Any]:
        return {
            "page": "fleet",
            "rows": _rows(table, list(table.page.object_list)),
            "states": fleet.state_chips(table, _counted(table)),
            "runs": running(operator(request)),
            "total": table.page.paginator.count,
            "selection": fleet.filter_query(table),
        }

    return answer(request, fleet.REGISTER, template="console/fleet/index.html", more_of=more)


@page(Right.READ)
def live(request: HttpRequest) -> HttpResponse:
    """The same rows in the same order with what they say now; the counts go along. What left his buildings is gone."""
    who, at = operator(request), now()
    table = Table(fleet.REGISTER, who, request.GET)
    asked = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal()][: max(SIZES)]
    shown = board.resolve(board.Chosen(ids=frozenset(asked)), operator=who).meters
    lines = board.lines([pk for pk in asked if pk in set(shown)], now=at)
    counted = fleet.count(fleet.wanted(table.ask.values), operator=who)
    chosen = table.ask["state"]
    context = {
        "rows": _rows(table, lines),
        "states": fleet.state_chips(table, counted),
        "total": counted[State(chosen)] if chosen else sum(counted.values()),
        "now": at,
    }
    return render(request, "console/fleet/_live.html", context)
