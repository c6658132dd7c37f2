"""Things within what the token may see. Everything else is not there, whether it exists or not."""

from __future__ import annotations

from typing import ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from prewatt.domain.estate.customers import Person
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.vending.accounts import accounts
from prewatt.web.api.doors import bearer
from prewatt.web.api.shapes import CustomerIn

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


class EitherOr(Refused):
    """Two fields of which exactly one is to be given."""

    code: ClassVar[str] = "fields"

    def __init__(self, first: str, second: str) -> None:
        text = _("Give either %(first)s or %(second)s. Nothing was done.") % {"first": first, "second": second}
        self.problems = {first: text, second: text}
        super().__init__(text)


def whom(
    request: HttpRequest, customer_id: int | None, person: CustomerIn | None, *, name: str = "customer_id"
) -> Customer | Person:
    """A customer who is there, or a person to record. Raises EitherOr."""
    if (customer_id is None) == (person is None):
        raise EitherOr(name, "person")
    return Person(**person.dict()) if person is not None else customer_of(request, customer_id or 0)


def uuid_of(write_id: str) -> str:
    """The same write's id where the domain wants one of this form."""
    return str(UUID(hex=write_id.removeprefix("api")[:32]))
