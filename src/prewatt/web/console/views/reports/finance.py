"""日/月/年财务销售统计: what came in, what was turned round or paid back, and what remains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from prewatt.domain.estate import scope
from prewatt.domain.metering import queries as metering
from prewatt.domain.reports import day_close, finance
from prewatt.domain.reports.finance import By, Per, Row, Wanted
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.waiting import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase, QueryDict

DAYS_SHOWN = 31  # unless somebody asks for others
YEARS_MAX = 30
PERIODS_DRAWN = 62  # more bars than this cannot be told apart
PER: dict[str, words.Text] = {
    Per.DAY: gettext_lazy("by day"),
    Per.MONTH: gettext_lazy("by month"),
    Per.YEAR: gettext_lazy("by year"),
}
BY: dict[str, words.Text] = {
    By.ALL: gettext_lazy("all together"),
    By.SELLER: gettext_lazy("by seller"),
    By.TENDER: gettext_lazy("by method"),
    By.BUILDING: gettext_lazy("by building"),
}


def wanted(ask: Ask) -> Wanted:
    last = ask["to"] or metering.today(now())
    first = ask["from"] or last - timedelta(days=DAYS_SHOWN - 1)
    return Wanted(
        first_day=max(first, last - timedelta(days=366 * YEARS_MAX)),
        last_day=last,
        per=Per(ask["per"] or Per.DAY),
        by=By(ask["by"] or By.ALL),
        seller_id=int(ask["seller"]) if ask["seller"] else None,
        building_id=int(ask["building"]) if ask["building"] else None,
        tender=ask["tender"] or "",
    )


def _sellers(who: Operator) -> Iterable[tuple[str, words.Text]]:
    found = Operator.objects.order_by("name", "username")
    return [(str(one.pk), str(one)) for one in (found if who.all_buildings else found.filter(pk=who.pk))]


def _found(ask: Ask) -> list[Row]:
    return finance.rows(operator=ask.operator, wanted=wanted(ask), now=now())


def _rows(ask: Ask, found: list[Row]) -> list[dict[str, Any]]:
    asked = wanted(ask)
    named = _names(asked.by, ask.operator, found)
    signed = _signed(ask.operator, asked)
    return [_row(one, asked, named) | {"signed": one.period in signed} for one in found]


def _signed(who: Operator, asked: Wanted) -> frozenset[date]:
    """The days of the span whose sheet is signed: said to those who may open it."""
    if asked.per != Per.DAY or not who.all_buildings:
        return frozenset()
    return day_close.signed(first_day=asked.first_day, last_day=asked.last_day)


def _row(one: Row, asked: Wanted, named: Callable[[Any], str]) -> dict[str, Any]:
    sums = one.sums
    return {
        "first": one.period,
        "period": _period(one.period, asked.per),
        "who": named(one.who),
        "sold_count": sums.sold_count,
        "sold": sums.sold_fen,
        "reversed_count": sums.reversed_count,
        "reversed": sums.reversed_fen,
        "refunded_count": sums.refunded_count,
        "refunded": sums.refunded_fen,
        "income": sums.income_fen,
        "single": _single(one, asked),
    }


def _period(first: date, per: Per) -> str:
    return first.isoformat()[: {Per.DAY: 10, Per.MONTH: 7, Per.YEAR: 4}[per]]


def _names(by: By, operator: Operator, found: list[Row]) -> Callable[[Any], str]:
    """What a row's `who` is called. An operator who may not see a seller's page still reads his name on a report."""
    if by == By.TENDER:
        return lambda who: str(words.TENDERS.get(who, who))
    if by == By.SELLER:
        names = {one.pk: str(one) for one in Operator.objects.filter(pk__in={row.who for row in found})}
        return lambda who: names.get(who, "")
    if by == By.BUILDING:
        called = {one.pk: one.name for one in scope.buildings(operator)}
        return lambda who: called.get(who, _("without a building"))
    return lambda _who: _("all")


def _single(one: Row, asked: Wanted) -> str:
    """The single movements behind a row, in the sales list."""
    first, last = max(one.period, asked.first_day), min(_last(one.period, asked.per), asked.last_day)
    narrow: dict[str, Any] = {"seller": asked.seller_id, "building": asked.building_id, "tender": asked.tender}
    name = {By.SELLER: "seller", By.TENDER: "tender", By.BUILDING: "building"}.get(asked.by)
    if name:
        narrow[name] = one.who
    given = {key: value for key, value in narrow.items() if value}
    return f"{reverse('console:sales')}?{urlencode({'from': first, 'to': last, **given})}"


def _last(period: date, per: Per) -> date:
    if per == Per.DAY:
        return period
    following = (
        (period + timedelta(days=31)).replace(day=1) if per == Per.MONTH else period.replace(year=period.year + 1)
    )
    return following - timedelta(days=1)


def _totals(found: list[Row]) -> Mapping[str, int]:
    whole = finance.total(found)
    return {
        "sold_count": whole.sold_count,
        "sold": whole.sold_fen,
        "reversed_count": whole.reversed_count,
        "reversed": whole.reversed_fen,
        "refunded_count": whole.refunded_count,
        "refunded": whole.refunded_fen,
        "income": whole.income_fen,
    }


_money = partial(Column, kind="money", width=14)
_number = partial(Column, kind="count", width=10)

REGISTER = Register(
    name="finance",
    icon="currency-yuan",
    title=gettext_lazy("Finance: sales by day, month and year"),
    columns=(
        Column("period", gettext_lazy("Period"), sort=("period",), link=lambda row: row["single"], width=12),
        Column("who", gettext_lazy("Seller"), sort=("who",), width=22),
        _number("sold_count", gettext_lazy("Sales"), sort=("sold_count",)),
        _money("sold", pgettext_lazy("finance", "Sold"), sort=("sold",)),
        _number("reversed_count", gettext_lazy("Reversals"), sort=("reversed_count",), shown=False),
        _money("reversed", pgettext_lazy("finance", "Reversed"), sort=("reversed",)),
        _number("refunded_count", gettext_lazy("Refunds"), sort=("refunded_count",), shown=False),
        _money("refunded", pgettext_lazy("finance", "Refunded"), sort=("refunded",)),
        _money("income", pgettext_lazy("finance", "Income"), sort=("income",)),
        Column(
            "signed",
            gettext_lazy("Day close"),
            value=lambda row: pgettext("day", "signed") if row["signed"] else "",
            link=lambda row: reverse("console:report-day", args=[row["first"].isoformat()]) if row["signed"] else "",
            icon=lambda row: "circle-check" if row["signed"] else "",
            tone=lambda row: "good" if row["signed"] else "",
        ),
    ),
    filters=(
        Filter("per", gettext_lazy("Statistics"), "choice", choices=lambda _who: list(PER.items())),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter(
            "by",
            gettext_lazy("Split"),
            "choice",
            choices=lambda _who: [(by, word) for by, word in BY.items() if by != By.ALL],
            unset=BY[By.ALL],
        ),
        Filter("seller", gettext_lazy("Seller"), "choice", choices=_sellers),
        Filter("tender", gettext_lazy("Method"), "choice", choices=lambda _who: list(words.TENDERS.items())),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
    ),
    order="-period",
    rows=lambda ask: _rows(ask, _found(ask)),
    totals=lambda ask: _totals(_found(ask)),
    defaults=lambda _who: {"per": Per.DAY, "from": _first_shown(), "to": metering.today(now()).isoformat()},
)


def _first_shown() -> str:
    return (metering.today(now()) - timedelta(days=DAYS_SHOWN - 1)).isoformat()


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """Days, months or years with their sums, drawn and listed; `export` as an Excel file."""
    found = _once()
    register = replace(
        REGISTER,
        columns=_columns(request.GET),
        rows=lambda ask: _rows(ask, found(ask)),
        totals=lambda ask: _totals(found(ask)),
    )
    return answer(request, register, template="console/reports/finance.html", more=lambda ask: _shown(ask, found(ask)))


def _columns(query: QueryDict) -> list[Column]:
    """The column of the split is called by what it is split by (the article: 售电员); only days are signed."""
    by, days = query.get("by", ""), query.get("per", Per.DAY) not in (Per.MONTH, Per.YEAR)
    called: dict[str, words.Text] = {By.TENDER: gettext_lazy("Method"), By.BUILDING: gettext_lazy("Building")}
    columns = [replace(one, title=called.get(by, one.title)) if one.key == "who" else one for one in REGISTER.columns]
    return [replace(one, shown=one.shown and (days or one.key != "signed")) for one in columns]


def _once() -> Callable[[Ask], list[Row]]:
    """One page asks for its rows to list them, to add them up and to draw them: they are read once."""
    kept: list[list[Row]] = []

    def found(ask: Ask) -> list[Row]:
        if not kept:
            kept.append(_found(ask))
        return kept[0]

    return found


def _shown(ask: Ask, found: list[Row]) -> Mapping[str, Any]:
    return {
        "page": "report-finance",
        "sums": finance.total(found),
        "chart": _chart(ask, found),
        "spans": _spans(wanted(ask)),
    }


def _spans(asked: Wanted) -> list[tuple[words.Text, str, bool]]:
    """The spans that are asked for every day, as links: word, address, whether it is the one that is shown."""
    today = metering.today(now())
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    last_month, last_year = (one - timedelta(days=1) for one in (month, year))
    spans = (
        (pgettext("span", "This month"), Per.DAY, month, today),
        (pgettext("span", "Last month"), Per.DAY, last_month.replace(day=1), last_month),
        (pgettext("span", "This year"), Per.MONTH, year, today),
        (pgettext("span", "Last year"), Per.MONTH, last_year.replace(month=1, day=1), last_year),
    )
    narrow = {"by": asked.by, "seller": asked.seller_id, "tender": asked.tender, "building": asked.building_id}
    kept = {key: str(value) for key, value in narrow.items() if value}
    return [
        (
            word,
            f"?{urlencode({'per': per.value, 'from': first, 'to': last, **kept})}",
            (per, first, last) == (asked.per, asked.first_day, asked.last_day),
        )
        for word, per, first, last in spans
    ]


def _chart(ask: Ask, found: list[Row]) -> dict[str, Any]:
    """Bars of what was sold, what went back below the line; one colour for each seller, method or building."""
    asked = wanted(ask)
    periods = sorted({one.period for one in found})[-PERIODS_DRAWN:]
    named = _names(asked.by, ask.operator, found)
    series = [_series(who, named(who), found, periods) for who in dict.fromkeys(one.who for one in found)]
    back = [-_yuan(sum(one.sums.sold_fen - one.sums.income_fen for one in found if one.period == at)) for at in periods]
    if any(back):
        series.append({"name": _("Reversed and refunded"), "values": back, "back": True})
    return {"kind": "bars", "unit": _("yuan"), "labels": _labels(periods, asked.per), "series": series}


def _labels(periods: list[date], per: Per) -> list[str]:
    """The year is left out where it is the same under every bar."""
    shown = [_period(at, per) for at in periods]
    return [text[5:] for text in shown] if per == Per.DAY and len({at.year for at in periods}) == 1 else shown


def _series(who: Any, name: str, found: list[Row], periods: list[date]) -> dict[str, Any]:
    sold = {one.period: _yuan(one.sums.sold_fen) for one in found if one.who == who}
    return {
        "name": pgettext("finance", "Sold") if who is None and name == _("all") else name,
        "values": [sold.get(at, 0) for at in periods],
    }


def _yuan(fen: int) -> float:
    """For a picture only."""
    return fen / 100
