"""Write the demo's building into the database: rooms, buses, meters, tenants, and the people who log in."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction

from prewatt.domain.control.models import SwitchRules
from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Meter, Room
from prewatt.domain.estate.operations import initials
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Operator
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.tariff.models import PRICE_NAMES, PlanKind
from prewatt.server.demo import tower
from prewatt.server.demo.log_ins import LOG_INS, PASSWORD, TENANT, TENANT_PASSWORD
from prewatt.sim.tariff import ZHUHAI_PRICES_E4

GATEWAY = "GW-A"
BAUD = 9600
SWEEP_S = 1800
STATUS_S = 180


@transaction.atomic
def build(*, ports: list[int], now: datetime) -> None:
    """Everything that stands still. The accounts are opened by the real operation (`sales.py`)."""
    roles = staff.ready_roles()
    for one in LOG_INS:
        staff.add_operator(
            username=one.username,
            name=one.name,
            role=roles[one.role],
            password=PASSWORD,
            now=now,
            all_buildings=True,
            check_password=False,
        )
    rooms = _rooms()
    buses = _buses(ports)
    Meter.objects.bulk_create(_meter(plan, rooms[plan.number], buses[plan.bus]) for plan in tower.rooms())
    tenants = {plan.customer: plan for plan in reversed(tower.rooms()) if plan.wanted is not tower.Wanted.NONE}
    Customer.objects.bulk_create(_customer(plan, now) for plan in reversed(tenants.values()))
    Customer.objects.filter(number=TENANT).update(password=make_password(TENANT_PASSWORD))
    SwitchRules.objects.create(tenant_on=True, tenant_off=True)  # 远程控制 may be tried here
    _plans(now)


def _rooms() -> dict[str, Room]:
    building = Building.objects.create(code=tower.BUILDING_CODE, name=tower.BUILDING)
    floors = Floor.objects.bulk_create(
        Floor(building=building, number=number, name=f"{number}F") for number in range(1, tower.FLOORS + 1)
    )
    rooms = Room.objects.bulk_create(
        Room(
            floor=floors[plan.floor - 1],
            number=plan.number,
            use="商铺" if plan.floor <= tower.SHOP_FLOORS else "办公",
        )
        for plan in tower.rooms()
    )
    return {room.number: room for room in rooms}


def _buses(ports: list[int]) -> dict[int, Bus]:
    gateway = Gateway.objects.create(code=GATEWAY, name="弱电间通讯管理机")
    buses = Bus.objects.bulk_create(
        Bus(gateway=gateway, code=f"bus-{number}", url=bus_url(port), sweep_s=SWEEP_S, status_s=STATUS_S)
        for number, port in enumerate(ports, 1)
    )
    return dict(enumerate(buses, 1))


def bus_url(port: int) -> str:
    return f"rtu+tcp://127.0.0.1:{port}?baud={BAUD}"


def _meter(plan: tower.RoomPlan, room: Room, bus: Bus) -> Meter:
    sharp, peak, flat, valley, deep = (tower.FLAT_E4,) * 5 if plan.flat else ZHUHAI_PRICES_E4
    return Meter(
        number=plan.meter,
        bus=bus,
        unit=plan.unit,
        profile=tower.PROFILE,
        room=room,
        circuit=f"{plan.bus}-{plan.number}",
        ct_ratio=plan.ct_ratio,
        # These meters are simulated: what a real site must first verify (switching, above all) may be tried here.
        allow=["manual", "observed", "unverified", "simulated"],
        alarm1_fen=tower.ALARM1_FEN,
        alarm2_fen=tower.ALARM2_FEN,
        ceiling_fen=tower.CEILING_FEN,
        price_sharp_e4=sharp,
        price_peak_e4=peak,
        price_flat_e4=flat,
        price_valley_e4=valley,
        price_deep_e4=deep,
    )


def _customer(plan: tower.RoomPlan, now: datetime) -> Customer:
    return Customer(
        number=plan.customer,
        name=plan.tenant,
        contact=plan.contact,
        phone=plan.phone,
        pinyin=initials(plan.tenant),
        created_at=now,
    )


def _plans(now: datetime) -> None:
    """By time of use for nearly all, one price for a few floors, and one that nobody uses yet."""
    manager = Operator.objects.get(username="manager")
    day = now.date()
    tou = dict(zip(PRICE_NAMES, ZHUHAI_PRICES_E4, strict=True))
    saved = [
        tariff.save_plan(plan=None, name=name, kind=kind, prices=prices, operator=manager, now=now, day=day, note=note)
        for name, kind, prices, note in (
            ("工商业尖峰平谷", PlanKind.TOU, tou, "珠海 1 千伏以下单一制，2026 年 10 月（暂定）"),
            ("办公单一电价", PlanKind.FLAT, tariff.even(tower.FLAT_E4), "十七、十八层"),
            ("公共区域单一电价", PlanKind.FLAT, tariff.even(7_600), ""),
        )
    ]
    by_price = {flat: [plan.meter for plan in tower.rooms() if plan.flat is flat] for flat in (False, True)}
    for plan, numbers in zip(saved, by_price.values(), strict=False):
        ids = Meter.objects.filter(number__in=numbers).values_list("pk", flat=True)
        tariff.assign(plan=plan, meter_ids=ids, operator=manager, now=now)


@transaction.atomic
def move_buses(ports: list[int]) -> None:
    """The simulator listens on other ports than last time: tell the gateway, which asks for its part again."""
    changed = False
    for number, port in enumerate(ports, 1):
        bus = Bus.objects.get(gateway__code=GATEWAY, code=f"bus-{number}")
        if bus.url != bus_url(port):
            bus.url, changed = bus_url(port), True
            bus.save(update_fields=["url"])
    if changed:
        gateway = Gateway.objects.select_for_update().get(code=GATEWAY)
        gateway.config_version += 1
        gateway.save(update_fields=["config_version"])
