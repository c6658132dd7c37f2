"""The rest of the counter: one payment for several meters, what a person decides, shifts, papers, its settings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain import settlement
from prewatt.domain.dispatch import queries as dispatch
from prewatt.domain.dispatch.models import Contradiction, MeterOrder
from prewatt.domain.estate.models import Meter
from prewatt.domain.reconciliation import accepting
from prewatt.domain.reconciliation import operations as reconciliation
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters, paying, printing, queries, shifts
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import AMOUNT_FEN_MAX
from prewatt.domain.vending.models import Payment, Shift
from prewatt.units.values import Money
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, SecondPersonUnknown, bearer, by, reads, second_person, write_id, writes
from prewatt.web.api.finding import account_of, meter_of, one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Id, Name, Pk, Word
from prewatt.web.parts.pages import now

chapter = Chapter("selling")
TAKES_MONEY: Final = (Right.SELL, Right.REFUND, Right.REVERSE)
COUNT_MAX: Final = 1_000_000
Long = Annotated[str, Field(max_length=400, pattern=shapes.PRINTABLE)]


class PaymentLineIn(Given):
    meter_id: Id
    amount_fen: shapes.Fen


class PaymentIn(Given):
    """Several meters of one tenant."""

    lines: Annotated[list[PaymentLineIn], Field(min_length=1, max_length=paying.LINES_MAX)]
    tender: Word


class PaymentOut(Schema):
    id: str
    customer_id: int
    tender: str
    amount_fen: int
    paid_at: datetime
    sales: list[shapes.SaleOut]


def _payment(request: HttpRequest, payment_id: str) -> dict[str, Any]:
    sales = list(queries.sales(operator=bearer(request)).filter(payment=payment_id).order_by("series", "number"))
    found = one(Payment.objects.filter(pk=payment_id, pk__in=[row.payment_id for row in sales]))
    names = "id customer_id tender amount_fen paid_at".split()
    return {**{name: getattr(found, name) for name in names}, "sales": [shapes.sale(row) for row in sales]}


@writes(chapter, "/payments", Right.SELL, of=PaymentOut)
def pay(request: HttpRequest, given: PaymentIn) -> Any:
    """Sell to several meters of one tenant in one payment: all of it or nothing"""
    key = write_id(request)
    lines = [
        (f"{key}.{number}", meter_of(request, line.meter_id), Money(line.amount_fen))
        for number, line in enumerate(given.lines, 1)
    ]
    made = vending.sell_many(payment_id=key, lines=lines, tender=given.tender, **by(request))
    return _payment(request, made.pk)


@reads(chapter, "/payments/{payment_id}", Right.READ, of=PaymentOut)
def get_payment(request: HttpRequest, payment_id: Name) -> Any:
    """One payment and its sales"""
    return _payment(request, payment_id)


class PaidBackOut(Schema):
    """`refund` empty: a gateway has the order and was asked to give it up. Ask again when the meter has proven it."""

    sale: shapes.SaleOut
    refund: shapes.BackOut | None


@writes(chapter, "/sales/{sale_id}/pay-back", Right.REFUND, of=PaidBackOut)
def pay_back_sale(request: HttpRequest, sale_id: Name, given: shapes.BackIn) -> Any:
    """Pay back a sale that waits for its meter: its order is recalled, and the money paid once that is proven"""
    mine = queries.sales(operator=bearer(request)).filter(pk=sale_id)
    made = settlement.pay_back_instead(
        refund_id=write_id(request), sale_id=one(mine).pk, tender=given.tender, note=given.note, **by(request)
    )
    return {"sale": shapes.sale(one(mine)), "refund": shapes.back(made) if made else None}


@writes(chapter, "/refunds/{refund_id}/cancel", Right.REFUND, of=shapes.BackOut)
def cancel_refund(request: HttpRequest, refund_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Take a refund back while the meter still holds the money"""
    mine = queries.refunds(operator=bearer(request)).filter(pk=refund_id)
    settlement.cancel(order_id=_order_of(one(mine).order), **by(request))
    return shapes.back(one(mine))


