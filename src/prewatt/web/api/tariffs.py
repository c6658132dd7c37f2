"""Prices: plans, what the site itself pays, sending a plan to its meters, and meters that show something else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.estate.models import Meter
from prewatt.domain.fleet import operations as fleet
from prewatt.domain.fleet import queries as fleets
from prewatt.domain.metering.prices import weights
from prewatt.domain.metering.queries import today, zone
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import operations, queries, versions
from prewatt.domain.tariff.cap import HOURS
from prewatt.domain.tariff.models import PRICE_NAMES, Plan, PlanVersion, PurchasePrice
from prewatt.link.messages import Kind
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.ordering import batch_of
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Pk, Word
from prewatt.web.parts.pages import now

chapter = Chapter("prices")
PriceE4 = Annotated[StrictInt, Field(ge=0, le=operations.PRICE_E4_MAX)]
Long = Annotated[str, Field(max_length=operations.NOTE_MAX, pattern=shapes.PRINTABLE)]


class PlanOut(Schema):
    """Prices in 1e-4 yuan per kWh. `kind`: flat (one price), tou (by time of use), or full: a ladder, fees or more,
    which its versions say and no meter holds. `meters`: how many use it.
    """

    id: int
    name: str
    kind: str
    active: bool
    note: str
    meters: int
    changed_at: datetime
    price_sharp_e4: int
    price_peak_e4: int
    price_flat_e4: int
    price_valley_e4: int
    price_deep_e4: int


class PlansOut(Schema):
    items: list[PlanOut]


def _plan(plan_id: int) -> dict[str, Any]:
    return _shown(one(queries.plans().filter(pk=plan_id)))


def _shown(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in PlanOut.model_fields}


@reads(chapter, "/plans", Right.READ, of=PlansOut)
def list_plans(request: HttpRequest) -> Any:  # noqa: ARG001 - plans are the site's
    """Price plans"""
    return {"items": [_shown(row) for row in queries.plans().order_by("name")]}


@reads(chapter, "/plans/{plan_id}", Right.READ, of=PlanOut)
def get_plan(request: HttpRequest, plan_id: Pk) -> Any:  # noqa: ARG001 - plans are the site's
    """One price plan"""
    return _plan(plan_id)


class PlanIn(Given):
    """A flat plan takes `price_flat_e4` alone. `reason`: the ground for prices above the cap."""

    name: Word
    kind: Word = "flat"
    price_sharp_e4: PriceE4 = 0
    price_peak_e4: PriceE4 = 0
    price_flat_e4: PriceE4
    price_valley_e4: PriceE4 = 0
    price_deep_e4: PriceE4 = 0
    note: Long = ""
    reason: Long = ""


class PlanChange(Given):
    """What is left out stays."""

    name: Word | None = None
    kind: Word | None = None
    price_sharp_e4: PriceE4 | None = None
    price_peak_e4: PriceE4 | None = None
    price_flat_e4: PriceE4 | None = None
    price_valley_e4: PriceE4 | None = None
    price_deep_e4: PriceE4 | None = None
    note: Long | None = None
    active: bool | None = None
    reason: Long = ""


def _save(request: HttpRequest, plan: Plan | None, said: dict[str, Any]) -> dict[str, Any]:
    used = weights(now=now())
    made = operations.save_plan(
        plan=plan,
        prices={name: said.pop(name) for name in PRICE_NAMES},
        day=today(now()),
        weights=used if any(used.values()) else HOURS,
        **said,
        **by(request),
    )
    return _plan(made.pk)


@writes(chapter, "/plans", Right.SETTINGS, of=PlanOut)
def add_plan(request: HttpRequest, given: PlanIn) -> Any:
    """A new price plan"""
    return _save(request, None, given.dict())


@writes(chapter, "/plans/{plan_id}", Right.SETTINGS, of=PlanOut, change=True)
def change_plan(request: HttpRequest, plan_id: Pk, given: PlanChange) -> Any:
    """Change a price plan; its meters keep their prices until it is sent"""
    plan = one(Plan.objects.filter(pk=plan_id))
    known = {name: getattr(plan, name) for name in ("name", "kind", *PRICE_NAMES, "note", "active")}
    new = {name: value for name, value in given.dict().items() if value is not None}
    return _save(request, plan, known | new)


class SendIn(Given):
    """`reason`: the ground for prices above the cap. `round_down`: to a meter that cannot show a price, the next lower
    one that it can; else it gets none.
    """

    reason: shapes.Text = ""
    round_down: bool = False


@writes(chapter, "/plans/{plan_id}/send", Right.METER_ORDERS, of=shapes.BatchOut)
def send_plan(request: HttpRequest, plan_id: Pk, given: SendIn) -> Any:
    """Send a plan's prices to its meters; other meters take a plan by `place_batch`"""
    plan = one(Plan.objects.filter(pk=plan_id, active=True))
    made = fleet.place_batch(
        batch_id=write_id(request),
        kind=Kind.PRICES,
        meters=Meter.objects.for_operator(bearer(request)).filter(active=True, plan_use__plan=plan),
        plan=plan,
        note=given.reason,
        round_down=given.round_down,
        **by(request),
    )
    return batch_of(request, made.pk)


