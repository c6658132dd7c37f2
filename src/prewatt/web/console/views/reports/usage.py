"""能耗统计与用能比对: what was used by meter, room, floor, building, kind of use or time, and held against when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from prewatt.domain.estate import scope as estate_scope
from prewatt.domain.estate.models import Customer, Use
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering import tenants, usage
from prewatt.domain.metering.places import By, Place, Places, by_place
from prewatt.domain.metering.scope import Scope
from prewatt.domain.metering.usage import Days, Per, Row
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from prewatt.domain.staff.models import Operator

YEARS_MAX = 10
PERIODS_DRAWN = 62  # more bars than this cannot be told apart: months are drawn instead of days
LISTED_MAX = 500
BY: dict[str, words.Text] = {
    By.ROOM: gettext_lazy("by room"),
    By.METER: gettext_lazy("by meter"),
    By.TENANT: gettext_lazy("by tenant"),
    By.FLOOR: gettext_lazy("by floor"),
    By.AREA: gettext_lazy("by area"),
    By.BUILDING: gettext_lazy("by building"),
    By.USE: gettext_lazy("by kind of use"),
    By.TIME: gettext_lazy("by day, month or year"),
}
COMPARED = frozenset({"earlier", "change", "change_part"})  # columns
PER: dict[str, words.Text] = {
    Per.DAY: gettext_lazy("by day"),
    Per.MONTH: gettext_lazy("by month"),
    Per.YEAR: gettext_lazy("by year"),
}
AGAINST: dict[str, words.Text] = {
    "before": gettext_lazy("the days before"),
    "year": gettext_lazy("the same days a year before"),
}


def _days(ask: Ask) -> Days:
    today = metering.today(now())
    last = min(ask["to"] or today, today)
    first = min(ask["from"] or last.replace(day=1), last)
    return Days(max(first, last - timedelta(days=366 * YEARS_MAX)), last)


def _against(ask: Ask) -> Days | None:
    days = _days(ask)
    return {"before": days.earlier, "year": days.year_earlier}.get(ask["against"], lambda: None)()


def scope(ask: Ask) -> Scope:
    return Scope(
        text=ask["text"] or "",
        building=ask["building"] or "",
        area=ask["area"] or "",
        floors=ask["floor"] or "",
        use=ask["use"] or "",
    )


def _per(ask: Ask) -> Per:
    if ask["per"]:
        return Per(ask["per"])
    return Per.DAY if len(_days(ask)) <= PERIODS_DRAWN else Per.MONTH


class Found:
    """One page asks for its figures to list them, to add them up and to draw them: they are read once."""

    def __init__(self) -> None:
        self._lines: dict[Days, dict[date, usage.Sums]] = {}
        self._rows: list[dict[str, Any]] | Listed | None = None

    def line(self, ask: Ask, days: Days) -> dict[date, usage.Sums]:
        if days not in self._lines:
            newest = metering.closed_through() or days.last
            self._lines[days] = usage.by_time(
                operator=ask.operator, scope=scope(ask), per=_per(ask), days=days, newest=newest
            )
        return self._lines[days]

    def rows(self, ask: Ask) -> Any:
        """A list where it is split by time, else what the database sorts and cuts (`Listed`)."""
        if self._rows is None:
            by = By(ask["by"] or By.ROOM)
            made = {By.TIME: self._times, By.TENANT: self._tenants}.get(by)
            self._rows = self._places(ask, by) if made is None else made(ask)
        return self._rows

    def totals(self, ask: Ask) -> Mapping[str, int]:
        """Of the line that is drawn anyway: whatever place it is split by, it is the same use."""
        against = _against(ask)
        if ask["by"] == By.TIME:  # a longer span held against a shorter one is cut where the list is
            now_, before = self.both(ask)
        else:
            now_ = list(self.line(ask, _days(ask)).values())
            before = list(self.line(ask, against).values()) if against else []
        found, earlier = (sum((one for one in line if one), usage.Sums()) for line in (now_, before))
        sums = {"wh": found.wh, "fen": found.fen}
        return sums if against is None else {**sums, "earlier": earlier.wh, "change": found.wh - earlier.wh}

    def _times(self, ask: Ask) -> list[dict[str, Any]]:
        rows = self._periods(ask)
        whole_wh = sum(row.now.wh for row in rows)
        return [_shown(row, {"name": _period(row.key, _per(ask))}, whole_wh) for row in rows]

    def _tenants(self, ask: Ask) -> list[dict[str, Any]]:
        days, against = _days(ask), _against(ask)
        found = self._by_tenant(ask, days)
        earlier = self._by_tenant(ask, against) if against else {}
        names = _customers({*found, *earlier})
        whole_wh, nobody, none = sum(one.wh for one in found.values()), _("without an account"), usage.Sums()
        return [
            _shown(
                Row(key, found.get(key, none), earlier.get(key, none).wh if against else None),
                {"name": names.get(key, nobody), "customer": key},
                whole_wh,
            )
            for key in sorted({*found, *earlier}, key=lambda key: (key == tenants.NOBODY, names.get(key, "")))
        ]

    @staticmethod
    def _by_tenant(ask: Ask, days: Days) -> dict[int, usage.Sums]:
        newest = metering.closed_through() or days.last
        return tenants.by_tenant(operator=ask.operator, scope=scope(ask), days=days, newest=newest)

    def _places(self, ask: Ask, by: By) -> Listed:
        newest = metering.closed_through() or _days(ask).last
        return Listed(
            by_place(
                operator=ask.operator, scope=scope(ask), by=by, days=_days(ask), against=_against(ask), newest=newest
            )
        )

    def _periods(self, ask: Ask) -> list[Row]:
        """The first day is held against the first, the second against the second, whichever of them are known."""
        now_, before = self.both(ask)
        none = usage.Sums()
        against = _against(ask) is not None
        return [
            Row(at, one or none, (earlier or none).wh if against else None)
            for at, one, earlier in zip(_periods(_days(ask), _per(ask)), now_, before, strict=True)
            if one or earlier
        ]

    def both(self, ask: Ask) -> tuple[list[usage.Sums | None], list[usage.Sums | None]]:
        """What was used in each of the span's periods, and in each of those it is held against; None: not known."""
        days, against, per = _days(ask), _against(ask), _per(ask)
        at = _periods(days, per)
        line = self.line(ask, days)
        found = [line.get(one) for one in at]
        if against is None:
            return found, [None] * len(at)
        earlier = self.line(ask, against)
        before = [earlier.get(one) for one in _periods(against, per)][: len(at)]
        return found, before + [None] * (len(at) - len(before))


