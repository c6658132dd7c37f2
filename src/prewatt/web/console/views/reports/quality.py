"""功率因数与三相不平衡: the worst meters of some days, and one meter's day as it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.usage import Days
from prewatt.domain.reports import quality
from prewatt.domain.reports.quality import Line, Moment
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.console.views.reports.usage import scope, uses
from prewatt.web.parts import words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

WEEK = timedelta(days=7)
DAYS_MAX = 31
UNKNOWN_LAST = 10**6  # what is not known stands behind what is bad, not before it
STATES: dict[str, words.Text] = {
    "low": gettext_lazy("power factor under 0.90"),
    "unbalanced": gettext_lazy("phases over 15 % apart"),
}


def _yesterday() -> date:
    return metering.today(now()) - timedelta(days=1)


def _days(ask: Ask) -> Days:
    """A month at most, through yesterday at the latest: today is not closed."""
    last = min(ask["to"] or _yesterday(), _yesterday())
    first = min(ask["from"] or last - WEEK + timedelta(days=1), last)
    return Days(max(first, last - timedelta(days=DAYS_MAX - 1)), last)


class Found:
    """One page lists the meters and counts the bad ones: they are read once."""

    def __init__(self) -> None:
        self._lines: list[Line] | None = None

    def lines(self, ask: Ask) -> list[Line]:
        if self._lines is None:
            self._lines = quality.lines(operator=ask.operator, scope=scope(ask), days=_days(ask))
        return self._lines

    def rows(self, ask: Ask) -> list[Line]:
        state = ask["state"]
        return [one for one in self.lines(ask) if not state or getattr(one, state)]


def _to_day(number: str) -> str:
    return f"{reverse('console:report-quality-day')}?{urlencode({'meter': number, 'day': _yesterday()})}"


def _said(one: Line) -> str:
    return "; ".join(str(word) for key, word in STATES.items() if getattr(one, key))


def _tone(key: str) -> Callable[[Line], str]:
    return lambda one: "warn" if getattr(one, key) else ""


def _percent(value_e3: int | None) -> int | None:
    """Thousandths as a figure of percent that a list shows with two digits."""
    return None if value_e3 is None else value_e3 * 100


def _known_first(value: Callable[[Any], int | None]) -> Callable[[Any], int]:
    def order(row: Any) -> int:
        known = value(row)
        return UNKNOWN_LAST if known is None else known

    return order


def _factor(one: Line) -> int | None:
    return one.factor_e3


def _lowest(one: Line) -> int | None:
    return one.lowest_e3


_number = partial(Column, kind="energy", bare=True, width=12)

REGISTER = Register(
    name="quality",
    icon="activity-heartbeat",
    title=gettext_lazy("Power factor and phases"),
    columns=(
        Column(
            "number",
            gettext_lazy("Meter number"),
            sort=("number",),
            link=lambda one: _to_day(one.number),
            width=16,
        ),
        Column("building", gettext_lazy("Building"), sort=("building",), width=16),
        Column("room", gettext_lazy("Room"), sort=("room",), width=10),
        Column("circuit", gettext_lazy("Site and circuit"), sort=("circuit",), width=16),
        _number(
            "factor",
            gettext_lazy("Power factor"),
            value=_factor,
            order=_known_first(_factor),
            sort=("factor",),
            tone=_tone("low"),
        ),
        _number(
            "lowest",
            gettext_lazy("Lowest under load"),
            value=_lowest,
            order=_known_first(_lowest),
            sort=("lowest",),
        ),
        _number(
            "unbalance",
            gettext_lazy("Phases apart (%)"),
            value=lambda one: _percent(one.unbalance_e3),
            sort=("unbalance",),
            tone=_tone("unbalanced"),
        ),
        _number(
            "worst",
            gettext_lazy("Furthest apart under load (%)"),
            value=lambda one: _percent(one.worst_e3),
            sort=("worst",),
        ),
        Column(
            "looks",
            pgettext_lazy("how many", "Readings"),
            "count",
            value=lambda one: one.looks,
        ),
        Column("said", gettext_lazy("To note"), value=_said, tone=lambda _row: "warn", width=30),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("floor", gettext_lazy("Floor, or 11-20"), width="short"),
        Filter("use", gettext_lazy("Kind of use"), "choice", choices=uses),
        Filter("text", gettext_lazy("Room, tenant or meter")),
        Filter("state", gettext_lazy("To note"), "choice", choices=lambda _who: list(STATES.items())),
    ),
    order="factor",
    rows=lambda ask: Found().rows(ask),
    defaults=lambda _who: {
        "from": (_yesterday() - WEEK + timedelta(days=1)).isoformat(),
        "to": _yesterday().isoformat(),
    },
    tie=(),
    empty=gettext_lazy("No meter showed a power factor or three currents in these days."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """The worst power factors first, and how far apart the phases stand; `export` as an Excel file."""
    found = Found()
    register = replace(REGISTER, rows=found.rows)
    return answer(request, register, template="console/reports/quality.html", more=lambda ask: _more(ask, found))


def _more(ask: Ask, found: Found) -> Mapping[str, Any]:
    lines, days = found.lines(ask), _days(ask)
    return {
        "page": "report-quality",
        "days": days,
        "cut": ask["from"] is not None and ask["from"] < days.first,
        "low": sum(one.low for one in lines),
        "unbalanced": sum(one.unbalanced for one in lines),
        "meters": len(lines),
        "states": STATES,
    }


# --- one meter's day -----------------------------------------------------------------------------------------------


class FoundDay:
    """The readings of one meter and day, read once for the rows and the curves."""

    def __init__(self) -> None:
        self._rows: list[Moment] | None = None

    def meter(self, ask: Ask) -> Meter | None:
        return Meter.objects.for_operator(ask.operator).filter(number=ask["meter"] or "").first()

    def rows(self, ask: Ask) -> list[Moment]:
        if self._rows is None:
            meter = self.meter(ask)
            self._rows = [] if meter is None else quality.readings(meter=meter, day=_day(ask))
        return self._rows


def _day(ask: Ask) -> date:
    return min(ask["day"] or _yesterday(), metering.today(now()))


def _current(phase: int) -> Callable[[Moment], int | None]:
    return lambda one: one.currents_ma[phase]


DAY = Register(
    name="quality-day",
    icon="activity-heartbeat",
    title=gettext_lazy("Power factor and phases of a day"),
    columns=(
        Column("at", pgettext_lazy("of a reading", "Read at"), "when", sort=("at",), width=20),
        _number("power", gettext_lazy("Power (kW)"), value=lambda one: one.power_w, sort=("power",)),
        _number("factor", gettext_lazy("Power factor"), value=lambda one: one.factor_e3, sort=("factor",)),
        _number("a", gettext_lazy("Current A (A)"), value=_current(0), sort=("a",)),
        _number("b", gettext_lazy("Current B (A)"), value=_current(1), sort=("b",)),
        _number("c", gettext_lazy("Current C (A)"), value=_current(2), sort=("c",)),
        _number(
            "unbalance",
            gettext_lazy("Phases apart (%)"),
            value=lambda one: _percent(one.unbalance_e3),
            sort=("unbalance",),
        ),
    ),
    filters=(Filter("meter", gettext_lazy("Meter number")), Filter("day", gettext_lazy("Day"), "day")),
    order="at",
    rows=lambda ask: FoundDay().rows(ask),
    defaults=lambda _who: {"day": _yesterday().isoformat()},
    tie=(),
    empty=gettext_lazy("Name a meter of your buildings, and a day on which it showed its power factor or currents."),
)


@page(Right.REPORTS)
def day(request: HttpRequest) -> HttpResponseBase:
    """A meter's power factor and currents through one day, as it was read; `export` as an Excel file."""
    found = FoundDay()
    register = replace(DAY, rows=found.rows)
    return answer(
        request, register, template="console/reports/quality_day.html", more=lambda ask: _more_day(ask, found)
    )


