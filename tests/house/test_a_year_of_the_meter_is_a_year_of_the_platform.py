"""A year of the building's 152 recorded loads, counted down by the meters themselves and priced by the platform.

The meters are those of the simulator: each sums price × register × ratio as it counts, by its own clock, which runs
away and is never set, and rounds the sum once. The platform knows their readings alone: it closes their days, and
prices them by the plan. In the middle of the year, on a morning, the price changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from prewatt.sim import loads
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Meter
from prewatt.sim.tariff import RATES, ZHUHAI
from prewatt.units.values import round_half_up

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 1, 1, tzinfo=ZONE).astimezone(UTC)
CHANGE = datetime(2026, 7, 1, 10, 20, tzinfo=ZONE).astimezone(UTC)
LATE = timedelta(days=9)
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
DAYS = 365
OLD = dict(zip(RATES, (16_704, 13_418, 8_007, 3_214, 2_999), strict=True))
NEW = dict(zip(RATES, (15_111, 12_345, 7_263, 3_333, 3_001), strict=True))
MUCH_FEN = 10**9
SHOWN = ("energy_wh", *(f"energy_{band}_wh" for band in RATES), "bought_fen", "balance_fen", "overdraft_fen")


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def named(e4: Mapping[str, int]) -> dict[str, int]:
    return {f"price_{band}_e4": value for band, value in e4.items()}


@dataclass
class Lived:
    """What was read of a meter at its midnights and when it got its new prices, and what it had deducted then."""

    number: str
    ratio: int
    looks: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    deducted_fen: dict[int, int] = field(default_factory=dict)


def meter(place: int, *, clock_ppm: int, ratio: int) -> Meter:
    now_ms = ms(BEGIN)
    load = loads.RoomLoad(loads.names()[place], mean_wh=300 + 17 * place, seed=place)
    spec = MeterSpec(number=f"{place:010d}", ct_ratio=ratio, clock_ppm=clock_ppm)
    memory = Memory(
        opened=True,
        credit_fen=MUCH_FEN,
        bought_fen=MUCH_FEN,
        ceiling_fen=0,
        prices_e4=list(OLD.values()),
        tariff=ZHUHAI,
        clock_set_ms=now_ms,
        clock_set_at_ms=now_ms,
    )
    return Meter(spec, load, memory, now_ms=now_ms)


@cache
def lived(place: int, *, late: bool = False) -> Lived:
    """Its clock runs up to an hour away in the year; the ratio is that of some transformer."""
    one = meter(place, clock_ppm=(-120, -35, 0, 60, 115)[place % 5], ratio=(1, 1, 20, 40, 120)[place % 5])
    found = Lived(one.spec.number, one.spec.ct_ratio)
    told_ms = ms(CHANGE + (LATE if late else timedelta()))
    moments = {ms(BEGIN) + day * DAY_MS for day in range(DAYS + 1)} | {ms(CHANGE), told_ms}
    for at_ms in sorted(moments):
        values = one.values(at_ms)
        found.looks.append((at_ms, {name: values[name] for name in SHOWN}))
        found.deducted_fen[at_ms] = one.deducted_fen
        if at_ms == told_ms:
            one.apply("prices", named(NEW), at_ms)
    return found


class Site:
    """The centre: one plan in two versions, one meter and account for each that lived."""

    def __init__(self, settlement: str = "year") -> None:
        from prewatt.domain.estate import operations as estate
        from prewatt.domain.estate.models import Customer
        from prewatt.domain.staff.models import Operator
        from prewatt.domain.staff.operations import ready_roles

        facts = {"role": ready_roles()["admin"], "all_buildings": True, "created_at": BEGIN}
        self.operator = Operator.objects.create(username="admin", **facts)
        self.customer = Customer.objects.create(number="K1", name="K", created_at=BEGIN)
        self.gateway = estate.add_gateway(code="gw", buses=[("b", "tcp://127.0.0.1:1")])
        self.settlement = {"every": settlement}
        self.plan = self.version("first", {"prices": yuan(OLD)}, BEGIN - timedelta(days=1), None).plan
        self.version("second", {"prices": yuan(NEW)}, CHANGE, self.plan)

    def version(self, key: str, version: dict[str, Any], at: datetime, plan: Any) -> Any:
        from prewatt.domain.tariff.rules.plan import FORMAT
        from prewatt.domain.tariff.versions import add_version

        document = {"format": FORMAT, "name": "p", "settlement": self.settlement, "versions": [version]}
        now = BEGIN - timedelta(days=1)
        asked = {"key": key, "plan": plan, "document": document, "effective_from": at, "name": key}
        return add_version(**asked, operator=self.operator, now=now, day=now.date())

    def account(self, of: Lived) -> Any:
        """Its readings are in, its days are closed."""
        from prewatt.domain.estate import operations as estate
        from prewatt.domain.estate.models import Bus, Opening
        from prewatt.domain.metering import operations as metering
        from prewatt.domain.tariff.operations import assign
        from prewatt.link.messages import Reading

        bus = Bus.objects.get()
        facts: dict[str, Any] = {"bus": bus, "unit": bus.meters.count() + 1, "profile": "acrel-dtsy1352-nk"}
        row = estate.add_meter(number=of.number, ct_ratio=of.ratio, **facts)
        assign(plan=self.plan, meter_ids=[row.pk], operator=self.operator, now=BEGIN - timedelta(days=1))
        looks = [Reading(meter=of.number, taken_at_ms=at_ms, values=values) for at_ms, values in of.looks]
        end = BEGIN + timedelta(days=DAYS, hours=2)
        metering.record_readings(looks, gateway=self.gateway, now=end)
        metering.close_days(now=end)
        first = of.looks[0][1]
        base_fen = first["bought_fen"] - first["balance_fen"]
        return Opening.objects.create(meter=row, customer=self.customer, opened_at=BEGIN, bought_base_fen=base_fen)


def yuan(e4: Mapping[str, int]) -> dict[str, str]:
    return {band: f"{value / 10_000:.4f}" for band, value in e4.items()}


def charged(opening: Any) -> Iterator[tuple[int, int]]:
    """What the platform has charged at each midnight, day after day."""
    from prewatt.domain.billing.rating import days_of
    from prewatt.domain.explaining.use import intervals, start_s
    from prewatt.domain.tariff.pricing import rules_of
    from prewatt.domain.tariff.rules.charging import Running

    (rules,) = rules_of(opening.meter_id)
    running = Running(rules.plan)
    for one in days_of(opening):
        running.add(intervals(meter_id=opening.meter_id, plan=rules.plan, days={one.day: one}))
        yield (start_s(one.day + timedelta(days=1))) * 1000, running.fen


def test_at_every_midnight_of_the_year_both_have_the_same_fen() -> None:
    from prewatt.domain.billing.rating import days_of, of_days

    site = Site()
    assert len(loads.names()) == 152
    for place in range(152):
        true = lived(place)
        opening = site.account(true)
        found = list(charged(opening))
        assert len(found) == DAYS
        assert [fen for _at, fen in found] == [true.deducted_fen[at_ms] for at_ms, _fen in found], true.number
        assert of_days(opening, days_of(opening)) == found[-1][1]  # at once, as it is booked


def test_settled_by_the_month_they_differ_by_the_rounding_of_the_months_alone() -> None:
    """The meter rounds its sum once; the platform each month's statement, as it is paid."""
    from prewatt.domain.billing.rating import days_of
    from prewatt.domain.explaining.use import intervals
    from prewatt.domain.reconciliation.classify import Cause
    from prewatt.domain.tariff.pricing import rules_of
    from prewatt.domain.tariff.rules.charging import price

    site = Site("month")
    for place in (3, 77, 130):
        true = lived(place)
        opening = site.account(true)
        (rules,) = rules_of(opening.meter_id)
        days = {one.day: one for one in days_of(opening)}
        bill = price(rules.plan, intervals(meter_id=opening.meter_id, plan=rules.plan, days=days))
        deducted_fen = true.deducted_fen[ms(BEGIN) + DAYS * DAY_MS]
        assert len(bill.statements) == 12
        exact = sum(one.exact for one in bill.statements)
        assert round_half_up(exact.numerator, exact.denominator) == deducted_fen
        assert abs(bill.fen - exact) * 2 <= 12
        found, _days = judged(opening, CHANGE.astimezone(ZONE).date())
        assert {part.cause for part in found.parts} <= {Cause.ROUNDING}


