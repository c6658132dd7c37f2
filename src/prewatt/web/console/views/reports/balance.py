"""分表平衡: each meter that feeds others against their sum, and the meters below one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from prewatt.domain.estate.models import Meter, MeterQuerySet, Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.usage import Days
from prewatt.domain.reports import balance
from prewatt.domain.reports.balance import Balance, Gap, Part
from prewatt.domain.staff.rights import Right
from prewatt.units.values import round_half_up
from prewatt.web.console.views.alarms import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

DAYS_MAX = 366 * 3
NAMED_MAX = 3  # meters in one sentence
PERCENT_E5 = 1000
ABOVE = "5"
ABOVE_CHOICES = tuple((str(percent), f"{percent} %") for percent in (1, 2, 3, 5, 8, 10, 15, 20))
TOO_FEW_E5 = -PERCENT_E5  # below it, meters of class 1 that hang right would not count more than what feeds them
STATES: dict[str, words.Text] = {
    "good": gettext_lazy("in order"),
    "beyond": gettext_lazy("to look at"),
    "open": gettext_lazy("not complete"),
}


def _days(ask: Ask) -> Days:
    """Through yesterday at the latest: today is not closed."""
    yesterday = metering.today(now()) - timedelta(days=1)
    last = min(ask["to"] or yesterday, yesterday)
    first = min(ask["from"] or last.replace(day=1), last)
    return Days(max(first, last - timedelta(days=DAYS_MAX)), last)


def _last_month() -> dict[str, str]:
    last = metering.today(now()).replace(day=1) - timedelta(days=1)
    return {"from": last.replace(day=1).isoformat(), "to": last.isoformat()}


def _above(ask: Ask) -> MeterQuerySet:
    found = balance.parents(ask.operator)
    if ask["building"]:
        found = found.filter(room__floor__building__code=ask["building"])
    if text := ask["text"]:
        found = found.filter(Q(number__icontains=text) | Q(circuit__icontains=text) | Q(room__number__icontains=text))
    return found


def _state(one: Balance, limit_e5: int) -> str:
    if not one.complete:
        return "open"
    lost_e5 = one.lost_e5
    if lost_e5 is None:  # the meter above counted nothing
        return "beyond" if one.below_wh > 0 else "good"
    return "good" if TOO_FEW_E5 <= lost_e5 <= limit_e5 else "beyond"


def _trouble(part: Part) -> str:
    assert part.trouble is not None  # only of those that have one
    gap, days = part.trouble
    if gap == Gap.NOTHING:
        return _("no closed day")
    if gap == Gap.EDGE:
        return _("no reading near the first or the last midnight")
    return ngettext("%(n)d day is not known", "%(n)d days are not known", days) % {"n": days}


def _said(one: Balance, state: str, limit: str) -> str:
    if state == "open":
        named = [f"{part.number} ({_trouble(part)})" for part in one.troubled[:NAMED_MAX]]
        rest = len(one.troubled) - NAMED_MAX
        more = [_("%(n)d more") % {"n": rest}] if rest > 0 else []
        return "; ".join([*named, *more])
    if state == "good":
        return ""
    if one.lost_wh is not None and one.lost_wh < 0:
        return _("those below counted more: look at ratios and wiring")
    return _("more than %(limit)s %% are missing below") % {"limit": limit}


class Found:
    """One page lists the balances and counts them: they are read once."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] | None = None

    def rows(self, ask: Ask) -> list[dict[str, Any]]:
        if self._rows is None:
            every = _rows(ask)
            self._rows = [row for row in every if ask["state"] in (None, row["key"])]
        return self._rows


def _rows(ask: Ask) -> list[dict[str, Any]]:
    above, days = _above(ask), _days(ask)
    found = balance.balances(operator=ask.operator, above=above, days=days)
    limit = ask["above"] or ABOVE
    span = {"from": days.first.isoformat(), "to": days.last.isoformat()}
    rows = []
    for meter in above.select_related("room__floor__building"):
        one = found[meter.pk]
        state = _state(one, int(limit) * PERCENT_E5)
        rows.append(
            {
                "number": meter.number,
                "building": meter.room.floor.building.name if meter.room else "",
                "place": _place(meter),
                "level": meter.level,
                "own": one.own.wh,
                "below": one.below_wh,
                "lost": one.lost_wh,
                "lost_part": one.lost_e5,
                "meters": len(one.below),
                "key": state,
                "state": STATES[state],
                "said": _said(one, state, limit),
                "href": f"{reverse('console:report-balance-below')}?{urlencode({'parent': meter.number, **span})}",
            }
        )
    return rows