class VersionOut(Schema):
    """`document`: what it charges, as docs/tariffs.md tells. It holds from `effective_from` until the next version that
    was not withdrawn; `holds`: it took effect last. `sent_by_itself`: to the plan's meters, when it takes effect.
    """

    plan_id: int
    number: int
    effective_from: datetime
    holds: bool
    document: dict[str, Any]
    note: str
    sent_by_itself: bool
    created_at: datetime
    created_by: str
    withdrawn_at: datetime | None


class VersionsOut(Schema):
    items: list[VersionOut]
    next: str


def _version(row: PlanVersion) -> dict[str, Any]:
    names = ("plan_id", "number", "effective_from", "document", "note", "created_at", "withdrawn_at")
    return {
        **{name: getattr(row, name) for name in names},
        "holds": row.withdrawn_at is None and row.plan.version == row.number,
        "sent_by_itself": row.send_by_id is not None,
        "created_by": row.created_by.username,
    }


@reads(chapter, "/plans/{plan_id}/versions", Right.READ, of=VersionsOut)
def list_plan_versions(request: HttpRequest, plan_id: Pk, part: Parts) -> Any:  # noqa: ARG001 - plans are the site's
    """A plan's versions, the newest first"""
    plan = one(Plan.objects.filter(pk=plan_id))
    rows, after = take(plan.versions.select_related("plan", "created_by"), part, by="-number")
    return {"items": [_version(row) for row in rows], "next": after}


class VersionIn(Given):
    """`document`: of one version, without `from` and `until`; prices in it are text. `effective_from`: left out, it
    holds from now on. `send`: its prices go to the plan's meters by themselves when it takes effect.
    `reason`: the ground for prices above the cap.
    """

    document: dict[str, Any]
    effective_from: datetime | None = None
    note: Long = ""
    reason: Long = ""
    send: bool = False


class NewPlanIn(VersionIn):
    name: Word


def _add_version(request: HttpRequest, plan: Plan | None, said: dict[str, Any]) -> dict[str, Any]:
    used, at = weights(now=now()), said["effective_from"]
    if at is not None and at.tzinfo is None:
        said["effective_from"] = at.replace(tzinfo=zone())
    made = versions.add_version(
        key=write_id(request),
        plan=plan,
        day=today(said["effective_from"] or now()),
        weights=used if any(used.values()) else HOURS,
        **said,
        **by(request),
    )
    return _version(PlanVersion.objects.select_related("plan", "created_by").get(pk=made.pk))


@writes(chapter, "/plans/{plan_id}/versions", Right.SETTINGS, of=VersionOut)
def add_plan_version(request: HttpRequest, plan_id: Pk, given: VersionIn) -> Any:
    """A new version of a plan: what it charges from a moment to come; what was used before is never priced again"""
    return _add_version(request, one(Plan.objects.filter(pk=plan_id)), given.dict())


@writes(chapter, "/plan-documents", Right.SETTINGS, of=VersionOut)
def add_plan_of_document(request: HttpRequest, given: NewPlanIn) -> Any:
    """A new price plan of a document: ladder, hours, fees, free allowance"""
    return _add_version(request, None, given.dict())