def _more_day(ask: Ask, found: FoundDay) -> Mapping[str, Any]:
    rows, at = found.rows(ask), _day(ask)
    meter = ask["meter"] or ""
    return {
        "page": "report-quality",
        "number": meter if rows else "",
        "before": f"?{urlencode({'meter': meter, 'day': at - timedelta(days=1)})}",
        "after": f"?{urlencode({'meter': meter, 'day': at + timedelta(days=1)})}" if at < _yesterday() else "",
        "day": at,
        "charts": [_factors(rows), _currents(rows)] if rows else [],
    }


def _chart(rows: Sequence[Moment], unit: str, series: Mapping[words.Text, Callable[[Moment], int | None]]) -> Any:
    drawn = [{"name": str(name), "values": [_thousandth(value(one)) for one in rows]} for name, value in series.items()]
    known = [one for one in drawn if any(value is not None for value in one["values"])]
    most = {} if unit else {"most": 1}
    return {"kind": "lines", "unit": unit, "labels": [f"{one.at:%H:%M}" for one in rows], "series": known, **most}


def _factors(rows: Sequence[Moment]) -> Any:
    return _chart(rows, "", {_("Power factor"): lambda one: None if one.factor_e3 is None else abs(one.factor_e3)})


def _currents(rows: Sequence[Moment]) -> Any:
    phases = (pgettext_lazy("phase", "A"), pgettext_lazy("phase", "B"), pgettext_lazy("phase", "C"))
    return _chart(rows, "A", {word: _current(place) for place, word in enumerate(phases)})


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000
