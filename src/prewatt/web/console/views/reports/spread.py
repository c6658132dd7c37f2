"""每日用能横表: a row for each meter and a column for each day. A page has room for a month; the file takes a year."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.metering.usage import Per
from prewatt.domain.reports import energy
from prewatt.domain.reports.energy import Wanted
from prewatt.domain.reports.spread import Spread, What, spread
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.reports.energy import WHERE, wanted_days, yesterday
from prewatt.web.parts.pages import operator, page
from prewatt.web.parts.registers import WANTED, answer
from prewatt.web.parts.tables import Ask, Column, Filter, Kind, Register, Table

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

MONTH, YEAR, DAYS_SHOWN = 31, 366, 31


def _wanted(ask: Ask) -> Wanted:
    asked = wanted_days(ask, days=MONTH, last=yesterday())
    return replace(asked, first_day=max(asked.first_day, asked.last_day - timedelta(days=YEAR - 1)))


def _what(ask: Ask) -> What:
    return What.MONEY if ask["what"] == "money" else What.ENERGY


def _to_meter(row: Mapping[str, Any]) -> str:
    return reverse("console:meter", args=[row["pk"]])


def _rows(ask: Ask) -> Spread:
    return spread(operator=ask.operator, wanted=_wanted(ask), what=_what(ask))


def _value(at: int) -> Callable[[Mapping[str, Any]], int | None]:
    return lambda row: row["days"][at]


def _key(day: date) -> str:
    return f"d{day:%Y%m%d}"


def _totals(ask: Ask) -> Mapping[str, int]:
    line = energy.daily_line(operator=ask.operator, wanted=_wanted(ask), per=Per.DAY)
    of_days = {_key(day): its.fen if _what(ask) == What.MONEY else its.wh for day, its in line.items()}
    return {**of_days, "total": sum(of_days.values())}


BASE = Register(
    name="daily-columns",
    icon="chart-bar",
    title=gettext_lazy("Daily use, a column a day"),
    columns=(
        Column("number", gettext_lazy("Meter number"), sort=("number",), link=_to_meter, width=16),
        Column("room", gettext_lazy("Room"), value=lambda row: row["room_number"], sort=("room_number",), width=10),
        Column("building", gettext_lazy("Building"), value=lambda row: row["building_name"], sort=("building_name",)),
        Column("tenant", gettext_lazy("Tenant"), sort=("tenant",), width=22),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter(
            "what",
            pgettext_lazy("of a table", "What"),
            "choice",
            choices=lambda _who: [("money", gettext_lazy("Deducted (yuan)"))],
            unset=gettext_lazy("Used (kWh)"),
        ),
        *WHERE,
    ),
    order="number",
    rows=_rows,
    totals=_totals,
    defaults=lambda _who: {
        "from": (yesterday() - timedelta(days=MONTH - 1)).isoformat(),
        "to": yesterday().isoformat(),
    },
    tie=("number",),
)


def _register(ask: Ask, *, whole: bool) -> Register:
    """`whole`: a file, which takes every day; a page shows the last ones."""
    wanted = _wanted(ask)
    kind: Kind = "money" if _what(ask) == What.MONEY else "energy"
    many = (wanted.last_day - wanted.first_day).days + 1
    days = [(at, wanted.first_day + timedelta(days=at)) for at in range(many)]
    each = [_column(at, day, kind) for at, day in (days if whole else days[-DAYS_SHOWN:])]
    total = Column(
        "total", pgettext_lazy("of days", "Total"), kind, value=lambda row: row["total"], width=14, bare=True
    )
    return replace(BASE, columns=(*BASE.columns, total, *each))


def _column(at: int, day: date, kind: Kind) -> Column:
    return Column(_key(day), f"{day:%Y-%m-%d}", kind, value=_value(at), width=11, bare=True)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    ask = Table(BASE, operator(request), request.GET).ask
    wanted = _wanted(ask)
    many = (wanted.last_day - wanted.first_day).days + 1
    whole = hasattr(request, WANTED) or request.GET.get("export") == "xlsx"
    more = {"page": "report-daily", "spans": _spans(ask), "days": many, "days_shown": min(many, DAYS_SHOWN)}
    register = _register(ask, whole=whole)
    return answer(request, register, template="console/reports/spread.html", more=lambda _ask: more)


def _spans(ask: Ask) -> list[tuple[str, str, bool]]:
    asked, last = _wanted(ask), yesterday()
    kept = {key: ask[key] for key in ("building", "floor", "text", "what") if ask[key]}
    firsts = ((_("last month"), last - timedelta(days=MONTH - 1)), (_("last year"), last - timedelta(days=364)))
    return [
        (
            word,
            f"?{urlencode({'from': first.isoformat(), 'to': last.isoformat(), **kept})}",
            (first, last) == (asked.first_day, asked.last_day),
        )
        for word, first in firsts
    ]
