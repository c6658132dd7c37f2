"""Reading orders: what is open, what the next purchase count is, what a person must look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet, Sum

from prewatt.domain.dispatch.models import Contradiction, CountCorrection, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.ledger.accounts import meter as meter_account
from prewatt.domain.ledger.models import MOVING, Transfer
from prewatt.link.messages import MONEY_KINDS

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter, Opening


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


def confirmed_count(opening: Opening) -> int:
    """How many money orders of this opening the meter has confirmed (opening itself sets the count and is none of
    them).
    """
    return MeterOrder.objects.filter(opening=opening, kind__in=MONEY_KINDS, state=State.DONE).count()


def expected_count(opening: Opening) -> int:
    """The purchase count that the meter should show: its base, what people corrected, and every confirmed order."""
    corrected = CountCorrection.objects.filter(opening=opening).aggregate(total=Sum("delta"))["total"] or 0
    return int(opening.count_base) + int(corrected) + confirmed_count(opening)


def credited_fen(opening: Opening) -> int:
    """What the ledger says was credited to the meter, refunds taken off and usage left out."""
    account = meter_account(opening.pk)
    moved = Transfer.objects.filter(kind__in=MOVING).exclude(cause_kind="usage")
    into = moved.filter(credit__code=account.code, credit__owner=account.owner)
    out = moved.filter(debit__code=account.code, debit__owner=account.owner)
    total = [side.aggregate(total=Sum("amount_fen"))["total"] or 0 for side in (into, out)]
    return int(total[0]) - int(total[1])


def expected_bought_fen(opening: Opening) -> int | None:
    """What the meter's total-bought register should show; None where its base is not known."""
    base = opening.bought_base_fen
    return None if base is None else int(base) + credited_fen(opening)


def unclear_orders() -> QuerySet[MeterOrder]:
    """What waits for a person's word."""
    return MeterOrder.objects.filter(state=State.UNCLEAR).order_by("placed_at", "id")


def contradictions() -> QuerySet[Contradiction]:
    """Answers that contradict what is settled and that nobody has looked at yet."""
    return Contradiction.objects.filter(seen_at__isnull=True).order_by("first_at")


def arriving_fen(meter: Meter) -> int:
    """Money on its way to the meter, less money on its way back."""
    waiting = open_money_orders(meter)
    into = waiting.filter(~Q(kind="refund")).aggregate(total=Sum("amount_fen"))["total"] or 0
    out = waiting.filter(kind="refund").aggregate(total=Sum("amount_fen"))["total"] or 0
    return int(into) - int(out)
