"""用能规律: hour by weekday as a warm-and-cold table, working days against weekends, what runs through the night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.shape import WEEK, Shape, curve, shape
from prewatt.domain.metering.usage import Days
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.console.views.reports.usage import areas, scope, uses
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

SPAN = timedelta(days=28)
EARLIEST = date(2000, 1, 1)  # no meter on a bus told its hours before
SHADES = 8  # classes heat-0 … heat-8
DAYS = (
    ("mon", pgettext_lazy("weekday", "Mon")),
    ("tue", pgettext_lazy("weekday", "Tue")),
    ("wed", pgettext_lazy("weekday", "Wed")),
    ("thu", pgettext_lazy("weekday", "Thu")),
    ("fri", pgettext_lazy("weekday", "Fri")),
    ("sat", pgettext_lazy("weekday", "Sat")),
    ("sun", pgettext_lazy("weekday", "Sun")),
)


def _days(ask: Ask) -> Days:
    """Through yesterday at the latest: the hours of today are still being closed."""
    yesterday = metering.today(now()) - timedelta(days=1)
    last = max(EARLIEST, min(ask["to"] or yesterday, yesterday))
    return Days(min(ask["from"] or last - SPAN + timedelta(days=1), last), last)


class Found:
    """One page lists, draws and names the figures of one shape: it is read once."""

    def __init__(self) -> None:
        self._shape: Shape | None = None

    def of(self, ask: Ask) -> Shape:
        if self._shape is None:
            self._shape = shape(operator=ask.operator, scope=scope(ask), days=_days(ask))
        return self._shape

    def rows(self, ask: Ask) -> list[dict[str, Any]]:
        found = self.of(ask)
        return _rows(found) if found.hours else []


def _rows(found: Shape) -> list[dict[str, Any]]:
    every = [found.mean((day,), (hour,)) for day in range(WEEK) for hour in range(24)]
    known = [one for one in every if one is not None]
    low, high = min(known), max(known)
    return [
        {
            "hour": f"{hour:02d}:00",
            **{key: found.mean((day,), (hour,)) for day, (key, _word) in enumerate(DAYS)},
            "workdays": found.mean_of(hour, rests=False),
            "weekend": found.mean_of(hour, rests=True),
            "all": found.mean(range(WEEK), (hour,)),
            "low": low,
            "high": high,
        }
        for hour in range(24)
    ]


def _warmth(key: str) -> Callable[[Mapping[str, Any]], str]:
    def tone(row: Mapping[str, Any]) -> str:
        if row[key] is None:
            return ""
        span = max(1, row["high"] - row["low"])
        return f"heat heat-{min(SHADES, (row[key] - row['low']) * (SHADES + 1) // span)}"

    return tone


_energy = partial(Column, kind="energy", width=10, bare=True)

REGISTER = Register(
    name="use-by-hour",
    title=gettext_lazy("Use by hour and weekday (kWh)"),
    icon="chart-bar",
    columns=(
        Column("hour", gettext_lazy("Hour"), sort=("hour",), width=8),
        *(_energy(key, word, sort=(key,), tone=_warmth(key)) for key, word in DAYS),
        _energy("workdays", gettext_lazy("Working days"), sort=("workdays",), width=14),
        _energy("weekend", gettext_lazy("Days of rest"), sort=("weekend",), width=14),
        _energy("all", gettext_lazy("Every day"), sort=("all",), width=14, shown=False),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("area", gettext_lazy("Area"), "choice", choices=areas),
        Filter("floor", gettext_lazy("Floor, or 11-20"), width="short"),
        Filter("use", gettext_lazy("Kind of use"), "choice", choices=uses),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="hour",
    rows=lambda ask: Found().rows(ask),
    defaults=lambda _who: {
        "from": (metering.today(now()) - SPAN).isoformat(),
        "to": (metering.today(now()) - timedelta(days=1)).isoformat(),
    },
    empty=gettext_lazy("No closed hour of a meter lies in these days."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """The mean kWh of each hour of each weekday; `export` as an Excel file."""
    found = Found()
    register = replace(REGISTER, rows=found.rows)
    return answer(request, register, template="console/reports/shape.html", more=lambda ask: _more(found.of(ask)))


def _more(found: Shape) -> Mapping[str, Any]:
    return {"page": "report-shape", "shape": found, "chart": _chart(found)}


def _chart(found: Shape) -> dict[str, Any]:
    return {
        "kind": "load",
        "unit": "kWh",
        "labels": [f"{hour:02d}:00" for hour in range(24)] if found.hours else [],
        "today_name": _("Working days"),
        "today": _kwh(curve(found, rests=False)),
        "yesterday_name": _("Days of rest"),
        "yesterday": _kwh(curve(found, rests=True)),
    }


def _kwh(line: list[int | None]) -> list[float | None]:
    return [None if one is None else one / 1000 for one in line]
