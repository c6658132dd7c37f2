"""开户 on the platform: the account with its terms, what is carried in, and the first payment, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from prewatt.domain.billing.models import Billing, Terms
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, counters, platform, selling, terms
from prewatt.domain.vending.look import look
from prewatt.link.messages import Kind
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer, Meter, Opening
    from prewatt.domain.staff.models import Operator

LIMITS = ("overload_limit_w",)  # the meter's own business still; its money limits say nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """How the platform bills an account. Amounts are yuan as typed."""

    kind: Billing = Billing.PLATFORM
    overdraft: Money | str | int = 0
    switch_on_min: Money | str | int = 0


def open_here(
    *,
    opening_id: str,
    meter: Meter,
    customer: Customer,
    billed: Billed,
    first_amount: Money | str | int,
    carried_in: Money | str | int,
    tender: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Opening:
    """The same `opening_id` again is the same opening. Raises a `Refused` subclass, and then nothing is booked.

    The caller is in a transaction. `carried_in` is what an old meter still held, `first_amount` a sale with its
    receipt; both stand on the account at once.
    """
    meter = dispatch.lock_meter(meter.pk)
    first, carried = platform.amount_or_zero(first_amount), platform.amount_or_zero(carried_in)
    is_new = not Terms.objects.filter(asked=opening_id).exists()
    opening = platform.open_on_platform(
        opening_id=opening_id,
        meter=meter,
        customer=customer,
        billing_kind=billed.kind,
        operator=operator,
        now=now,
        overdraft=billed.overdraft,
        switch_on_min=billed.switch_on_min,
        address=address,
    )
    if not is_new:
        return opening
    if carried:
        platform.carry_in(opening_id=opening_id, opening=opening, money=carried, now=now)
    if first:
        checks.check_tender(tender)
        selling.sell_held(
            sale_id=opening_id,
            meter=meter,
            seen=look(meter.pk),
            money=first,
            tender=tender,
            operator=operator,
            at_counter=counters.settings(),
            now=now,
            address=address,
            right=Right.OPEN_ACCOUNT,
            first=True,
        )
    return opening


def send_limits(*, opening_id: str, meter: Meter, operator: Operator, now: datetime) -> None:
    """What the meter still watches by itself, as far as its model takes it. The caller is in a transaction."""
    values = terms.sendable(meter, Kind.LIMITS, LIMITS)
    if values:
        dispatch.place(
            order_id=f"{opening_id}-{Kind.LIMITS.value}",
            meter=meter,
            kind=Kind.LIMITS,
            values=values,
            operator=operator,
            cause=("opening", opening_id),
            now=now,
        )
