"""Things within what the token may see. Everything else is not there, whether it exists or not."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
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


def customer_of(request: HttpRequest, pk: int) -> Customer:
    return one(Customer.objects.for_operator(bearer(request)).filter(pk=pk))


def account_of(request: HttpRequest, pk: int) -> Opening:
    return one(accounts(operator=bearer(request)).filter(pk=pk))
