"""通讯管理机: the register, a gateway's own page with its buses and its code, and what gateways told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from prewatt.domain.estate import defaults, enrolment, queries, scope
from prewatt.domain.estate import gateways as estate
from prewatt.domain.estate.models import Bus, Gateway
from prewatt.domain.estate.refusals import EstateRefused
from prewatt.domain.metering.queries import GATEWAY_SILENT_S
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, act, draw, form_id, new_id, submit, typed
from prewatt.web.console.views.estate.forms import edit as change
from prewatt.web.parts import formats, words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register
from prewatt.web.parts.words import Text

if TYPE_CHECKING:
    from prewatt.domain.estate.models import GatewayEvent
    from prewatt.domain.staff.models import Operator

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
SUITES = (("aes-256-gcm", "AES-256-GCM"), ("sm4-gcm", "SM4-GCM"), ("3des-cbc", "3DES-CBC"))
# state -> word, icon, tone
STATES: dict[str, tuple[Text, str, str]] = {
    "online": (gettext_lazy("online"), "circle-check", "good"),
    "silent": (gettext_lazy("silent"), "plug-connected-x", "bad"),
    "new": (gettext_lazy("not enrolled"), "circle-dashed", "mut"),
}
# What a gateway may tell (`prewatt.link.messages.Event`), and what the centre adds.
EVENTS: dict[str, Text] = {
    "quarantined": gettext_lazy("an impossible reading was set aside"),
    "clock_set": gettext_lazy("the meter's clock was set"),
    "clock_drift": gettext_lazy("the meter's clock is off"),
    "duplicate_address": gettext_lazy("two meters answer to one address"),
    "journal_full": gettext_lazy("the journal is full: the oldest readings go"),
    "swept_out": gettext_lazy("readings were dropped from the journal"),
    "meter_lost": gettext_lazy("a meter stopped answering"),
    "meter_back": gettext_lazy("a meter answers again"),
    "foreign_meter": gettext_lazy("it read a meter that is not its own"),
    "bad_bus": gettext_lazy("a bus cannot be used"),
    "unreadable": gettext_lazy("rows that cannot be read were left out"),
}


DETAILS: dict[str, Text] = {
    "bus": gettext_lazy("bus"),
    "unit": gettext_lazy("address"),
    "address": gettext_lazy("DL/T 645 address"),
    "error": gettext_lazy("because:"),
    "reason": gettext_lazy("because:"),
    "rows": gettext_lazy("rows"),
    "readings": gettext_lazy("readings"),
    "since_ms": gettext_lazy("since"),
    "from_ms": gettext_lazy("from"),
    "to_ms": gettext_lazy("to"),
}


def state_of(gateway: Gateway) -> str:
    if gateway.last_seen_at is None:
        return "new"
    return "online" if now() - gateway.last_seen_at <= timedelta(seconds=GATEWAY_SILENT_S) else "silent"


def _own_page(gateway: Gateway) -> str:
    return reverse("console:estate-gateway", args=[gateway.pk])


def _skew(gateway: Gateway) -> str:
    """Seconds the gateway's clock is ahead of ours."""
    if gateway.last_seen_at is None:
        return ""
    text = formats.scaled(abs(gateway.clock_skew_ms), 1000)
    return (
        _("%(seconds)s s ahead") % {"seconds": text}
        if gateway.clock_skew_ms >= 0
        else _("%(seconds)s s behind") % {"seconds": text}
    )


def _rows(ask: Ask) -> list[Gateway]:
    found = queries.gateways_with_sums(operator=ask.operator)
    if ask["text"]:
        found = found.filter(code__icontains=ask["text"]) | found.filter(name__icontains=ask["text"])
    return [one for one in found if ask["state"] in (None, state_of(one))]


REGISTER = Register(
    name="gateways",
    icon="router",
    title=pgettext_lazy("estate", "Gateways"),
    columns=(
        Column("code", gettext_lazy("Code"), link=_own_page, sort=("code",)),
        Column("name", pgettext_lazy("of a thing", "Name"), sort=("name",), width=20),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda one: STATES[state_of(one)][0],
            icon=lambda one: STATES[state_of(one)][1],
            tone=lambda one: STATES[state_of(one)][2],
            order=state_of,
            sort=("state",),
        ),
        Column("buses", gettext_lazy("Buses"), "count", value=lambda one: one.bus_count, sort=("buses",)),
        Column("meters", gettext_lazy("Meters"), "count", value=lambda one: one.meter_count, sort=("meters",)),
        Column(
            "lost",
            gettext_lazy("Silent meters"),
            "count",
            value=lambda one: one.silent_count,
            tone=lambda one: "bad b" if one.silent_count else "",
            sort=("lost",),
        ),
        Column(
            "seen", gettext_lazy("Last heard"), "when", value=lambda one: one.last_seen_at, sort=("seen",), width=20
        ),
        Column(
            "reading",
            gettext_lazy("Newest reading"),
            "when",
            value=lambda one: one.newest_reading_at,
            sort=("reading",),
            width=20,
        ),
        Column("skew", gettext_lazy("Clock"), value=_skew, order=lambda one: abs(one.clock_skew_ms), sort=("skew",)),
        Column("software", gettext_lazy("Software"), sort=("software",), width=18),
        Column(
            "enrolled",
            gettext_lazy("Enrolled"),
            "when",
            value=lambda one: one.enrolled_at,
            sort=("enrolled",),
            width=20,
        ),
        Column("suite", gettext_lazy("Cipher"), sort=("suite",), shown=False),
        Column("keys", gettext_lazy("Key version"), "count", value=lambda one: one.key_version or None, shown=False),
    ),
    filters=(
        Filter("text", gettext_lazy("Code or name")),
        Filter(
            "state",
            gettext_lazy("State"),
            "choice",
            choices=lambda _who: [(key, one[0]) for key, one in STATES.items()],
        ),
    ),
    order="code",
    rows=_rows,
    empty=gettext_lazy("No gateway yet. Add one, then draw its enrolment code."),
)


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/estate/gateways.html", more=lambda _ask: {"page": "gateways"})