def test_the_books_of_the_year_are_what_the_meter_deducted() -> None:
    """Meter billing: day after day is posted, and the sum is the meter's own."""
    from prewatt.domain.settlement import post_closed_days, used_fen

    true = lived(41)
    opening = Site().account(true)
    assert post_closed_days(now=BEGIN + timedelta(days=DAYS, hours=3)) == DAYS
    assert used_fen(opening.pk) == true.deducted_fen[ms(BEGIN) + DAYS * DAY_MS]


def test_a_year_booked_day_by_day_is_the_year_priced_at_once() -> None:
    """Platform billing: each closed day brings the charge to what all of them come to together."""
    from prewatt.domain.billing.operations import begin, rate_one
    from prewatt.domain.billing.queries import available_fen
    from prewatt.domain.billing.rating import days_of, of_days
    from prewatt.domain.metering.operations import close_hours
    from prewatt.domain.settlement import post_closed_days, used_fen

    true = lived(41)
    opening = Site().account(true)
    close_hours(now=BEGIN + timedelta(days=DAYS, hours=2))
    begin(opening=opening, asked="o", billing="platform", overdraft_fen=0, switch_on_min_fen=0)
    now = BEGIN + timedelta(days=DAYS, hours=3)
    assert post_closed_days(now=now) == DAYS
    rate_one(opening_id=opening.pk, now=now)
    deducted_fen = true.deducted_fen[ms(BEGIN) + DAYS * DAY_MS]
    assert used_fen(opening.pk) == of_days(opening, days_of(opening)) == deducted_fen == -available_fen(opening.pk)