@writes(chapter, "/reversals/{reversal_id}/cancel", Right.REVERSE, of=shapes.BackOut)
def cancel_reversal(request: HttpRequest, reversal_id: Name, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Take a reversal back while the meter still holds the money"""
    mine = queries.reversals(operator=bearer(request)).filter(pk=reversal_id)
    settlement.cancel(order_id=_order_of(one(mine).order), **by(request))
    return shapes.back(one(mine))


class Ended(Refused):
    code: ClassVar[str] = "order_ended"

    def __init__(self) -> None:
        text = _("The order has already ended, so it cannot be recalled. No money moved. Look at what became of it.")
        super().__init__(text)


def _order_of(order: MeterOrder | None) -> str:
    """What was paid out of the wallet has none."""
    if order is None:
        raise Ended
    return order.pk


@writes(chapter, "/meters/{meter_id}/read-to-refund", Right.REFUND, of=shapes.OrderOut)
def read_to_refund(request: HttpRequest, meter_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Read a meter before money is taken off it"""
    meter = meter_of(request, meter_id)
    return shapes.order(vending.ask_reading(order_id=write_id(request), meter=meter, **by(request)))


# --- what a person decides --------------------------------------------------------------------------------------------


class UnclearOut(shapes.OrderOut):
    """The registers before the order and as read last. `count` is the purchase that it would have been;
    `expected_count` and `expected_bought_fen` are what the meter shows if it was not carried out.
    """

    count: int | None
    before: dict[str, int | None]
    after: dict[str, int | None]
    expected_count: int | None
    expected_bought_fen: int | None


class UnclearsOut(Schema):
    items: list[UnclearOut]
    next: str


def _unclear(order: MeterOrder) -> dict[str, Any]:
    count, bought_fen = dispatch.expected(order.opening_id) if order.opening_id else (None, None)
    readings = {name: _numbers(getattr(order, name)) for name in ("before", "after")}
    expected = {"expected_count": count, "expected_bought_fen": bought_fen}
    return {**shapes.order(order), "count": order.count, **readings, **expected}


def _numbers(readings: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in readings.items() if isinstance(value, int)}


@reads(chapter, "/unclear", Right.READ, of=UnclearsOut)
def list_unclear(request: HttpRequest, part: Parts) -> Any:
    """Orders of which nobody knows whether the meter took them"""
    mine = Meter.objects.for_operator(bearer(request)).order_by().values("pk")
    rows, after = take(dispatch.unclear_orders().filter(meter__in=mine), part, by="placed_at")
    return {"items": [_unclear(row) for row in rows], "next": after}


class DecisionIn(Given):
    """`applied`: the money is on the meter. Where the readings say otherwise, a second person confirms."""

    applied: bool
    reason: Long


@writes(chapter, "/orders/{order_id}/decide", Right.DECIDE, of=shapes.OrderOut, second=True)
def decide(request: HttpRequest, order_id: Name, given: DecisionIn) -> Any:
    """A person's word on an unclear order"""
    mine = Meter.objects.for_operator(bearer(request)).order_by().values("pk")
    order = one(MeterOrder.objects.filter(pk=order_id, meter__in=mine))
    settlement.decide(
        order_id=order.pk,
        applied=given.applied,
        reason=given.reason,
        second_person=second_person(request),
        **by(request),
    )
    return shapes.order(MeterOrder.objects.get(pk=order.pk))


class LateOut(Schema):
    """An answer that contradicts what is settled. It has moved no money."""

    id: int
    order_id: str
    meter: str
    gateway: str
    outcome: str
    why: str
    state: str
    first_at: datetime
    seen_at: datetime | None
    resolution: str


class LatesOut(Schema):
    items: list[LateOut]
    next: str


def _late(kept: Contradiction) -> dict[str, Any]:
    names = "id outcome why state first_at seen_at resolution".split()
    told = {"order_id": kept.order_ref, "meter": kept.meter_number, "gateway": kept.gateway_code}
    return {**{name: getattr(kept, name) for name in names}, **told}


@reads(chapter, "/late-answers", Right.READ, of=LatesOut)
def list_late(request: HttpRequest, part: Parts) -> Any:
    """Answers that came after their order was settled otherwise"""
    rows, after = take(dispatch.told(operator=bearer(request)), part)
    return {"items": [_late(row) for row in rows], "next": after}


class ReasonIn(Given):
    reason: Long


@writes(chapter, "/late-answers/{late_id}/accept", Right.DECIDE, of=LateOut, second=True)
def accept_late(request: HttpRequest, late_id: shapes.BigPk, given: ReasonIn) -> Any:
    """Bring the books to what a late answer proved; a second person confirms"""
    kept = one(dispatch.told(operator=bearer(request)).filter(pk=late_id))
    second = second_person(request)
    if second is None:
        raise SecondPersonUnknown
    settlement.accept_late(contradiction_id=kept.pk, second_person=second, reason=given.reason, **by(request))
    return _late(Contradiction.objects.get(pk=kept.pk))


# --- shifts -----------------------------------------------------------------------------------------------------------


class MethodOut(Schema):
    tender: str
    sold_fen: int
    sold_count: int
    refunded_fen: int
    reversed_fen: int
    back_count: int
    income_fen: int


class ShiftOut(Schema):
    """`expected_fen`: cash that must be in the drawer; of an open shift as it stands now."""

    id: str
    cashier: str
    opened_at: datetime
    closed_at: datetime | None
    business_day: date
    float_fen: int
    expected_fen: int
    counted_fen: int | None
    difference_fen: int | None
    reason: str
    handed_to: str
    methods: list[MethodOut]


class ShiftsOut(Schema):
    items: list[ShiftOut]
    next: str


_METHOD = list(MethodOut.model_fields)


def _shift(found: Shift) -> dict[str, Any]:
    drawer = shifts.drawer(found)
    names = "id opened_at closed_at business_day float_fen counted_fen difference_fen reason handed_to".split()
    return {
        **{name: getattr(found, name) for name in names},
        "cashier": found.operator.username,
        "expected_fen": drawer.expected_fen,
        "methods": [{name: getattr(method, name) for name in _METHOD} for method in drawer.methods],
    }


def _shift_of(request: HttpRequest, shift_id: str) -> Shift:
    return one(shifts.shifts(operator=bearer(request)).filter(pk=shift_id))


@reads(chapter, "/shifts", *TAKES_MONEY, Right.REPORTS, of=ShiftsOut)
def list_shifts(request: HttpRequest, part: Parts) -> Any:
    """One's own shifts, for finance all of them; the newest first"""
    rows, after = take(shifts.shifts(operator=bearer(request)), part, by="-opened_at")
    return {"items": [_shift(row) for row in rows], "next": after}


@reads(chapter, "/shifts/{shift_id}", *TAKES_MONEY, Right.REPORTS, of=ShiftOut)
def get_shift(request: HttpRequest, shift_id: Name) -> Any:
    """One shift and what it comes to"""
    return _shift(_shift_of(request, shift_id))


class ShiftIn(Given):
    float_fen: shapes.FenOrNone


@writes(chapter, "/shifts", *TAKES_MONEY, of=ShiftOut)
def open_shift(request: HttpRequest, given: ShiftIn) -> Any:
    """Open one's own shift with what is in the drawer"""
    made = vending.open_shift(shift_id=write_id(request), float_amount=Money(given.float_fen).fen, **by(request))
    return _shift(_shift_of(request, made.pk))


class CountIn(Given):
    """`pieces`: how many notes and coins of each worth, by their fen (`{"10000": 3}`); then they come to the sum."""

    counted_fen: shapes.FenOrNone
    pieces: dict[
        Annotated[str, Field(pattern="^[1-9][0-9]{0,5}$")], Annotated[StrictInt, Field(ge=0, le=shifts.PIECES_MAX)]
    ] = Field(default_factory=dict)
    reason: Long = ""
    handed_to: Word = ""


@writes(chapter, "/shifts/{shift_id}/close", *TAKES_MONEY, of=ShiftOut)
def close_shift(request: HttpRequest, shift_id: Name, given: CountIn) -> Any:
    """Count the cash and hand the drawer over"""
    vending.close_shift(
        shift_id=_shift_of(request, shift_id).pk,
        counted=Money(given.counted_fen).fen,
        pieces={int(fen): count for fen, count in given.pieces.items()},
        reason=given.reason,
        handed_to=given.handed_to,
        **by(request),
    )
    return _shift(_shift_of(request, shift_id))


class CounterSettingsOut(Schema):
    methods: list[str]
    default_method: str
    shift_needed: bool
    payee: str


class CounterSettingsIn(Given):
    """What is left out stays. `methods` in the order in which they are offered."""

    methods: Annotated[list[Word], Field(max_length=20)] | None = None
    default_method: Word | None = None
    shift_needed: bool | None = None
    payee: Word | None = None


def _counters() -> dict[str, Any]:
    held = counters.settings()
    return {name: getattr(held, name) for name in CounterSettingsOut.model_fields} | {"methods": list(held.methods)}


@reads(chapter, "/settings/counter", Right.READ, of=CounterSettingsOut)
def get_counter_settings(request: HttpRequest) -> Any:  # noqa: ARG001 - the same for everybody
    """Ways of paying that are offered, and whether a shift must be open"""
    return _counters()


@writes(chapter, "/settings/counter", Right.SETTINGS, of=CounterSettingsOut, change=True)
def change_counter_settings(request: HttpRequest, given: CounterSettingsIn) -> Any:
    """Change how the counters work"""
    new = {name: value for name, value in given.dict().items() if value is not None}
    vending.change_settings(**(_counters() | new), **by(request))
    return _counters()


# --- papers -----------------------------------------------------------------------------------------------------------


class PrintIn(Given):
    receipts: Annotated[list[Word], Field(min_length=1, max_length=printing.SEVERAL_MAX)]


class PrintOut(Schema):
    """`nth`: 1 is the first paper, later ones are reprints. `code` is what its QR code says; `lines` its text."""

    id: str
    receipt: str
    nth: int
    at: datetime
    code: str
    lines: list[str]


class PrintsOut(Schema):
    items: list[PrintOut]


@writes(chapter, "/prints", *TAKES_MONEY, of=PrintsOut)
def print_receipts(request: HttpRequest, given: PrintIn) -> Any:
    """Note that receipts are printed, each under its number, and get their texts"""
    found = {name: _document(request, name) for name in given.receipts}
    made = printing.print_several(print_id=write_id(request), documents=list(found.values()), **by(request))
    documents = {document.receipt: document for document in found.values()}
    return {"items": [_print(each, documents[_receipt(each)]) for each in made]}


def _document(request: HttpRequest, receipt: str) -> Any:
    named = printing.split(receipt)
    document = printing.find(*named, operator=bearer(request)) if named else None
    if document is None:
        raise Http404
    return document


def _receipt(noted: Any) -> str:
    return f"{noted.series}-{noted.number:06d}"


def _print(noted: Any, document: Any) -> dict[str, Any]:
    paper = printing.paper(document, together=False, operator=noted.operator, now=noted.at)
    lines = [paper.title]
    for block in paper.blocks:
        rows = (block.head, *block.rows) if block.head else ()
        lines += [" | ".join(cell.text for cell in row) for row in rows] or [" ".join(block.parts)]
    return {"id": noted.pk, "receipt": _receipt(noted), "nth": noted.nth, "at": noted.at} | {
        "code": paper.code,
        "lines": lines,
    }


# --- the books against the meters -------------------------------------------------------------------------------------


class ComparedOut(Schema):
    day: date
    at: datetime


@writes(chapter, "/reports/reconciliation/again", *reconciliation.MAY_COMPARE, of=ComparedOut, one_view=True)
def compare_again(request: HttpRequest, given: shapes.NothingIn) -> Any:  # noqa: ARG001 - an empty body
    """Compare every account with its meter now, in place of today's result"""
    run = reconciliation.again(**by(request))
    return {"day": run.day, "at": run.at}


class EvidenceOut(Schema):
    """`code` names the sentence, `figures` are what stands in it: money whole fen, energy whole Wh."""

    code: str
    figures: dict[str, int | str]


class PartOut(Schema):
    cause: str
    amount_fen: int
    evidence: list[EvidenceOut]


class DifferenceOut(Schema):
    """`amount_fen` and `count_delta` are what accepting takes over; `drift_fen` is shown less predicted balance."""

    account_id: int
    amount_fen: int
    count_delta: int
    drift_fen: int
    unexplained_fen: int
    parts: list[PartOut]


@reads(chapter, "/accounts/{account_id}/difference", Right.REPORTS, of=DifferenceOut)
def get_difference(request: HttpRequest, account_id: Pk) -> Any:
    """What this account's meter shows beyond the books now, and why"""
    opening = account_of(request, account_id)
    seen = accepting.look(opening, now=now())
    if seen is None:
        raise Http404
    fen, count = accepting.acceptable(seen[0])
    told = {"amount_fen": fen, "count_delta": count, "drift_fen": seen[1].drift_fen, "account_id": opening.pk}
    return told | {"unexplained_fen": seen[1].unexplained_fen, "parts": seen[1].parts}


class AcceptIn(Given):
    """The amounts as `get_difference` showed them."""

    amount_fen: Annotated[StrictInt, Field(ge=-AMOUNT_FEN_MAX, le=AMOUNT_FEN_MAX)]
    count_delta: Annotated[StrictInt, Field(ge=-COUNT_MAX, le=COUNT_MAX)]
    reason: Long


class AcceptedOut(Schema):
    id: str
    account_id: int
    cause: str
    amount_fen: int
    count_delta: int
    reason: str
    at: datetime


@writes(chapter, "/accounts/{account_id}/difference/accept", Right.DECIDE, of=AcceptedOut, second=True)
def accept_difference(request: HttpRequest, account_id: Pk, given: AcceptIn) -> Any:
    """Take over into the books what the meter shows; a second person confirms"""
    made = accepting.accept(
        accept_id=write_id(request),
        opening=account_of(request, account_id),
        amount_fen=given.amount_fen,
        count_delta=given.count_delta,
        reason=given.reason,
        second_person=second_person(request),
        **by(request),
    )
    names = "id cause amount_fen count_delta reason at".split()
    return {**{name: getattr(made, name) for name in names}, "account_id": made.opening_id}
