"""Reading what ends: how far each meter of a 销户, 换表 or 过户 is, the lists of them, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from django.db.models import Q, QuerySet
from django.utils import timezone

from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.accounts import meter as meter_account
from prewatt.domain.ledger.accounts import wallet
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.vending import platform
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Refund, Sale, SaleState
from prewatt.domain.vending.records import ENDED, Closing, ClosingKind, ClosingLine, ClosingState, How, LineState

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


@dataclass(frozen=True, slots=True)
class Blocked:
    """What stands in the way of ending an account, before anybody asks for it."""

    orders: tuple[MeterOrder, ...]  # money on its way, or unclear
    lost: bool  # its final reading must be entered by hand, with a reason, by two people
    held: bool  # 保电: release it first
    ending: bool  # it is being closed, changed or handed over already


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as a form shows it before the act."""

    opening: Opening
    seen: Look  # balance as last known, and when
    energy_wh: int | None
    booked_fen: int  # what the books have on the meter: no more than this can be entered by hand
    blocked: Blocked

    @property
    def owes_fen(self) -> int:
        return max(0, -self.seen.balance_fen)


def standings(*, customer: Customer, operator: Operator) -> list[Standing]:
    """Every open account of the customer on meters that the operator may see, in the order of their numbers."""
    mine = Meter.objects.for_operator(operator).order_by().values("pk")
    found = Opening.objects.filter(customer=customer, closed_at__isnull=True, meter__in=mine)
    return [standing(opening) for opening in found.select_related("meter__room").order_by("meter__number")]


def standing(opening: Opening) -> Standing:
    state = MeterState.objects.filter(meter=opening.meter_id).first()
    seen = look(opening.meter_id)
    mine = Meter.objects.filter(pk=opening.meter_id)
    orders = MeterOrder.objects.filter(meter=opening.meter_id, kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN))
    blocked = Blocked(
        orders=tuple(orders.order_by("placed_at", "id")),
        lost=state is None or state.lost,
        held=state is not None and state.forced == FORCED_ON and not platform.kept_on(mine),
        ending=seen.ending,
    )
    return Standing(
        opening=opening,
        seen=seen,
        energy_wh=None if state is None else state.energy_wh,
        booked_fen=ledger_queries.balance_fen(meter_account(opening.pk)),
        blocked=blocked,
    )


def waiting(customer: Customer) -> list[Sale]:
    """Sales of the customer whose money waits in the wallet: closing all accounts pays them back."""
    found = Sale.objects.filter(customer=customer, state=SaleState.WAITING)
    return list(found.select_related("meter").order_by("sold_at", "pk"))


def wallet_fen(customer: Customer) -> int:
    return ledger_queries.balance_fen(wallet(customer.pk))


Step = Literal["reading", "settling", "carrying", "done"]
_STEPS: dict[str, Step] = {
    LineState.READING: "reading",
    LineState.TAKING: "settling",
    LineState.OWES: "settling",
    LineState.STUCK: "settling",
    LineState.UNCLEAR: "settling",
    LineState.SWAP: "carrying",
    LineState.CARRYING: "carrying",
    LineState.NOT_CARRIED: "carrying",
    LineState.DONE: "done",
    LineState.WITHDRAWN: "done",
}


@dataclass(frozen=True, slots=True)
class LineProgress:
    """One meter's way: reading, settling (its credit comes off, or arrears are paid), carrying (换表 only), done.

    `may` names what a person can do now: collect_arrears, type_reading, try_again, withdraw, in_place, carry_again,
    pay_back_carried, decide (the unclear order is `line.order`).
    """

    line: ClosingLine
    step: Step
    lost: bool  # the meter whose turn it is does not answer
    may: tuple[str, ...]

    @property
    def owes_fen(self) -> int:
        return -(self.line.balance_fen or 0) if self.line.state == LineState.OWES else 0


@dataclass(frozen=True, slots=True)
class Progress:
    closing: Closing
    lines: tuple[LineProgress, ...]
    back: tuple[Refund, ...]  # red receipts, of money from meters and of money that waited
    collected: tuple[Sale, ...]  # receipts of arrears
    ended: bool

    @property
    def back_fen(self) -> int:
        return sum(row.amount_fen for row in self.back if row.state == "done")


