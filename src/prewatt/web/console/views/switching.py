"""断电规则: limits, protected hours, the never-cut list, and the one switch that stops all trips of the site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain import workdays
from prewatt.domain.control import cutting
from prewatt.domain.control import operations as control
from prewatt.domain.control.models import Stop, Vital
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.fleet.operations import stop_site
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, typed
from prewatt.web.parts.pages import address, now, operator, page

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
STOPS_MAX = 10


class NothingFound(Refused):
    code = "nothing_found"

    def __init__(self, text: str) -> None:
        super().__init__(
            _("No room or meter is called “%(text)s”. Nothing was changed. Give a whole room or meter number.")
            % {"text": text}
        )


@page(Right.SETTINGS, methods=BOTH)
def index(request: HttpRequest) -> HttpResponseBase:
    """The rules as a form; the list and the stop below it."""
    if request.method != "POST":
        return draw(request, _page(request))
    return _try(request, lambda: _set_rules(request, typed(request)), _("The rules are kept."))


def _try(request: HttpRequest, call: Callable[[], Any], said: str) -> HttpResponseBase:
    try:
        call()
    except Refused as error:
        return draw(request, _page(request), error=error)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("console:switching"))


def _page(request: HttpRequest) -> Page:
    rules, who, at = cutting.rules(), operator(request), now()
    limit = [
        Box("limit_count", _("Meters"), value=str(rules.limit_count), mode="numeric", length_max=4, required=True),
        Box(
            "limit_minutes",
            _("within"),
            value=str(rules.limit_minutes),
            unit=_("minutes"),
            mode="numeric",
            length_max=4,
            required=True,
        ),
    ]
    hours = [
        Box("protected_from", _("From"), value=f"{rules.protected_from:%H:%M}", length_max=5),
        Box("protected_until", _("until"), value=f"{rules.protected_until:%H:%M}", length_max=5),
        Box("protect", _("Protect these hours"), "tick", value="1" if rules.protect else ""),
        Box(
            "protect_weekends",
            _("and weekends and public holidays"),
            "tick",
            value="1" if rules.protect_weekends else "",
        ),
        Box(
            "protected_days",
            _("and these days of your own"),
            "lines",
            value="\n".join(rules.protected_days),
            note=_holidays_note(at),
            length_max=1200,
            wide=True,
        ),
    ]
    tenants = [
        Box("tenant_on", _("On again after paying"), "tick", value="1" if rules.tenant_on else ""),
        Box("tenant_off", _("Off, and on again"), "tick", value="1" if rules.tenant_off else ""),
    ]
    return Page(
        title=_("Rules of switching off"),
        page="switching",
        back=reverse("console:switching"),
        parts=(
            Part(
                _("How many one person may switch off alone"),
                limit,
                note=_("Beyond it a second person confirms with his own password. 0: always two."),
            ),
            Part(
                _("Protected hours"),
                hours,
                note=_("Inside them a person must say why it cannot wait. Arrears can."),
            ),
            Part(
                _("What tenants may switch themselves"),
                tenants,
                note=_("From their own pages, with their own power alone; never a held or never-cut meter."),
            ),
        ),
        save=_("Keep the rules"),
        more={
            "vital": cutting.marks(operator=who).select_related("meter__room", "room__floor__building", "set_by"),
            "vitals": Vital.choices,
            "stops": Stop.objects.select_related("by", "ended_by").order_by("-since")[:STOPS_MAX],
            "protected_now": cutting.is_protected(rules, now=at),
            "alone": cutting.alone_lately(rules, now=at),
            "rules": rules,
            "given": request.POST,
            "may_stop": who.may(Right.SWITCH) or who.may(Right.SETTINGS),
        },
        template="console/control/switching.html",
    )


def _holidays_note(at: datetime) -> str:
    """A year that is not announced, or that this version does not know, is never passed over in silence."""
    day = metering.today(at)
    unknown = next((year for year in (day.year, day.year + 1) if not workdays.is_known(year)), None)
    said = _("One day a line, such as 2026-10-01. Public holidays and make-up workdays are known.")
    if unknown is None:
        return said
    return _(
        "One day a line, such as 2026-10-01. The public holidays of %(year)d are not known yet: until an update brings "
        "them, only weekends, 1 January, 1–2 May and 1–3 October are protected. Add the others here."
    ) % {"year": unknown}


def _set_rules(request: HttpRequest, given: dict[str, str]) -> None:
    problems: dict[str, str] = {}
    control.set_rules(
        limit_count=_number(given, "limit_count", problems),
        limit_minutes=_number(given, "limit_minutes", problems),
        protected_from=_time(given, "protected_from", problems),
        protected_until=_time(given, "protected_until", problems),
        protected_days=_days(given, problems),
        protect="protect" in given,
        protect_weekends="protect_weekends" in given,
        tenant_on="tenant_on" in given,
        tenant_off="tenant_off" in given,
        operator=operator(request),
        now=now(),
        address=address(request),
    )


def _number(given: dict[str, str], name: str, problems: dict[str, str]) -> int:
    text = given.get(name, "").strip()
    if text.isdecimal() and len(text) <= 4:
        return int(text)
    problems[name] = _("Give a whole number.")
    raise FieldsRefused(problems)


def _time(given: dict[str, str], name: str, problems: dict[str, str]) -> time:
    try:
        return time.fromisoformat(given.get(name, "").strip())
    except ValueError:
        problems[name] = _("Give a time such as 18:00.")
        raise FieldsRefused(problems) from None


def _days(given: dict[str, str], problems: dict[str, str]) -> list[date]:
    try:
        return [date.fromisoformat(line.strip()) for line in given.get("protected_days", "").split() if line.strip()]
    except ValueError:
        problems["protected_days"] = _("Give days such as 2026-10-01, one a line.")
        raise FieldsRefused(problems) from None


@page(Right.SETTINGS, methods=POST)
def never_cut(request: HttpRequest) -> HttpResponseBase:
    """Put a room or a meter on the list, by its number."""
    text = request.POST.get("thing", "").strip()

    def add() -> None:
        found = estate.search(text=text, operator=operator(request), limit=20) if text else []
        meter = next((one for one in found if one.number == text), None)
        in_room = next((one for one in found if one.room and one.room.number == text), None)
        thing: Any = meter or (in_room.room if in_room else None)
        if thing is None:
            raise NothingFound(text)
        control.never_cut(
            thing=thing,
            kind=request.POST.get("kind", ""),
            note=request.POST.get("note", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )

    return _try(request, add, _("It is never switched off from now on."))


@page(Right.SETTINGS, methods=POST)
def may_be_cut(request: HttpRequest, pk: int) -> HttpResponseBase:
    mark = cutting.marks(operator=operator(request)).filter(pk=pk).first()
    if mark is None:
        raise Http404
    return _try(
        request,
        lambda: control.may_be_cut(mark=mark, operator=operator(request), now=now(), address=address(request)),
        _("It is off the list."),
    )


@page(Right.SWITCH, Right.SETTINGS, methods=POST)
def stop(request: HttpRequest) -> HttpResponseBase:
    """The site's stop, on or off; from any page's frame as well."""
    lift = request.POST.get("lift") == "1"
    call: Callable[..., Any] = control.lift_stop if lift else stop_site
    try:
        call(operator=operator(request), why=request.POST.get("why", ""), now=now(), address=address(request))
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("Trips may leave again.") if lift else _("No automatic and no batch trip leaves any more.")
        )
    to = "console:switching" if operator(request).may(Right.SETTINGS) else "console:fleet"
    return HttpResponseRedirect(reverse(to))
