"""查看更多: one customer with his meters as they stand, what he bought, what was ordered, and what was closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.ledger import accounts as ledger_accounts
from prewatt.domain.ledger import queries as ledger
from prewatt.domain.metering.queries import Standing
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import accounts, queries
from prewatt.domain.vending.accounts import OpeningProgress
from prewatt.web.console.views.customers.opening import customer_of
from prewatt.web.console.views.customers.register import standing_of
from prewatt.web.parts.pages import now, operator, page

SALES, ORDERS = 12, 12
MOVING_S, STILL_S = 1, 10


@dataclass(frozen=True, slots=True)
class Account:
    opening: Opening
    standing: Standing
    progress: OpeningProgress | None  # while it matters: on its way, or failed

    @property
    def arriving(self) -> bool:
        """What the meter showed before it was opened says nothing about this account."""
        return self.progress is not None and not self.progress.ended

    @property
    def moving(self) -> bool:
        return self.progress is not None and self.progress.moving


def accounts_of(request: HttpRequest, customer: Customer) -> list[Opening]:
    """His accounts in this operator's buildings, open ones first."""
    mine = accounts.accounts(operator=operator(request)).filter(customer=customer)
    return sorted(mine, key=lambda one: (one.closed_at is not None, one.meter.number))


def _live(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    found = accounts_of(request, customer)
    open_ = [one for one in found if one.closed_at is None]
    progress = accounts.progress(found)
    shown = [Account(one, standing_of(one), progress.get(one.pk)) for one in open_]
    failed = [
        Account(one, standing_of(one), progress[one.pk])
        for one in found
        if one.closed_at is not None and one.pk in progress and progress[one.pk].order.state == "refused"
    ]
    moving = any(one.moving for one in shown)
    return {
        "customer": customer,
        "accounts": shown,
        "failed": failed,
        "just_opened": request.GET.get("opened") == "1",
        "moving": moving,
        "again_s": MOVING_S if moving else STILL_S,
        "wallet_fen": ledger.available_fen(ledger_accounts.wallet(customer.pk)),
        "now": now(),
    }


@page(Right.READ)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    customer = customer_of(request, pk)
    who = operator(request)
    found = accounts_of(request, customer)
    sales = queries.sales(operator=who).filter(customer=customer)
    context = {
        "page": "customers",
        **_live(request, customer),
        "sales": sales[:SALES],
        "sales_count": sales.count(),
        "orders": MeterOrder.objects.filter(opening__in=[one.pk for one in found])
        .select_related("meter__room", "placed_by")
        .order_by("-placed_at")[:ORDERS],
        "closed": [one for one in found if one.closed_at is not None],
        "can": {
            "change": who.may(Right.OPEN_ACCOUNT),
            "sell": who.may(Right.SELL),
            "terms": who.may(Right.SETTINGS),
            "reports": who.may(Right.REPORTS),
        },
    }
    return render(request, "console/customers/show.html", context)


@page(Right.READ)
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The accounts alone; asks again by itself. When the last order has ended, the lists below have more to say too."""
    who = operator(request)
    can = {"change": who.may(Right.OPEN_ACCOUNT), "sell": who.may(Right.SELL), "terms": who.may(Right.SETTINGS)}
    can["reports"] = who.may(Right.REPORTS)
    context = {**_live(request, customer_of(request, pk)), "can": can}
    response = render(request, "console/customers/_accounts.html", context)
    if request.GET.get("moving") == "1" and not context["moving"]:
        response["HX-Refresh"] = "true"
    return response
