"""售电明细: every sale, reversal and refund on a line of its own, with who took it and the purchase count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from prewatt.domain.staff.rights import Right
from prewatt.web.console.views import sales
from prewatt.web.parts.pages import page
from prewatt.web.parts.tables import Column

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

_SHOWN = ("at", "receipt", "seller", "what", "user", "customer", "room", "meter", "times", "tender", "amount", "state")
_TIMES = Column(
    "times", gettext_lazy("Purchase count"), "count", value=lambda row: row["times"], sort=("times",), width=10
)


def _columns() -> tuple[Column, ...]:
    """The sales list's own columns in the order of a report, and what it leaves out behind them."""
    known = {one.key: one for one in (*sales.REGISTER.columns, _TIMES)}
    rest = (one for key, one in known.items() if key not in _SHOWN)
    return (*(replace(known[key], shown=True) for key in _SHOWN), *(replace(one, shown=False) for one in rest))


REGISTER = replace(sales.REGISTER, name="sales-detail", title=gettext_lazy("Sales detail"), columns=_columns())


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    """Today's, unless the address says otherwise. With `export` as an Excel file."""
    return sales.listed(request, REGISTER, template="console/reports/sales_detail.html", page_name="report-sales")
