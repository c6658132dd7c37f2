"""平台计费: money for accounts whose balance lives in the ledger. It arrives, and leaves, in the transaction itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.billing import operations as billing
from prewatt.domain.billing import queries as billing_queries
from prewatt.domain.billing.models import Billing, Terms
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.metering.models import MeterState
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.history import whole_second
from prewatt.domain.tariff.pricing import rules_of
from prewatt.domain.vending import checks
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.opening import AlreadyOpen, OpeningIdTaken
from prewatt.link.messages import SWITCH_KINDS, Kind
from prewatt.profiles.rows import NotAllowed
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.vending.look import Look

POWER_BACK = timedelta(days=1)  # an order to give power back may wait longer than one to take it


class NotOnPlatform(Refused):
    code = "not_on_platform"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "The account on meter %(meter)s is billed by the platform, which cannot do this yet. Nothing was "
                "booked. Close the account and open a new one instead."
            )
            % {"meter": meter.number}
        )


class NoPricePlan(Refused):
    code = "no_price_plan"
    field = "plan"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s has no price plan, so the platform could not charge what it uses. Nothing was booked. "
                "Give it a plan first."
            )
            % {"meter": meter.number}
        )


class NoRelay(Refused):
    code = "no_relay"
    field = "billing"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s cannot be switched from here, so it would go on counting its own money. Nothing was "
                "booked. Leave its account to meter billing."
            )
            % {"meter": meter.number}
        )


class CutsByItself(Refused):
    code = "cuts_by_itself"
    field = "billing"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "Meter %(meter)s counts money by itself and cannot be kept on from here: it would cut by a balance "
                "that means nothing. Nothing was booked. Turn its prepaid function off at the meter, or leave its "
                "account to meter billing."
            )
            % {"meter": meter.number}
        )


class PlatformKeepsItOn(Refused):
    code = "platform_keeps_it_on"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _(
                "The platform bills meter %(meter)s and keeps it on hold: by its own balance, which means nothing, it "
                "would cut. Nothing was sent. Switch it off or on instead; to spare it, put it on the list of who is "
                "never cut, or let the meter bill again."
            )
            % {"meter": meter.number}
        )


def counting(meters: QuerySet[Meter]) -> QuerySet[Meter]:
    """Meters whose own prepaid logic may cut: they say so, or had an account of their own and say nothing."""
    own = Opening.objects.filter(meter=OuterRef("pk"), platform_terms__isnull=True)
    return meters.filter(Q(state__prepaid_open=1) | Q(state__prepaid_open__isnull=True) & Exists(own))


def kept_on(meters: QuerySet[Meter]) -> set[int]:
    """Those of them that the platform bills: they are on by being held 保电, whatever their own balance says."""
    found = counting(meters).filter(openings__closed_at__isnull=True, openings__platform_terms__isnull=False)
    return set(found.order_by().values_list("pk", flat=True))


def held_by_us(meters: QuerySet[Meter]) -> set[int]:
    """Those that are on hold because the platform bills, and not because a person holds them: they may be cut."""
    kinds = sorted(SWITCH_KINDS)
    orders = MeterOrder.objects.filter(meter__in=kept_on(meters), kind__in=kinds, state=State.DONE)
    last: dict[int, str] = dict(orders.order_by("answered_at").values_list("meter", "kind"))
    return {meter for meter, kind in last.items() if kind == Kind.SWITCH_ON}


def check_release(meter: Meter, kind: Kind) -> None:
    """恢复预付费 and 保电 by hand: not while the platform bills a meter that counts money too."""
    if kind in (Kind.RELEASE, Kind.HOLD) and kept_on(Meter.objects.filter(pk=meter.pk)):
        raise PlatformKeepsItOn(meter)


def switching(meter: Meter, kind: Kind) -> dict[str, int]:
    """What a switching order to this meter says beside its kind."""
    extra = BESIDE.get(kind)
    return dict(extra) if extra and meter.pk in kept_on(Meter.objects.filter(pk=meter.pk)) else {}


BESIDE: dict[Kind, dict[str, int]] = {Kind.SWITCH_ON: {"hold": 1}, Kind.SWITCH_OFF: {"release": 1}}


def check_not_on_platform(opening: Opening, meter: Meter) -> None:
    if billing_queries.billed_here(opening.pk):
        raise NotOnPlatform(meter)


@transaction.atomic
def open_on_platform(
    *,
    opening_id: str,
    meter: Meter,
    customer: Customer,
    billing_kind: Billing,
    operator: Operator,
    now: datetime,
    overdraft: Money | str | int = 0,
    switch_on_min: Money | str | int = 0,
    address: str = "",
) -> Opening:
    """Open an account whose balance lives in the ledger; it begins with nothing, and is sold to like any other.

    The meter is put under forced switching, so that it never cuts by a balance of its own. The same `opening_id` again
    is the same opening. Raises a `Refused` subclass, and then nothing is booked.
    """
    meter = dispatch.lock_meter(meter.pk)
    done = Terms.objects.filter(asked=opening_id).select_related("opening__meter").first()
    if done is not None:
        if (done.opening.meter_id, done.opening.customer_id) != (meter.pk, customer.pk):
            raise OpeningIdTaken(done.opening.meter)
        return done.opening
    checks.check_operator(operator, Right.OPEN_ACCOUNT, meter)
    limits_fen = [amount_or_zero(overdraft).fen, amount_or_zero(switch_on_min).fen]
    _check_meter(meter, now)

    # After this point it must succeed.
    shown = MeterState.objects.filter(meter=meter).values_list("purchase_count", flat=True).first()
    opening = Opening.objects.create(
        meter=meter, customer=customer, opened_at=now, opened_by=operator, count_base=shown or 0
    )
    billing.begin(
        opening=opening,
        asked=opening_id,
        billing=billing_kind,
        overdraft_fen=limits_fen[0],
        switch_on_min_fen=limits_fen[1],
    )
    _switch_on(f"{opening_id[:60]}.on", meter, ("opening", opening_id), operator, now)
    staff.log(
        operator=operator,
        action="open_account",
        target=f"meter {meter.number}",
        after={
            "opening": opening_id,
            "customer": customer.number,
            "billing": str(billing_kind),
            "overdraft_fen": limits_fen[0],
            "switch_on_min_fen": limits_fen[1],
        },
        address=address,
        now=now,
    )
    return opening


def amount_or_zero(amount: object) -> Money:
    zero = amount in (0, "0", "0.00", Money(0)) and not isinstance(amount, float)
    return Money(0) if zero else checks.parse_amount(amount)


def _check_meter(meter: Meter, now: datetime) -> None:
    if not meter.active:
        raise checks.MeterInactive(
            _("Meter %(meter)s is out of use. Nothing was booked. Put the meter into use first.")
            % {"meter": meter.number}
        )
    if Opening.objects.filter(meter=meter, closed_at__isnull=True).exists():
        raise AlreadyOpen(meter)
    check_can_be_billed(meter, now)


def check_can_be_billed(meter: Meter, now: datetime) -> None:
    """There is a price for what it uses, and it obeys the platform's switch and not its own balance."""
    begins = whole_second(now)  # as a price does: one given by this very form counts
    rules = rules_of(meter.pk, until=begins + timedelta(seconds=1))
    if not rules or rules[0].since > begins:
        raise NoPricePlan(meter)
    try:
        known = profiles.load(meter.profile).allowed(meter.allow)
        known.command(Kind.SWITCH_ON.value)
        known.command(Kind.SWITCH_OFF.value)
    except NotAllowed as error:
        raise NoRelay(meter) from error
    if Kind.HOLD.value not in known.commands and counting(Meter.objects.filter(pk=meter.pk)).exists():
        raise CutsByItself(meter)


