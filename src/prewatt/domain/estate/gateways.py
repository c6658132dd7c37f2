"""通讯管理机 and their buses: add, change, remove what nothing hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from prewatt.domain.estate import enrolment
from prewatt.domain.estate.changes import By
from prewatt.domain.estate.importing.cells import OneOf, Text, Whole, bus_url
from prewatt.domain.estate.models import Bus, Gateway, Submitted
from prewatt.domain.estate.refusals import EstateRefused, StillUsed
from prewatt.domain.estate.scope import check_gateway, check_site
from prewatt.domain.estate.typed import Field, Typed, Values, once
from prewatt.domain.estate.versions import bump_config

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CODE = r"[0-9A-Za-z_.-]+"
SUITES = ("aes-256-gcm", "sm4-gcm", "3des-cbc")
_NAME = Field(Text(64))
_SUITE = Field(OneOf(SUITES), empty=SUITES[0])
GATEWAY_FIELDS = {"code": Field(Text(32, CODE, "digits, letters and _ . -"), required=True)}
CHANGEABLE = {"name": _NAME, "suite": _SUITE}
BUS_FIELDS = {
    "code": Field(Text(32, CODE, "digits, letters and _ . -"), required=True),
    "url": Field(bus_url, required=True),
    "sweep_s": Field(Whole(60, 86_400), empty=None),
    "status_s": Field(Whole(10, 86_400), empty=180),
}


def create_gateway(
    *, form_id: str, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Gateway:
    """The same form again is the same gateway. Raises an `EstateRefused`."""
    check_site(operator)

    def make() -> Gateway:
        read = Typed(typed, GATEWAY_FIELDS | CHANGEABLE)
        if Gateway.objects.filter(code=read.values.get("code")).exists():
            read.wrong("code", _("is taken: there is a gateway of this code already."))
        values = read.finish()
        made = Gateway.objects.create(**values)
        By(operator, address, now).log("estate.gateway", f"gateway {made.code}", after=values)
        return made

    return once(form_id=form_id, model=Gateway, now=now, make=make)


@transaction.atomic
def change_gateway(
    *, gateway: Gateway, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Gateway:
    """Its name, and the suite of its next keys. Its code stays: it is part of its keys."""
    check_gateway(operator, gateway)
    values = Typed(typed, CHANGEABLE).finish()
    By(operator, address, now).change(gateway, values, action="estate.gateway", target=f"gateway {gateway.code}")
    return gateway


@transaction.atomic
def remove_gateway(*, gateway: Gateway, operator: Operator, now: datetime, address: str = "") -> None:
    """A gateway that never spoke and has no bus. Raises StillUsed for others."""
    check_site(operator)
    gateway.codes.all().delete()
    target = f"gateway {gateway.code}"
    try:
        gateway.delete()
    except ProtectedError as error:
        raise StillUsed(
            _(
                "Gateway %(code)s has buses, keys or a history. Nothing was removed. Take its buses away first; a "
                "gateway that has spoken stays, because its history does."
            )
            % {"code": gateway.code}
        ) from error
    By(operator, address, now).log("estate.gateway_removed", target, before={"name": gateway.name})


def create_bus(
    *, form_id: str, gateway: Gateway, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Bus:
    check_gateway(operator, gateway)

    def make() -> Bus:
        values = _bus_values(typed, gateway, None)
        made = Bus.objects.create(gateway=gateway, **values)
        bump_config([gateway.pk])
        By(operator, address, now).log("estate.bus", _bus_name(made), after=values)
        return made

    return once(form_id=form_id, model=Bus, now=now, make=make)


@transaction.atomic
def change_bus(*, bus: Bus, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = "") -> Bus:
    check_gateway(operator, bus.gateway)
    values = _bus_values(typed, bus.gateway, bus)
    if By(operator, address, now).change(bus, values, action="estate.bus", target=_bus_name(bus)):
        bump_config([bus.gateway_id])
    return bus


def _bus_values(typed: Mapping[str, str], gateway: Gateway, bus: Bus | None) -> Values:
    read = Typed(typed, BUS_FIELDS)
    others = Bus.objects.exclude(pk=bus.pk if bus else 0)
    if others.filter(gateway=gateway, code=read.values.get("code")).exists():
        read.wrong("code", _("is taken: this gateway has a bus of this code already."))
    url = read.values.get("url")
    same = others.filter(gateway=gateway, url=url).first() if url else None
    if same is not None:
        read.wrong("url", _("is the interface of bus %(bus)s already.") % {"bus": same.code})
    return read.finish()


@transaction.atomic
def remove_bus(*, bus: Bus, operator: Operator, now: datetime, address: str = "") -> None:
    """A bus without meters."""
    check_gateway(operator, bus.gateway)
    name, gateway_id = _bus_name(bus), bus.gateway_id
    try:
        bus.delete()
    except ProtectedError as error:
        raise StillUsed(
            _("Bus %(bus)s has meters. Nothing was removed. Move its meters to another bus first.") % {"bus": bus.code}
        ) from error
    bump_config([gateway_id])
    By(operator, address, now).log("estate.bus_removed", name, before={"url": bus.url})


class CodeShown(EstateRefused):
    code = "code_shown"


@transaction.atomic
def draw_code(*, form_id: str, gateway: Gateway, operator: Operator, now: datetime, address: str = "") -> str:
    """A one-time code for this gateway's (next) keys. It can be shown only now: the same form again is refused."""
    check_gateway(operator, gateway)
    if Submitted.objects.filter(key=form_id).exists():
        raise CodeShown(
            _(
                "A code was drawn with this form already, and a code is shown once. It is still good. "
                "Draw a new one if nobody wrote it down; the one before then ends."
            )
        )
    Submitted.objects.create(key=form_id, kind="enrolment_code", made=gateway.pk, at=now)
    return enrolment.new_code(gateway=gateway, operator=operator, address=address, now=now)


def _bus_name(bus: Bus) -> str:
    return f"bus {bus.gateway.code}/{bus.code}"
