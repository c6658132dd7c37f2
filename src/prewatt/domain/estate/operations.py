"""Writes of the estate. What a gateway must know bumps its configuration version, so that it fetches it again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from pypinyin import Style, lazy_pinyin

from prewatt.domain.estate import defaults
from prewatt.domain.estate.models import Building, Bus, Customer, Floor, Gateway, Meter, RatioChange, Room
from prewatt.domain.estate.versions import bump_config
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

PINYIN_LENGTH_MAX = 128
# What a change of a meter means to its gateway.
_GATEWAY_FIELDS = frozenset(
    {"number", "bus", "unit", "address", "profile", "room", "ct_ratio", "pt_ratio", "active", "sweep_s", "allow"}
)


def initials(name: str) -> str:
    """海风西餐厅 -> hfxct: what a cashier types. Latin letters and digits stay."""
    parts = lazy_pinyin(name, style=Style.FIRST_LETTER)
    return "".join(parts).lower().replace(" ", "")[:PINYIN_LENGTH_MAX]


@transaction.atomic
def add_building(*, code: str, name: str, floors: Iterable[int] = (), sort: int = 0) -> Building:
    building = Building.objects.create(code=code, name=name, sort=sort)
    Floor.objects.bulk_create([Floor(building=building, number=number) for number in floors])
    return building


@transaction.atomic
def add_gateway(*, code: str, name: str = "", buses: Iterable[tuple[str, str]] = ()) -> Gateway:
    """`buses` are (code, url) pairs."""
    gateway = Gateway.objects.create(code=code, name=name)
    Bus.objects.bulk_create([Bus(gateway=gateway, code=bus, url=url) for bus, url in buses])
    return gateway


@transaction.atomic
def add_meter(*, number: str, bus: Bus, unit: int, profile: str, room: Room | None = None, **fields: Any) -> Meter:
    given = defaults.of_meter(room.floor.building if room else None) | fields
    meter = Meter.objects.create(number=number, bus=bus, unit=unit, profile=profile, room=room, **given)
    bump_config([bus.gateway_id])
    return meter


@transaction.atomic
def change_meter(
    *, meter: Meter, operator: Operator, now: datetime, address: str = "", reason: str = "", **fields: Any
) -> Meter:
    """Change named fields and log what was before. Settings that live in the meter are sent by an order, not here."""
    before = {name: getattr(meter, name) for name in fields}
    ratio = meter.ratio
    gateways = {meter.bus.gateway_id}
    for name, value in fields.items():
        setattr(meter, name, value)
    meter.save(update_fields=list(fields))
    if meter.ratio != ratio:
        RatioChange.objects.create(meter=meter, at=now, ratio=ratio)
    if _GATEWAY_FIELDS & set(fields):
        bump_config(gateways | {meter.bus.gateway_id})
    staff.log(
        operator=operator,
        action="estate.meter",
        target=f"meter {meter.number}",
        before={name: str(value) for name, value in before.items()},
        after={name: str(value) for name, value in fields.items()} | ({"reason": reason} if reason else {}),
        address=address,
        now=now,
    )
    return meter


@transaction.atomic
def add_customer(
    *,
    number: str,
    name: str,
    now: datetime,
    contact: str = "",
    phone: str = "",
    address: str = "",
    note: str = "",
    operator: Operator | None = None,
) -> Customer:
    return Customer.objects.create(
        number=number,
        name=name,
        contact=contact,
        phone=phone,
        address=address,
        note=note,
        pinyin=initials(name),
        created_at=now,
        created_by=operator,
    )


def seen(*, gateway: Gateway, now: datetime, sent_at_ms: int, software: str = "") -> None:
    """A gateway spoke. Its clock is compared with ours."""
    skew_ms = sent_at_ms - int(now.timestamp() * 1000)
    changes: dict[str, Any] = {"last_seen_at": now, "clock_skew_ms": skew_ms}
    if software:
        changes["software"] = software[:64]
    Gateway.objects.filter(pk=gateway.pk).update(**changes)
