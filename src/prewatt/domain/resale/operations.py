"""Writes: the bill of a month, giving back (清退), and paying what was given back out of the wallet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Building, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.resale import queries
from prewatt.domain.resale.allowance import rate_e8
from prewatt.domain.resale.models import AMOUNT_NAMES, ENERGY_NAMES, BillItem, ClearBack, ClearBackLine, PurchaseBill
from prewatt.domain.resale.refusals import (
    BadBill,
    MonthNotOver,
    NoBills,
    NoRight,
    NothingOver,
    NothingToPay,
    OtherFigures,
    RunIdTaken,
    SecondPersonNeeded,
    WhyNeeded,
)
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.tariff.models import BANDS, PlanKind
from prewatt.domain.vending import checks, returning
from prewatt.domain.vending.models import Refund

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CAUSE = "clear_back"
TEXT_MAX, NAME_MAX, CONTACT_MAX, ITEMS_MAX, MONTHS_MAX = 400, 64, 120, 20, 36
FEN_MAX, WH_MAX = 10**12, 10**14
MARKUP_PERMILLE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Written:
    """A bill as it is typed: Wh and fen by period, its other lines, and what is shared beside the price."""

    energy_wh: Mapping[str, int]
    amount_fen: Mapping[str, int]
    items: Sequence[tuple[str, int]] = ()
    number: str = ""
    markup_permille: int = 0
    shared_fen: int | None = None
    shared_basis: str = ""
    contact: str = ""
    note: str = ""


def _check_place(operator: Operator, right: Right, building: Building | None) -> None:
    inside = operator.all_buildings or (building is not None and operator.buildings.filter(pk=building.pk).exists())
    if not (operator.may(right) and inside):
        raise NoRight(operator)


@transaction.atomic
def keep_bill(
    *,
    building: Building | None,
    month: date,
    written: Written,
    operator: Operator,
    now: datetime,
    as_price: bool = False,
    address: str = "",
) -> PurchaseBill:
    """The bill of a month; the same month again corrects it, and the log has both.

    `as_price` makes its prices the site's purchase price from the month's first day, which plans are checked against.
    """
    _check_place(operator, Right.SETTINGS, building)
    if as_price and not operator.all_buildings:
        raise NoRight(operator)
    _check(month, written, metering.today(now))
    known = _bills(building, month).select_for_update().first()
    before = facts(known) if known else {}
    bill = known or PurchaseBill(building=building, month=month)
    for band in BANDS:
        setattr(bill, f"energy_{band}_wh", written.energy_wh.get(band, 0))
        setattr(bill, f"amount_{band}_fen", written.amount_fen.get(band, 0))
    bill.number, bill.note = written.number.strip()[:NAME_MAX], written.note.strip()[:TEXT_MAX]
    bill.markup_permille, bill.shared_fen = written.markup_permille, written.shared_fen
    bill.shared_basis = written.shared_basis.strip()[:TEXT_MAX] if written.shared_fen else ""
    bill.contact = written.contact.strip()[:CONTACT_MAX]
    bill.entered_at, bill.entered_by = now, operator
    bill.save()
    bill.items.all().delete()
    BillItem.objects.bulk_create([BillItem(bill=bill, name=name, amount_fen=fen) for name, fen in written.items])
    staff.log(
        operator=operator,
        action="resale.bill",
        target=f"bill {month:%Y-%m} {building.code if building else ''}".strip(),
        before=before,
        after=facts(bill),
        address=address,
        now=now,
    )
    if as_price:
        _take_as_price(bill, operator=operator, now=now, address=address)
    return bill


def _bills(building: Building | None, month: date) -> QuerySet[PurchaseBill]:
    """In no order that looks at the building: PostgreSQL holds no row that stands beside an outer join."""
    return PurchaseBill.objects.filter(building=building, month=month).order_by("pk")


def _check(month: date, written: Written, today: date) -> None:
    if month.day != 1 or month > today:
        raise BadBill(_("A bill is of a whole month that has begun. Nothing was kept. Choose the month."))
    _check_periods(written)
    if len(written.items) > ITEMS_MAX or any(not name.strip() or abs(fen) > FEN_MAX for name, fen in written.items):
        raise BadBill(_("Another line of the bill has no name, or there are more than 20. Nothing was kept."))
    if sum(written.amount_fen.values()) + sum(fen for _name, fen in written.items) <= 0:
        raise BadBill(_("The bill comes to nothing or less. Nothing was kept. Look at its lines again."))
    if not 0 <= written.markup_permille <= MARKUP_PERMILLE_MAX:
        raise BadBill(_("The mark-up is not between 0 and 100 %. Nothing was kept. The law allows 0 in general."))
    if written.shared_fen is not None and (written.shared_fen <= 0 or not written.shared_basis.strip()):
        raise BadBill(_("Shared costs need an amount and their basis. Nothing was kept. Leave both empty for none."))


def _check_periods(written: Written) -> None:
    figures = [*written.energy_wh.values(), *written.amount_fen.values()]
    unknown = {*written.energy_wh, *written.amount_fen} - set(BANDS)
    if unknown or any(not 0 <= value <= WH_MAX for value in figures):
        raise BadBill(_("A figure of the bill is below zero or too large. Nothing was kept. Look at the periods."))
    if not sum(written.energy_wh.values()):
        raise BadBill(_("The bill has no energy. Nothing was kept. Type at least one period."))
    if any(bool(written.energy_wh.get(band)) != bool(written.amount_fen.get(band)) for band in BANDS):
        raise BadBill(_("A period has energy without an amount, or the other way. Nothing was kept. Type both."))


def facts(bill: PurchaseBill) -> dict[str, Any]:
    """What the log keeps of a bill."""
    return {
        **{name: getattr(bill, name) for name in (*ENERGY_NAMES, *AMOUNT_NAMES)},
        "number": bill.number,
        "markup_permille": bill.markup_permille,
        "items": {one.name: one.amount_fen for one in bill.items.all()},
        "shared_fen": bill.shared_fen,
        "shared_basis": bill.shared_basis,
        "contact": bill.contact,
        "note": bill.note,
    }


def _take_as_price(bill: PurchaseBill, *, operator: Operator, now: datetime, address: str) -> None:
    paid = queries.paid(bill)
    prices = {f"price_{band}_e4": max(1, rate_e8(paid.price(band)) // 10_000) for band in BANDS}
    tariff.set_purchase(
        from_day=bill.month,
        prices=prices if paid.by_period else {"price_flat_e4": prices["price_flat_e4"]},
        kind=PlanKind.TOU if paid.by_period else PlanKind.FLAT,
        markup_permille=bill.markup_permille,
        note=bill.number,
        operator=operator,
        now=now,
        address=address,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would give back, account by account and month by month; only lines with something in them."""

    building: Building | None
    months: tuple[date, ...]
    lines: tuple[queries.Account, ...]

    @property
    def total_fen(self) -> int:
        return sum(one.over_fen for one in self.lines)

    @property
    def accounts(self) -> int:
        return len({one.opening.pk for one in self.lines})


