"""Scan, live reading and frame watch: one form each, and fragments that follow the gateway."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.commissioning import expected, operations, queries
from prewatt.domain.commissioning.models import Inquiry, SeenFrame
from prewatt.domain.commissioning.refusals import CommissioningRefused, WrongRange
from prewatt.domain.estate.models import Bus, Meter
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import InquiryKind
from prewatt.web.console.views.commissioning import telling
from prewatt.web.parts.pages import address, now, operator, page, refusal

RIGHT = Right.METER_ORDERS
SCANS = (InquiryKind.SCAN, InquiryKind.DUPLICATES)
# page: the kinds that its panel shows
PAGES: dict[str, tuple[InquiryKind, ...]] = {
    "scan": SCANS,
    "live-read": (InquiryKind.READ,),
    "frames": (InquiryKind.WATCH,),
}
FRAMES_FIRST = 200


@page(RIGHT, methods=("GET", "HEAD", "POST"))
def scan(request: HttpRequest) -> HttpResponseBase:
    return _page(request, "scan")


@page(RIGHT, methods=("GET", "HEAD", "POST"))
def live_read(request: HttpRequest) -> HttpResponseBase:
    return _page(request, "live-read")


@page(RIGHT, methods=("GET", "HEAD", "POST"))
def frames(request: HttpRequest) -> HttpResponseBase:
    return _page(request, "frames")


def _page(request: HttpRequest, name: str) -> HttpResponseBase:
    bus = _bus(request)
    refused = None
    if request.method == "POST":
        if bus is None:
            raise Http404
        try:
            _place(request, bus, name)
            return redirect(f"{reverse(f'console:commissioning-{name}')}?{urlencode(_kept(request, bus))}")
        except CommissioningRefused as error:
            refused = refusal(error)
    context = {**_frame(request, bus, name), "refused": refused}
    return render(request, f"console/commissioning/{name}.html", context, status=422 if refused else 200)


def _kept(request: HttpRequest, bus: Bus) -> dict[str, str]:
    """What the form goes on showing."""
    names = ("target", "unit", "profile", "first", "last")
    return {"bus": str(bus.pk), **{name: request.POST[name] for name in names if request.POST.get(name)}}


def _bus(request: HttpRequest) -> Bus | None:
    """The bus that was asked for, else the first; 404 for a foreign one."""
    mine = queries.buses(operator(request))
    asked = request.POST.get("bus") or request.GET.get("bus")
    if not asked:
        return mine.first()
    bus = mine.filter(pk=asked).first() if asked.isdecimal() else None
    if bus is None:
        raise Http404
    return bus


def _frame(request: HttpRequest, bus: Bus | None, name: str) -> dict[str, Any]:
    """What all three pages show: the bus, its meters, the newest look, and what was typed."""
    who = operator(request)
    typed = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {
        "page": name,
        "bus": bus,
        "buses": list(queries.with_meters(queries.buses(who))),
        "here": reverse(f"console:commissioning-{name}"),
        "form_id": typed.get("form_id") or uuid.uuid4().hex,
        "typed": typed,
        "models": profiles.names(()),
    }
    if bus is None:
        return context
    meters = queries.meters(bus)
    last = min(operations.UNIT_MAX, max((meter.unit for meter in meters), default=0) + 10)
    inquiry = queries.newest(bus=bus, kinds=PAGES[name], operator=who)
    context |= {"meters": meters, "first_unit": typed.get("first") or 1, "last_unit": typed.get("last") or last}
    if name == "scan":
        identified = queries.newest(bus=bus, kinds=(InquiryKind.IDENTIFY,), operator=who)
        newer = identified and (inquiry is None or identified.placed_at > inquiry.placed_at)
        context |= _panel(request, identified, "identified") if newer else {}
        context |= _expected(bus, context["first_unit"], context["last_unit"], meters)
    return {**context, **_panel(request, inquiry)}


def _expected(bus: Bus, first: Any, last: Any, known: list[Meter]) -> dict[str, Any]:
    """How long the scan in the form would take, and one of every address."""
    units = [int(one) if str(one).isdecimal() and 0 < int(one) <= operations.UNIT_MAX else 1 for one in (first, last)]
    asked: dict[str, Any] = {"kind": InquiryKind.SCAN, "first_unit": min(units)}
    return {
        "dlt645": expected.speaks_dlt645(known),
        "expected_s": expected.scan_s(bus, last_unit=max(units), **asked),
        "expected_all_s": expected.scan_s(bus, **{**asked, "first_unit": 1}, last_unit=operations.UNIT_MAX),
    }


def _place(request: HttpRequest, bus: Bus, name: str) -> Inquiry:
    return operations.place(
        inquiry_id=request.POST.get("form_id") or uuid.uuid4().hex,
        bus=bus,
        operator=operator(request),
        now=now(),
        address=address(request),
        **_asked(request, bus, name),
    )


def _asked(request: HttpRequest, bus: Bus, name: str) -> dict[str, Any]:
    post = request.POST
    if name == "frames":
        return {"kind": InquiryKind.WATCH}
    if name == "live-read":
        return {"kind": InquiryKind.READ, **_target(request, bus)}
    kind = post.get("kind")
    if kind == InquiryKind.IDENTIFY:
        return {"kind": InquiryKind.IDENTIFY, "unit": _whole(post.get("unit", ""))}
    return {
        "kind": InquiryKind.DUPLICATES if kind == InquiryKind.DUPLICATES else InquiryKind.SCAN,
        "first_unit": _whole(post.get("first", "")),
        "last_unit": _whole(post.get("last", "")),
    }


def _target(request: HttpRequest, bus: Bus) -> dict[str, Any]:
    """A meter of the estate, or an address and a model."""
    target = request.POST.get("target", "")
    for meter in queries.meters(bus):
        if str(meter.pk) == target:
            return {"unit": meter.unit, "meter_address": meter.address, "profile": meter.profile}
    typed = request.POST.get("unit", "").strip()
    profile = request.POST.get("profile", "")
    if len(typed) == 12:
        return {"meter_address": typed, "profile": profile}
    return {"unit": _whole(typed), "profile": profile}


def _whole(text: str) -> int:
    text = text.strip()
    if not text.isdecimal() or len(text) > 4:
        raise WrongRange(_("An address is a whole number from 1 to 247. Nothing was asked."))
    return int(text)


# --- fragments --------------------------------------------------------------------------------------------------------


def _inquiry(request: HttpRequest, inquiry_id: str) -> Inquiry:
    inquiry = queries.inquiries(operator(request)).filter(pk=inquiry_id).first()
    if inquiry is None:
        raise Http404
    return inquiry


@page(RIGHT)
def live(request: HttpRequest, inquiry_id: str) -> HttpResponse:
    """What is new of a look; a fragment that asks again by itself until the look has ended."""
    inquiry = _inquiry(request, inquiry_id)
    if inquiry.kind == InquiryKind.WATCH:
        after = request.GET.get("after", "")
        return _frames_since(request, inquiry, int(after) if after.isdecimal() and len(after) < 10 else 0)
    template = "_read.html" if inquiry.kind == InquiryKind.READ else "_scan.html"
    return render(request, f"console/commissioning/{template}", _panel(request, inquiry))


def _frames_since(request: HttpRequest, inquiry: Inquiry, after: int) -> HttpResponse:
    context = _panel(request, inquiry)
    rows = queries.frames(inquiry, after=after)
    context |= {"rows": _told(rows), "after": rows[-1].number if rows else after, "more": True}
    return render(request, "console/commissioning/_frames.html", context)


def _told(rows: list[SeenFrame]) -> list[dict[str, Any]]:
    return [
        {"frame": one, "told": telling.told(one), "error": telling.ERRORS.get(one.error, one.error)} for one in rows
    ]


@page(RIGHT, methods=("POST",))
def stop(request: HttpRequest, inquiry_id: str) -> HttpResponseBase:
    inquiry = _inquiry(request, inquiry_id)
    operations.cancel(inquiry_id=inquiry.pk, operator=operator(request), now=now())
    name = next((name for name, kinds in PAGES.items() if inquiry.kind in kinds), "scan")
    return redirect(f"{reverse(f'console:commissioning-{name}')}?{urlencode({'bus': inquiry.bus_id})}")


def _panel(request: HttpRequest, inquiry: Inquiry | None, name: str = "inquiry") -> dict[str, Any]:
    """The state of a look and what it found."""
    at = now()
    if inquiry is None:
        return {"now": at, name: None}
    standing = inquiry.standing(at)
    told: dict[str, Any] = {
        "now": at,
        name: inquiry,
        "standing": standing,
        "is_open": inquiry.is_open(at),
        "stopping": inquiry.cancel_asked_at is not None,
        "why": telling.reason(inquiry.reason) if standing in ("failed", "running") and inquiry.reason else "",
    }
    if inquiry.kind == InquiryKind.READ:
        told["groups"] = telling.groups(inquiry.values)
        told["meter"] = next((one for one in queries.meters(inquiry.bus) if _is_at(one, inquiry)), None)
        told["model"] = inquiry.profile or (told["meter"].profile if told["meter"] else "")
    elif inquiry.kind == InquiryKind.WATCH:
        rows = queries.frames(inquiry, limit=FRAMES_FIRST)
        told |= {"rows": _told(rows), "after": rows[-1].number if rows else 0}
    else:
        told["places"] = [_place_told(request, inquiry, place) for place in queries.compare(inquiry)]
        told["counts"] = _counts(told["places"])
        told["unasked"] = max(0, inquiry.total - inquiry.asked)
    if name != "inquiry":
        return {"now": at, name: told}
    return told


def _is_at(meter: Any, inquiry: Inquiry) -> bool:
    return ((meter.address, inquiry.address) != ("", "") and meter.address == inquiry.address) or (
        not inquiry.address and not meter.address and meter.unit == inquiry.unit
    )


def _place_told(request: HttpRequest, inquiry: Inquiry, place: queries.Place) -> dict[str, Any]:
    word, icon, tone = telling.VERDICTS[place.verdict]
    read: dict[str, str | int] = {
        "bus": inquiry.bus_id,
        "unit": place.label,
        "profile": place.profiles[0] if place.profiles else "",
    }
    if place.meter is not None:
        read = {"bus": inquiry.bus_id, "target": place.meter.pk}
    return {
        "place": place,
        "word": word,
        "icon": icon,
        "tone": tone,
        "read": f"{reverse('console:commissioning-live-read')}?{urlencode(read)}",
        "add": _add_link(request, inquiry, place),
    }


def _add_link(request: HttpRequest, inquiry: Inquiry, place: queries.Place) -> str:
    """The form of a new meter with what the scan knows already in it."""
    if place.meter is not None or not operator(request).may(Right.SETTINGS):
        return ""
    model = place.profiles[0] if len(place.profiles) == 1 else ""
    known: dict[str, str | int] = {
        "bus": inquiry.bus_id,
        "unit": place.unit or 1,
        "address": place.address,
        "profile": model,
    }
    return f"{reverse('console:estate-meter-new')}?{urlencode(known)}"


def _counts(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many of each verdict, for the line above the table."""
    counted = []
    for verdict, (word, icon, tone) in telling.VERDICTS.items():
        count = sum(1 for one in places if one["place"].verdict is verdict)
        if count:
            counted.append({"word": word, "icon": icon, "tone": tone, "count": count})
    return counted
