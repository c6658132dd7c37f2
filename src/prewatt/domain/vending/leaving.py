"""The way of one account out of its meter: switched off, read, its credit taken off, settled, ended.

Each step is an order and a state on the line (`ClosingLine`); the order's end leads to the next step. Whoever calls is
in a transaction and holds the meter. A crash in between loses nothing: `closing.advance` finds the line as it stands.

Off comes first, so that what is read still stands when it is taken off; a meter that goes on counting refuses to give
back what it no longer holds, and is read again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prewatt.domain.billing import operations as billing
from prewatt.domain.billing import queries as billing_queries
from prewatt.domain.billing.models import Billing
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate import feeding
from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.models import Transfer
from prewatt.domain.metering.closing import close_hours_of
from prewatt.domain.metering.models import MeterState
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.tariff.models import PlanUse
from prewatt.domain.tariff.queries import plans_of
from prewatt.domain.vending import platform, terms
from prewatt.domain.vending.look import net_fen
from prewatt.domain.vending.models import Refund
from prewatt.domain.vending.records import ENDED, Closing, ClosingKind, ClosingLine, ClosingState, LineState
from prewatt.domain.vending.returning import pay
from prewatt.link.messages import Kind
from prewatt.profiles.rows import ProfileError
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.dispatch.models import MeterOrder

ATTEMPTS = 5  # then a person looks why this meter does not do it
CAUSES = {
    ClosingKind.CLOSE: "closing",
    ClosingKind.CHANGE: "change",
    ClosingKind.HAND_OVER: "hand_over",
    ClosingKind.REBILL: "rebill",
}
CARRIES = (ClosingKind.CHANGE, ClosingKind.REBILL)  # the balance waits beside the accounts, and goes on
ON_THE_WAY = (State.QUEUED, State.LEASED, State.TAKEN)
_FIXED = ("code", "closing", "opening", "meter")
_WRITTEN = [field.name for field in ClosingLine._meta.concrete_fields if field.name not in _FIXED]
_WORDS = {
    Kind.SWITCH_OFF: "off",
    Kind.READ: "read",
    Kind.REFUND: "back",
    Kind.OPEN: "open",
    Kind.RELEASE: "on",
    Kind.SWITCH_ON: "on",
}


def cause(line: ClosingLine) -> ledger.Cause:
    return ledger.Cause(CAUSES[ClosingKind(line.closing.kind)], line.code)


def move(
    line: ClosingLine, state: LineState, *, now: datetime, order: MeterOrder | None = None, reason: str = ""
) -> None:
    """The line's next state. All its fields are saved: what was found out goes with it."""
    line.state, line.state_at, line.order, line.reason = state, now, order, reason[:64]
    line.save(update_fields=_WRITTEN)
    if state in ENDED:
        _end_closing(line.closing_id, now)


def _end_closing(closing_id: str, now: datetime) -> None:
    """The act ends with its last line."""
    closing = Closing.objects.select_for_update(of=("self",)).get(pk=closing_id)
    states = set(ClosingLine.objects.filter(closing=closing).values_list("state", flat=True))
    if closing.ended_at is None and states <= set(ENDED):
        closing.state = ClosingState.DONE if LineState.DONE in states else ClosingState.WITHDRAWN
        closing.ended_at = now
        closing.save(update_fields=["state", "ended_at"])


def _place(
    line: ClosingLine, kind: Kind, *, now: datetime, amount_fen: int | None = None, meter: Meter | None = None
) -> MeterOrder:
    return dispatch.place_held(
        order_id=f"{line.code}.{_WORDS[kind]}{line.attempt}",
        meter=meter or line.meter,
        opening_id=line.opening_id if meter is None else line.new_opening_id,
        kind=kind,
        amount_fen=amount_fen,
        values=platform.switching(line.meter, kind),
        cause=cause(line),
        operator=line.closing.operator,
        now=now,
        expires_at=now + platform.POWER_BACK if kind == Kind.SWITCH_ON else None,
    )


