"""交接班: a cashier's drawer, from the opening float to the count at the end.

A sale belongs to the shift that was open when it was made. Money paid back belongs to the shift that was open when it
left the drawer; was none open then, the cashier's next shift takes it over, for his next drawer is where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from prewatt.domain.ledger.accounts import TENDERS
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, counters
from prewatt.domain.vending.checks import NoRight, Refused
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, Shift
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

PIECES_FEN = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10)
PIECES_MAX = 100_000
CASH = "cash"


class NoShift(Refused):
    code = "no_shift"

    def __init__(self) -> None:
        super().__init__(
            _("You have no open shift, and this site sells only within one. Nothing was booked. Open your shift first.")
        )


class ShiftOpenAlready(Refused):
    code = "shift_open_already"

    def __init__(self, shift: Shift) -> None:
        super().__init__(
            _("You have an open shift already (since %(since)s). Nothing was changed. Close it first.")
            % {"since": str(shift)}
        )


class ShiftClosedAlready(Refused):
    code = "shift_closed_already"

    def __init__(self, shift: Shift) -> None:
        super().__init__(
            _("This shift is closed, and a closed shift is never edited (%(shift)s). Nothing was changed.")
            % {"shift": str(shift)}
        )


class DifferenceUnexplained(Refused):
    code = "difference_unexplained"

    def __init__(self, difference_fen: int) -> None:
        self.difference_fen = difference_fen
        super().__init__(
            _(
                "Counted and expected cash differ by %(amount)s yuan. The shift is still open. Count again, or say why "
                "in words."
            )
            % {"amount": Money(difference_fen)}
        )


class PiecesDiffer(Refused):
    code = "pieces_differ"

    def __init__(self, pieces_fen: int) -> None:
        super().__init__(
            _(
                "The notes and coins come to %(sum)s yuan, which is not the sum that was entered. The shift is still "
                "open. Correct one of the two."
            )
            % {"sum": Money(pieces_fen)}
        )


class NotYours(Refused):
    code = "not_your_shift"


@dataclass(frozen=True, slots=True)
class Method:
    """One way of paying within a shift."""

    tender: str
    sold_fen: int = 0
    sold_count: int = 0
    refunded_fen: int = 0
    reversed_fen: int = 0
    back_count: int = 0

    @property
    def income_fen(self) -> int:
        return self.sold_fen - self.refunded_fen - self.reversed_fen


@dataclass(frozen=True, slots=True)
class Drawer:
    """What a shift comes to."""

    float_fen: int
    methods: tuple[Method, ...]
    on_the_way_back: int  # asked for in this shift, not confirmed by the meter yet

    @property
    def cash(self) -> Method:
        return next((one for one in self.methods if one.tender == CASH), Method(CASH))

    @property
    def expected_fen(self) -> int:
        """Cash that must be in the drawer now."""
        return self.float_fen + self.cash.income_fen

    @property
    def total(self) -> Method:
        parts = ("sold_fen", "sold_count", "refunded_fen", "reversed_fen", "back_count")
        return Method("", *(sum(getattr(one, part) for one in self.methods) for part in parts))


def current(operator: Operator) -> Shift | None:
    return Shift.objects.filter(operator=operator, closed_at__isnull=True).first()


def hold(operator: Operator, at_counter: counters.Counters | None = None) -> Shift | None:
    """The cashier's open shift, held until the transaction ends, so that it cannot be closed under a booking.

    Take it after all accounts and before the receipt number. Raises NoShift where the site wants one.
    """
    shift = Shift.objects.select_for_update(no_key=True).filter(operator=operator, closed_at__isnull=True).first()
    if shift is None and at_counter is not None and at_counter.shift_needed:
        raise NoShift
    return shift


def check_open(operator: Operator, at_counter: counters.Counters) -> None:
    """Before anything is booked, where the site wants a shift."""
    if at_counter.shift_needed and current(operator) is None:
        raise NoShift


def open_shift(
    *, shift_id: str, float_amount: Money | str | int, operator: Operator, now: datetime, address: str = ""
) -> Shift:
    """Open the cashier's own shift with what is in the drawer. The same id again is the same shift.

    Raises ShiftOpenAlready, NoRight and the refusals of an amount.
    """
    try:
        with transaction.atomic():
            return _open(shift_id, float_amount, operator, now, address)
    except IntegrityError:
        first = Shift.objects.filter(pk=shift_id).first() or current(operator)
        if first is None:
            raise
        return _same(first, shift_id)


def _same(first: Shift, shift_id: str) -> Shift:
    if first.pk != shift_id:
        raise ShiftOpenAlready(first)
    return first


def _open(shift_id: str, float_amount: object, operator: Operator, now: datetime, address: str) -> Shift:
    first = Shift.objects.filter(pk=shift_id, operator=operator).first() or current(operator)
    if first is not None:
        return _same(first, shift_id)
    _check_may(operator)
    money = amount_or_zero(float_amount)
    shift = Shift.objects.create(
        id=shift_id, operator=operator, opened_at=now, float_fen=money.fen, business_day=checks.business_day(now)
    )
    taken_over = _take_over(shift)
    staff.log(
        operator=operator,
        action="shift.open",
        target=f"shift {shift}",
        after={"float_fen": money.fen, "taken_over": taken_over},
        address=address,
        now=now,
    )
    return shift


def _check_may(operator: Operator) -> None:
    if not any(operator.may(right) for right in (Right.SELL, Right.REFUND, Right.REVERSE)):
        raise NoRight(
            _("%(who)s may not take money. Nothing was changed. Ask an administrator.") % {"who": operator.username}
        )


def amount_or_zero(amount: object) -> Money:
    """A drawer may be empty; everything else as for any amount."""
    if isinstance(amount, str) and amount.strip() in ("0", "0.0", "0.00"):
        return Money(0)
    return Money(0) if amount == 0 and not isinstance(amount, float) else checks.parse_amount(amount)


def _take_over(shift: Shift) -> int:
    """Money asked back in an earlier shift that the meter confirmed when no shift was open."""
    last = Shift.objects.filter(operator=shift.operator, closed_at__isnull=False).order_by("-closed_at").first()
    if last is None:
        return 0
    paid = {"operator": shift.operator, "shift__isnull": True, "state": BackState.DONE}
    between = Q(asked_at__lte=last.closed_at, state_at__gte=last.closed_at)
    return sum(model.objects.filter(between, **paid).update(shift=shift) for model in (Refund, Reversal))


def drawer(shift: Shift) -> Drawer:
    """As it stands now; of a closed shift, as it was handed over."""
    if shift.closed_at is not None:
        return Drawer(shift.float_fen, tuple(Method(**row) for row in shift.figures), 0)
    cells: dict[str, dict[str, int]] = {}
    for row in _sums(Sale.objects.filter(shift=shift)):
        cells.setdefault(row["tender"], {}).update(sold_fen=row["fen"], sold_count=row["n"])
    for name, rows in (
        ("refunded_fen", _sums(Refund.objects.filter(shift=shift, state=BackState.DONE))),
        ("reversed_fen", _sums(Reversal.objects.filter(shift=shift, state=BackState.DONE))),
    ):
        for row in rows:
            cell = cells.setdefault(row["tender"], {})
            cell[name] = row["fen"]
            cell["back_count"] = cell.get("back_count", 0) + row["n"]
    order = {tender: at for at, tender in enumerate(TENDERS)}
    methods = tuple(Method(tender, **cells[tender]) for tender in sorted(cells, key=lambda one: order.get(one, 99)))
    return Drawer(shift.float_fen, methods, _on_the_way(shift))


def _sums(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    return list(rows.order_by().values("tender").annotate(fen=Sum("amount_fen"), n=Count("pk")))


def _on_the_way(shift: Shift) -> int:
    waiting = {"operator_id": shift.operator_id, "state__in": (BackState.SENDING, BackState.UNCLEAR)}
    return sum(model.objects.filter(**waiting).count() for model in (Refund, Reversal))


@transaction.atomic
def close_shift(
    *,
    shift_id: str,
    counted: Money | str | int,
    operator: Operator,
    now: datetime,
    pieces: Mapping[int, int] | None = None,
    reason: str = "",
    handed_to: str = "",
    address: str = "",
) -> Shift:
    """Count the cash and hand the drawer over. The same count again is the same closing.

    `pieces` are notes and coins by their fen; given, they must come to `counted`. Somebody who may see reports may
    close another's shift, with a reason. Raises DifferenceUnexplained, PiecesDiffer, ShiftClosedAlready, NotYours.
    """
    shift = Shift.objects.select_for_update(no_key=True, of=("self",)).select_related("operator").get(pk=shift_id)
    money = amount_or_zero(counted)
    if shift.closed_at is not None:
        if shift.counted_fen == money.fen and shift.closed_by_id == operator.pk:
            return shift
        raise ShiftClosedAlready(shift)
    _check_closes(shift, operator, reason)
    counted_pieces = _pieces(pieces or {})
    pieces_fen = sum(int(fen) * count for fen, count in counted_pieces.items())
    if counted_pieces and pieces_fen != money.fen:
        raise PiecesDiffer(pieces_fen)
    found = drawer(shift)
    if found.expected_fen != money.fen and not reason.strip():
        raise DifferenceUnexplained(money.fen - found.expected_fen)
    shift.closed_at, shift.closed_by = now, operator
    shift.expected_fen, shift.counted_fen = found.expected_fen, money.fen
    shift.pieces, shift.figures = counted_pieces, [asdict(one) for one in found.methods]
    shift.reason, shift.handed_to = reason.strip()[:400], handed_to.strip()[:64]
    shift.save(update_fields=_CLOSING)
    staff.log(
        operator=operator,
        action="shift.close",
        target=f"shift {shift}",
        after={
            "of": shift.operator.username,
            "expected_fen": shift.expected_fen,
            "counted_fen": money.fen,
            "reason": shift.reason,
        },
        address=address,
        now=now,
    )
    return shift


_CLOSING = [
    *("closed_at", "closed_by", "expected_fen", "counted_fen", "pieces", "figures", "reason", "handed_to"),
]


def _check_closes(shift: Shift, operator: Operator, reason: str) -> None:
    if shift.operator_id == operator.pk:
        return _check_may(operator)
    if not (operator.may(Right.DECIDE) and operator.all_buildings):
        raise NotYours(_("This is another cashier's shift. Nothing was changed. Ask the finance desk to close it."))
    if not reason.strip():
        raise NotYours(_("Closing another cashier's shift needs a reason. Nothing was changed. Say why in words."))
    return None


def _pieces(given: Mapping[int, int]) -> dict[str, int]:
    known = {fen: given.get(fen, 0) for fen in PIECES_FEN}
    if set(given) - set(known) or any(not 0 <= count <= PIECES_MAX for count in known.values()):
        raise checks.NotAnAmount(_("The notes and coins are not whole numbers. Nothing was changed. Count again."))
    return {str(fen): count for fen, count in known.items() if count}


def shifts(*, operator: Operator) -> QuerySet[Shift]:
    """His own; all of them for whoever sees every building and may see reports."""
    found = Shift.objects.select_related("operator", "closed_by").order_by("-opened_at", "pk")
    everything = operator.all_buildings and operator.may(Right.REPORTS) and operator.may(Right.DECIDE)
    return found if everything else found.filter(operator=operator)