def _gateway(request: HttpRequest, pk: int) -> Gateway:
    found = queries.gateways_with_sums(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@page(Right.READ)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, _gateway(request, pk))


def _show(request: HttpRequest, gateway: Gateway, *, code: str = "", error: Exception | None = None) -> HttpResponse:
    who, at = operator(request), now()
    waiting = enrolment.waiting_code(gateway, now=at)
    found = scope.events(who).filter(gateway=gateway).order_by("-at", "pk")[:8]
    context = {
        "page": "gateways",
        "gateway": gateway,
        "state": STATES[state_of(gateway)],
        "skew": _skew(gateway),
        "buses": queries.buses_with_sums(gateway, operator=who),
        "site_sweep_s": defaults.site_sweep_s(),
        "events": [(one, event_word(one), detail_text(one)) for one in found],
        "whole": scope.is_whole(who, gateway),
        "code": code,
        "waiting": waiting,
        "centre": request.build_absolute_uri("/").rstrip("/"),
        "again": gateway.key_version > 0,
        "form_id": new_id(),
        "refused": refusal(error) if error else None,
        "now": at,
    }
    return render(request, "console/estate/gateway.html", context, status=422 if error else 200)


@page(Right.SETTINGS, methods=POST)
def draw_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Shown with this answer, and never again."""
    gateway = _gateway(request, pk)
    try:
        code = estate.draw_code(
            form_id=form_id(request), gateway=gateway, operator=operator(request), now=now(), address=address(request)
        )
    except EstateRefused as error:
        return _show(request, gateway, error=error)
    return _show(request, gateway, code=code)


def _gateway_page(gateway: Gateway | None) -> Page:
    code = (
        Box("code", _("Code"), "fixed", gateway.code)
        if gateway
        else Box(
            "code",
            _("Code"),
            note=_("Stays for good: it is part of its keys. For example GW-01."),
            required=True,
            length_max=32,
        )
    )
    boxes = (
        code,
        Box(
            "name",
            pgettext("of a thing", "Name"),
            value=gateway.name if gateway else "",
            note=_("Where it hangs"),
            length_max=64,
        ),
        Box(
            "suite",
            _("Cipher"),
            "choice",
            gateway.suite if gateway else SUITES[0][0],
            SUITES,
            note=_(
                "Counts from its next enrolment on. 3DES only where the law demands it: it is weak, and off by default."
            ),
        ),
    )
    return Page(
        title=_("Gateway %(code)s") % {"code": gateway.code} if gateway else _("New gateway"),
        page="gateways",
        back=_own_page(gateway) if gateway else reverse("console:estate-gateways"),
        parts=[Part(pgettext_lazy("estate", "Gateway"), boxes)],
        save=_("Save"),
    )


@page(Right.SETTINGS, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    drawn = _gateway_page(None)
    if request.method != "POST":
        return draw(request, drawn)
    return submit(
        request,
        drawn,
        call=estate.create_gateway,
        done=lambda made: (
            _own_page(made),
            _("Gateway %(code)s is registered. Draw its enrolment code next.") % {"code": made.code},
        ),
        form_id=form_id(request),
        typed=typed(request),
    )


@page(Right.SETTINGS, methods=BOTH)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return change(
        request,
        find=lambda: _gateway(request, pk),
        page=_gateway_page,
        call=estate.change_gateway,
        name="gateway",
        done=lambda gateway: (_own_page(gateway), _("Saved.")),
    )


@page(Right.SETTINGS, methods=POST)
def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    gateway = _gateway(request, pk)
    said = _("Gateway %(code)s is removed.") % {"code": gateway.code}
    back = reverse("console:estate-gateways")
    return act(request, call=estate.remove_gateway, gateway=gateway, done=back, failed=_own_page(gateway), said=said)


def _bus(request: HttpRequest, pk: int) -> Bus:
    found = scope.buses(operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _bus_page(gateway: Gateway, bus: Bus | None) -> Page:
    sweep_s = defaults.site_sweep_s()
    boxes = (
        Box("code", _("Bus"), value=bus.code if bus else "", note=_("For example bus-1"), required=True, length_max=32),
        Box(
            "url",
            _("Interface"),
            value=bus.url if bus else "",
            note=_(
                "rtu+tcp://192.168.1.20:4001?baud=9600 · tcp://192.168.1.20:502 · serial:///dev/ttyS1?baud=9600&parity=E"
            ),
            required=True,
            wide=True,
        ),
        Box(
            "sweep_s",
            _("Polling interval"),
            value=str(bus.sweep_s or "") if bus else "",
            unit=_("seconds"),
            inherited=str(sweep_s),
            note=_("Empty: the site's default, now %(seconds)d s") % {"seconds": sweep_s},
            mode="numeric",
        ),
        Box(
            "status_s",
            _("Status interval"),
            value=str(bus.status_s) if bus else "180",
            unit=_("seconds"),
            note=_("Balance and switch are looked at this often."),
            mode="numeric",
        ),
    )
    return Page(
        title=_("Bus %(code)s") % {"code": bus.code} if bus else _("New bus of %(code)s") % {"code": gateway.code},
        page="gateways",
        back=_own_page(gateway),
        parts=[Part(_("Bus"), boxes)],
        save=_("Save"),
    )


@page(Right.SETTINGS, methods=BOTH)
def create_bus(request: HttpRequest, pk: int) -> HttpResponseBase:
    gateway = _gateway(request, pk)
    drawn = _bus_page(gateway, None)
    if request.method != "POST":
        return draw(request, drawn)
    saved = (_own_page(gateway), _("Saved. The gateway fetches it with its next message."))
    return submit(
        request,
        drawn,
        call=estate.create_bus,
        done=lambda _made: saved,
        form_id=form_id(request),
        gateway=gateway,
        typed=typed(request),
    )


@page(Right.SETTINGS, methods=BOTH)
def edit_bus(request: HttpRequest, pk: int) -> HttpResponseBase:
    return change(
        request,
        find=lambda: _bus(request, pk),
        page=lambda bus: _bus_page(bus.gateway, bus),
        call=estate.change_bus,
        name="bus",
        done=lambda bus: (_own_page(bus.gateway), _("Saved. The gateway fetches it with its next message.")),
    )


@page(Right.SETTINGS, methods=POST)
def remove_bus(request: HttpRequest, pk: int) -> HttpResponseBase:
    bus = _bus(request, pk)
    back = _own_page(bus.gateway)
    said = _("Bus %(code)s is removed.") % {"code": bus.code}
    return act(request, call=estate.remove_bus, bus=bus, done=back, failed=back, said=said)


def event_word(event: GatewayEvent) -> Text:
    return EVENTS.get(event.code, event.code)


def detail_text(event: GatewayEvent) -> str:
    return ", ".join(f"{DETAILS.get(name, name)} {_detail(name, value)}" for name, value in event.detail.items())


def _detail(name: str, value: str | int) -> Text:
    """Codes as people say them, times as the site's clock shows them; what nobody gave a word stays as it came."""
    if name.endswith("_ms") and isinstance(value, int):
        return formats.moment(datetime.fromtimestamp(value / 1000, UTC))
    return words.line_error(str(value)) if name in {"error", "reason"} else str(value)