@writes(chapter, "/plans/{plan_id}/versions/{number}/withdraw", Right.SETTINGS, of=VersionOut)
def withdraw_plan_version(request: HttpRequest, plan_id: Pk, number: Pk) -> Any:
    """Withdraw a version that does not hold yet"""
    version = one(PlanVersion.objects.filter(plan=plan_id, number=number))
    made = versions.withdraw(version=version, **by(request))
    return _version(PlanVersion.objects.select_related("plan", "created_by").get(pk=made.pk))


class PurchaseOut(Schema):
    """Prices in 1e-4 yuan per kWh; what may be put on top, in thousandths."""

    from_day: date
    price_sharp_e4: int
    price_peak_e4: int
    price_flat_e4: int
    price_valley_e4: int
    price_deep_e4: int
    markup_permille: int
    note: str
    set_at: datetime
    set_by: str


class PurchasesOut(Schema):
    items: list[PurchaseOut]
    next: str


def _paid(row: PurchasePrice) -> dict[str, Any]:
    names = [name for name in PurchaseOut.model_fields if name != "set_by"]
    return {**{name: getattr(row, name) for name in names}, "set_by": row.set_by.username}


@reads(chapter, "/purchase-prices", Right.READ, of=PurchasesOut)
def list_purchase_prices(request: HttpRequest, part: Parts) -> Any:  # noqa: ARG001 - the site's
    """What the site itself pays, the newest first"""
    rows, after = take(PurchasePrice.objects.select_related("set_by"), part, by="-from_day")
    return {"items": [_paid(row) for row in rows], "next": after}


class PurchaseIn(Given):
    from_day: date
    kind: Word = "flat"
    price_sharp_e4: PriceE4 = 0
    price_peak_e4: PriceE4 = 0
    price_flat_e4: PriceE4
    price_valley_e4: PriceE4 = 0
    price_deep_e4: PriceE4 = 0
    markup_permille: Annotated[StrictInt, Field(ge=0, le=operations.MARKUP_PERMILLE_MAX)] = 0
    note: Long = ""


@writes(chapter, "/purchase-prices", Right.SETTINGS, of=PurchaseOut)
def set_purchase_price(request: HttpRequest, given: PurchaseIn) -> Any:
    """What the site pays from a day on; the same day again corrects it"""
    said = given.dict()
    made = operations.set_purchase(prices={name: said.pop(name) for name in PRICE_NAMES}, **said, **by(request))
    return _paid(made)


class DiffersOut(Schema):
    """`sent` and `shown` by name, only where they differ."""

    meter_id: int
    meter: str
    sent: dict[str, int]
    shown: dict[str, int]
    sent_at: datetime | None
    read_at: datetime | None
    on_its_way: bool


class DifferingOut(Schema):
    items: list[DiffersOut]
    next: str


@reads(chapter, "/differing", Right.READ, of=DifferingOut)
def list_differing(request: HttpRequest, part: Parts) -> Any:
    """Meters that show other prices or limits than were sent to them"""
    rows, after = take(fleets.differing_meters(operator=bearer(request)), part)
    found = {row.meter.pk: row for row in fleets.differences_of(Meter.objects.filter(pk__in=[row.pk for row in rows]))}
    return {"items": [_differs(found[row.pk]) for row in rows if row.pk in found], "next": after}


def _differs(row: fleets.Difference) -> dict[str, Any]:
    return {
        "meter_id": row.meter.pk,
        "meter": row.meter.number,
        "sent": {name: pair[0] for name, pair in row.off.items()},
        "shown": {name: pair[1] for name, pair in row.off.items()},
        "sent_at": row.desired.sent_at,
        "read_at": row.reported.read_at,
        "on_its_way": row.on_its_way,
    }


class AgainIn(Given):
    """`kind`: prices or limits."""

    kind: Annotated[str, Field(pattern="^(prices|limits)$")]


@writes(chapter, "/differing/send", Right.METER_ORDERS, of=shapes.BatchOut)
def send_again(request: HttpRequest, given: AgainIn) -> Any:
    """Send once more what was sent last, to every meter that shows something else"""
    made = fleet.send_again(
        batch_id=write_id(request),
        kind=Kind(given.kind),
        meters=fleets.differing_meters(operator=bearer(request)),
        **by(request),
    )
    return batch_of(request, made.pk)
