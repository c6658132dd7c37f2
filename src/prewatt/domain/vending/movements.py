"""售电, 退电 and 冲正 in one list: every movement of money over the counter, signed, within an operator's buildings."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, CharField, Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from prewatt.domain.estate.models import Meter
from prewatt.domain.vending.models import Refund, Reversal, Sale

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class What(StrEnum):
    SALE = "sale"
    REFUND = "refund"
    REVERSAL = "reversal"


_MODELS: dict[What, type[Sale | Refund | Reversal]] = {
    What.SALE: Sale,
    What.REFUND: Refund,
    What.REVERSAL: Reversal,
}
FIELDS = (
    *("what", "key", "at", "day", "receipt_series", "receipt_number", "room_number", "meter_number", "customer_name"),
    *("customer_number", "seller", "way", "signed_fen", "standing", "why", "sale_key"),
    "times",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which movements. Empty values do not narrow."""

    first_day: date | None = None
    last_day: date | None = None
    what: str = ""
    seller_id: int | None = None
    tender: str = ""
    state: str = ""
    text: str = ""
    building_id: int | None = None
    shift_id: str = ""
    least_fen: int | None = None
    most_fen: int | None = None
    meter: str = ""  # part of its number
    receipt: str = ""  # S2026-000123, or the number alone


def movements(*, operator: Operator, wanted: Wanted) -> QuerySet[Any, dict[str, Any]]:
    """Rows as dicts of `FIELDS`; order and cut them as they are. A refund that is not paid back yet counts too, with
    the day it was asked for: its `standing` says so.
    """
    first, *rest = [_rows(what, operator, wanted) for what in _chosen(wanted)]
    return first.union(*rest, all=True) if rest else first


HEAD_MAX = 5_000


@dataclass(frozen=True, slots=True)
class ByTime:
    """The same rows in the order of their time, to be cut into pages.

    The union of three lists is only put in order whole; the beginning of each list stands in its index.
    """

    whole: QuerySet[Any, dict[str, Any]]
    parts: Sequence[QuerySet[Any, dict[str, Any]]]
    falling: bool

    def __getitem__(self, cut: slice) -> list[dict[str, Any]]:
        if not self.parts or cut.stop is None or cut.stop > HEAD_MAX:
            return list(self.whole[cut])
        heads = [part[: cut.stop] for part in self.parts]
        # Stable: rows of one moment keep their places whatever page is asked for.
        merged = heapq.merge(*heads, key=lambda row: row["at"], reverse=self.falling)
        return list(islice(merged, cut.start or 0, cut.stop))


def by_time(*, operator: Operator, wanted: Wanted, falling: bool) -> ByTime:
    order = ("-at", "-key") if falling else ("at", "key")
    parts = [_rows(what, operator, wanted).order_by(*order) for what in _chosen(wanted)]
    return ByTime(movements(operator=operator, wanted=wanted).order_by(*order), parts, falling)


@dataclass(frozen=True, slots=True)
class Sums:
    count: int
    sold_fen: int
    refunded_fen: int  # paid back, as everywhere below
    reversed_fen: int

    @property
    def back_fen(self) -> int:
        return self.refunded_fen + self.reversed_fen

    @property
    def income_fen(self) -> int:
        """财务收入 = 售电 - 冲正 - 退电."""
        return self.sold_fen - self.refunded_fen - self.reversed_fen


def sums(*, operator: Operator, wanted: Wanted) -> Sums:
    """What the wanted movements come to. Money that is still on its way back is counted, not summed."""
    count, fen = 0, dict.fromkeys(What, 0)
    for what in _chosen(wanted):
        found = _found(what, operator, wanted)
        moved = Sum("amount_fen") if what == What.SALE else Sum("amount_fen", filter=Q(state="done"))
        sums = found.order_by().aggregate(number=Count("pk"), total=moved)
        count, fen[what] = count + sums["number"], int(sums["total"] or 0)
    return Sums(count, fen[What.SALE], fen[What.REFUND], fen[What.REVERSAL])


def _chosen(wanted: Wanted) -> list[What]:
    return [what for what in What if wanted.what in ("", what)] or list(What)


def _found(what: What, operator: Operator, wanted: Wanted) -> QuerySet[Any]:
    found: QuerySet[Any] = _MODELS[what].objects.all()
    if not operator.all_buildings:
        found = found.filter(meter__in=Meter.objects.for_operator(operator).values("pk"))
    days = _days(what, wanted)
    same: Mapping[str, object] = {"operator_id": wanted.seller_id, "tender": wanted.tender, "state": wanted.state}
    found = found.filter(days, **{name: value for name, value in same.items() if value not in (None, "")})
    found = found.filter(**_narrow(wanted))
    if wanted.receipt.strip():
        found = found.filter(_receipt(wanted.receipt))
    return found.filter(_text(wanted.text)) if wanted.text.strip() else found


def _narrow(wanted: Wanted) -> dict[str, object]:
    asked: Mapping[str, object] = {
        "meter__room__floor__building_id": wanted.building_id,
        "shift_id": wanted.shift_id,
        "amount_fen__gte": wanted.least_fen,
        "amount_fen__lte": wanted.most_fen,
        "meter__number__icontains": wanted.meter.strip(),
    }
    return {name: value for name, value in asked.items() if value not in (None, "")}


def _receipt(text: str) -> Q:
    """A whole number, or its beginning as it is read out: the series, or the figures alone."""
    series, dash, number = text.strip().upper().rpartition("-")
    if not number.isdecimal() or len(number) > 9:
        return Q(series__startswith=number)
    return Q(series=series, number=int(number)) if dash else Q(number=int(number))


def _days(what: What, wanted: Wanted) -> Q:
    """Money that is on its way back has no business day yet: it stands in every list that reaches today."""
    hit = Q()
    if wanted.first_day is not None:
        hit &= Q(business_day__gte=wanted.first_day)
    if wanted.last_day is not None:
        hit &= Q(business_day__lte=wanted.last_day)
    return hit if what == What.SALE or not hit else hit | Q(business_day__isnull=True)


def _text(text: str) -> Q:
    word = text.strip()
    hit = Q(meter__number__icontains=word) | Q(meter__room__number__icontains=word)
    hit |= Q(customer__name__icontains=word) | Q(customer__number__icontains=word)
    series, dash, number = word.upper().partition("-")
    if dash and number.isdigit():
        hit |= Q(series=series, number=int(number))
    return hit


def _rows(what: What, operator: Operator, wanted: Wanted) -> QuerySet[Any, Any]:
    sale = what == What.SALE
    text = CharField()
    rows: QuerySet[Any, Any] = (
        _found(what, operator, wanted)
        .order_by()
        .annotate(
            what=Value(what.value, output_field=text),
            key=F("pk"),
            at=F("sold_at" if sale else "asked_at"),
            day=F("business_day"),
            receipt_series=F("series"),
            receipt_number=F("number"),
            room_number=Coalesce(F("meter__room__number"), Value(""), output_field=text),
            meter_number=F("meter__number"),
            customer_name=F("customer__name"),
            customer_number=F("customer__number"),
            seller=Coalesce(NullIf(F("operator__name"), Value("")), F("operator__username"), output_field=text),
            way=F("tender"),
            signed_fen=F("amount_fen") * Value(1 if sale else -1, output_field=BigIntegerField()),
            standing=F("state"),
            why=F("reason"),
            times=F("order__count"),  # none where no meter took part
            sale_key=F("pk") if sale else Coalesce(F("sale_id"), Value(""), output_field=text),
        )
        .values(*FIELDS)
    )
    return rows
