"""Things within what the token may see. Everything else is not there, whether it exists or not."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest

from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.vending.accounts import accounts
from prewatt.web.api.doors import bearer

Row = TypeVar("Row", bound=Model)


def one(found: QuerySet[Row]) -> Row:
    row = found.first()
    if row is None:
        raise Http404
    return row


def meter_of(request: HttpRequest, pk: int) -> Meter:
    found = Meter.objects.for_operator(bearer(request)).filter(pk=pk)
    return one(found.select_related("room__floor__building", "bus__gateway", "state"))


def customers(request: HttpRequest) -> QuerySet[Customer]:
    """Whoever has or had an account in these buildings, and whom this operator has recorded but not yet opened one."""
    who = bearer(request)
    mine = Customer.objects.for_operator(who).order_by().values("pk")
    return Customer.objects.filter(Q(pk__in=mine) | Q(created_by=who.pk, openings__isnull=True))


def customer_of(request: HttpRequest, pk: int) -> Customer:
    return one(customers(request).filter(pk=pk))


def account_of(request: HttpRequest, pk: int) -> Opening:
    return one(accounts(operator=bearer(request)).filter(pk=pk))
