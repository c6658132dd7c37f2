"""Ten thousand meters in half a minute: an estate to try the pages' speed on, written straight into the tables.

Nothing lives here. The building of the demo's plan is repeated, each copy with rooms, tenants, accounts, newest values,
weeks of daily usage and some sales that are booked as any sale is. What is one row a meter is made here; what is many
(days, hours, transfers) is made by the database from those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection, models, transaction

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State as OrderState
from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Meter, Opening, Room
from prewatt.domain.estate.operations import initials
from prewatt.domain.metering import sums
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.queries import today, zone
from prewatt.domain.staff.models import Operator
from prewatt.domain.vending.models import Sale, SaleState, Series
from prewatt.server.demo import tower
from prewatt.server.demo.tower import RoomPlan, Wanted
from prewatt.sim.tariff import ZHUHAI_PRICES_E4

METERS_MAX = 50_000  # `demo --scale` takes no more
DAYS = 21
SALES = 3  # of each account
SERIES = "SCALE"
CODE = "S"  # buildings S01, S02 …, gateways GW-S01 …
ROWS_TOGETHER = 2000
NO_ANSWER = "no_answer"  # lost by the plan, and left so
HOUR_MS = 3_600_000
DAY = timedelta(days=1)
_TENDERS = ("wechat", "alipay", "cash", "card", "transfer")
# A shop's and office's day, in per cent of the mean hour.
_DAY_SHAPE = (
    *(38, 34, 32, 31, 31, 33, 42, 68, 105, 140, 158, 160),
    *(148, 150, 162, 165, 160, 152, 150, 148, 130, 100, 70, 48),
)
_BALANCES = {Wanted.AL1: 4_200, Wanted.AL2: 1_400, Wanted.OWE: -860, Wanted.OFF: 320}


@dataclass(frozen=True, slots=True)
class Place:
    """One meter to be: the copy of the building it is in, and the plan of its room."""

    copy: int  # 1 …
    plan: RoomPlan

    @property
    def code(self) -> str:
        return f"{CODE}{self.copy:02d}"

    @property
    def meter(self) -> str:
        return f"04{self.copy:04d}{self.plan.bus:02d}{self.plan.unit:02X}"

    @property
    def open(self) -> bool:
        return self.plan.wanted is not Wanted.NONE

    @property
    def spread(self) -> int:
        """0..999, the same for the same place: nothing here is drawn by lot."""
        return (self.copy * 733 + self.plan.index * 617) % 1000


def places(meters: int) -> Iterator[Place]:
    every = tower.rooms()
    for number in range(meters):
        yield Place(number // len(every) + 1, every[number % len(every)])


@transaction.atomic
def load(*, meters: int, now: datetime, seller: Operator) -> int:
    """Write the estate. Returns how many meters; raises ValueError beyond what is sensible or if one is there."""
    if not 0 < meters <= METERS_MAX:
        raise ValueError(f"between 1 and {METERS_MAX} meters, not {meters}")
    if Building.objects.filter(code=f"{CODE}01").exists():
        raise ValueError("this site has such an estate already")
    every = list(places(meters))
    rooms, buses = _buildings(every, now)
    _create(Meter, (_meter(one, rooms, buses) for one in every))
    _create(Customer, (_customer(one, now) for one in every if one.open))
    ids = dict(Meter.objects.filter(bus__in=buses.values()).values_list("number", "pk"))
    tenants = dict(Customer.objects.filter(number__startswith=CODE).values_list("number", "pk"))
    _create(Opening, (_opening(one, ids, tenants, now, seller) for one in every if one.open))
    _create(MeterState, (_state(one, ids, now) for one in every))
    _sales([one for one in every if one.open], ids, now, seller)
    _usage(now)
    _analyze()
    return len(every)


def _create(model: type[models.Model], rows: Iterable[Any]) -> None:
    rows = iter(rows)
    while some := list(islice(rows, ROWS_TOGETHER)):
        model._default_manager.bulk_create(some)


def _buildings(every: list[Place], now: datetime) -> tuple[dict[tuple[int, str], Room], dict[tuple[int, int], Bus]]:
    rooms: dict[tuple[int, str], Room] = {}
    buses: dict[tuple[int, int], Bus] = {}
    for copy in range(1, every[-1].copy + 1):
        code = f"{CODE}{copy:02d}"
        building = Building.objects.create(code=code, name=f"海棠湾 {copy} 号楼", sort=copy)
        floors = Floor.objects.bulk_create(
            Floor(building=building, number=number, name=f"{number}F") for number in range(1, tower.FLOORS + 1)
        )
        made = Room.objects.bulk_create(
            Room(floor=floors[plan.floor - 1], number=plan.number, use="商铺" if plan.ct_ratio > 1 else "办公")
            for plan in tower.rooms()
        )
        rooms |= {(copy, room.number): room for room in made}
        gateway = Gateway.objects.create(code=f"GW-{code}", name=f"{copy} 号楼弱电间", last_seen_at=now)
        buses |= {
            (copy, number): Bus.objects.create(gateway=gateway, code=f"bus-{number}", url="tcp://192.0.2.1:502")
            for number in range(1, tower.BUSES + 1)
        }
    return rooms, buses


def _meter(one: Place, rooms: dict[tuple[int, str], Room], buses: dict[tuple[int, int], Bus]) -> Meter:
    sharp, peak, flat, valley, deep = ZHUHAI_PRICES_E4
    return Meter(
        number=one.meter,
        bus=buses[one.copy, one.plan.bus],
        unit=one.plan.unit,
        profile=tower.PROFILE,
        room=rooms[one.copy, one.plan.number],
        circuit=f"{one.plan.bus}-{one.plan.number}",
        ct_ratio=one.plan.ct_ratio,
        allow=["manual", "observed", "unverified", "simulated"],  # as the tower's: pages show what an order would do
        alarm1_fen=tower.ALARM1_FEN,
        alarm2_fen=tower.ALARM2_FEN,
        ceiling_fen=tower.CEILING_FEN,
        price_sharp_e4=sharp,
        price_peak_e4=peak,
        price_flat_e4=flat,
        price_valley_e4=valley,
        price_deep_e4=deep,
    )


def _customer_number(one: Place) -> str:
    return f"{one.code}-{one.plan.index + 1:03d}"


def _customer(one: Place, now: datetime) -> Customer:
    name = f"{one.plan.tenant}{one.copy}号店" if one.plan.ct_ratio > 1 else f"{one.plan.tenant}（{one.copy}部）"
    return Customer(
        number=_customer_number(one),
        name=name,
        contact=one.plan.contact,
        phone=f"139{one.copy:04d}{one.plan.index:04d}",
        pinyin=initials(name),
        created_at=now - DAY * DAYS,
    )


def _opening(one: Place, ids: dict[str, int], tenants: dict[str, int], now: datetime, seller: Operator) -> Opening:
    return Opening(
        meter_id=ids[one.meter],
        customer_id=tenants[_customer_number(one)],
        opened_at=now - DAY * DAYS,
        opened_by=seller,
        count_base=0,
        bought_base_fen=0,
    )


def _amount_fen(one: Place, number: int) -> int:
    return 10_000 * (1 + (one.spread + number) % (20 if one.plan.ct_ratio > 1 else 5))


def _state(one: Place, ids: dict[str, int], now: datetime) -> MeterState:
    wanted, plan = one.plan.wanted, one.plan
    lost = wanted is Wanted.LOST
    seen = now - timedelta(seconds=one.spread * 180 // 1000) - (timedelta(hours=3) if lost else timedelta())
    power_w = 0 if wanted is Wanted.OFF else plan.mean_wh * (700 + one.spread * 6 // 10) // 1000 // plan.ct_ratio
    amps_ma = power_w * 1000 // 660
    return MeterState(
        meter_id=ids[one.meter],
        taken_at=seen,
        energy_at=seen,
        energy_wh=plan.mean_wh * 24 * 200 // plan.ct_ratio,
        balance_fen=_BALANCES.get(wanted, 8_000 + one.spread * 90) if one.open else 0,
        overdraft_fen=0,
        purchase_count=SALES if one.open else 0,
        bought_fen=sum(_amount_fen(one, number) for number in range(SALES)) if one.open else 0,
        power_w=power_w,
        power_a_w=power_w // 3,
        power_b_w=power_w // 3,
        power_c_w=power_w - power_w // 3 * 2,
        voltage_a_dv=2290 + one.spread % 40,
        voltage_b_dv=2285 + one.spread % 37,
        voltage_c_dv=2295 + one.spread % 33,
        current_a_ma=amps_ma,
        current_b_ma=amps_ma,
        current_c_ma=amps_ma,
        power_factor_e3=960,
        frequency_chz=5000,
        relay_closed=0 if wanted is Wanted.OFF else 1,
        forced=2 if wanted is Wanted.HOLD else 0,
        prepaid_open=int(one.open),
        lost=lost,
        lost_since=seen if lost else None,
        last_error=NO_ANSWER if lost else "",
        last_answer_at=seen,
    )


class _Bought(NamedTuple):
    """One sale to be, and whose it is."""

    place: Place
    number: int  # 0 … of this account
    meter: int
    opening: int
    customer: int
    at: datetime
    seller: Operator

    @property
    def key(self) -> str:
        return f"scale-{self.place.meter}-{self.number + 1}"

    @property
    def amount_fen(self) -> int:
        return _amount_fen(self.place, self.number)


def _sales(every: list[Place], ids: dict[str, int], now: datetime, seller: Operator) -> None:
    """Orders that arrived, their sales, and the money of both: paid into the wallet, and on to the meter."""
    accounts = {
        meter: (opening, customer)
        for meter, opening, customer in Opening.objects.filter(
            customer__number__startswith=CODE, closed_at__isnull=True
        ).values_list("meter", "pk", "customer")
    }
    bought = [
        _Bought(one, number, ids[one.meter], *accounts[ids[one.meter]], _sold_at(one, number, now=now), seller)
        for number in range(SALES)
        for one in every
    ]
    _create(MeterOrder, (_order(one) for one in bought))
    _create(Sale, (_sale(one, receipt) for receipt, one in enumerate(bought, 1)))
    Series.objects.create(code=SERIES, last=len(bought))
    book(SERIES)


def _sold_at(one: Place, number: int, *, now: datetime) -> datetime:
    """The newest of them within the last day, so that today has some."""
    return now - DAY * (SALES - 1 - number) * 7 - timedelta(minutes=1 + one.spread * 86 // 100)


def _order(one: _Bought) -> MeterOrder:
    before = sum(_amount_fen(one.place, earlier) for earlier in range(one.number))
    return MeterOrder(
        id=one.key,
        meter_id=one.meter,
        opening_id=one.opening,
        kind="recharge",
        amount_fen=one.amount_fen,
        count=one.number + 1,
        bought_before_fen=before,
        state=OrderState.DONE,
        cause_kind="sale",
        cause_id=one.key,
        placed_by=one.seller,
        placed_at=one.at,
        ended_at=one.at + timedelta(seconds=4),
        answered_at=one.at + timedelta(seconds=3),
        after={"bought_fen": before + one.amount_fen, "purchase_count": one.number + 1},
        writes=1,
    )


def _sale(one: _Bought, receipt: int) -> Sale:
    return Sale(
        id=one.key,
        series=SERIES,
        number=receipt,
        opening_id=one.opening,
        meter_id=one.meter,
        customer_id=one.customer,
        operator=one.seller,
        amount_fen=one.amount_fen,
        tender=_TENDERS[(one.place.plan.index + one.number) % len(_TENDERS)],
        sold_at=one.at,
        business_day=today(one.at),
        order_id=one.key,
        state=SaleState.ARRIVED,
        state_at=one.at + timedelta(seconds=4),
    )


_ACCOUNTS = """
INSERT INTO ledger_account (code, owner)
SELECT DISTINCT {code}, {owner} FROM vending_sale s WHERE s.series = %s
ON CONFLICT (code, owner) DO NOTHING
"""
_TENDER, _WALLET, _METER = (
    ("'tender'", "s.tender"),
    ("'wallet'", "CAST(s.customer_id AS VARCHAR(64))"),
    ("'meter'", "CAST(s.opening_id AS VARCHAR(64))"),
)
_LEG = """
INSERT INTO ledger_transfer (key, kind, resolves_id, cause_kind, cause_id, amount_fen, debit_id, credit_id, at)
SELECT {key}, '{kind}', {resolves}, 'sale', s.id, s.amount_fen, d.id, c.id, s.{at}
FROM vending_sale s
JOIN ledger_account d ON d.code = {debit[0]} AND d.owner = {debit[1]}
JOIN ledger_account c ON c.code = {credit[0]} AND c.owner = {credit[1]}
{more} WHERE s.series = %s ORDER BY s.sold_at, s.id
"""
_PENDING = "JOIN ledger_transfer p ON p.key = 'order:' || s.id"


def book(series: str) -> None:
    """The money of a series of sales: what `vending.sell` and `settlement.settle` book for a sale that arrived."""
    paid = _LEG.format(
        key="'sale:' || s.id || ':paid'", kind="posted", resolves="NULL", at="sold_at", debit=_TENDER, credit=_WALLET,
        more="",
    )  # fmt: skip
    pending = _LEG.format(
        key="'order:' || s.id", kind="pending", resolves="NULL", at="sold_at", debit=_WALLET, credit=_METER, more=""
    )
    confirmed = _LEG.format(
        key="'order:' || s.id || ':end'", kind="confirmed", resolves="p.id", at="state_at", debit=_WALLET,
        credit=_METER, more=_PENDING,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for code, owner in (_TENDER, _WALLET, _METER):
            cursor.execute(_ACCOUNTS.format(code=code, owner=owner), [series])
        for leg in (paid, pending, confirmed):
            cursor.execute(leg, [series])


_MINE = """
FROM metering_meterstate s JOIN estate_meter m ON m.id = s.meter_id JOIN estate_bus b ON b.id = m.bus_id
JOIN estate_gateway g ON g.id = b.gateway_id AND g.code LIKE 'GW-S%%'
"""
_HOURS = f"""
INSERT INTO metering_usagehour (meter_id, start_ms, energy_wh, filled)
SELECT s.meter_id, {{start_ms}},
       s.power_w * m.ct_ratio * {{share}} * (90 + (s.meter_id * 7 + {{hour}} * 13) %% 21) / 10000, FALSE {_MINE}