class NotBilledHere(Refused):
    code = "not_billed_here"

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            _("The account on meter %(meter)s is billed by its meter, or closed. Nothing was changed.")
            % {"meter": meter.number}
        )


@transaction.atomic
def set_terms(
    *,
    opening: Opening,
    overdraft: Money | str | int,
    switch_on_min: Money | str | int,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Terms:
    """Change what an open account may owe, and the balance from which a payment gives power back.

    Who may use more than before is not cut for what he owed: a trip on its way is taken back. Raises a `Refused`
    subclass, and then nothing is changed.
    """
    meter = dispatch.lock_meter(opening.meter_id)
    checks.check_operator(operator, Right.SETTINGS, meter)
    terms = Terms.objects.filter(pk=opening.pk, opening__closed_at=None).first()
    if terms is None:
        raise NotBilledHere(meter)
    before = {"overdraft_fen": terms.overdraft_fen, "switch_on_min_fen": terms.switch_on_min_fen}
    after = {
        "overdraft_fen": amount_or_zero(overdraft).fen,
        "switch_on_min_fen": amount_or_zero(switch_on_min).fen,
    }
    if before == after:
        return terms
    terms.overdraft_fen, terms.switch_on_min_fen = after["overdraft_fen"], after["switch_on_min_fen"]
    terms.save(update_fields=["overdraft_fen", "switch_on_min_fen"])
    if billing_queries.available_fen(terms.pk) > -terms.overdraft_fen:
        dispatch.cancel_arrears_trips(meter=meter, now=now)
    staff.log(
        operator=operator,
        action="account.terms",
        target=f"meter {meter.number}",
        before=before,
        after=after,
        address=address,
        now=now,
    )
    return terms


def carry_in(*, opening_id: str, opening: Opening, money: Money, now: datetime) -> None:
    """原表转入: what the old meter still held, onto the account. The caller has just opened it."""
    ledger.post(
        key=f"opening:{opening_id}:carried",
        cause=ledger.Cause("opening", opening_id),
        debit=accounts.CARRIED_IN,
        credit=accounts.meter(opening.pk),
        amount_fen=money.fen,
        at=now,
    )
    billing.keep_put(opening.pk)


def credit(*, sale_id: str, wallet: accounts.Ref, seen: Look, meter: Meter, money: Money, now: datetime) -> None:
    """From the wallet to the account. What brings it high enough gives power back. The caller holds the meter."""
    opening_id = seen.opening_id or 0
    ledger.post(
        key=f"sale:{sale_id}:account",
        cause=ledger.Cause("sale", sale_id),
        debit=wallet,
        credit=accounts.meter(opening_id),
        amount_fen=money.fen,
        at=now,
    )
    billing.keep_put(opening_id)
    terms = Terms.objects.get(pk=opening_id)
    if seen.balance_fen + money.fen < terms.switch_on_min_fen or seen.balance_fen + money.fen <= -terms.overdraft_fen:
        return
    if seen.arrears_trip:
        dispatch.cancel_arrears_trips(meter=meter, now=now)
    if was_cut_for_arrears(meter):
        _switch_on(f"{sale_id[:60]}.on", meter, ("sale", sale_id), None, now)


def was_cut_for_arrears(meter: Meter) -> bool:
    """The last order to its switch that it obeyed took the power for arrears: nobody else's cut is undone by money."""
    done = MeterOrder.objects.filter(meter=meter, kind__in=sorted(SWITCH_KINDS), state=State.DONE)
    last = done.order_by("-answered_at").values_list("kind", "cause_kind").first()
    return last == (Kind.SWITCH_OFF.value, "arrears")


def _switch_on(order_id: str, meter: Meter, cause: tuple[str, str], operator: Operator | None, now: datetime) -> None:
    dispatch.place_held(
        order_id=order_id,
        meter=meter,
        kind=Kind.SWITCH_ON,
        values=switching(meter, Kind.SWITCH_ON),
        cause=cause,
        operator=operator,
        now=now,
        expires_at=now + POWER_BACK,
    )


def take_back(*, kind: str, row_id: str, opening_id: int, customer_id: int, money: Money, now: datetime) -> None:
    """From the account to the wallet, at once. The caller holds the meter, has looked, and pays."""
    ledger.post(
        key=f"{kind}:{row_id}:account",
        cause=ledger.Cause(kind, row_id),
        debit=accounts.meter(opening_id),
        credit=accounts.wallet(customer_id),
        amount_fen=money.fen,
        at=now,
    )
    billing.keep_put(opening_id)