def _periods(days: Days, per: Per) -> list[date]:
    """The first days of all that lie in the span, wholly or partly."""
    every = (days.first + timedelta(days=n) for n in range(len(days)))
    if per == Per.DAY:
        return list(every)
    return list(dict.fromkeys(one.replace(day=1) if per == Per.MONTH else one.replace(month=1, day=1) for one in every))


def _names(by: By) -> Callable[[Place], str]:
    """What a row is called. The words are translated once, not once for each of ten thousand rows."""
    nowhere, no_area, no_use = _("without a room"), _("without an area"), _("no kind of use")
    names: dict[By, Callable[[Place], str]] = {
        By.METER: lambda one: one.number,
        By.ROOM: lambda one: one.room or nowhere,
        By.FLOOR: lambda one: f"{one.building} {one.floor}".strip() or nowhere,
        By.AREA: lambda one: f"{one.building} {one.area or no_area}".strip() if one.building else nowhere,
        By.BUILDING: lambda one: one.building or nowhere,
        By.USE: lambda one: one.use or no_use,
    }
    return names[by]


def _customers(wanted: set[int]) -> dict[int, str]:
    """Their names. A list of thousands of numbers costs a database more than all the names it has."""
    rows = Customer.objects.order_by().values_list("pk", "name")
    return dict(rows if len(wanted) > LISTED_MAX else rows.filter(pk__in=wanted))


