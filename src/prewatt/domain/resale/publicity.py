"""公示: what the law wants shown each month: what was bought, at which price it was resold, lost and shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.queries import zone
from prewatt.domain.resale import queries
from prewatt.domain.resale.allowance import rate_e8
from prewatt.domain.resale.models import PurchaseBill
from prewatt.domain.resale.queries import Against
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.tariff.pricing import Rules, rules_of_many
from prewatt.domain.tariff.rules.plan import ALL_HOURS


@dataclass(frozen=True, slots=True)
class Bought:
    """A period of the bill, with its own price and with its share of the other lines."""

    band: str
    wh: int
    fen: int
    price_e8: int
    with_rest_e8: int


@dataclass(frozen=True, slots=True)
class Resold:
    """A plan's version that held for some meters of this month; `rates_e8` of the first step, by band or "all"."""

    plan: str
    number: int
    rates_e8: dict[str, int]
    meters: int
    more: bool  # it has a ladder or fees beside these prices


@dataclass(frozen=True, slots=True)
class Sheet:
    against: Against
    bought: tuple[Bought, ...]
    resold: tuple[Resold, ...]

    @property
    def bill(self) -> PurchaseBill:
        return self.against.bill

    @property
    def mean_bought_e8(self) -> int:
        return rate_e8(self.against.paid.mean())

    @property
    def mean_resold_e8(self) -> int | None:
        if not self.against.resold_wh:
            return None
        return rate_e8(Fraction(self.against.charged_fen, self.against.resold_wh))

    @property
    def loss_permille(self) -> int:
        return round(self.against.loss_wh * 1000 / self.against.paid.total_wh)


def sheet(bill: PurchaseBill) -> Sheet:
    found = queries.against(bill)
    return Sheet(found, tuple(_bought(found)), tuple(_resold(found)))


def _bought(found: Against) -> list[Bought]:
    paid = found.paid
    return [
        Bought(
            band,
            paid.wh[band],
            paid.fen[band],
            rate_e8(Fraction(paid.fen[band], paid.wh[band])),
            rate_e8(paid.price(band)),
        )
        for band in BANDS
        if paid.wh[band]
    ]


def _resold(found: Against) -> list[Resold]:
    """Every version that held on a day of the month for a meter with an account."""
    begin = found.bill.month
    end = queries.month_end(begin) + timedelta(days=1)
    meters = Meter.objects.filter(pk__in={one.opening.meter_id for one in found.accounts}).values_list("pk", flat=True)
    rows: dict[int, Resold] = {}
    for rules in rules_of_many(meters).values():
        for one in rules:
            for index, source in enumerate(one.sources):
                since, until = source.since.astimezone(zone()).date(), _until(one, index)
                if since < end and (until is None or until >= begin):
                    rows[source.version_id] = _one(one, index, rows.get(source.version_id))
    return sorted(rows.values(), key=lambda row: (-row.meters, row.plan, row.number))


def _until(one: Rules, index: int) -> date | None:
    later = one.sources[index + 1].since if index + 1 < len(one.sources) else one.until
    return later.astimezone(zone()).date() if later else None


def _one(rules: Rules, index: int, known: Resold | None) -> Resold:
    version, source = rules.plan.versions[index], rules.sources[index]
    rates = {band: rate for band, rate in version.rates_e8.items() if band == ALL_HOURS or band in BANDS}
    more = bool(version.ladder or version.fees or version.free or version.minimum_fen)
    return Resold(source.plan_name, source.number, rates, (known.meters if known else 0) + 1, more)