def begin(line: ClosingLine, *, now: datetime) -> None:
    """Ask the meter: off first."""
    line.attempt += 1
    move(line, LineState.READING, now=now, order=_place(line, Kind.SWITCH_OFF, now=now))


def follow(line: ClosingLine, *, now: datetime) -> None:
    """The order that the line waits for has ended, or become unclear: take the next step."""
    order = line.order
    if order is None or order.state in ON_THE_WAY:
        return
    match Kind(order.kind):
        case Kind.SWITCH_OFF:  # whether or not it obeyed: the reading decides
            move(line, LineState.READING, now=now, order=_place(line, Kind.READ, now=now))
        case Kind.READ:
            _was_read(line, order, now)
        case Kind.REFUND:
            _was_taken(line, order, now)
        case Kind.OPEN:
            _was_carried(line, order, now)
        case _:
            pass


def _was_read(line: ClosingLine, order: MeterOrder, now: datetime) -> None:
    on_platform = billing_queries.billed_here(line.opening_id)
    if order.state != State.DONE or ("balance_fen" not in order.after and not on_platform):
        move(line, LineState.STUCK, now=now, reason=order.reason or "not_read")
        return
    judge(
        line,
        energy_wh=order.after.get("energy_wh", _energy_wh(line.meter_id)),
        balance_fen=net_fen(order.after),
        read_at=order.answered_at or now,
        now=now,
    )


def _energy_wh(meter_id: int) -> int | None:
    return MeterState.objects.filter(meter_id=meter_id).values_list("energy_wh", flat=True).first()


def judge(line: ClosingLine, *, energy_wh: int | None, balance_fen: int, read_at: datetime, now: datetime) -> None:
    """What the meter shows, as read or as entered by hand: arrears are to be paid, credit is to be taken off."""
    on_platform = billing_queries.billed_here(line.opening_id)
    if on_platform:
        close_hours_of(line.meter_id)
        billing.rate_one(opening_id=line.opening_id, now=now)
        balance_fen = billing_queries.available_fen(line.opening_id)
    line.energy_wh, line.balance_fen, line.read_at = energy_wh, balance_fen, read_at
    if on_platform and not billing_queries.is_priced(line.opening_id):
        move(line, LineState.STUCK, now=now, reason="no_price")
    elif balance_fen > ledger_queries.balance_fen(accounts.meter(line.opening_id)) and not on_platform:
        move(line, LineState.STUCK, now=now, reason="more_than_booked")
    elif balance_fen < 0:
        move(line, LineState.OWES, now=now)
    elif balance_fen == 0:
        emptied(line, now=now)
    elif on_platform:
        _take_off_the_account(line, now)
    elif line.how == "typed":
        _take_off_the_books(line, now)
    else:
        _take_off(line, now)


def _take_off(line: ClosingLine, now: datetime) -> None:
    """Reserve the credit and order the meter to give it up."""
    fen = line.balance_fen or 0
    changes = line.closing.kind in CARRIES
    order_id = f"{line.code}.{_WORDS[Kind.REFUND]}{line.attempt}"
    why = cause(line) if changes else ledger.Cause("refund", order_id)
    ledger.pend(
        key=f"order:{order_id}",
        cause=why,
        debit=accounts.meter(line.opening_id),
        credit=accounts.carried(line.code) if changes else accounts.wallet(line.closing.customer_id),
        amount_fen=fen,
        at=now,
    )
    order = dispatch.place_held(
        order_id=order_id,
        meter=line.meter,
        opening_id=line.opening_id,
        kind=Kind.REFUND,
        amount_fen=fen,
        cause=why,
        operator=line.closing.operator,
        now=now,
    )
    if not changes:
        _refund(line, order_id, fen, now, order=order).save(force_insert=True)
    move(line, LineState.TAKING, now=now, order=order)


