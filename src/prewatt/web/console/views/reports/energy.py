"""能耗查询报表 and 预付费表日用能查询."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.usage import Per, Sums
from prewatt.domain.reports import energy
from prewatt.domain.reports.energy import Wanted
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.waiting import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase


WEEK, MONTH = 7, 30
DAYS_MAX = 366 * 3
DAYS_DRAWN = 62
DAY_MS = 86_400_000


def wanted_days(ask: Ask, *, days: int, last: date) -> Wanted:
    upto = min(ask["to"] or last, metering.today(now()))
    first = ask["from"] or upto - timedelta(days=days - 1)
    return Wanted(
        first_day=max(first, upto - timedelta(days=DAYS_MAX)),
        last_day=upto,
        building_id=int(ask["building"]) if ask["building"] else None,
        floors=ask["floor"] or "",
        text=ask["text"] or "",
    )


def _sheet(ask: Ask) -> Wanted:
    return wanted_days(ask, days=1, last=metering.today(now()))


def _daily(ask: Ask) -> Wanted:
    return wanted_days(ask, days=WEEK, last=yesterday())


def yesterday() -> date:
    return metering.today(now()) - timedelta(days=1)


def _moment(row: Any, name: str) -> datetime:
    return datetime.fromtimestamp(getattr(row, name) / 1000, metering.zone())


def _said(row: Any) -> str:
    """What the reader of a row must know before he believes it."""
    said = []
    if row.moved:
        said.append(_("the register or the ratio changed: counted hour by hour"))
    if row.old_ms > energy.STALE_MS:
        days = row.old_ms // DAY_MS
        said.append(
            ngettext("a reading is missing for %(n)d day", "a reading is missing for %(n)d days", days) % {"n": days}
        )
    return "; ".join(said)


def _place(row: Any) -> str:
    return " ".join(part for part in (row.room_number, row.circuit) if part)


def to_meter(row: Any) -> str:
    return reverse("console:meter", args=[row["meter_id"] if isinstance(row, Mapping) else row.pk])


_energy = partial(Column, kind="energy", width=14)
_number = partial(Column, kind="count", width=10)
WHERE = (
    Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
    Filter("floor", gettext_lazy("Floor"), width="short"),
    Filter("text", gettext_lazy("Room, meter, circuit or tenant")),
)

READINGS = Register(
    name="readings",
    icon="table",
    title=gettext_lazy("Meter reading sheet"),
    columns=(
        Column("number", gettext_lazy("Meter number"), sort=("number",), link=to_meter, width=16),
        Column("place", gettext_lazy("Place and circuit"), value=_place, sort=("room_number", "circuit"), width=26),
        Column("tenant", gettext_lazy("Tenant"), sort=("tenant",), width=22),
        _energy("before", gettext_lazy("Reading before"), value=lambda row: row.before_wh, sort=("before_wh",)),
        _energy("after", gettext_lazy("Reading now"), value=lambda row: row.after_wh, sort=("after_wh",)),
        _number("factor", gettext_lazy("Reading factor"), value=lambda _row: energy.FACTOR),
        _number("ratio", gettext_lazy("Transformer ratio"), value=lambda row: row.ratio_, sort=("ratio_",)),
        _energy("used", gettext_lazy("Used (kWh)"), value=lambda row: row.used_wh, sort=("used_wh",)),
        _number("level", gettext_lazy("Meter level"), sort=("level",)),
        Column("remark", gettext_lazy("Meter remark"), sort=("remark",), width=20),
        Column(
            "before_at",
            gettext_lazy("Read before at"),
            "when",
            value=lambda row: _moment(row, "before_ms"),
            sort=("before_ms",),
            shown=False,
            width=20,
        ),
        Column(
            "after_at",
            gettext_lazy("Read now at"),
            "when",
            value=lambda row: _moment(row, "after_ms"),
            sort=("after_ms",),
            shown=False,
            width=20,
        ),
        Column("said", gettext_lazy("To note"), value=_said, tone=lambda _row: "warn", width=30),
    ),
    filters=(Filter("from", gettext_lazy("From"), "day"), Filter("to", gettext_lazy("To"), "day"), *WHERE),
    order="number",
    rows=lambda ask: energy.sheet(operator=ask.operator, wanted=_sheet(ask)),
    pages=lambda ask, sort: _by_use(ask, sort),  # noqa: PLW0108 - it stands below
    defaults=lambda _who: _days(1, metering.today(now())),
)


def _by_use(ask: Ask, sort: str) -> energy.ByUse | None:
    if sort.removeprefix("-") != "used":
        return None
    return energy.by_use(operator=ask.operator, wanted=_sheet(ask), falling=sort.startswith("-"))


def _days(days: int, last: date) -> dict[str, str]:
    return {"from": (last - timedelta(days=days - 1)).isoformat(), "to": last.isoformat()}


class Found:
    """One page asks for its sums to count its rows, to add them up and to draw them: they are read once."""

    def __init__(self) -> None:
        self._line: dict[date, Sums] | None = None

    def line(self, ask: Ask) -> dict[date, Sums]:
        if self._line is None:
            self._line = energy.daily_line(operator=ask.operator, wanted=_daily(ask), per=_per(ask))
        return self._line

    def whole(self, ask: Ask) -> Sums:
        return sum(self.line(ask).values(), Sums())

    def count(self, ask: Ask) -> int:
        return self.whole(ask).days

    def totals(self, ask: Ask) -> Mapping[str, int]:
        whole = self.whole(ask)
        return {"energy": whole.wh, "deducted": whole.fen}


def _per(ask: Ask) -> Per:
    """More bars than DAYS_DRAWN cannot be told apart: months are drawn, and read, instead of days."""
    wanted = _daily(ask)
    return Per.DAY if (wanted.last_day - wanted.first_day).days < DAYS_DRAWN else Per.MONTH


DAILY = Register(
    name="daily",
    icon="chart-bar",
    title=gettext_lazy("Daily use of prepaid meters"),
    columns=(
        Column("day", gettext_lazy("Day"), "day", sort=("day",), width=12),
        Column("number", gettext_lazy("Meter number"), sort=("number",), link=to_meter, width=16),
        Column("room", gettext_lazy("Room"), value=lambda row: row["room_number"], sort=("room_number",), width=10),
        Column("building", gettext_lazy("Building"), value=lambda row: row["building_name"], sort=("building_name",)),
        _number("floor", gettext_lazy("Floor"), value=lambda row: row["floor_number"], sort=("floor_number",)),
        Column("tenant", gettext_lazy("Tenant"), sort=("tenant",), width=22),
        _energy("energy", gettext_lazy("Used (kWh)"), value=lambda row: row["energy_wh"], sort=("energy_wh",)),
        Column(
            "deducted",
            pgettext_lazy("of a day", "Deducted (yuan)"),
            "money",
            value=lambda row: row["deducted_fen"],
            sort=("deducted_fen",),
        ),
        Column(
            "said",
            gettext_lazy("To note"),
            value=lambda row: _("part of the day was bridged") if row["gap_s_max"] > 2 * 3600 else "",
            tone=lambda _row: "warn",
            width=24,
        ),
    ),
    filters=(Filter("from", gettext_lazy("From"), "day"), Filter("to", gettext_lazy("To"), "day"), *WHERE),
    order="-day",
    rows=lambda ask: energy.daily(operator=ask.operator, wanted=_daily(ask)),
    defaults=lambda _who: _days(WEEK, yesterday()),
    tie=("number", "day"),
)


@page(Right.REPORTS)
def readings(request: HttpRequest) -> HttpResponseBase:
    """用电量 = (本次抄表 - 上次抄表) x 实际抄表倍率 x 互感器倍率, a row for each meter."""
    more = {"page": "report-readings"}
    return answer(request, READINGS, template="console/reports/readings.html", more=lambda _ask: more)


@page(Right.REPORTS)
def daily(request: HttpRequest) -> HttpResponseBase:
    """What each meter used and deducted on each closed day; the last week unless somebody asks for more."""
    found = Found()
    register = replace(DAILY, totals=found.totals, count=found.count)
    return answer(request, register, template="console/reports/daily.html", more=lambda ask: _drawn(ask, found))


def _drawn(ask: Ask, found: Found) -> Mapping[str, Any]:
    line, shown = found.line(ask), slice(5, 10) if _per(ask) == Per.DAY else slice(7)
    series = [{"name": "kWh", "values": [sums.wh / 1000 for sums in line.values()]}]
    chart = {"kind": "bars", "unit": "kWh", "labels": [at.isoformat()[shown] for at in line], "series": series}
    return {"page": "report-daily", "chart": chart, "spans": _spans(ask)}


def _spans(ask: Ask) -> list[tuple[words.Text, str, bool]]:
    """最近一周, 最近一月: word, address, whether it is the one that is shown."""
    asked, last = _daily(ask), yesterday()
    kept = {key: ask[key] for key in ("building", "floor", "text") if ask[key]}
    spans = [(_("last week"), _days(WEEK, last)), (_("last month"), _days(MONTH, last))]
    shown = {"from": asked.first_day.isoformat(), "to": asked.last_day.isoformat()}
    return [(word, f"?{urlencode({**days, **kept})}", days == shown) for word, days in spans]
