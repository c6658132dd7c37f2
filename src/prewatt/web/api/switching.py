"""The rules of switching off, what is never cut, and the one stop of the site."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Final

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.control import cutting
from prewatt.domain.control import operations as control
from prewatt.domain.control.models import NeverCut, Stop, Vital
from prewatt.domain.estate import scope
from prewatt.domain.fleet.operations import stop_site
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, writes
from prewatt.web.api.finding import EitherOr, meter_of, one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Id, Pk, Text
from prewatt.web.parts.pages import now

chapter = Chapter("switching")
Clock = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="of the site, such as 18:00")]
CLOCKS: Final = ("protected_from", "protected_until")
MAY_STOP: Final = (Right.SWITCH, Right.SETTINGS)


class RulesOut(Schema):
    """One person alone switches off `limit_count` meters in `limit_minutes`; beyond it a second one confirms."""

    limit_count: int
    limit_minutes: int
    protect: bool
    protected_from: str
    protected_until: str
    protect_weekends: bool
    protected_days: list[date]
    tenant_on: bool
    tenant_off: bool
    protected_now: bool


class RulesChange(Given):
    """What is left out stays."""

    limit_count: Annotated[StrictInt, Field(ge=0, le=control.LIMIT_COUNT_MAX)] | None = None
    limit_minutes: Annotated[StrictInt, Field(ge=1, le=control.LIMIT_MINUTES_MAX)] | None = None
    protect: bool | None = None
    protected_from: Clock | None = None
    protected_until: Clock | None = None
    protect_weekends: bool | None = None
    protected_days: Annotated[list[date], Field(max_length=control.DAYS_MAX)] | None = None
    tenant_on: bool | None = None
    tenant_off: bool | None = None


def _rules() -> dict[str, Any]:
    held = cutting.rules()
    names = ("limit_count", "limit_minutes", "protect", "protect_weekends", "tenant_on", "tenant_off")
    return {
        **{name: getattr(held, name) for name in names},
        **{name: f"{getattr(held, name):%H:%M}" for name in CLOCKS},
        "protected_days": [date.fromisoformat(day) for day in held.protected_days],
    }


def _shown() -> dict[str, Any]:
    return {**_rules(), "protected_now": cutting.is_protected(cutting.rules(), now=now())}


@reads(chapter, "/switching/rules", Right.READ, of=RulesOut)
def get_switching_rules(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """How many one person may switch off alone, and the protected hours"""
    return _shown()


@writes(chapter, "/switching/rules", Right.SETTINGS, of=RulesOut, change=True)
def change_switching_rules(request: HttpRequest, given: RulesChange) -> Any:
    """Change the rules of switching off"""
    new = {name: value for name, value in given.dict().items() if value is not None}
    said = _rules() | new
    times = {name: time.fromisoformat(said[name]) for name in CLOCKS}
    control.set_rules(**(said | times), **by(request))
    return _shown()


class NeverCutOut(Schema):
    """A meter or a room. `kind`: fire, lift, cooling, medical, other."""

    id: int
    meter_id: int | None
    room_id: int | None
    kind: str
    note: str
    set_at: datetime
    set_by: str


class NeverCutsOut(Schema):
    items: list[NeverCutOut]
    next: str


def _mark(mark: NeverCut) -> dict[str, Any]:
    names = "id meter_id room_id kind note set_at".split()
    return {**{name: getattr(mark, name) for name in names}, "set_by": mark.set_by.username}


@reads(chapter, "/switching/never", Right.READ, of=NeverCutsOut)
def list_never_cut(request: HttpRequest, part: Parts) -> Any:
    """Rooms and meters that no order switches off"""
    rows, after = take(cutting.marks(operator=bearer(request)).select_related("set_by"), part)
    return {"items": [_mark(row) for row in rows], "next": after}


class NeverCutIn(Given):
    """Either `meter_id` or `room_id`."""

    meter_id: Id | None = None
    room_id: Id | None = None
    kind: Vital = Vital.OTHER
    note: Text = ""


@writes(chapter, "/switching/never", Right.SETTINGS, of=NeverCutOut)
def add_never_cut(request: HttpRequest, given: NeverCutIn) -> Any:
    """Put a room or a meter on the list"""
    if (given.meter_id is None) == (given.room_id is None):
        raise EitherOr("meter_id", "room_id")
    thing: Any = (
        meter_of(request, given.meter_id)
        if given.meter_id is not None
        else one(scope.rooms(bearer(request)).filter(pk=given.room_id or 0))
    )
    return _mark(control.never_cut(thing=thing, kind=given.kind, note=given.note, **by(request)))


@writes(chapter, "/switching/never/{mark_id}/remove", Right.SETTINGS, of=NeverCutOut)
def remove_never_cut(request: HttpRequest, mark_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Take it off the list again"""
    mark = one(cutting.marks(operator=bearer(request)).filter(pk=mark_id).select_related("set_by"))
    was = _mark(mark)
    control.may_be_cut(mark=mark, **by(request))
    return was


class StopOut(Schema):
    """`on`: no automatic trip and no batch of trips leaves. The last stop, where there was one."""

    on: bool
    since: datetime | None
    by: str
    why: str
    ended_at: datetime | None


class WhyIn(Given):
    why: Text


def _stop() -> dict[str, Any]:
    last = Stop.objects.select_related("by").order_by("-since").first()
    if last is None:
        return {"on": False, "since": None, "by": "", "why": "", "ended_at": None}
    return {
        "on": last.open,
        "since": last.since,
        "by": last.by.username,
        "why": last.why,
        "ended_at": last.ended_at,
    }


@reads(chapter, "/switching/stop", Right.READ, of=StopOut)
def get_stop(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """Whether the site's stop is on"""
    return _stop()


@writes(chapter, "/switching/stop", *MAY_STOP, of=StopOut)
def stop_all(request: HttpRequest, given: WhyIn) -> Any:
    """Stop the site: no automatic trip and no batch of trips leaves, and what is on its way is recalled"""
    stop_site(why=given.why, **by(request))
    return _stop()


@writes(chapter, "/switching/stop/lift", *MAY_STOP, of=StopOut)
def lift_stop(request: HttpRequest, given: WhyIn) -> Any:
    """Trips may leave again"""
    control.lift_stop(why=given.why, **by(request))
    return _stop()
