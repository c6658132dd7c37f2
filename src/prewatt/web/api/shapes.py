"""What goes out and what comes in. Money is whole fen, energy whole Wh, times carry their zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from django.db.models import Model
from ninja import Path, Schema
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from prewatt.domain.alarms.models import Alarm
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Building, Customer, Gateway, Opening, Room
from prewatt.domain.fleet.queries import Progress as BatchProgress
from prewatt.domain.metering.queries import Standing
from prewatt.domain.staff.models import LogEntry, Operator
from prewatt.domain.vending.checks import AMOUNT_FEN_MAX
from prewatt.domain.vending.models import MoneyBack, Sale
from prewatt.units.values import Money, Price

PRINTABLE = r"^[^\u0000-\u001f\u007f]*$"
Pk = Annotated[int, Path(ge=1, lt=2**31)]
BigPk = Annotated[int, Path(ge=1, lt=2**63)]
Name = Annotated[str, Path(min_length=1, max_length=64, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=200, pattern=PRINTABLE)]
Word = Annotated[str, Field(max_length=64, pattern=PRINTABLE)]
Id = Annotated[StrictInt, Field(ge=1, lt=2**31)]
Fen = Annotated[StrictInt, Field(ge=1, le=AMOUNT_FEN_MAX, description="whole fen; 10000 is 100.00 yuan")]
FenOrNone = Annotated[StrictInt, Field(ge=0, le=AMOUNT_FEN_MAX)]


class Given(Schema):
    """What comes in: a field that nobody knows is refused, for it is most likely a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


def texts(said: Mapping[str, Any]) -> dict[str, str]:
    """As somebody would type it into the console's form, whose rules then hold: yuan, yuan per kWh, commas."""
    return {name: _text(name, value) for name, value in said.items()}


def _text(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if name.endswith("_fen"):
        return str(Money(value))
    if name.endswith("_e4"):
        return str(Price(value))
    return ",".join(value) if isinstance(value, list) else str(value)


def changed(held: Model, given: Schema) -> dict[str, str]:
    """What stands, with what is given in its place, as `texts`."""
    known = {name: getattr(held, name) for name in type(given).model_fields}
    return texts(known | given.dict(exclude_unset=True))


class MeterOut(Schema):
    id: int
    number: str
    room: str
    building: str
    floor: int | None
    gateway: str
    bus: str
    profile: str
    ratio: int
    active: bool
    state: str
    states: list[str]
    customer: str
    account_id: int | None
    billing: str
    balance_fen: int | None
    overdraft_fen: int | None
    energy_wh: int | None
    power_w: int | None
    purchase_count: int | None
    bought_fen: int | None
    relay_closed: bool | None
    lost: bool
    taken_at: datetime | None
    ceiling_fen: int
    alarm1_fen: int
    alarm2_fen: int
    overload_limit_w: int
    price_sharp_e4: int
    price_peak_e4: int
    price_flat_e4: int
    price_valley_e4: int
    price_deep_e4: int


_AS_IT_IS = (
    "id number profile ratio active ceiling_fen alarm1_fen alarm2_fen overload_limit_w price_sharp_e4 price_peak_e4 "
    "price_flat_e4 price_valley_e4 price_deep_e4"
).split()
_SHOWN = "overdraft_fen purchase_count bought_fen taken_at".split()


def meter(one: Standing) -> dict[str, Any]:
    """Energy and power with the transformers' ratio applied, as every page shows them."""
    unit, latest = one.meter, one.latest
    room = unit.room
    ratio = unit.ratio
    energy, power = (latest.energy_wh, latest.power_w) if latest else (None, None)
    return {
        **{name: getattr(unit, name) for name in _AS_IT_IS},
        **{name: getattr(latest, name) if latest else None for name in _SHOWN},
        "room": room.number if room else "",
        "building": room.floor.building.code if room else "",
        "floor": room.floor.number if room else None,
        "gateway": unit.bus.gateway.code,
        "bus": unit.bus.code,
        "state": one.state.value,
        "states": [state.value for state in one.states],
        "customer": one.tenant,
        "account_id": one.opening.pk if one.opening else None,
        "billing": billing_of(one.opening),
        "balance_fen": one.balance_fen,
        "energy_wh": None if energy is None else energy * ratio,
        "power_w": None if power is None else power * ratio,
        "relay_closed": None if latest is None or latest.relay_closed is None else bool(latest.relay_closed),
        "lost": latest is None or latest.lost,
    }


def billing_of(opening: Opening | None) -> str:
    """By the `meter`, or by the platform (`platform`, `postpaid`); empty without an account."""
    terms = getattr(opening, "platform_terms", None)
    return "" if opening is None else terms.billing if terms else "meter"


class MetersOut(Schema):
    items: list[MeterOut]
    next: str


class RoomOut(Schema):
    id: int
    number: str
    floor_id: int
    floor: int
    building: str
    area_id: int | None
    use: str


def room(one: Room) -> dict[str, Any]:
    names = "id number floor_id area_id use".split()
    place = {"floor": one.floor.number, "building": one.floor.building.code}
    return {**{name: getattr(one, name) for name in names}, **place}


class RoomsOut(Schema):
    items: list[RoomOut]
    next: str


class BuildingOut(Schema):
    id: int
    code: str
    name: str


def building(one: Building) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("id", "code", "name")}


