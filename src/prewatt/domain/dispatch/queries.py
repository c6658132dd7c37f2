"""Reading orders: what is open, what the next purchase count is, what a person must look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import QuerySet

from prewatt.domain.dispatch.models import Contradiction, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.link.messages import MONEY_KINDS, Kind

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.staff.models import Operator


def open_orders(meter: Meter) -> QuerySet[MeterOrder]:
    """Orders to a meter that have not ended, in the order in which they were placed."""
    return MeterOrder.objects.filter(meter=meter, state__in=OPEN).order_by("placed_at", "id")


def open_money_orders(meter: Meter) -> QuerySet[MeterOrder]:
    """The one on its way first, then those that queue behind it."""
    return open_orders(meter).filter(kind__in=(*MONEY_KINDS, "open"))


def last_money_done(opening: Opening) -> MeterOrder | None:
    """The money order that the meter confirmed last; its `after` is a reading."""
    done = MeterOrder.objects.filter(opening=opening, kind__in=(*MONEY_KINDS, "open"), state=State.DONE)
    return done.order_by("-answered_at").first()


_EXPECTED = """
SELECT o.count_base
       + COALESCE((SELECT SUM(c.delta) FROM dispatch_countcorrection c WHERE c.opening_id = o.id), 0)
       + (SELECT COUNT(*) FROM dispatch_meterorder d
          WHERE d.opening_id = o.id AND d.state = 'done' AND d.kind IN ('recharge', 'refund')),
       o.bought_base_fen,
       COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t
                 WHERE t.credit_id = a.id AND t.kind IN ('posted', 'confirmed') AND t.cause_kind <> 'usage'), 0)
       - COALESCE((SELECT SUM(t.amount_fen) FROM ledger_transfer t
                   WHERE t.debit_id = a.id AND t.kind IN ('posted', 'confirmed') AND t.cause_kind <> 'usage'), 0)
FROM estate_opening o
LEFT JOIN ledger_account a ON a.code = 'meter' AND a.owner = CAST(o.id AS VARCHAR(64))
WHERE o.id = %s
"""


def expected(opening_id: int) -> tuple[int, int | None]:
    """The purchase count and the total bought that the meter should show; None where the base of the total is not
    known.

    The count: its base, what people corrected, and every confirmed order (opening itself sets the count and is none
    of them).
    The total: its base and what the ledger says was credited, refunds taken off.
    """
    count, base_fen, credited = _expected(opening_id)
    return count, None if base_fen is None else base_fen + credited


def _expected(opening_id: int) -> tuple[int, int | None, int]:
    with connection.cursor() as cursor:
        cursor.execute(_EXPECTED, (opening_id,))
        count, base_fen, credited = cursor.fetchone()
    return int(count), None if base_fen is None else int(base_fen), int(credited)


def expected_count(opening: Opening) -> int:
    """The purchase count that the meter should show."""
    return _expected(opening.pk)[0]


def expected_bought_fen(opening: Opening) -> int | None:
    """What the meter's total-bought register should show; None where its base is not known."""
    return expected(opening.pk)[1]


def credited_fen(opening: Opening) -> int:
    """What the ledger says was credited to the meter, refunds taken off and usage left out."""
    return credited_of(opening.pk)


def credited_of(opening_id: int) -> int:
    """The same, by the account's id."""
    return _expected(opening_id)[2]


def opened_ms(opening: Opening) -> int | None:
    """When the meter began to count for this account; None while its opening is not confirmed.

    An account that was handed over (过户) was opened by nobody's order: it goes on from the moment itself.
    """
    order = MeterOrder.objects.filter(opening=opening, kind=Kind.OPEN).order_by("-placed_at").first()
    if order is None:
        return round(opening.opened_at.timestamp() * 1000)
    if order.state != State.DONE or order.answered_at is None:
        return None
    return round(order.answered_at.timestamp() * 1000)


def unclear_orders() -> QuerySet[MeterOrder]:
    """What waits for a person's word."""
    return MeterOrder.objects.filter(state=State.UNCLEAR).order_by("placed_at", "id")


def contradictions() -> QuerySet[Contradiction]:
    """Answers that contradict what is settled and that nobody has looked at yet."""
    return Contradiction.objects.filter(seen_at__isnull=True).order_by("first_at")


def told(*, operator: Operator) -> QuerySet[Contradiction]:
    """Those of his meters; what names no known meter is for who sees every building."""
    if operator.is_active and operator.all_buildings:
        return contradictions()
    return contradictions().filter(meter_number__in=Meter.objects.for_operator(operator).order_by().values("number"))


def to_check(*, operator: Operator) -> int:
    """How many things wait for a person's decision: unclear orders in his buildings, and answers that contradict."""
    mine = MeterOrder.objects.filter(state=State.UNCLEAR)
    if not operator.all_buildings:
        mine = mine.filter(meter__in=Meter.objects.for_operator(operator).order_by().values("pk"))
    return mine.count() + told(operator=operator).count()
