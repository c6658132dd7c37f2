"""An order for many: the selection becomes a list, the list a preview, the preview one batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.control import cutting
from prewatt.domain.control.models import Reason
from prewatt.domain.estate.models import Meter, MeterQuerySet
from prewatt.domain.fleet.models import Skip
from prewatt.domain.fleet.operations import RIGHTS, place_batch
from prewatt.domain.fleet.plans_alone import beyond_meters, sorted_out
from prewatt.domain.fleet.preview import ROWS_MAX, what_would_change
from prewatt.domain.fleet.refusals import BadValues
from prewatt.domain.metering.board import Chosen, Resolved, resolve
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.tariff.models import Plan
from prewatt.domain.tariff.operations import for_meters
from prewatt.link.messages import Kind
from prewatt.units.values import Money, UnitError
from prewatt.web.console import fleet
from prewatt.web.console.second import second_person
from prewatt.web.console.views.meters import new_id
from prewatt.web.parts.pages import address, now, operator, page, refusal, wants_part
from prewatt.web.parts.words import Text

ID_LENGTH_MAX = 40
ORDERS = (Right.METER_ORDERS, Right.HOLD, Right.SWITCH)
SECOND_CODES = frozenset({"second_person_needed", "second_person_unknown", "second_person_may_not"})


class NotMeant(Refused):
    code = "not_confirmed"

    def __init__(self, count: int) -> None:
        super().__init__(
            _("The number typed is not %(count)d. Nothing was sent. Type how many meters are to go dark.")
            % {"count": count}
        )


@dataclass(frozen=True, slots=True)
class Field:
    """A limit that a person types, in the unit that he thinks in."""

    name: str
    title: Text
    unit: Text
    scale: int  # what is typed counts so many of what is sent
    text: str = ""


LIMITS = (
    Field("alarm1_fen", gettext_lazy("Alarm 1"), gettext_lazy("yuan"), 1),
    Field("alarm2_fen", gettext_lazy("Alarm 2"), gettext_lazy("yuan"), 1),
    Field("ceiling_fen", gettext_lazy("Balance ceiling"), gettext_lazy("yuan"), 1),
    Field("overload_limit_w", gettext_lazy("Power threshold"), "kW", 10),
)


@page(*ORDERS, methods=("POST",))
def preview(request: HttpRequest, kind: str) -> HttpResponse:
    """Who is meant and what would happen, before anything is sent. `part=changes`: only that, after a value changed."""
    wanted, who = _kind(kind), operator(request)
    context = _context(request, wanted, _resolved(request, who), error=None)
    if request.POST.get("part") == "changes":
        return render(request, "console/fleet/_changes.html", context)
    return render(request, "console/fleet/_dialog.html", context)


@page(*ORDERS, methods=("POST",))
def send(request: HttpRequest, kind: str) -> HttpResponseBase:
    """One form is one batch. A refused form comes back as it was typed."""
    wanted, who = _kind(kind), operator(request)
    found = _resolved(request, who)
    try:
        _check_meant(request, wanted, found)
        batch = place_batch(
            batch_id=request.POST.get("batch_id", "")[:ID_LENGTH_MAX] or new_id(),
            kind=wanted,
            meters=Meter.objects.filter(pk__in=found.meters),
            operator=who,
            now=now(),
            values=_values(request, wanted),
            plan=_plan(request, wanted),
            round_down=_down(request, wanted),
            reason=request.POST.get("reason", ""),
            note=request.POST.get("note", ""),
            override=request.POST.get("override", ""),
            second_person=second_person(request),
            address=address(request),
        )
    except Refused as error:
        context = _context(request, wanted, found, error=error)
        name = "console/fleet/_dialog.html" if wants_part(request) else "console/fleet/dialog.html"
        return render(request, name, context, status=422)
    there = reverse("console:fleet-batch", args=[batch.pk])
    if not wants_part(request):
        return redirect(there)
    return HttpResponse("", headers={"HX-Trigger": "fleet-sent", "HX-Redirect": there})


def _kind(text: str) -> Kind:
    found = next((one for one in RIGHTS if one.value == text), None)
    if found is None:
        raise Http404
    return found


def _resolved(request: HttpRequest, who: Operator) -> Resolved:
    given = request.POST
    if given.get("all") == "1":
        wanted = fleet.from_query(given.get("filter", ""), operator=who)
        return resolve(Chosen(all_of=wanted, but=_ids(given.get("but", ""))), operator=who)
    return resolve(Chosen(ids=_ids(",".join(given.getlist("ids")))), operator=who)


def _ids(text: str) -> frozenset[int]:
    return frozenset(int(one) for one in text.split(",") if one.isdecimal() and len(one) < 10)


def _values(request: HttpRequest, kind: Kind) -> dict[str, int]:
    if kind != Kind.LIMITS:
        return {}
    typed = {one: request.POST.get(one.name, "").strip() for one in LIMITS}
    return {one.name: _number(one, text) for one, text in typed.items() if text}


def _number(one: Field, text: str) -> int:
    """Yuan become fen, kW become W: both have two decimals, the latter ten times that."""
    try:
        return Money.parse(text).fen * one.scale
    except UnitError:
        raise BadValues(f"{one.title}: {text[:20]}") from None


def _plan(request: HttpRequest, kind: Kind) -> Plan | None:
    text = request.POST.get("plan", "")
    if kind != Kind.PRICES or not text.isdecimal() or len(text) > 9:
        return None
    return Plan.objects.filter(pk=int(text), active=True).first()


def _down(request: HttpRequest, kind: Kind) -> bool:
    return kind == Kind.PRICES and request.POST.get("round_down") == "1"


def _check_meant(request: HttpRequest, kind: Kind, found: Resolved) -> None:
    """Nobody makes a floor dark by a slip of the finger."""
    if kind == Kind.SWITCH_OFF and request.POST.get("confirmed", "").strip() != str(len(found.meters)):
        raise NotMeant(len(found.meters))


def _context(request: HttpRequest, kind: Kind, found: Resolved, *, error: Refused | None) -> dict[str, Any]:
    rules, at, who = cutting.rules(), now(), operator(request)
    cut = kind == Kind.SWITCH_OFF
    too_many = cutting.alone_lately(rules, now=at) + len(found.meters) > rules.limit_count
    return {
        "kind": kind.value,
        "count": len(found.meters),
        "ids": ",".join(map(str, found.meters)),
        "dropped": found.dropped,
        "batch_id": request.POST.get("batch_id", "")[:ID_LENGTH_MAX] or new_id(),
        "given": request.POST,
        "reasons": Reason.choices,
        "rules": rules,
        "protected": cut and cutting.is_protected(rules, now=at),
        "second_needed": cut and (too_many or (error is not None and error.code in SECOND_CODES)),
        "plans": tariff.plans(active=True) if kind == Kind.PRICES else [],
        "limits": _typed(request) if kind == Kind.LIMITS else [],
        "may_send": who.may(RIGHTS[kind]),
        "refused": refusal(error) if error else None,
        "now": at,
        **_changes(request, kind, found),
    }


def _typed(request: HttpRequest) -> list[Field]:
    return [
        Field(one.name, one.title, one.unit, one.scale, request.POST.get(one.name, "").strip()[:20]) for one in LIMITS
    ]


def _changes(request: HttpRequest, kind: Kind, found: Resolved) -> Mapping[str, Any]:
    """What the values typed so far would do; a value that cannot be is said beside them."""
    try:
        plan = _plan(request, kind)
        if plan is not None and beyond_meters(plan):
            counts = Counter(one.skip for one in sorted_out(Meter.objects.filter(pk__in=found.meters)))
            return {"beyond": plan, "skips": [(Skip(skip).label, number) for skip, number in counts.items()]}
        down = _down(request, kind)
        values = for_meters(plan, round_down=down) if plan is not None else _values(request, kind)
    except Refused as error:
        return {"wrong": refusal(error)}
    if kind in {Kind.PRICES, Kind.LIMITS} and not values:
        return {"unsaid": True}
    return changes_of(kind, Meter.objects.filter(pk__in=found.meters), values, round_down=down)


def changes_of(
    kind: Kind, meters: MeterQuerySet, values: Mapping[str, int], *, round_down: bool = False
) -> Mapping[str, Any]:
    """What `console/fleet/_changes.html` shows."""
    seen = what_would_change(kind=kind, meters=meters, values=values, round_down=round_down)
    # Who loses power stands on top; the rest is cut where nobody reads on.
    trips = {one.meter.pk for one in seen.trips}
    rows = sorted(seen.changes, key=lambda one: (one.meter.pk not in trips, one.room, one.meter.number))
    return {
        "seen": seen,
        "trips": len(trips),
        "dark_w": sum(one.power_w or 0 for one in seen.trips),
        "rows": rows[:ROWS_MAX],
        "more": max(0, len(rows) - ROWS_MAX),
        "skips": [(skip.label, number) for skip, number in seen.skips.items()],
    }