def judged(opening: Any, told: date) -> Any:
    """The account's days as the classifier has them; `told`: the day on which the meter got its new prices."""
    from prewatt.domain.billing.rating import days_of
    from prewatt.domain.reconciliation.classify import Facts, MeterDay, classify
    from prewatt.domain.tariff.models import BANDS

    changed = CHANGE.astimezone(ZONE).date()
    days = []
    for one in days_of(opening):
        energy = {band: int(getattr(one, f"energy_{band}_wh")) for band in BANDS}
        desired, reported = OLD if one.day < changed else NEW, OLD if one.day < told else NEW
        if one.day not in {changed, told}:  # which hour had which price is not known of these
            days.append(MeterDay(one.day, energy, one.deducted_fen, desired, reported))
    return classify(Facts(days=days, ratio=opening.meter.ct_ratio)), days


@pytest.mark.parametrize("place", [6, 64, 118])
def test_a_price_that_came_late_is_named_with_its_amount(place: int) -> None:
    """Nine days by the old price: each fen between the two is the price's, but for the rounding of the days."""
    from prewatt.domain.reconciliation.classify import Cause, rated_fen

    true = lived(place, late=True)
    opening = Site().account(true)
    told = (CHANGE + LATE).astimezone(ZONE).date()
    found, days = judged(opening, told)
    parts = {part.cause: part.amount_fen for part in found.parts}
    between = [one for one in days if CHANGE.astimezone(ZONE).date() < one.day < told]
    assert len(between) == LATE.days - 1
    assert parts.keys() <= {Cause.PRICE, Cause.ROUNDING}
    assert parts[Cause.PRICE] == sum(rated_fen(one.energy_wh, NEW) - (one.deducted_fen or 0) for one in between)
    exact_e7 = sum(wh * (NEW[band] - OLD[band]) for one in between for band, wh in one.energy_wh.items())
    assert abs(parts[Cause.PRICE] * 100_000 - exact_e7) <= 100_000 * (len(between) + 1)
    assert sum(parts.values()) == found.drift_fen
    assert abs(parts.get(Cause.ROUNDING, 0)) <= len(days)
    platform_fen = [fen for _at, fen in charged(opening)][-1]
    deducted_fen = true.deducted_fen[ms(BEGIN) + DAYS * DAY_MS]
    rest_fen = border_fen(true, CHANGE) + border_fen(true, CHANGE + LATE)
    # Each day is rounded by the classifier, the year once by the platform.
    assert abs(platform_fen - deducted_fen - parts[Cause.PRICE] - rest_fen) <= len(between) + 2


