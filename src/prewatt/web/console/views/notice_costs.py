"""短信费用: what messages cost, by month, kind, building and carrier: what a carrier's bill is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy

from prewatt.domain.metering import queries as metering
from prewatt.domain.notices import costs, queries
from prewatt.domain.notices.costs import Cost
from prewatt.domain.notices.queries import Wanted
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.console.views.estate.texts import TITLES
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from prewatt.domain.staff.models import Operator
    from prewatt.web.parts.words import Text

MONTHS = 12
SUMS = ("messages", "sent", "arrived", "failed", "characters", "parts", "cost_e4")


class Found:
    """One page lists the lines and their sums: they are read once."""

    def __init__(self) -> None:
        self._rows: list[Cost] | None = None

    def rows(self, ask: Ask) -> list[Cost]:
        if self._rows is None:
            wanted = Wanted(
                kind=ask["kind"] or "",
                carrier=int(ask["carrier"] or 0),
                first_day=ask["from"],
                last_day=ask["to"],
            )
            self._rows = costs.costs(operator=ask.operator, wanted=wanted, building=ask["building"] or "")
        return self._rows

    def totals(self, ask: Ask) -> Mapping[str, int]:
        rows = self.rows(ask)
        return {name: sum(getattr(row, name) for row in rows) for name in SUMS}


def _carriers(who: Operator) -> Iterable[tuple[str, Text]]:
    return [(str(one.pk), one.name) for one in queries.seen_carriers(operator=who)]


def _this_year(_who: Operator) -> Mapping[str, str]:
    """The running month and the eleven before it."""
    day = metering.today(now())
    months = day.year * 12 + day.month - MONTHS
    first = day.replace(year=months // 12, month=months % 12 + 1, day=1)
    return {"from": first.isoformat(), "to": day.isoformat()}


def _messages(one: Cost) -> str:
    last = (one.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    asked = {"kind": one.kind, "from": one.month.isoformat(), "to": last.isoformat()}
    return f"{reverse('console:notices')}?{urlencode(asked)}"


def _count(key: str, title: Text, *, shown: bool = True) -> Column:
    return Column(key, title, "count", sort=(key,), shown=shown, width=12)


def _text(key: str, title: Text, value: Callable[[Cost], Any] | None = None, **more: Any) -> Column:
    return Column(key, title, value=value, sort=(key,), **more)


REGISTER = Register(
    name="notice-costs",
    icon="send",
    title=gettext_lazy("Cost of messages"),
    columns=(
        _text("month", gettext_lazy("Month"), lambda one: f"{one.month:%Y-%m}", width=12),
        _text("kind", gettext_lazy("Kind"), lambda one: TITLES.get(one.kind, one.kind), link=_messages, width=24),
        _text("building", gettext_lazy("Building")),
        _text("carrier", gettext_lazy("Carrier"), width=18),
        _count("messages", gettext_lazy("Messages")),
        _count("sent", gettext_lazy("Taken by the carrier")),
        _count("arrived", gettext_lazy("Known to have arrived")),
        _count("failed", gettext_lazy("Did not go out or arrive")),
        _count("characters", gettext_lazy("Characters")),
        _count("parts", gettext_lazy("Parts")),
        Column("cost_e4", gettext_lazy("Cost (yuan)"), "price", sort=("cost_e4",)),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("kind", gettext_lazy("Kind"), "choice", choices=lambda _who: list(TITLES.items())),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("carrier", gettext_lazy("Carrier"), "choice", choices=_carriers),
    ),
    order="-month",
    rows=lambda ask: Found().rows(ask),
    totals=lambda ask: Found().totals(ask),
    defaults=_this_year,
    tie=(),
    empty=gettext_lazy("No message was written in these days."),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """With `export` as an Excel file."""
    found = Found()
    register = replace(REGISTER, rows=found.rows, totals=found.totals)
    return answer(request, register, more=lambda _ask: {"page": "notice-costs"})