@dataclass(frozen=True)
class Listed:
    """Places as a register asks for rows; only the ones it shows are named."""

    places: Places

    def order_by(self, *names: str) -> Listed:
        return Listed(self.places.order_by(*names))

    def count(self) -> int:
        return self.places.count()

    def __len__(self) -> int:
        return self.places.count()

    def __getitem__(self, part: slice) -> list[dict[str, Any]]:
        return list(self._named(self.places[part]))

    def iterator(self, chunk_size: int = 0) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - as a query set has it
        return self._named(self.places)

    def _named(self, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
        by, name, whole_wh = self.places.by, _names(self.places.by), self.places.whole_wh
        return (_shown(row, _place(row.key, by, name(row.key)), whole_wh) for row in rows)


def _place(key: Place, by: By, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "building": key.building,
        "floor": key.floor,
        "room": key.room,
        "area": key.area,
        "use": key.use,
        "meter": key.meter if by == By.METER else 0,
    }


def _shown(row: Row, named: Mapping[str, Any], whole_wh: int) -> dict[str, Any]:
    return {
        **named,
        "wh": row.now.wh,
        "fen": row.now.fen,
        "days": row.now.days,
        "earlier": row.earlier_wh,
        "change": row.change_wh,
        "change_part": row.change_e3 * 100 if row.change_e3 is not None else None,  # thousandths of a percent
        "share": round(row.now.wh * 100_000 / whole_wh) if whole_wh else None,
    }


def _to_thing(row: Mapping[str, Any]) -> str:
    if row.get("customer"):
        return reverse("console:customer", args=[row["customer"]])
    return reverse("console:meter", args=[row["meter"]]) if row.get("meter") else ""


def _period(first: date, per: Per) -> str:
    return first.isoformat()[: {Per.DAY: 10, Per.MONTH: 7, Per.YEAR: 4}[per]]


def areas(who: Operator) -> list[tuple[str, words.Text]]:
    found = estate_scope.areas(who).select_related("building").order_by("building__sort", "building__code", "name")
    return [(str(one.pk), f"{one.building.name} {one.name}") for one in found]


def uses(_who: Operator) -> list[tuple[str, words.Text]]:
    return [(name, name) for name in Use.objects.values_list("name", flat=True)]


_energy = partial(Column, kind="energy", width=14)
_text = partial(Column, width=14, shown=False)

REGISTER = Register(
    name="usage",
    title=gettext_lazy("Energy used, and compared"),
    icon="chart-bar",
    columns=(
        Column(
            "name",
            pgettext_lazy("of use", "What"),
            sort=("place",),
            link=_to_thing,
            width=24,
        ),
        Column("building", gettext_lazy("Building"), sort=("building",)),
        Column("floor", gettext_lazy("Floor"), sort=("floor",), width=10),
        _text("area", gettext_lazy("Area"), sort=("area",)),
        _text("room", gettext_lazy("Room"), sort=("room",)),
        _text("use", gettext_lazy("Kind of use"), sort=("use",)),
        _energy("wh", gettext_lazy("Used (kWh)"), sort=("wh",)),
        _energy("share", gettext_lazy("Share (%)"), sort=("wh",), width=10),
        Column("fen", gettext_lazy("Deducted (yuan)"), "money", sort=("fen",)),
        _energy("earlier", gettext_lazy("Compared days (kWh)"), sort=("earlier",)),
        _energy("change", gettext_lazy("Change (kWh)"), sort=("change",)),
        _energy("change_part", gettext_lazy("Change (%)"), sort=("change_part",), width=10),
        Column("days", gettext_lazy("Closed meter days"), "count", sort=("days",), shown=False),
    ),
    filters=(
        Filter("by", gettext_lazy("Split"), "choice", choices=lambda _who: list(BY.items())),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter(
            "against",
            gettext_lazy("Compare with"),
            "choice",
            choices=lambda _who: list(AGAINST.items()),
            unset=pgettext_lazy("comparison", "nothing"),
        ),
        Filter(
            "per",
            gettext_lazy("Drawn"),
            "choice",
            choices=lambda _who: list(PER.items()),
            unset=gettext_lazy("as it fits"),
        ),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("area", gettext_lazy("Area"), "choice", choices=areas),
        Filter("floor", gettext_lazy("Floor, or 11-20"), width="short"),
        Filter("use", gettext_lazy("Kind of use"), "choice", choices=uses),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="name",
    tie=(),
    rows=lambda ask: Found().rows(ask),
    defaults=lambda _who: {
        "by": By.ROOM,
        "from": metering.today(now()).replace(day=1).isoformat(),
        "to": metering.today(now()).isoformat(),
    },
    empty=gettext_lazy("No closed day of a meter lies in these days."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """Drawn over time, listed by what was asked for, and compared with other days; `export` as an Excel file."""
    found = Found()
    register = replace(REGISTER, columns=_columns(request), rows=found.rows, totals=found.totals)
    return answer(request, register, template="console/reports/usage.html", more=lambda ask: _more(ask, found))


def _columns(request: HttpRequest) -> list[Column]:
    """Three columns say how other days were; they stand empty, and so aside, until somebody compares."""
    compared = request.GET.get("against") in AGAINST
    return [replace(one, shown=one.shown and (compared or one.key not in COMPARED)) for one in REGISTER.columns]


def _more(ask: Ask, found: Found) -> Mapping[str, Any]:
    against = _against(ask)
    return {
        "page": "report-usage",
        "chart": _chart(ask, found),
        "spans": _spans(ask),
        "days": _days(ask),
        "against": against,
        "sums": found.totals(ask),
    }


def _spans(ask: Ask) -> list[tuple[words.Text, str, bool]]:
    """The spans that are asked for every day, as links: word, address, whether it is the one that is shown."""
    today, asked = metering.today(now()), _days(ask)
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    last_month, last_year = (one - timedelta(days=1) for one in (month, year))
    spans = (
        (_("Last seven days"), today - timedelta(days=7), today - timedelta(days=1)),
        (pgettext("span", "This month"), month, today),
        (_("Last month"), last_month.replace(day=1), last_month),
        (_("This year"), year, today),
        (_("Last year"), last_year.replace(month=1, day=1), last_year),
    )
    kept = {key: ask[key] for key in ("by", "against", "building", "area", "floor", "use", "text") if ask[key]}
    return [
        (word, f"?{urlencode({**kept, 'from': first, 'to': last})}", (first, last) == (asked.first, asked.last))
        for word, first, last in spans
    ]


def _chart(ask: Ask, found: Found) -> dict[str, Any]:
    per = _per(ask)
    line, earlier = found.both(ask)
    known = any(line) or any(earlier)
    return {
        "kind": "compare",
        "unit": "kWh",
        "labels": [_label(at, per) for at in _periods(_days(ask), per)] if known else [],
        "name": pgettext("chart", "These days"),
        "values": _kwh(line),
        "earlier_name": _("Compared days"),
        "earlier": _kwh(earlier) if _against(ask) else [],
    }


def _label(at: date, per: Per) -> str:
    return at.isoformat()[5:] if per == Per.DAY else _period(at, per)


def _kwh(line: list[usage.Sums | None]) -> list[float | None]:
    return [None if one is None else one.wh / 1000 for one in line]