class BuildingsOut(Schema):
    items: list[BuildingOut]


class UseOut(Schema):
    """`at` is the beginning of the hour, day or month, in the site's zone."""

    at: datetime
    energy_wh: int
    deducted_fen: int | None


class UsageOut(Schema):
    items: list[UseOut]


class OrderOut(Schema):
    id: str
    meter_id: int
    kind: str
    state: str
    reason: str
    amount_fen: int | None
    placed_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None
    cancel_asked: bool


def order(one: MeterOrder) -> dict[str, Any]:
    names = "id meter_id kind state reason amount_fen placed_at ended_at expires_at".split()
    return {**{name: getattr(one, name) for name in names}, "cancel_asked": one.cancel_asked_at is not None}


class OrdersOut(Schema):
    items: list[OrderOut]
    next: str


class OrderIn(Given):
    """`confirmed` is the number of the room that is to go dark, for `switch_off` only; so are reason and override."""

    kind: Word
    reason: Word = ""
    note: Text = ""
    override: Text = ""
    confirmed: Word = ""


class SaleIn(Given):
    meter_id: Id
    amount_fen: Fen
    tender: Word


class SaleOut(Schema):
    """`state`: paid (on its way), arrived, unclear, waiting (in the wallet), reversed, returned."""

    id: str
    receipt: str
    meter_id: int
    meter: str
    account_id: int
    customer_id: int
    customer: str
    seller: str
    amount_fen: int
    tender: str
    state: str
    state_at: datetime
    reason: str
    sold_at: datetime
    business_day: date
    order_id: str | None
    payment_id: str | None
    first: bool


def sale(one: Sale) -> dict[str, Any]:
    names = "id receipt meter_id amount_fen tender state state_at reason sold_at business_day order_id payment_id first"
    return {
        **{name: getattr(one, name) for name in names.split()},
        **_whose(one),
    }


def _whose(one: Any) -> dict[str, Any]:
    return {
        "meter": one.meter.number,
        "account_id": one.opening_id,
        "customer_id": one.customer_id,
        "customer": one.customer.name,
        "seller": one.operator.username,
    }


class SalesOut(Schema):
    items: list[SaleOut]
    next: str


class BackIn(Given):
    """`tender` is how the money is paid back."""

    tender: Word
    note: Text


class RefundIn(BackIn):
    meter_id: Id
    amount_fen: Fen


class NoteIn(Given):
    note: Text


class NothingIn(Given):
    """No fields: `{}`."""


class BackOut(Schema):
    """Money on its way back. `state`: sending, done, refused, unclear, cancelled."""

    id: str
    receipt: str
    meter_id: int
    meter: str
    account_id: int
    customer_id: int
    customer: str
    seller: str
    amount_fen: int
    tender: str
    note: str
    state: str
    state_at: datetime
    reason: str
    asked_at: datetime
    business_day: date | None
    order_id: str | None
    sale_id: str | None
    from_wallet: bool


def back(one: MoneyBack) -> dict[str, Any]:
    names = (
        "id receipt meter_id amount_fen tender note state state_at reason asked_at business_day order_id sale_id "
        "from_wallet"
    )
    return {**{name: getattr(one, name) for name in names.split()}, **_whose(one)}


class BacksOut(Schema):
    items: list[BackOut]
    next: str


class CustomerIn(Given):
    """`password` is the tenant's own, for enquiries; it is kept as a digest."""

    number: Word
    name: Annotated[str, Field(max_length=128, pattern=PRINTABLE)]
    contact: Word = ""
    phone: Annotated[str, Field(max_length=32, pattern=PRINTABLE)] = ""
    address: Text = ""
    note: Text = ""
    password: Word = ""


class CustomerOut(Schema):
    id: int
    number: str
    name: str
    contact: str
    phone: str
    address: str
    note: str
    created_at: datetime


def customer(one: Customer) -> dict[str, Any]:
    return {name: getattr(one, name) for name in "id number name contact phone address note created_at".split()}


class CustomersOut(Schema):
    items: list[CustomerOut]
    next: str


class AccountIn(Given):
    """`first_amount_fen` is a sale with its receipt; `carried_in_fen` is what an old meter still held."""

    meter_id: Id
    customer_id: Id
    first_amount_fen: FenOrNone = 0
    carried_in_fen: FenOrNone = 0
    tender: Word = "cash"


