"""过户 to somebody who may not be recorded yet: the person and the act in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from prewatt.domain.estate import customers
from prewatt.domain.estate.customers import CustomerRefused, Person
from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.vending.handing import hand_over
from prewatt.domain.vending.opening_many import PersonRefused
from prewatt.domain.vending.records import Closing, Settle

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


@transaction.atomic
def hand_over_to(
    *,
    hand_id: str,
    openings: Sequence[Opening],
    to: Customer | Person,
    operator: Operator,
    now: datetime,
    settle: str = Settle.CARRY,
    tender: str = "cash",
    note: str = "",
    address: str = "",
) -> Closing:
    """`hand_over`, where a `Person` is recorded first. The same `hand_id` again finds who was recorded then."""
    done = Closing.objects.select_related("to_customer").filter(pk=hand_id).first()
    if done is not None and done.to_customer is not None:
        to = done.to_customer
    if not isinstance(to, Customer):
        try:
            to = customers.record(person=to, operator=operator, now=now, address=address)
        except CustomerRefused as error:
            raise PersonRefused(error) from error
    return hand_over(
        hand_id=hand_id,
        openings=openings,
        to_customer=to,
        operator=operator,
        now=now,
        settle=settle,
        tender=tender,
        note=note,
        address=address,
    )