def _refund(
    line: ClosingLine, refund_id: str, fen: int, now: datetime, *, order: MeterOrder | None = None, tender: str = ""
) -> Refund:
    return Refund(
        id=refund_id,
        opening_id=line.opening_id,
        meter=line.meter,
        customer_id=line.closing.customer_id,
        operator=line.closing.operator,
        amount_fen=fen,
        tender=tender or line.closing.tender,
        from_wallet=order is None,
        note=line.closing.note,
        asked_at=now,
        state_at=now,
        order=order,
    )


def pay_back(line: ClosingLine, fen: int, *, now: datetime, tender: str = "") -> None:
    """From the customer's wallet to the drawer, with a red receipt of its own."""
    row = _refund(line, f"{line.code}.paid", fen, now, tender=tender)
    pay(row, now=now, key=f"refund:{row.pk}:paid", cause=ledger.Cause("refund", row.pk))
    row.save(force_insert=True)
    line.back_fen += fen


def _take_off_the_books(line: ClosingLine, now: datetime) -> None:
    """The meter is dead: two people say what it held. The books correct its account by that, with their reason."""
    fen = line.balance_fen or 0
    changes = line.closing.kind in CARRIES
    ledger.post(
        key=f"{cause(line).kind}:{line.code}:typed",
        cause=cause(line),
        debit=accounts.meter(line.opening_id),
        credit=accounts.carried(line.code) if changes else accounts.wallet(line.closing.customer_id),
        amount_fen=fen,
        at=now,
    )
    if changes:
        line.carried_fen += fen
    else:
        pay_back(line, fen, now=now)
    emptied(line, now=now)


def _take_off_the_account(line: ClosingLine, now: datetime) -> None:
    """Its balance never was on the meter: it is paid, or goes on, at once."""
    fen = line.balance_fen or 0
    if line.closing.kind in CARRIES:
        ledger.post(
            key=f"{cause(line).kind}:{line.code}:account",
            cause=cause(line),
            debit=accounts.meter(line.opening_id),
            credit=accounts.carried(line.code),
            amount_fen=fen,
            at=now,
        )
        billing.keep_put(line.opening_id)
        line.carried_fen += fen
        emptied(line, now=now)
        return
    platform.take_back(
        kind="refund",
        row_id=f"{line.code}.paid",
        opening_id=line.opening_id,
        customer_id=line.closing.customer_id,
        money=Money(fen),
        now=now,
    )
    pay_back(line, fen, now=now)
    emptied(line, now=now)


def _was_taken(line: ClosingLine, order: MeterOrder, now: datetime) -> None:
    if order.state == State.UNCLEAR:
        move(line, LineState.UNCLEAR, now=now, order=order, reason=order.reason)
    elif order.state != State.DONE and (order.state == State.CANCELLED or line.attempt % ATTEMPTS == 0):
        move(line, LineState.STUCK, now=now, reason=order.reason or order.state)
    elif order.state != State.DONE:
        begin(line, now=now)
    else:
        _count_taken(line, order)
        if net_fen(order.after) > 0:  # money came in between: that too
            begin(line, now=now)
        else:
            emptied(line, now=now)


def _count_taken(line: ClosingLine, order: MeterOrder) -> None:
    if line.closing.kind in CARRIES:
        line.carried_fen += order.amount_fen or 0
    else:
        line.back_fen += order.amount_fen or 0


def emptied(line: ClosingLine, *, now: datetime) -> None:
    """Nothing stands on the meter any more, nothing is owed: what is left in its account was used. The account ends."""
    opening = Opening.objects.get(pk=line.opening_id)
    count, bought_fen = dispatch_queries.expected(opening.pk)
    line.used_fen = book_used(line, now=now)
    opening.closed_at = now
    opening.save(update_fields=["closed_at"])
    match ClosingKind(line.closing.kind):
        case ClosingKind.CLOSE:
            move(line, LineState.DONE, now=now)
        case ClosingKind.HAND_OVER:
            line.new_opening = succeed(line, opening, count=count, bought_fen=bought_fen, now=now)
            release(line, now=now)
            move(line, LineState.DONE, now=now)
        case ClosingKind.CHANGE:
            _change_over(line, now)
        case ClosingKind.REBILL:
            _rebill(line, now)


