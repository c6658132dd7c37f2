"""From a wish to pay to money in the books. The row stands first; the provider is asked outside the transaction.

Locks are taken in one order everywhere: the meter, then the attempt.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.billing import queries as billing
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import Ask, Channel, Lead, NotTaken, Unreachable, Way
from prewatt.domain.payments.models import UNSETTLED, Attempt, State
from prewatt.domain.payments.refusals import (
    AccountOver,
    ChannelRefused,
    ChannelSilent,
    OrderIdTaken,
    TooManyTries,
    WayUnknown,
)
from prewatt.domain.payments.taking import settle_fact, take
from prewatt.domain.tariff.queries import plans_of
from prewatt.domain.vending import checks
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.selling import check_ceiling
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter, Opening

__all__ = ["begin", "settle_fact", "take", "withdraw"]

VALID = timedelta(minutes=30)
FIRST_ASK = timedelta(seconds=20)
TRIES_MAX = 12  # of one order
OPEN_MAX = 20  # of one account: nobody makes us ask providers without an end
_PRICES = ("price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4", "price_deep_e4")


def begin(
    *,
    order_id: str,
    opening: Opening,
    amount_fen: int,
    channel: str,
    way: Way | str,
    by: str,
    address: str,
    return_url: str,
    now: datetime,
    payer: str = "",
) -> Attempt:
    """One try to pay: a row of ours, then the provider is asked. `.lead` says what the payer's browser does next.

    `order_id` is made when the form is drawn: the same again is the same order; by the same channel and way it is the
    same attempt while that can be paid, and the attempt that was paid once one was (`queries.progress` tells). `by` is
    the door: tenant, kiosk. Raises a `Refused` subclass: nothing was paid. `ChannelSilent` may be tried again with the
    same `order_id`.
    """
    provider = channels.channel(channel)
    if way not in provider.ways:
        raise WayUnknown(
            _("%(channel)s cannot be paid this way. Nothing was paid. Choose another way of paying.")
            % {"channel": channels.label(channel)}
        )
    wanted: dict[str, Any] = {"channel": channel, "way": Way(way).value}
    more = {"by": by[:64], "address": address[:64], "return_url": return_url[:500], "payer": payer[:64]}
    attempt = _row(order_id, opening, amount_fen, wanted=wanted, more=more, now=now)
    if attempt.lead_facts or attempt.state not in UNSETTLED:
        return attempt
    return _ask(provider, attempt, now)


@transaction.atomic
def _row(
    order_id: str,
    opening: Opening,
    amount_fen: int,
    *,
    wanted: dict[str, Any],
    more: dict[str, Any],
    now: datetime,
) -> Attempt:
    meter = dispatch.lock_meter(opening.meter_id)
    of_order = list(Attempt.objects.filter(order_id=order_id).order_by("created_at"))
    if any((one.opening_id, one.amount_fen) != (opening.pk, amount_fen) for one in of_order):
        raise OrderIdTaken(_("This form was already used for another payment. Nothing was paid. Open a new form."))
    for one in of_order:
        if one.state == State.PAID:
            return one
        if all(getattr(one, name) == value for name, value in wanted.items()) and _can_be_paid(one, now):
            return one
    _check_tries(opening, of_order)
    seen = _checked(meter, opening, amount_fen)
    nth = 1 + sum(1 for one in of_order if all(getattr(one, name) == value for name, value in wanted.items()))
    return Attempt.objects.create(
        order_no=_order_no(order_id, wanted, nth, now),
        order_id=order_id,
        nth=nth,
        opening=opening,
        meter=meter,
        customer_id=opening.customer_id,
        amount_fen=amount_fen,
        facts=_facts(meter, opening, seen),
        created_at=now,
        expires_at=now + VALID,
        state_at=now,
        next_ask_at=now + FIRST_ASK,
        **wanted,
        **more,
    )


def _can_be_paid(one: Attempt, now: datetime) -> bool:
    return one.state in UNSETTLED and not one.unwanted and now < one.expires_at


def _check_tries(opening: Opening, of_order: list[Attempt]) -> None:
    if len(of_order) >= TRIES_MAX or opening.payments.filter(state__in=UNSETTLED).count() >= OPEN_MAX:
        raise TooManyTries(
            _("There were too many tries to pay in a short time. Nothing was paid. Wait half an hour and try again.")
        )


def _checked(meter: Meter, opening: Opening, amount_fen: int) -> Look:
    """What would be refused after paying is refused before."""
    checks.parse_amount(Money(amount_fen))
    seen = look(meter.pk)
    if seen.opening_id != opening.pk:
        raise AccountOver(_("This account is closed. Nothing was paid. Ask the property office."))
    checks.check_account(meter, seen)
    checks.check_in_force(meter, seen)
    if not seen.platform:
        check_ceiling(meter, seen, Money(amount_fen))
    return seen


def _order_no(order_id: str, wanted: dict[str, Any], nth: int, now: datetime) -> str:
    """24 letters and digits: the day for people, the rest so that the same wish has the same number."""
    told = "|".join((order_id, *(str(value) for value in wanted.values()), str(nth)))
    return f"{timezone.localdate(now):%Y%m%d}{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _facts(meter: Meter, opening: Opening, seen: Look) -> dict[str, Any]:
    plan = plans_of([meter.pk]).get(meter.pk)
    return {
        "meter": meter.number,
        "room": meter.room.number if meter.room else "",
        "tenant": opening.customer.name,
        "balance_fen": seen.balance_fen if seen.known_at else None,
        "known_at": seen.known_at.isoformat() if seen.known_at else None,
        "lost": seen.lost,
        "arriving_fen": seen.arriving_fen,
        "ceiling_fen": int(meter.ceiling_fen or 0),
        "platform": billing.billed_here(opening.pk),
        "plan": plan.name if plan else "",
        "plan_version": plan.version if plan else None,
        **{name: getattr(meter, name) for name in _PRICES},
    }


def ask_of(attempt: Attempt) -> Ask:
    return Ask(
        order_no=attempt.order_no,
        amount_fen=attempt.amount_fen,
        subject=_("Electricity %(room)s") % {"room": attempt.facts.get("room") or attempt.facts.get("meter", "")},
        way=Way(attempt.way),
        created_at=attempt.created_at,
        expires_at=attempt.expires_at,
        notify_url=f"{settings.PUBLIC_URL}/paying/{attempt.channel}",
        return_url=attempt.return_url,
        payer=attempt.payer,
        address=attempt.address,
    )


def _ask(provider: Channel, attempt: Attempt, now: datetime) -> Attempt:
    """No transaction is open here: a provider may take seconds."""
    mine = Attempt.objects.filter(pk=attempt.pk, state__in=UNSETTLED)  # a notification may be faster than this answer
    try:
        lead = provider.create(ask_of(attempt), now=now)
    except NotTaken as error:
        mine.update(state=State.REFUSED, state_at=now, says=str(error)[:300])
        raise ChannelRefused(
            _("%(channel)s did not take the order. Nothing was paid. Choose another way of paying.")
            % {"channel": channels.label(attempt.channel)}
        ) from error
    except Unreachable as error:
        mine.update(state=State.UNKNOWN, state_at=now, says=str(error)[:300])
        raise ChannelSilent(
            _("%(channel)s does not answer. Nothing was paid. Try again in a minute, or choose another way.")
            % {"channel": channels.label(attempt.channel)}
        ) from error
    mine.update(state=State.WAITING, state_at=now, lead_facts=_kept(lead))
    attempt.refresh_from_db()
    return attempt


def _kept(lead: Lead) -> dict[str, Any]:
    return {"opens": lead.opens.value, "url": lead.url, "fields": dict(lead.fields)}


def withdraw(*, attempt: Attempt, now: datetime) -> None:
    """The payer thought better of it: the worker closes it at the provider. What is paid before that counts."""
    Attempt.objects.filter(pk=attempt.pk, state__in=UNSETTLED).update(unwanted=True, next_ask_at=now)
