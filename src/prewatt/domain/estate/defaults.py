"""默认参数: what new meters and openings take, of the site and of each building, which goes before the site."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from prewatt.domain.estate.importing.cells import CellError, Parse, Whole, amount_fen, price_e4
from prewatt.domain.estate.models import Building, Defaults, Gateway, Meter
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.estate.scope import check_building, check_site
from prewatt.domain.estate.versions import bump_config
from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.staff.models import Operator

Values = dict[str, Any]
PHONES_MAX = 10
# What counts while nobody said anything.
SHIPPED: Values = {
    "overload_limit_w": 0,
    "sweep_s": 1800,
    "alarm1_fen": 5000,
    "alarm2_fen": 2000,
    "price_sharp_e4": 0,
    "price_peak_e4": 0,
    "price_flat_e4": 0,
    "price_valley_e4": 0,
    "price_deep_e4": 0,
    "ceiling_fen": 0,
    "alarm_phones": "",
    "escalate_phones": "",
    "escalate_after_min": 30,
}
_OF_METERS = frozenset(SHIPPED) - {"sweep_s", "alarm_phones", "escalate_phones", "escalate_after_min"}


def phones(cell: Any) -> str:
    """Telephone numbers, separated by commas, as they are dialled."""
    numbers = [part for part in re.split(r"[,，、;；\s]+", str(cell).strip()) if part]
    if len(numbers) > PHONES_MAX or not all(re.fullmatch(r"\+?\d{5,15}", one) for one in numbers):
        raise CellError(_("takes up to ten telephone numbers with commas between them: digits, a + in front at most."))
    return ",".join(numbers)


FIELDS: dict[str, Parse] = {
    "overload_limit_w": Whole(0, 10_000_000),
    "sweep_s": Whole(60, 86_400),
    "alarm1_fen": amount_fen,
    "alarm2_fen": amount_fen,
    "price_sharp_e4": price_e4,
    "price_peak_e4": price_e4,
    "price_flat_e4": price_e4,
    "price_valley_e4": price_e4,
    "price_deep_e4": price_e4,
    "ceiling_fen": amount_fen,
    "alarm_phones": phones,
    "escalate_phones": phones,
    "escalate_after_min": Whole(1, 1440),
}


def said(building: Building | None) -> Values:
    """What the building itself (or, for None, the site) says; None where it says nothing."""
    row = Defaults.objects.filter(building=building).first() if building else _site()
    return {name: getattr(row, name, None) for name in SHIPPED}


def _site() -> Defaults | None:
    return Defaults.objects.filter(building__isnull=True).first()


def effective(building: Building | None) -> Values:
    """What counts for a building (for None: where there is none): its own word, else the site's, else the shipped."""
    found = dict(SHIPPED)
    for level in [None, building] if building else [None]:
        found |= {name: value for name, value in said(level).items() if value is not None}
    return found


def of_meter(building: Building | None) -> Values:
    """The fields that a new meter takes."""
    return {name: value for name, value in effective(building).items() if name in _OF_METERS}


def sweeps_of_buildings() -> dict[int, int]:
    """The polling intervals that buildings chose for themselves, in seconds."""
    rows = Defaults.objects.filter(building__isnull=False, sweep_s__isnull=False)
    return {int(pk): int(sweep_s) for pk, sweep_s in rows.values_list("building_id", "sweep_s") if pk and sweep_s}


def site_sweep_s() -> int:
    return int(effective(None)["sweep_s"])


@transaction.atomic
def change_defaults(
    *, building: Building | None, typed: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Values:
    """Take what was typed; an empty field inherits. A new polling interval goes to the gateways that it concerns.

    Meters that stand already keep their amounts and prices: those are sent by an order. Raises an `EstateRefused`.
    """
    if building:
        check_building(operator, building)
    else:
        check_site(operator)
    values = _read(typed, building)
    before = said(building)
    changed = [name for name in SHIPPED if values[name] != before[name]]
    if not changed:
        return values
    Defaults.objects.update_or_create(building=building, defaults=values)
    if "sweep_s" in changed:
        meters = {"buses__meters__room__floor__building": building} if building else {}
        bump_config(Gateway.objects.filter(**meters).values_list("pk", flat=True))
    staff.log(
        operator=operator,
        action="estate.defaults",
        target=f"building {building.code}" if building else "site",
        before={name: before[name] for name in changed},
        after={name: values[name] for name in changed},
        address=address,
        now=now,
    )
    return values


def said_for_meters(building: Building | None, *, typed: Mapping[str, str] | None = None) -> dict[str, int]:
    """What somebody said about values that live in meters, as it counts here: with `typed`, as if that were saved.

    Raises FieldsRefused.
    """
    own = said(building) if typed is None else _read(typed, building)
    levels = [said(None), own] if building else [own]
    found = {name: value for level in levels for name, value in level.items() if value is not None}
    return {name: int(value) for name, value in found.items() if name in _OF_METERS}


def meters_under(building: Building | None, names: Collection[str], *, operator: Operator) -> MeterQuerySet:
    """The meters in use for which this level's word counts: the site's not where a building says one of them itself."""
    mine = Meter.objects.for_operator(operator).filter(active=True).order_by("number")
    if building:
        return mine.filter(room__floor__building=building)
    own = Q()
    for name in names:
        own |= Q(**{f"{name}__isnull": False})
    apart = list(Defaults.objects.filter(own, building__isnull=False).values_list("building_id", flat=True))
    return mine.exclude(room__floor__building__in=apart)


def _read(typed: Mapping[str, str], building: Building | None) -> Values:
    values: Values = {}
    problems: dict[str, str] = {}
    for name, parse in FIELDS.items():
        text = typed.get(name, "").strip()
        try:
            values[name] = parse(text) if text else None
        except CellError as error:
            problems[name] = str(error)
    above = effective(None) if building else SHIPPED
    alarm1, alarm2 = (_or(values.get(name), above[name]) for name in ("alarm1_fen", "alarm2_fen"))
    if not problems and alarm2 > alarm1:
        problems["alarm2_fen"] = _("is above alarm 1: it would never be the second.")
    if problems:
        raise FieldsRefused(problems)
    return values


def _or(value: int | None, inherited: int) -> int:
    return inherited if value is None else value