def release(line: ClosingLine, *, now: datetime) -> None:
    """Back to prepaid: the meter itself decides by its balance again. Or on, where the platform decides."""
    on_platform = billing_queries.billed_here(line.opening_id)
    _place(line, Kind.SWITCH_ON if on_platform else Kind.RELEASE, now=now)


def book_used(line: ClosingLine, *, now: datetime) -> int:
    """A closed account holds nothing: the rest was used (or, where days were booked too high, is given back)."""
    account = accounts.meter(line.opening_id)
    fen = ledger_queries.balance_fen(account)
    if fen:
        why = cause(line)
        begun = f"{why.kind}:{line.code}:used:"
        times = Transfer.objects.filter(key__startswith=begun).count()
        debit, credit = (account, accounts.REVENUE) if fen > 0 else (accounts.REVENUE, account)
        ledger.post(key=f"{begun}{times + 1}", cause=why, debit=debit, credit=credit, amount_fen=abs(fen), at=now)
    return fen


def settle_rest(opening_id: int, *, now: datetime) -> None:
    """Something was booked on an account after it had ended, on people's word: what it leaves goes where the rest went.

    The caller holds the meter.
    """
    found = ClosingLine.objects.filter(opening=opening_id, used_fen__isnull=False).select_related("closing")
    line = found.exclude(state=LineState.WITHDRAWN).first()
    if line is not None:
        book_used(line, now=now)


def succeed(line: ClosingLine, old: Opening, *, count: int, bought_fen: int | None, now: datetime) -> Opening:
    """The next account on the same meter goes on counting where the meter stands."""
    return Opening.objects.create(
        meter_id=old.meter_id,
        customer_id=line.closing.to_customer_id or old.customer_id,
        opened_at=now,
        opened_by=line.closing.operator,
        count_base=count,
        bought_base_fen=bought_fen,
        **(kept(old) if line.closing.to_customer_id is None else {"use": old.use}),
    )


def kept(old: Opening) -> dict[str, object]:
    """What an account keeps when its meter changes. A new customer takes over the kind of use alone, which is the
    room's: whom to tell of what, the old one had said for himself.
    """
    return {name: getattr(old, name) for name in ("use", "alarm1_notify", "alarm2_notify", "texts")}


# --- 计费方式变更 -------------------------------------------------------------------------------------------------


def _rebill(line: ClosingLine, now: datetime) -> None:
    """The same meter goes on under the other billing. To the platform at once; to the meter by an opening order, as
    after a change of meters, so that its own balance becomes exactly what is carried.
    """
    to = line.closing.rebilling
    if not to.billing:
        _keep_prices(line, now)
        line.new_meter = line.meter
        move(line, LineState.CARRYING, now=now)
        return
    shown = MeterState.objects.filter(meter=line.meter_id).values_list("purchase_count", flat=True).first()
    new = succeed(line, line.opening, count=shown or 0, bought_fen=None, now=now)
    terms_ = {"overdraft_fen": to.overdraft_fen, "switch_on_min_fen": to.switch_on_min_fen}
    billing.begin(opening=new, asked=line.code, billing=Billing(to.billing), **terms_)
    if line.carried_fen:
        ledger.post(
            key=f"rebill:{line.code}:carried",
            cause=cause(line),
            debit=accounts.carried(line.code),
            credit=accounts.meter(new.pk),
            amount_fen=line.carried_fen,
            at=now,
        )
        billing.keep_put(new.pk)
    line.new_opening = new
    _place(line, Kind.SWITCH_ON, meter=line.meter, now=now)
    move(line, LineState.DONE, now=now)


