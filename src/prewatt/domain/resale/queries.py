"""A month's bill against what was charged: account by account, and in total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet, Sum

from prewatt.domain.estate.models import Building, Meter, Opening
from prewatt.domain.explaining import charged as booked
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import UsageDay
from prewatt.domain.metering.queries import zone
from prewatt.domain.resale.allowance import Paid, allowed_fen, over_fen
from prewatt.domain.resale.models import ClearBack, ClearBackLine, PurchaseBill
from prewatt.domain.tariff.models import BANDS

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

METERS_TOGETHER = 500


def bills(*, operator: Operator) -> QuerySet[PurchaseBill]:
    """Those of the operator's buildings; the whole site's only for who sees every building."""
    found = PurchaseBill.objects.select_related("building", "entered_by")
    if not operator.is_active:
        return found.none()
    return found if operator.all_buildings else found.filter(building__in=operator.buildings.values("pk"))


def runs(*, operator: Operator) -> QuerySet[ClearBack]:
    found = ClearBack.objects.select_related("building", "operator", "second_person")
    if not operator.is_active:
        return found.none()
    return found if operator.all_buildings else found.filter(building__in=operator.buildings.values("pk"))


def paid(bill: PurchaseBill) -> Paid:
    return Paid(
        wh={band: int(getattr(bill, f"energy_{band}_wh")) for band in BANDS},
        fen={band: int(getattr(bill, f"amount_{band}_fen")) for band in BANDS},
        other_fen=sum(one.amount_fen for one in bill.items.all()),
        markup_permille=bill.markup_permille,
    )


@dataclass(slots=True)
class Account:
    """One account in one month. `given_fen` went back before."""

    opening: Opening
    month: date
    wh: int = 0
    used: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BANDS, 0))
    charged_fen: int = 0
    allowed_fen: int = 0
    given_fen: int = 0

    @property
    def over_fen(self) -> int:
        return over_fen(self.charged_fen, self.allowed_fen, self.given_fen)

    @property
    def room(self) -> str:
        return self.opening.meter.room.number if self.opening.meter.room else ""


@dataclass(frozen=True, slots=True)
class Against:
    """A bill against its accounts."""

    bill: PurchaseBill
    paid: Paid
    accounts: tuple[Account, ...]

    @property
    def resold_wh(self) -> int:
        return sum(one.wh for one in self.accounts)

    @property
    def charged_fen(self) -> int:
        return sum(one.charged_fen for one in self.accounts)

    @property
    def allowed_fen(self) -> int:
        return sum(one.allowed_fen for one in self.accounts)

    @property
    def over_fen(self) -> int:
        return sum(one.over_fen for one in self.accounts)

    @property
    def given_fen(self) -> int:
        return sum(one.given_fen for one in self.accounts)

    @property
    def loss_wh(self) -> int:
        """Bought and not resold: losses, and what the house itself used."""
        return self.paid.total_wh - self.resold_wh


def against(bill: PurchaseBill) -> Against:
    """Every account that was open in the bill's month and building, in the order of rooms."""
    cost = paid(bill)
    found = {one.pk: Account(one, bill.month) for one in _openings(bill.building, bill.month)}
    _add_use(found, bill.month)
    _add_charged(found, bill.month)
    for one in found.values():
        one.allowed_fen = allowed_fen(cost, one.used, one.wh)
    return Against(bill, cost, tuple(found.values()))


def month_end(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.fromtimestamp(day_start_ms(day, zone()) / 1000, zone())


def _openings(building: Building | None, month: date) -> QuerySet[Opening]:
    begin, end = _midnight(month), _midnight(month_end(month) + timedelta(days=1))
    found = Opening.objects.filter(Q(closed_at=None) | Q(closed_at__gte=begin), opened_at__lt=end)
    if building is not None:
        found = found.filter(meter__in=Meter.objects.filter(room__floor__building=building).order_by().values("pk"))
    return found.select_related("meter__room__floor__building", "customer").order_by(
        "meter__room__floor__building__sort", "meter__room__number", "meter__number", "opened_at"
    )


def _add_use(found: dict[int, Account], month: date) -> None:
    """A day belongs to the account that was open at its end."""
    by_meter: defaultdict[int, list[Account]] = defaultdict(list)
    for one in found.values():
        by_meter[one.opening.meter_id].append(one)
    meters = sorted(by_meter)
    columns = ("meter_id", "day", "energy_wh", *(f"energy_{band}_wh" for band in BANDS))
    for at in range(0, len(meters), METERS_TOGETHER):
        rows = UsageDay.objects.filter(
            meter__in=meters[at : at + METERS_TOGETHER], day__gte=month, day__lte=month_end(month)
        )
        for meter, day, wh, *bands in rows.order_by("meter", "day").values_list(*columns):
            owner = _owner(by_meter[meter], day)
            if owner is not None:
                owner.wh += int(wh)
                for band, part in zip(BANDS, bands, strict=True):
                    owner.used[band] += int(part)


def _owner(accounts: Iterable[Account], day: date) -> Account | None:
    end = _midnight(day + timedelta(days=1))
    held = [one for one in accounts if one.opening.opened_at < end]
    last = max(held, key=lambda one: one.opening.opened_at, default=None)
    if last is None or (last.opening.closed_at is not None and last.opening.closed_at < _midnight(day)):
        return None
    return last


def _add_charged(found: dict[int, Account], month: date) -> None:
    sums = booked.by_opening(opening_ids=found, first=month, last=month_end(month))
    for pk, days in sums.items():
        found[pk].charged_fen = max(0, sum(days.values()))
    given = ClearBackLine.objects.filter(opening__in=list(found), month=month).values_list("opening_id")
    for pk, fen in given.annotate(fen=Sum("fen")).order_by():
        found[pk].given_fen = int(fen)