def _events(ask: Ask) -> Any:
    found = scope.events(ask.operator).select_related("gateway")
    if ask["gateway"]:
        found = found.filter(gateway__code=ask["gateway"])
    if ask["code"]:
        found = found.filter(code=ask["code"])
    if ask["meter"]:
        found = found.filter(meter_number__icontains=ask["meter"])
    if ask["from"]:
        found = found.filter(at__date__gte=ask["from"])
    if ask["to"]:
        found = found.filter(at__date__lte=ask["to"])
    return found


def _codes(who: Operator) -> list[tuple[str, Text]]:
    return [(code, code) for code in scope.gateways(who).order_by("code").values_list("code", flat=True)]


EVENT_REGISTER = Register(
    name="gateway-events",
    icon="history",
    title=gettext_lazy("What gateways told"),
    columns=(
        Column("at", gettext_lazy("Time"), "when", sort=("at",), width=20),
        Column(
            "gateway",
            pgettext_lazy("estate", "Gateway"),
            value=lambda one: one.gateway.code,
            link=lambda one: _own_page(one.gateway),
            sort=("gateway__code",),
        ),
        Column("what", gettext_lazy("What"), value=event_word, sort=("code",), width=40),
        Column("meter", gettext_lazy("Meter"), value=lambda one: one.meter_number, sort=("meter_number",), width=16),
        Column("detail", gettext_lazy("Details"), value=detail_text, width=40),
    ),
    filters=(
        Filter("gateway", pgettext_lazy("estate", "Gateway"), "choice", choices=_codes),
        Filter("code", gettext_lazy("What"), "choice", choices=lambda _who: list(EVENTS.items())),
        Filter("meter", gettext_lazy("Meter number")),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
    ),
    order="-at",
    rows=_events,
)


@page(Right.READ)
def events(request: HttpRequest) -> HttpResponseBase:
    more: Mapping[str, Any] = {"page": "gateways"}
    return answer(request, EVENT_REGISTER, more=lambda _ask: more)