"""
_DAYS = f"""
INSERT INTO metering_usageday (meter_id, day, energy_wh, energy_sharp_wh, energy_peak_wh, energy_flat_wh,
    energy_valley_wh, energy_deep_wh, deducted_fen, first_ms, last_ms, gap_s_max, closed_at, version, posted_version)
SELECT d.meter_id, d.day, d.wh, 0, d.wh * 4 / 10, d.wh * 4 / 10, d.wh - d.wh * 4 / 10 * 2, 0, d.wh * 85 / 1000,
       %s, %s, 1800, %s, 1, 1
FROM (SELECT s.meter_id, %s AS day,
      CAST(s.power_w AS BIGINT) * m.ct_ratio * 24 * (80 + (s.meter_id * 3 + %s * 11) %% 41) / 100 AS wh {_MINE}) d
"""  # noqa: S608 - our own text
_SUMS = """
INSERT INTO metering_buildinghour (start_ms, place, energy_wh)
SELECT h.start_ms, f.building_id, SUM(h.energy_wh) FROM metering_usagehour h JOIN estate_meter m ON m.id = h.meter_id
JOIN estate_room r ON r.id = m.room_id JOIN estate_floor f ON f.id = r.floor_id
JOIN estate_building b ON b.id = f.building_id AND b.code LIKE 'S%%'
WHERE h.start_ms >= %s GROUP BY h.start_ms, f.building_id
"""
_PER_DAY = """
UPDATE metering_meterstate SET per_day_fen = (SELECT CAST(SUM(d.deducted_fen) / COUNT(*) AS BIGINT)
FROM metering_usageday d WHERE d.meter_id = metering_meterstate.meter_id AND d.day >= %s)
WHERE meter_id IN (SELECT m.id FROM estate_meter m JOIN estate_bus b ON b.id = m.bus_id
JOIN estate_gateway g ON g.id = b.gateway_id AND g.code LIKE 'GW-S%%')
"""

_NOW = """
UPDATE metering_meterstate SET power_w = power_w * %s / 100, power_a_w = power_a_w * %s / 100,
    power_b_w = power_b_w * %s / 100, power_c_w = power_c_w * %s / 100
