"""超收核对: a purchase bill against what each account was charged."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.resale import queries
from prewatt.domain.resale.allowance import rate_e8
from prewatt.domain.resale.models import PurchaseBill
from prewatt.domain.resale.queries import Account, Against
from prewatt.domain.staff.rights import Right
from prewatt.units.values import Rate
from prewatt.web.console.views.resale.bills import place
from prewatt.web.parts.pages import operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register


class Found:
    """Rows, sums and the figures above them are of one look."""

    def __init__(self) -> None:
        self._found: Against | None = None

    def of(self, ask: Ask) -> Against | None:
        if self._found is None:
            bill = _bill(ask)
            self._found = queries.against(bill) if bill else None
        return self._found

    def rows(self, ask: Ask) -> list[Account]:
        found = self.of(ask)
        only = ask["over"] == "1"
        return [one for one in found.accounts if one.over_fen or not only] if found else []

    def totals(self, ask: Ask) -> dict[str, int]:
        rows = self.rows(ask)
        return {
            "wh": sum(one.wh for one in rows),
            "charged_fen": sum(one.charged_fen for one in rows),
            "allowed_fen": sum(one.allowed_fen for one in rows),
            "given_fen": sum(one.given_fen for one in rows),
            "over_fen": sum(one.over_fen for one in rows),
        }


def _bill(ask: Ask) -> PurchaseBill | None:
    """The one that is asked for, or the newest."""
    mine = queries.bills(operator=ask.operator).prefetch_related("items")
    return mine.filter(pk=ask["bill"]).first() if ask["bill"] else mine.first()


def _bills(who: Any) -> list[tuple[str, str]]:
    return [(str(one.pk), f"{one.month:%Y-%m} · {place(one)}") for one in queries.bills(operator=who)]


def _price(fen: int, wh: int) -> int | None:
    return fen * 100_000 // wh if wh else None


def register(found: Found) -> Register:
    return Register(
        name="over-charged",
        title=gettext_lazy("Charged against the purchase bill"),
        icon="scale",
        columns=(
            Column("room", gettext_lazy("Room"), sort=("room",)),
            Column(
                "tenant",
                gettext_lazy("Tenant"),
                value=lambda row: row.opening.customer.name,
                sort=("tenant",),
                link=lambda row: reverse("console:customer", args=[row.opening.customer_id]),
                width=24,
            ),
            Column(
                "meter",
                gettext_lazy("Meter number"),
                value=lambda row: row.opening.meter.number,
                sort=("meter",),
                link=lambda row: f"{reverse('console:explain', args=[row.opening.pk])}?month={row.month:%Y-%m}",
            ),
            Column("wh", pgettext_lazy("energy", "Used"), "energy", sort=("wh",)),
            Column("charged_fen", pgettext_lazy("electricity", "Charged"), "money", sort=("charged_fen",)),
            Column(
                "price",
                gettext_lazy("That is yuan/kWh"),
                "price",
                value=lambda row: _price(row.charged_fen, row.wh),
                sort=("price",),
            ),
            Column("allowed_fen", gettext_lazy("By the bill"), "money", sort=("allowed_fen",)),
            Column("given_fen", gettext_lazy("Given back before"), "money", sort=("given_fen",), shown=False),
            Column(
                "over_fen",
                gettext_lazy("Too much"),
                "money",
                sort=("over_fen",),
                tone=lambda row: "bad b" if row.over_fen else "mut",
            ),
        ),
        filters=(
            Filter("bill", gettext_lazy("Purchase bill"), "choice", choices=_bills),
            Filter(
                "over",
                gettext_lazy("Show"),
                "choice",
                choices=lambda _who: [("1", gettext_lazy("only who was charged too much"))],
            ),
        ),
        order="-over_fen",
        rows=found.rows,
        totals=found.totals,
        empty=gettext_lazy("There is no purchase bill, or no account was open in its month."),
    )


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    found = Found()

    def more(ask: Ask) -> dict[str, Any]:
        held = found.of(ask)
        return {
            "page": "over",
            "held": held,
            "mean": str(Rate(rate_e8(held.paid.mean()))) if held else "",
            "may_give": operator(request).may(Right.REFUND),
            "place": place(held.bill) if held else "",
        }

    return answer(request, register(found), template="console/resale/over.html", more=more)