def border_fen(true: Lived, at: datetime) -> int:
    """What the two days cost more by the new prices than by the old, on which the meter could not be judged: from the
    change to midnight, and from midnight to when the meter was told."""
    midnight = datetime.combine(at.astimezone(ZONE).date(), time(), ZONE)
    shown = dict(true.looks)
    from_ms, to_ms = (ms(at), ms(midnight) + DAY_MS) if at == CHANGE else (ms(midnight), ms(at))
    used = {band: shown[to_ms][f"energy_{band}_wh"] - shown[from_ms][f"energy_{band}_wh"] for band in RATES}
    return round(sum(wh * true.ratio * (NEW[band] - OLD[band]) for band, wh in used.items()) / 100_000)


def test_by_the_sites_own_hours_a_clock_that_ran_away_costs_what_it_put_into_other_bands() -> None:
    """A plan with hours of its own does not ask the meter's clock: it charges what a meter with a true clock would.

    One whose clock ran an hour away in the year and was never set (a gateway sets it) has counted some energy in a
    neighbouring band: that, at the difference of the prices, is the difference, and there is no other.
    """
    from prewatt.domain.billing.rating import days_of, of_days
    from prewatt.domain.metering.operations import close_hours

    true, astray = hourly(12, clock_ppm=0), hourly(12, clock_ppm=-115)
    end_ms = ms(BEGIN) + DAYS * DAY_MS
    site = Site()
    site.plan = site.version("hours", hours(OLD), BEGIN - timedelta(days=1), None).plan
    site.version("hours-new", hours(NEW), CHANGE.replace(minute=0), site.plan)
    opening = site.account(true)
    close_hours(now=BEGIN + timedelta(days=DAYS, hours=2))
    assert of_days(opening, days_of(opening)) == true.deducted_fen[end_ms]
    assert astray.deducted_fen[end_ms] != true.deducted_fen[end_ms]
    begun_ms, changed_ms = ms(BEGIN), ms(CHANGE.replace(minute=0))
    moved_e7 = 0
    for e4, from_ms, to_ms in ((OLD, begun_ms, changed_ms), (NEW, changed_ms, end_ms)):
        for band in RATES:
            moved_e7 += e4[band] * (used_wh(astray, band, from_ms, to_ms) - used_wh(true, band, from_ms, to_ms))
    fen = astray.deducted_fen[end_ms] - true.deducted_fen[end_ms]
    assert abs(fen * 100_000 - moved_e7) <= 100_000  # each of the two is rounded once


def hours(e4: Mapping[str, int]) -> dict[str, Any]:
    """The meter's tables as the plan's own."""
    tables = {
        name: [{"at": f"{slot.minute // 60:02d}:{slot.minute % 60:02d}", "band": RATES[slot.rate]} for slot in slots]
        for name, slots in zip(("usual", "hot"), ZHUHAI.plans, strict=True)
    }
    calendar = [{"table": "hot", "months": [7, 8, 9]}, {"table": "usual"}]
    return {"prices": yuan(e4), "tables": tables, "calendar": calendar}


@cache
def hourly(place: int, *, clock_ppm: int) -> Lived:
    one = meter(place, clock_ppm=clock_ppm, ratio=1)
    found = Lived(one.spec.number, 1)
    for hour in range(DAYS * 24 + 1):
        at_ms = ms(BEGIN) + hour * HOUR_MS
        values = one.values(at_ms)
        found.looks.append((at_ms, {name: values[name] for name in SHOWN}))
        found.deducted_fen[at_ms] = one.deducted_fen
        if at_ms == ms(CHANGE.replace(minute=0)):
            one.apply("prices", named(NEW), at_ms)
    return found


def used_wh(of: Lived, band: str, from_ms: int, to_ms: int) -> int:
    shown = dict(of.looks)
    return shown[to_ms][f"energy_{band}_wh"] - shown[from_ms][f"energy_{band}_wh"]