def progress(closing_id: str) -> Progress:
    """How far it is. Also the record of what it came to. Raises Closing.DoesNotExist."""
    closing = Closing.objects.select_related("customer", "to_customer", "operator").get(pk=closing_id)
    found = closing.lines.select_related(
        "closing", "meter__room", "opening", "order", "new_meter", "new_opening", "second_person"
    ).order_by("meter__number")
    lines = list(found)
    asked = {_whose_turn(line) for line in lines}
    lost = set(MeterState.objects.filter(meter__in=asked, lost=True).values_list("meter_id", flat=True))
    back = Refund.objects.filter(pk__startswith=f"{closing_id}.").order_by("asked_at", "pk")
    return Progress(
        closing=closing,
        lines=tuple(_progress(line, _whose_turn(line) in lost) for line in lines),
        back=tuple(back),
        collected=tuple(Sale.objects.filter(pk__in=[f"{line.code}.owed" for line in lines]).order_by("pk")),
        ended=closing.state != ClosingState.OPEN,
    )


def _whose_turn(line: ClosingLine) -> int:
    carries = _STEPS[line.state] == "carrying" and line.new_meter_id is not None
    return (line.new_meter_id or 0) if carries else line.meter_id


def _progress(line: ClosingLine, lost: bool) -> LineProgress:
    return LineProgress(line=line, step=_STEPS[line.state], lost=lost and line.state not in ENDED, may=may(line))


def may(line: ClosingLine) -> tuple[str, ...]:
    """What a person can do with this line now."""
    verbs: dict[str, tuple[str, ...]] = {
        LineState.READING: ("type_reading", "withdraw"),
        LineState.STUCK: ("try_again", "type_reading", "withdraw"),
        LineState.OWES: ("collect_arrears", "withdraw"),
        LineState.UNCLEAR: ("decide",),
        LineState.SWAP: ("in_place",),
        LineState.NOT_CARRIED: ("carry_again", "pay_back_carried"),
    }
    unfit = set()
    if line.closing.kind in (ClosingKind.HAND_OVER, ClosingKind.REBILL) or line.how == How.TYPED:
        unfit.add("type_reading")
    if line.carried_fen:
        unfit.add("withdraw")
    return tuple(verb for verb in verbs.get(line.state, ()) if verb not in unfit)


def closings(
    *,
    operator: Operator,
    kind: str = "",
    state: str = "",
    first_day: date | None = None,
    last_day: date | None = None,
    text: str = "",
) -> QuerySet[Closing]:
    """销户查询 and its like: acts with a meter in the operator's buildings, newest first."""
    found = Closing.objects.select_related("customer", "to_customer", "operator").order_by("-asked_at", "-pk")
    if not operator.all_buildings:
        mine = Meter.objects.for_operator(operator).order_by().values("pk")
        found = found.filter(pk__in=ClosingLine.objects.filter(meter__in=mine).values("closing"))
    if kind:
        found = found.filter(kind=kind)
    if state:
        found = found.filter(state=state)
    if first_day is not None:
        found = found.filter(asked_at__gte=_start(first_day))
    if last_day is not None:
        found = found.filter(asked_at__lt=_start(last_day + timedelta(days=1)))
    return found.filter(_text(text)) if text.strip() else found


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_default_timezone())


def _text(text: str) -> Q:
    word = text.strip()
    people = Q(customer__name__icontains=word) | Q(customer__number__icontains=word)
    people |= Q(to_customer__name__icontains=word) | Q(to_customer__number__icontains=word)
    lines = ClosingLine.objects.filter(Q(meter__number__icontains=word) | Q(meter__room__number__icontains=word))
    return people | Q(pk__in=lines.values("closing"))


def lines(*, operator: Operator, kind: str = "") -> QuerySet[ClosingLine]:
    """One row a meter, within the operator's buildings, newest first: for registers and export."""
    found = ClosingLine.objects.select_related(
        "closing__customer",
        "closing__to_customer",
        "closing__operator",
        "closing__rebilling",
        "meter__room",
        "opening",
        "new_meter",
    ).order_by("-closing__asked_at", "code")
    if not operator.all_buildings:
        found = found.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))
    return found.filter(closing__kind=kind) if kind else found


def under_way(*, operator: Operator) -> QuerySet[ClosingLine]:
    """What has not ended: for a list of things to look at."""
    return lines(operator=operator).exclude(state__in=ENDED)
