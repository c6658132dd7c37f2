"""电价方案的版本: a new version by a form or as the document itself, looked at before it is kept, and withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain import workdays
from prewatt.domain.estate.models import Meter
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.fleet.plans import meters_of
from prewatt.domain.fleet.preview import what_would_change
from prewatt.domain.metering import prices as fleet_prices
from prewatt.domain.metering.queries import today, zone
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import history, versions
from prewatt.domain.tariff.cap import HOURS
from prewatt.domain.tariff.fault_words import in_words
from prewatt.domain.tariff.looking import example_fen, held_against_cap
from prewatt.domain.tariff.models import Plan, PlanVersion
from prewatt.domain.tariff.operations import LOST
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules.five import five_of
from prewatt.domain.tariff.rules.plan import Version
from prewatt.domain.tariff.rules.reading import DOCUMENT_BYTES_MAX
from prewatt.link.messages import Kind
from prewatt.units.values import Price, Rate
from prewatt.web.console import plan_form
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, typed
from prewatt.web.parts import plan_words
from prewatt.web.parts.pages import address, now, operator, page

BOTH = ("GET", "HEAD", "POST")
DRAFT_ROWS = 12
Document = Callable[[Mapping[str, str], str, datetime], Any]


def weights() -> Mapping[str, int]:
    found = fleet_prices.weights(now=now())
    return found if any(found.values()) else HOURS


def _plan(pk: int | None) -> Plan | None:
    if pk is None:
        return None
    found = Plan.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@page(Right.SETTINGS, methods=BOTH)
def by_form(request: HttpRequest, pk: int | None = None) -> HttpResponseBase:
    """A version of the usual kinds, field by field."""
    plan = _plan(pk)
    document = _newest(plan)
    known = plan_form.fields(document) if document else {}
    parts = [_moment(request, plan), *plan_form.parts(known or {})]
    more = {"too_rich": known is None, "other": _address(plan, "document"), "by_form": True}

    def made(given: Mapping[str, str], name: str, first: datetime) -> Any:
        return plan_form.document(given, name=name, zone=str(zone()), first=first.astimezone(zone()).date())

    return _answer(request, plan, parts, made, more)


@page(Right.SETTINGS, methods=BOTH)
def by_document(request: HttpRequest, pk: int | None = None) -> HttpResponseBase:
    """A version as its document: typed, or a file."""
    plan = _plan(pk)
    known = json.dumps(_newest(plan) or EXAMPLE, ensure_ascii=False, indent=2)
    box = Box("document", _("Document (JSON)"), "lines", value=known, wide=True, length_max=DOCUMENT_BYTES_MAX)
    note = _("The form of a plan document is told in docs/tariffs.md. Faults are listed with their place.")
    parts = [_moment(request, plan), Part(_("The document itself"), [box], note=note)]
    more = {"other": _address(plan, "new"), "by_form": False}
    return _answer(request, plan, parts, lambda given, _name, _first: given.get("document", ""), more)


EXAMPLE = {
    "format": "prewatt-tariff-1",
    "name": "",
    "settlement": {"every": "month"},
    "versions": [{"price": "0.5469", "ladder": {"steps": [{"up_to_kwh": "240", "add": "0"}, {"add": "0.05"}]}}],
}


def _newest(plan: Plan | None) -> Any:
    found = plan.versions.filter(withdrawn_at=None).order_by("-effective_from").first() if plan else None
    return found.document if found else None


def _address(plan: Plan | None, what: str) -> str:
    if plan is None:
        return reverse("console:plan-new-version" if what == "new" else "console:plan-new-document")
    return reverse("console:plan-version-new" if what == "new" else "console:plan-version-document", args=[plan.pk])


def _moment(request: HttpRequest, plan: Plan | None) -> Part:
    boxes = [] if plan else [Box("name", _("Plan name"), required=True, length_max=64)]
    boxes += [
        Box("day", _("Holds from (day)"), length_max=10, note=_("Such as 2026-10-01. Left empty: from now on.")),
        Box("hour", _("Time of day"), value="00:00", length_max=5),
        Box("note", _("Note"), length_max=400, wide=True, note=_("Such as the notice it follows.")),
        Box("reason", _("Ground for a price above the cap"), length_max=400, wide=True),
    ]
    if operator(request).may(Right.METER_ORDERS):
        label = _("Send its prices to the plan's meters by itself when it takes effect")
        boxes.append(Box("send", label, "tick", wide=True))
    note = _("What was used before is never priced again: a version holds from a moment to come.")
    return Part(_("From when"), boxes, note=note)


def _answer(
    request: HttpRequest, plan: Plan | None, parts: list[Part], document: Document, more: Mapping[str, Any]
) -> HttpResponse | HttpResponseRedirect:
    """Drawn, looked at, or kept: the button says which."""
    form = _form(plan, parts, more)
    if request.method != "POST":
        return draw(request, form)
    given = _given(request)
    try:
        at = _instant(given)
        name = plan.name if plan else given.get("name", "").strip()
        text = document(given, name or _("New price plan"), at or now())
        if given.get("act") != "keep":
            return draw(request, _form(plan, parts, {**more, "seen": _seen(request, plan, text, at), "given": given}))
        made = _keep(request, plan, text, at, given)
    except Refused as error:
        wrong = error.faults if isinstance(error, versions.BadDocument) else []
        faults = [(fault.pointer or "/", in_words(fault)) for fault in wrong]
        again = error.code == "above_cap"
        told = {"seen": _seen(request, plan, text, at)} if again else {}
        return draw(request, _form(plan, parts, {**more, **told, "faults": faults}), error=error)
    said = _("Version %(number)d is kept. It holds from %(at)s.") % {
        "number": made.number,
        "at": f"{made.effective_from.astimezone(zone()):%Y-%m-%d %H:%M}",
    }
    messages.success(request, said)
    return HttpResponseRedirect(reverse("console:plan", args=[made.plan_id]))


def _form(plan: Plan | None, parts: list[Part], more: Mapping[str, Any]) -> Page:
    return Page(
        title=_("New version of %(name)s") % {"name": plan.name} if plan else _("New price plan"),
        page="plans",
        back=reverse("console:plan", args=[plan.pk]) if plan else reverse("console:plans"),
        parts=parts,
        save=_("Keep this version"),
        more={"plan": plan, **more},
        template="console/tariff/version.html",
    )


def _given(request: HttpRequest) -> dict[str, str]:
    """What was typed; a file stands for the text of the document."""
    found = typed(request)
    file = request.FILES.get("file")
    if file is not None:
        found["document"] = file.read(DOCUMENT_BYTES_MAX + 1).decode("utf-8", errors="replace")
        posted = request.POST.copy()
        posted["document"] = found["document"]
        request.POST = posted  # type: ignore[assignment] # the page comes back with the file's text in it
    return found


def _instant(given: Mapping[str, str]) -> datetime | None:
    day, hour = given.get("day", "").strip(), given.get("hour", "").strip() or "00:00"
    if not day:
        return None
    try:
        return datetime.combine(datetime.strptime(day, "%Y-%m-%d").date(), time.fromisoformat(hour), zone())  # noqa: DTZ007
    except ValueError:
        raise FieldsRefused({"day": _("Give a day such as 2026-10-01, and a time such as 00:00.")}) from None


def _keep(
    request: HttpRequest, plan: Plan | None, text: Any, at: datetime | None, given: Mapping[str, str]
) -> PlanVersion:
    return versions.add_version(
        key=form_id(request),
        plan=plan,
        document=text,
        effective_from=at,
        name=given.get("name", ""),
        note=given.get("note", ""),
        reason=given.get("reason", ""),
        send="send" in given,
        weights=weights(),
        operator=operator(request),
        now=now(),
        day=today(at or now()),
        address=address(request),
    )


def _seen(request: HttpRequest, plan: Plan | None, text: Any, at: datetime | None) -> dict[str, Any]:
    """What keeping it would do: in words, for whom, against the cap, an example month, what meters can hold of it."""
    draft, used, moment = versions.drafted(text), weights(), at or now()
    held = history.holding(plan, at=moment) if plan else None
    before = read(held.document) if held else None
    rows = plan_words.summary(draft.plan)
    cap = held_against_cap(draft.version, day=today(moment), weights=used)
    return {
        "rows": rows,
        "changes": plan_words.changes(plan_words.summary(before), rows) if before else [],
        "held": held,
        "unknown": _(", ").join(map(str, sorted(_unannounced(draft.version)))),
        "cap": cap,
        "cap_asked": Price(cap.blended.asked_e4) if cap else None,
        "cap_allowed": Price(cap.blended.allowed_e4) if cap else None,
        "bands": [(plan_words.band(one.band), Rate(one.asked_e8), Rate(one.allowed_e8), one.above) for one in cap.bands]
        if cap
        else [],
        "month_fen": example_fen(draft.plan, at=moment, weights=used),
        "month_before_fen": example_fen(before, at=moment, weights=used) if before else None,
        **_whom(request, plan, five_of(draft.version)),
    }


def _unannounced(version: Version) -> set[int]:
    """The years of which the version names holidays, and of which this installation knows only some."""
    return {year for year in {day.year for day in version.holidays} if not workdays.is_known(year)}


def _whom(request: HttpRequest, plan: Plan | None, five: Any) -> dict[str, Any]:
    mine = meters_of(plan, operator=operator(request)) if plan else Meter.objects.none()
    lost = _(", ").join(str(LOST[one]) for one in five.lost)
    found = what_would_change(kind=Kind.PRICES, meters=mine.order_by("number"), values=five.prices)
    coarse = sum(1 for one in found.skipped if one.skip == "cannot")
    return {
        "meters": mine.count(),
        "rooms": mine.select_related("room").order_by("number")[:DRAFT_ROWS],
        "lost": lost,
        "only_fine": five.lost == ("decimals",),
        "coarse": coarse,
    }


@page(Right.SETTINGS, methods=("POST",))
def withdraw(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """A version that does not hold yet never will."""
    version = _version(pk, number)
    try:
        versions.withdraw(version=version, operator=operator(request), now=now(), address=address(request))
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Version %(number)d is withdrawn.") % {"number": number})
    return HttpResponseRedirect(reverse("console:plan", args=[pk]))


@page(Right.READ)
def document(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:  # noqa: ARG001 - the site's
    """A version's document as a file, such as `prewatt tariff price` takes."""
    version = _version(pk, number)
    found = JsonResponse(version.document, json_dumps_params={"ensure_ascii": False, "indent": 2})
    found["Content-Disposition"] = f'attachment; filename="plan-{pk}-v{number}.json"'
    return found


def _version(pk: int, number: int) -> PlanVersion:
    found = PlanVersion.objects.filter(plan=pk, number=number).first()
    if found is None:
        raise Http404
    return found


def listed(plan: Plan, *, at: datetime) -> list[dict[str, Any]]:
    """A plan's versions, the newest first, each with what it changed and whether it holds."""
    rows = list(plan.versions.select_related("created_by", "withdrawn_by").order_by("effective_from", "number"))
    held = history.holding(plan, at=at)
    found: list[dict[str, Any]] = []
    before: list[plan_words.Row] = []
    for one in rows:
        words = plan_words.summary(read(one.document))
        changed = plan_words.changes(before, words)
        found.append(
            {"one": one, "state": _state(one, held, at), "rows": words, "changes": changed, "first": not before}
        )
        before = before if one.withdrawn_at else words
    return found[::-1]


def _state(one: PlanVersion, held: PlanVersion | None, at: datetime) -> str:
    if one.withdrawn_at is not None:
        return "withdrawn"
    return "held" if one == held else "coming" if one.effective_from > at else "past"