def _keep_prices(line: ClosingLine, now: datetime) -> None:
    """The plan's five prices go to the meter with the account: from now on it charges by them."""
    plan = plans_of([line.meter_id]).get(line.meter_id)
    if plan is not None:
        new: dict[str, Any] = {name: fen for name, fen in plan.prices.items() if fen != getattr(line.meter, name)}
        if new:
            estate.change_meter(meter=line.meter, operator=line.closing.operator, now=now, **new)


# --- 换表 ---------------------------------------------------------------------------------------------------------


def _change_over(line: ClosingLine, now: datetime) -> None:
    """The old meter goes out of use and the new one into it. One that takes the old one's address waits until a person
    says that it is in place: before that, the old meter would answer for it.
    """
    old, new = line.meter, line.new_meter
    assert new is not None  # `change_meter` names it
    operator = line.closing.operator
    estate.change_meter(meter=old, operator=operator, now=now, active=False)
    estate.change_meter(meter=new, operator=operator, now=now, active=True, **_terms(old, new))
    for fed in old.children.exclude(pk=new.pk).order_by("pk"):
        estate.change_meter(meter=fed, operator=operator, now=now, parent=new)
    plan = PlanUse.objects.filter(meter=old).select_related("plan").first()
    if plan is not None:
        tariff.assign(plan=plan.plan, meter_ids=[new.pk], operator=operator, now=now)
    move(line, LineState.SWAP if same_place(old, new) else LineState.CARRYING, now=now)


def _terms(old: Meter, new: Meter) -> dict[str, Any]:
    """The same tenant at the same prices: what belongs to the account goes along, what belongs to the device stays."""
    fields = {name: getattr(old, name) for name in (*terms.PRICES, "alarm1_fen", "alarm2_fen", "overload_limit_w")}
    if new.room_id is None:
        fields |= {"room": old.room, "circuit": old.circuit}
    above, room = old.parent, new.room or old.room
    if new.parent_id is None and above is not None and not feeding.wrong_parent(above, meter=new, room=room):
        fields["parent"] = above
    return {name: value for name, value in fields.items() if value and value != getattr(new, name)}


def same_place(old: Meter, new: Meter) -> bool:
    return (old.bus_id, old.unit, old.address) == (new.bus_id, new.unit, new.address)


def carry(line: ClosingLine, *, now: datetime) -> None:
    """Open the account on the new meter with what the old one held. The caller holds the new meter."""
    new = line.new_meter
    assert new is not None
    line.attempt += 1
    if Opening.objects.filter(meter=new, closed_at__isnull=True).exists():
        move(line, LineState.NOT_CARRIED, now=now, reason="already_open")
        return
    if 0 < int(new.ceiling_fen or 0) < line.carried_fen:
        move(line, LineState.NOT_CARRIED, now=now, reason="above_ceiling")
        return
    line.new_opening = Opening.objects.create(
        meter=new,
        customer_id=line.closing.customer_id,
        opened_at=now,
        opened_by=line.closing.operator,
        **kept(line.opening),
    )
    if line.carried_fen:
        ledger.pend(
            key=f"order:{line.code}.{_WORDS[Kind.OPEN]}{line.attempt}:carried",
            cause=cause(line),
            debit=accounts.carried(line.code),
            credit=accounts.meter(line.new_opening.pk),
            amount_fen=line.carried_fen,
            at=now,
        )
    order = _place(line, Kind.OPEN, now=now, amount_fen=line.carried_fen, meter=new)
    with suppress(ProfileError):  # a model that only its gateway knows: its settings are sent by hand
        terms.send(order_id=order.pk, meter=new, operator=line.closing.operator, now=now)
    move(line, LineState.CARRYING, now=now, order=order)


def _was_carried(line: ClosingLine, order: MeterOrder, now: datetime) -> None:
    if order.state == State.UNCLEAR:
        move(line, LineState.UNCLEAR, now=now, order=order, reason=order.reason)
    elif order.state == State.DONE:
        move(line, LineState.DONE, now=now)
    else:
        line.new_opening = None
        move(line, LineState.NOT_CARRIED, now=now, reason=order.reason or order.state)
