"""What stands in the building of a run: a few meters of every temper, and the same estate at the centre."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from prewatt.domain.estate import operations as estate
from prewatt.domain.estate.models import Customer, Gateway, Meter
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Operator
from prewatt.domain.tariff import operations as tariff
from prewatt.domain.tariff import versions
from prewatt.domain.tariff.models import Plan
from prewatt.domain.tariff.rules.plan import FORMAT
from prewatt.sim.fleet import BusEntry, Fleet, MeterEntry

METERS_PER_BUS = 19
BILLED = 1  # meters more whose accounts the platform bills
SPARES = 1  # meters that hang ready, out of use, to be changed for others
SWEEP_S = 4 * 3600
STATUS_S = 3600
ALLOW = ["manual", "observed", "unverified", "simulated"]
MODEL = "acrel-dtsy1352-nk"
BELIEVER = "torture-believer"  # the same registers, but the meter believes every count: only a reading can protect it
BANDS = ("sharp", "peak", "flat", "valley", "deep")
FIRST_E4 = (12_000, 10_000, 7_000, 3_000, 2_000)
_PERSISTS = (("count", "balance+bought", "record"), ("balance+bought", "count", "record"))


def write_profiles(folder: Path) -> None:
    """The believing meter's own profile, so that the gateway knows that the count proves nothing to it."""
    text = (resources.files("prewatt.profiles") / f"{MODEL}.toml").read_text()
    for old, new in ((f'name = "{MODEL}"', f'name = "{BELIEVER}"'), ('kind = "purchase_count"', 'kind = "none"')):
        if text.count(old) != 1:
            raise ValueError(f"{MODEL}.toml no longer says {old}: the believer would be an ordinary meter")
        text = text.replace(old, new)
    (folder / f"{BELIEVER}.toml").write_text(text)


def document(prices_e4: Sequence[int]) -> dict[str, Any]:
    """A price plan of five prices: the hours stand in the meters."""
    prices = {band: f"{e4 // 10_000}.{e4 % 10_000:04d}" for band, e4 in zip(BANDS, prices_e4, strict=True)}
    return {"format": FORMAT, "name": "torture", "versions": [{"prices": prices}]}


def fleet(count: int, chance: random.Random) -> Fleet:
    """`count` meters and the spare ones on buses of 19, unopened: every account is opened by the run itself."""
    meters = [_meter(number, chance) for number in range(count + SPARES)]
    meters += [_billed(len(meters) + number, chance) for number in range(BILLED)]
    buses = [meters[start : start + METERS_PER_BUS] for start in range(0, len(meters), METERS_PER_BUS)]
    return Fleet(bus=[BusEntry(name=f"b{number + 1}", meter=entries) for number, entries in enumerate(buses)])


def _meter(number: int, chance: random.Random) -> MeterEntry:
    believes = number % 3 == 2
    return MeterEntry(
        number=f"03000104{number + 1:02X}",
        unit=number % METERS_PER_BUS + 1,
        profile=BELIEVER if believes else MODEL,
        firmware="unchecked" if believes else chance.choice(("2010", "2018")),
        persist=chance.choice(_PERSISTS),
        watts=chance.choice((0, 150, 900, 4000)),
        ct_ratio=chance.choice((1, 1, 1, 20)),
        opened=False,
        balance_fen=0,
        ceiling_fen=chance.choice((0, 300_000)),
        overdraft_limit_fen=chance.choice((0, 0, 5_000)),
    )


def _billed(number: int, chance: random.Random) -> MeterEntry:
    """It counts energy by bands and no money: nobody opens it."""
    return MeterEntry(
        number=f"03000104{number + 1:02X}",
        unit=number % METERS_PER_BUS + 1,
        profile=MODEL,
        watts=chance.choice((900, 4000, 11_000)),
        ct_ratio=chance.choice((1, 20)),
        opened=False,
        balance_fen=0,
    )


def _people(now: datetime) -> tuple[Operator, Operator]:
    roles = staff.ready_roles()
    cashier, second = (
        Operator.objects.create(username=name, role=roles["admin"], all_buildings=True, created_at=now, is_active=True)
        for name in ("cashier", "second")
    )
    return cashier, second


class Estate:
    """The centre's side of the building."""

    def __init__(self, plan: Fleet, now_ms: int) -> None:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        self.operator, self.second = _people(now)
        self.gateway: Gateway = estate.add_gateway(
            code="gw", buses=[(bus.name, "rtu+tcp://127.0.0.1:1?baud=9600") for bus in plan.bus]
        )
        self.gateway.buses.update(sweep_s=SWEEP_S, status_s=STATUS_S)
        self.meters: list[Meter] = []
        self.customers: list[Customer] = []
        for bus in plan.bus:
            row = self.gateway.buses.get(code=bus.name)
            for entry in bus.meter:
                self._add(row, entry, now)
        billed = [self.meters.pop() for _ in range(BILLED)]
        self.billed = [(meter, self.customers.pop()) for meter in billed]
        self.spares = [self.meters.pop() for _ in range(SPARES)]
        Meter.objects.filter(pk__in=[meter.pk for meter in self.spares]).update(active=False)
        self.plan = self._priced(now)
        self.gateway.refresh_from_db()

    def _priced(self, now: datetime) -> Plan:
        """One plan for all: what it says goes to the meters, and prices what the platform bills."""
        first = versions.add_version(
            key="first",
            plan=None,
            document=document(FIRST_E4),
            effective_from=None,
            operator=self.operator,
            now=now,
            day=now.date(),
            name="torture",
        )
        meters = Meter.objects.order_by("pk").values_list("pk", flat=True)
        tariff.assign(plan=first.plan, meter_ids=meters, operator=self.operator, now=now)
        return first.plan

    def _add(self, bus: object, entry: MeterEntry, now: datetime) -> None:
        meter = estate.add_meter(
            number=entry.number,
            bus=bus,  # type: ignore[arg-type]
            unit=entry.unit,
            profile=entry.profile,
            ct_ratio=entry.ct_ratio,
            ceiling_fen=entry.ceiling_fen,
            allow=ALLOW,
        )
        self.meters.append(meter)
        self.customers.append(estate.add_customer(number=f"U{len(self.meters):04d}", name=entry.number, now=now))