WHERE meter_id IN (SELECT m.id FROM estate_meter m JOIN estate_bus b ON b.id = m.bus_id
JOIN estate_gateway g ON g.id = b.gateway_id AND g.code LIKE 'GW-S%%')
"""


def _usage(now: datetime) -> None:
    """Yesterday's and today's hours, weeks of days, and the sums that closing keeps."""
    this_day = today(now)
    began = datetime.combine(this_day, datetime.min.time(), zone()).astimezone(UTC) - DAY
    began_ms, now_ms = (int(at.timestamp() * 1000) for at in (began, now))
    moment, date_of = connection.ops.adapt_datetimefield_value, connection.ops.adapt_datefield_value
    with connection.cursor() as cursor:
        for start_ms in range(began_ms, now_ms, HOUR_MS):
            hour = (start_ms - began_ms) // HOUR_MS
            part = min(100, (now_ms - start_ms) * 100 // HOUR_MS)
            share = _DAY_SHAPE[hour % 24]
            cursor.execute(_HOURS.format(start_ms=start_ms, share=share * part // 100, hour=hour), [])
        for back in range(DAYS, 0, -1):
            day = this_day - DAY * back
            first_ms = began_ms - (back - 1) * 24 * HOUR_MS
            cursor.execute(_DAYS, [first_ms, first_ms + 24 * HOUR_MS, moment(now), date_of(day), back])
        cursor.execute(_SUMS, [began_ms])
        cursor.execute(_PER_DAY, [date_of(this_day - DAY * 7)])
        sums.add_all()
        cursor.execute(_NOW, [share] * 4)


def _analyze() -> None:
    """The planner should know that the tables have grown; no site grows by ten thousand meters at once."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
