"""The figures of a chart as an Excel file: the same dict that `charts.js` draws, one row for each place on its axis."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.http import FileResponse
from django.utils.translation import gettext as _

from prewatt.web.parts.formats import moment
from prewatt.web.parts.sheets import HEAD_ROW, SPOOL_BYTES, TYPE, Sheet
from prewatt.web.parts.tables import Column
from prewatt.web.parts.workbook import Facts, Workbook

Line = tuple[str, Sequence[float | None]]


def lines(chart: Mapping[str, Any]) -> list[Line]:
    """(name, values) of everything that is drawn, whatever the kind of chart."""
    if "series" in chart:
        return [(one["name"], one["values"]) for one in chart["series"]]
    if "today" in chart:
        return [(chart["today_name"], chart["today"]), (chart["yesterday_name"], chart["yesterday"])]
    found = [(chart.get("name", ""), chart["values"])]
    return [*found, (chart["earlier_name"], chart["earlier"])] if chart.get("earlier") else found


def file(
    charts: Sequence[Mapping[str, Any]], *, title: str, name: str, about: Sequence[str], who: str, now: datetime
) -> FileResponse:
    """`charts` share one axis and stand side by side. `about`: the lines below the title, such as the filters."""
    columns = _columns(charts)
    spooled = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - the response closes it
    book = Workbook(spooled, name=name[:31], facts=Facts(title, who, now), head_row=HEAD_ROW + 1, columns=len(columns))
    sheet = Sheet(book, columns)
    sheet.about(title, [*about, _("Exported at %(at)s by %(who)s") % {"at": moment(now), "who": who}])
    sheet.head()
    for row in _rows(charts):
        sheet.row(row)
    sheet.sums(None)
    sheet.finish()
    spooled.seek(0)
    return FileResponse(spooled, as_attachment=True, filename=f"{name}-{now:%Y%m%d}.xlsx", content_type=TYPE)


def _columns(charts: Sequence[Mapping[str, Any]]) -> list[Column]:
    drawn = [(name, chart.get("unit", "")) for chart in charts for name, _values in lines(chart)]
    figures = [
        Column(str(at), _headed(name, unit), "energy", value=_at(at), bare=True)
        for at, (name, unit) in enumerate(drawn, start=1)
    ]
    return [Column("0", "", value=_at(0)), *figures]


def _headed(name: str, unit: str) -> str:
    return f"{name} ({unit})".strip() if unit else name


def _at(place: int) -> Any:
    return lambda row: row[place]


def _rows(charts: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """A line that is known only so far ends there: the day is not over."""
    every = list(chain.from_iterable(lines(chart) for chart in charts))
    return [[label, *(_value(values, at) for _name, values in every)] for at, label in enumerate(charts[0]["labels"])]


def _value(values: Sequence[float | None], at: int) -> int | None:
    """In thousandths, as a sheet takes its figures."""
    known = values[at] if at < len(values) else None
    return None if known is None else round(known * 1000)