def _place(meter: Meter) -> str:
    return " ".join(part for part in (meter.room.number if meter.room else "", meter.circuit) if part)


def _tone(row: Mapping[str, Any]) -> str:
    return "" if row["key"] == "good" else "warn"


_energy = partial(Column, kind="energy", width=14)

REGISTER = Register(
    name="balance",
    icon="chart-bar",
    title=gettext_lazy("Meters against those below them"),
    columns=(
        Column("number", gettext_lazy("Meter number"), sort=("number",), link=lambda row: str(row["href"]), width=16),
        Column("building", gettext_lazy("Building"), sort=("building",), width=16),
        Column("place", gettext_lazy("Place and circuit"), sort=("place",), width=18),
        Column("level", gettext_lazy("Level"), "count", sort=("level",), width=8),
        _energy("own", gettext_lazy("Counted (kWh)"), sort=("own",)),
        _energy("below", gettext_lazy("Those below it (kWh)"), sort=("below",)),
        _energy("lost", gettext_lazy("Difference (kWh)"), sort=("lost",), tone=_tone),
        _energy("lost_part", gettext_lazy("Difference (%)"), sort=("lost_part",), tone=_tone, width=10),
        Column("meters", gettext_lazy("Meters below"), "count", sort=("meters",), width=10),
        Column("state", pgettext_lazy("of a balance", "State"), sort=("state",), tone=_tone, width=12),
        Column("said", gettext_lazy("To note"), tone=lambda _row: "warn", width=40),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("text", gettext_lazy("Meter, room or circuit")),
        Filter("above", gettext_lazy("Point out from"), "choice", choices=lambda _who: ABOVE_CHOICES, unset="5 %"),
        Filter("state", pgettext_lazy("of a balance", "State"), "choice", choices=lambda _who: list(STATES.items())),
    ),
    order="-lost_part",
    rows=lambda ask: Found().rows(ask),
    defaults=lambda _who: _last_month(),
    tie=(),
    empty=gettext_lazy(
        "No meter is said to feed another. Say it where meters are set: Settings, Meters, Fed by meter."
    ),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """Each meter that feeds others, what they counted together, and what is missing; `export` as an Excel file."""
    found = Found()
    register = replace(REGISTER, rows=found.rows)
    return answer(
        request, register, template="console/reports/balance.html", more=lambda ask: _more(ask, found.rows(ask))
    )


def _more(ask: Ask, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
    counted = {key: sum(row["key"] == key for row in rows) for key in STATES}
    return {
        "page": "report-balance",
        "counted": counted,
        "days": _days(ask),
        "spans": _spans(ask, ("building", "text")),
    }


def _spans(ask: Ask, kept: tuple[str, ...]) -> list[tuple[words.Text, str, bool]]:
    """Word, address, whether it is the one that is shown."""
    today, asked = metering.today(now()), _days(ask)
    yesterday, month = today - timedelta(days=1), today.replace(day=1)
    last_month, last_year = (one - timedelta(days=1) for one in (month, today.replace(month=1, day=1)))
    spans: list[tuple[words.Text, date, date]] = [
        (_("Last seven days"), today - timedelta(days=7), yesterday),
        (_("Last month"), last_month.replace(day=1), last_month),
        (_("Last year"), last_year.replace(month=1, day=1), last_year),
    ]
    if yesterday >= month:
        spans.insert(1, (pgettext("span", "This month"), month, yesterday))
    others = {key: ask[key] for key in (*kept, "above", "state") if ask[key]}
    return [
        (word, f"?{urlencode({**others, 'from': first, 'to': last})}", (first, last) == (asked.first, asked.last))
        for word, first, last in spans
    ]


# --- the meters below one ------------------------------------------------------------------------------------------


class FoundBelow:
    """The balance of the meter that was named, read once for the rows and the figures above them."""

    def __init__(self) -> None:
        self._balance: Balance | None = None
        self._asked = False

    def balance(self, ask: Ask) -> Balance | None:
        if not self._asked:
            self._asked = True
            above = balance.parents(ask.operator).filter(number=ask["parent"] or "")
            found = balance.balances(operator=ask.operator, above=above, days=_days(ask)) if ask["parent"] else {}
            self._balance = next(iter(found.values()), None)
        return self._balance

    def rows(self, ask: Ask) -> list[dict[str, Any]]:
        one = self.balance(ask)
        return [] if one is None else _below_rows(ask, one)


def _below_rows(ask: Ask, one: Balance) -> list[dict[str, Any]]:
    ids, days = [part.meter for part in one.below], _days(ask)
    span = {"from": days.first.isoformat(), "to": days.last.isoformat()}
    meters = Meter.objects.filter(pk__in=ids).select_related("room").annotate(feeds=Count("children")).in_bulk()
    tenants = dict(
        Opening.objects.filter(meter__in=ids, closed_at__isnull=True).values_list("meter_id", "customer__name")
    )
    bridged = balance.bridged(meters=ids, days=days)
    return [
        {
            **_counted(part, one.own.wh),
            **_named(meters[part.meter], span),
            "tenant": tenants.get(part.meter, ""),
            "bridged": bridged.get(part.meter),
        }
        for part in one.below
    ]


def _counted(part: Part, own_wh: int) -> dict[str, Any]:
    said = [_trouble(part)] if part.trouble is not None else []
    if part.before:
        said.append(_("with %(numbers)s, which hung here before") % {"numbers": ", ".join(part.before)})
    share = round_half_up(part.wh * 100_000, own_wh) if own_wh > 0 else None
    return {"wh": part.wh, "share": share, "said": "; ".join(said)}


def _named(meter: Any, span: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": meter.number,
        "room": meter.room.number if meter.room else "",
        "circuit": meter.circuit,
        "level": meter.level,
        "feeds": meter.feeds or None,
        "feeds_href": f"?{urlencode({'parent': meter.number, **span})}" if meter.feeds else "",
        "href": reverse("console:meter", args=[meter.pk]),
    }


BELOW = Register(
    name="balance-below",
    icon="chart-bar",
    title=gettext_lazy("Meters below one"),
    columns=(
        Column("number", gettext_lazy("Meter number"), sort=("number",), link=lambda row: str(row["href"]), width=16),
        Column("room", gettext_lazy("Room"), sort=("room",), width=10),
        Column("circuit", gettext_lazy("Site and circuit"), sort=("circuit",), width=16),
        Column("tenant", gettext_lazy("Tenant"), sort=("tenant",), width=20),
        Column("level", gettext_lazy("Level"), "count", sort=("level",), width=8, shown=False),
        _energy("wh", gettext_lazy("Counted (kWh)"), sort=("wh",)),
        _energy("share", gettext_lazy("Of the meter above (%)"), sort=("share",), width=12),
        Column(
            "feeds",
            gettext_lazy("Meters below"),
            "count",
            sort=("feeds",),
            link=lambda row: str(row["feeds_href"]),
            width=10,
        ),
        Column("bridged", gettext_lazy("Days with a gap"), "count", sort=("bridged",), width=10),
        Column("said", gettext_lazy("To note"), tone=lambda _row: "warn", width=40),
    ),
    filters=(
        Filter("parent", gettext_lazy("Fed by meter")),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
    ),
    order="-wh",
    rows=lambda ask: FoundBelow().rows(ask),
    defaults=lambda _who: _last_month(),
    tie=(),
    empty=gettext_lazy("Name a meter of your buildings that feeds others."),
)


@page(Right.REPORTS)
def below(request: HttpRequest) -> HttpResponseBase:
    """What each meter below the one that is named counted, and which of them are not known; `export` as a file."""
    found = FoundBelow()
    register = replace(BELOW, rows=found.rows)
    return answer(
        request, register, template="console/reports/balance_below.html", more=lambda ask: _more_below(ask, found)
    )


def _more_below(ask: Ask, found: FoundBelow) -> Mapping[str, Any]:
    days = _days(ask)
    back = urlencode({"from": days.first.isoformat(), "to": days.last.isoformat()})
    return {
        "page": "report-balance",
        "balance": found.balance(ask),
        "days": days,
        "back": f"{reverse('console:report-balance')}?{back}",
        "spans": _spans(ask, ("parent",)),
    }