def preview(
    *, building: Building | None, first: date, last: date, operator: Operator, now: datetime, hold: bool = False
) -> Preview:
    """Raises NoRight, NoBills for a month without its bill, MonthNotOver. `hold` keeps the bills until the end."""
    _check_place(operator, Right.REFUND, building)
    months = tuple(_months(first, last))
    lines: list[queries.Account] = []
    for month in months:
        found = _bills(building, month)
        bill = (found.select_for_update() if hold else found).first()
        if bill is None:
            raise NoBills(month)
        _check_closed(month, metering.today(now))
        lines += [one for one in queries.against(bill).accounts if one.over_fen]
    return Preview(building, months, tuple(lines))


def _months(first: date, last: date) -> Iterable[date]:
    month, count = first.replace(day=1), 0
    while month <= last and count < MONTHS_MAX:
        yield month
        month, count = (month + timedelta(days=32)).replace(day=1), count + 1


def _check_closed(month: date, today: date) -> None:
    end = queries.month_end(month)
    closed = metering.closed_through()
    if end >= today or closed is None or closed < end:
        raise MonthNotOver(month)
    if UsageDay.objects.filter(day__gte=month, day__lte=end, posted_version=0).exists():
        raise MonthNotOver(month)


@transaction.atomic
def clear_back(
    *,
    run_id: str,
    building: Building | None,
    first: date,
    last: date,
    shown_fen: int,
    reason: str,
    operator: Operator,
    second_person: Operator | None,
    now: datetime,
    address: str = "",
) -> ClearBack:
    """Give back what was charged above the purchase price: revenue -> wallet, one transfer an account.

    `shown_fen` is the total that the two persons looked at. The same id again is the same run. Raises NoRight, NoBills,
    MonthNotOver, NothingOver, WhyNeeded, SecondPersonNeeded, OtherFigures, RunIdTaken.
    """
    known = ClearBack.objects.filter(pk=run_id).first()
    if known is not None:
        return _same(known, building, first, last)
    if not reason.strip():
        raise WhyNeeded
    if second_person is None or second_person.pk == operator.pk:
        raise SecondPersonNeeded
    _check_place(second_person, Right.REFUND, building)
    found = preview(building=building, first=first, last=last, operator=operator, now=now, hold=True)
    if not found.lines:
        raise NothingOver
    if found.total_fen != shown_fen:
        raise OtherFigures
    run = ClearBack(
        id=run_id,
        building=building,
        first_month=found.months[0],
        last_month=found.months[-1],
        reason=reason.strip()[:TEXT_MAX],
        total_fen=found.total_fen,
        operator=operator,
        second_person=second_person,
        at=now,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            ClearBackLine.objects.bulk_create([_line(run, one) for one in found.lines], batch_size=500)
    except IntegrityError as error:  # another run gave the same back meanwhile
        raise OtherFigures from error
    _book(run, found, now)
    staff.log(
        operator=operator,
        action="resale.clear_back",
        target=f"clear back {run.pk}",
        after={
            "months": f"{run.first_month:%Y-%m} {run.last_month:%Y-%m}",
            "building": building.code if building else "",
            "accounts": found.accounts,
            "amount_fen": run.total_fen,
            "reason": run.reason,
            "second_person": second_person.username,
        },
        address=address,
        now=now,
    )
    return run


def _same(known: ClearBack, building: Building | None, first: date, last: date) -> ClearBack:
    asked = (building.pk if building else None, first.replace(day=1), last.replace(day=1))
    if (known.building_id, known.first_month, known.last_month) != asked:
        raise RunIdTaken
    return known


def _line(run: ClearBack, one: queries.Account) -> ClearBackLine:
    return ClearBackLine(
        run=run,
        opening=one.opening,
        month=one.month,
        energy_wh=one.wh,
        charged_fen=one.charged_fen,
        allowed_fen=one.allowed_fen,
        before_fen=one.given_fen,
        fen=one.over_fen,
    )


def _book(run: ClearBack, found: Preview, now: datetime) -> None:
    sums: dict[int, int] = {}
    owner: dict[int, Opening] = {}
    for one in found.lines:
        sums[one.opening.pk] = sums.get(one.opening.pk, 0) + one.over_fen
        owner[one.opening.pk] = one.opening
    for pk, fen in sums.items():
        ledger.post(
            key=key(run.pk, pk),
            cause=ledger.Cause(CAUSE, run.pk),
            debit=accounts.REVENUE,
            credit=accounts.wallet(owner[pk].customer_id),
            amount_fen=fen,
            at=now,
        )


def key(run_id: str, opening_id: int) -> str:
    return f"{CAUSE}:{run_id}:{opening_id}"


def refund_id(run_id: str, opening_id: int) -> str:
    """Of paying an account's part out: there is one."""
    return f"{run_id}.{opening_id}"


@transaction.atomic
def pay_out(
    *, run_id: str, opening_id: int, tender: str, operator: Operator, now: datetime, address: str = ""
) -> Refund:
    """Pay an account's part of a run out of the wallet, with a red receipt. Twice is once.

    To put it on the meter instead, sell the same amount with the same way of paying. Raises NothingToPay and the
    refusals of right and tender.
    """
    opening = Opening.objects.select_related("meter", "customer").get(pk=opening_id)
    checks.check_operator(operator, Right.REFUND, opening.meter)
    first = Refund.objects.filter(pk=refund_id(run_id, opening_id)).first()
    if first is not None:
        return first
    checks.check_tender(tender)
    lines = ClearBackLine.objects.filter(run=run_id, opening=opening_id)
    fen = sum(lines.values_list("fen", flat=True))
    wallet = accounts.wallet(opening.customer_id)
    ledger.lock(wallet)
    if not fen or ledger_queries.available_fen(wallet) < fen:
        raise NothingToPay
    row = Refund(
        id=refund_id(run_id, opening_id),
        opening=opening,
        meter=opening.meter,
        customer_id=opening.customer_id,
        operator=operator,
        amount_fen=fen,
        tender=tender,
        from_wallet=True,
        note=_("Given back: charged above the purchase price"),
        asked_at=now,
        state_at=now,
    )
    returning.pay(row, now=now, key=f"refund:{row.pk}:paid", cause=ledger.Cause("refund", row.pk))
    row.save(force_insert=True)
    staff.log(
        operator=operator,
        action="resale.pay_out",
        target=row.pk,
        after={"meter": opening.meter.number, "amount_fen": fen, "tender": tender},
        address=address,
        now=now,
    )
    return row