class AccountOut(Schema):
    id: int
    meter_id: int
    meter: str
    customer_id: int
    customer: str
    opened_at: datetime
    closed_at: datetime | None
    use: str
    inactive: bool
    alarm1_notify: bool
    alarm2_notify: bool
    texts: bool
    billing: str
    overdraft_fen: int | None
    switch_on_min_fen: int | None


def account(one: Opening) -> dict[str, Any]:
    """`billing`: by the `meter`, or by the platform (`platform`, `postpaid`), which alone has terms of its own."""
    terms = getattr(one, "platform_terms", None)
    names = "id meter_id customer_id opened_at closed_at use inactive alarm1_notify alarm2_notify texts".split()
    return {
        **{name: getattr(one, name) for name in names},
        "meter": one.meter.number,
        "customer": one.customer.name,
        "billing": billing_of(one),
        "overdraft_fen": terms.overdraft_fen if terms else None,
        "switch_on_min_fen": terms.switch_on_min_fen if terms else None,
    }


class AccountsOut(Schema):
    items: list[AccountOut]
    next: str


class BatchIn(Given):
    """`values` for prices and limits, named as on a meter (`price_flat_e4`, `alarm1_fen`, `ceiling_fen` …).

    `round_down`: to a meter that cannot show a price, the next lower one.
    """

    kind: Word
    meter_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]
    values: dict[Word, Annotated[StrictInt, Field(ge=0, lt=2**31)]] = Field(default_factory=dict)
    plan_id: Id | None = None
    round_down: StrictBool = False
    reason: Word = ""
    note: Text = ""
    override: Text = ""


class BatchOut(Schema):
    """`counts`: how many of its orders are in each state."""

    id: str
    kind: str
    state: str
    placed_at: datetime
    placed_by: str
    counts: dict[str, int]


def batch(one: BatchProgress) -> dict[str, Any]:
    names = "id kind state placed_at".split()
    return {
        **{name: getattr(one.batch, name) for name in names},
        "placed_by": one.batch.operator.username,
        "counts": dict(one.counts),
    }


class BatchesOut(Schema):
    items: list[BatchOut]
    next: str


class AlarmOut(Schema):
    id: int
    kind: str
    meter_id: int | None
    meter: str
    gateway: str
    bus: str
    carrier: str
    channel: str
    since: datetime
    until: datetime | None
    value: int | None
    worst: int | None
    threshold: int | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    note: str


def alarm(one: Alarm) -> dict[str, Any]:
    names = "id kind meter_id channel since until value worst threshold acknowledged_at note".split()
    return {
        **{name: getattr(one, name) for name in names},
        "meter": one.meter.number if one.meter else "",
        "gateway": one.gateway.code if one.gateway else one.bus.gateway.code if one.bus else "",
        "bus": one.bus.code if one.bus else "",
        "carrier": one.carrier.name if one.carrier else "",
        "acknowledged_by": one.acknowledged_by.username if one.acknowledged_by else "",
    }


class AlarmsOut(Schema):
    items: list[AlarmOut]
    next: str


class GatewayOut(Schema):
    id: int
    code: str
    name: str
    software: str
    last_seen_at: datetime | None
    meters: int
    silent: int


def gateway(one: Gateway) -> dict[str, Any]:
    names = "id code name software last_seen_at".split()
    sums = {"meters": one.meter_count, "silent": one.silent_count}  # type: ignore[attr-defined]  # annotated
    return {**{name: getattr(one, name) for name in names}, **sums}


class GatewaysOut(Schema):
    items: list[GatewayOut]
    next: str


class OperatorOut(Schema):
    id: int
    username: str
    name: str
    role: str
    role_id: int
    active: bool
    all_buildings: bool
    building_ids: list[int]


def operator(one: Operator) -> dict[str, Any]:
    names = "id username name role_id all_buildings".split()
    return {
        **{name: getattr(one, name) for name in names},
        "role": one.role.code,
        "active": one.is_active,
        "building_ids": sorted(one.buildings.values_list("pk", flat=True)),
    }


class OperatorsOut(Schema):
    items: list[OperatorOut]
    next: str


class LogOut(Schema):
    id: int
    at: datetime
    operator: str
    address: str
    action: str
    target: str
    before: dict[str, Any]
    after: dict[str, Any]


def entry(one: LogEntry) -> dict[str, Any]:
    names = "id at address action target before after".split()
    return {**{name: getattr(one, name) for name in names}, "operator": one.operator_name}


class LogsOut(Schema):
    items: list[LogOut]
    next: str


class MeOut(Schema):
    operator: str
    token: str
    rights: list[str]
    buildings: list[str]
    all_buildings: bool
    expires_at: datetime
