"""默认参数: of the site, and of each building, which inherits what it leaves empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.estate import defaults, scope
from prewatt.domain.estate.models import Building
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.fleet.sorting import VALUE_KINDS
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import Kind
from prewatt.units.values import Money
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, new_id, submit, typed
from prewatt.web.console.views.fleet import orders
from prewatt.web.parts.formats import scaled
from prewatt.web.parts.pages import operator, page

BOTH = ("GET", "HEAD", "POST")
SCALES = {"fen": 100, "e4": 10_000}


def text(name: str, value: Any) -> str:
    """As it is typed: yuan, yuan per kWh, watts, seconds, telephone numbers."""
    scale = SCALES.get(name.rpartition("_")[2])
    if value is None:
        return ""
    return scaled(value, scale) if scale else str(value)


def _parts(building: Building | None) -> list[Part]:
    own = defaults.said(building)
    above = defaults.effective(None) if building else defaults.SHIPPED

    def box(name: str, label: str, unit: str, note: str = "", mode: str = "decimal", *, wide: bool = False) -> Box:
        inherited = text(name, above[name]) or _("none")
        where = _("Empty: %(value)s, from the site") if building else _("Empty: %(value)s, as shipped")
        said = where % {"value": inherited}
        return Box(
            name,
            label,
            value=text(name, own[name]),
            unit=unit,
            inherited=inherited,
            note=f"{note} {said}".strip(),
            mode=mode,
            wide=wide,
        )

    yuan, per_kwh = _("yuan"), _("yuan/kWh")
    return [
        Part(
            _("Alarms and limits"),
            (
                box("alarm1_fen", _("Alarm amount 1"), yuan),
                box("alarm2_fen", _("Alarm amount 2"), yuan),
                box("ceiling_fen", _("Balance ceiling"), yuan, _("0: none.")),
                box("overload_limit_w", _("Power limit"), "W", _("0: none."), "numeric"),
                box("alarm_phones", _("Numbers for alarm texts"), "", _("Up to ten, with commas."), "", wide=True),
                box("escalate_phones", _("Second person's numbers"), "", _("Up to ten, with commas."), "", wide=True),
                box(
                    "escalate_after_min",
                    _("Second person told after"),
                    _("minutes"),
                    _("If nobody has acknowledged the alarm."),
                    "numeric",
                ),
            ),
        ),
        Part(
            _("Price"),
            (
                box("price_sharp_e4", _("Sharp"), per_kwh),
                box("price_peak_e4", _("Peak"), per_kwh),
                box("price_flat_e4", _("Flat"), per_kwh),
                box("price_valley_e4", _("Valley"), per_kwh),
                box("price_deep_e4", _("Deep valley"), per_kwh),
            ),
            _("One price for the whole day: the same in every band."),
        ),
        Part(
            _("Polling"),
            (
                box(
                    "sweep_s", _("Polling interval"), _("seconds"), _("Full readings; 1800 is half an hour."), "numeric"
                ),
            ),
            _("A bus or a meter with its own interval keeps it. Gateways fetch a new one with their next message."),
        ),
    ]


def _page(request: HttpRequest, building: Building | None) -> Page:
    mine = list(scope.buildings(operator(request)))
    return Page(
        title=_title(building),
        page="estate-defaults",
        back=_address(building),
        parts=_parts(building),
        save=_("Save"),
        more={
            "building": building,
            "tabs": [(_address(one), one.name, building == one) for one in mine],
            "site_tab": (_address(None), building is None),
            "may_site": operator(request).all_buildings,
        },
        template="console/estate/defaults.html",
    )


def _title(building: Building | None) -> str:
    return _("Default parameters: %(building)s") % {"building": building.name} if building else _("Default parameters")


def _address(building: Building | None) -> str:
    if building is None:
        return reverse("console:estate-defaults")
    return reverse("console:estate-defaults-building", args=[building.pk])


@page(Right.SETTINGS, methods=BOTH)
def site(request: HttpRequest) -> HttpResponseBase:
    return _answer(request, None)


@page(Right.SETTINGS, methods=BOTH)
def of_building(request: HttpRequest, pk: int) -> HttpResponseBase:
    building = scope.buildings(operator(request)).filter(pk=pk).first()
    if building is None:
        raise Http404
    return _answer(request, building)


def _answer(request: HttpRequest, building: Building | None) -> HttpResponseBase:
    drawn = _page(request, building)
    if request.method != "POST":
        return draw(request, _looked(request, drawn, building) if request.GET.get("look") == "1" else drawn)
    if request.POST.get("look") == "1":
        try:
            return draw(request, _looked(request, drawn, building, typed(request)))
        except FieldsRefused as error:
            return draw(request, drawn, error=error)
    saved = (f"{_address(building)}?look=1", _("Saved. Meters that stand already keep theirs until an order is sent."))
    return submit(
        request,
        drawn,
        call=defaults.change_defaults,
        done=lambda _made: saved,
        building=building,
        typed=typed(request),
    )


def _looked(
    request: HttpRequest, drawn: Page, building: Building | None, given: Mapping[str, str] | None = None
) -> Page:
    """The page with what these values (`given`: as typed, nothing saved) would change in the meters that stand already,
    and who would trip.
    """
    said = defaults.said_for_meters(building, typed=given)
    looks = []
    for kind, names in VALUE_KINDS.items():
        values = {name: said[name] for name in names if name in said and (said[name] or kind is not Kind.PRICES)}
        meters = defaults.meters_under(building, values, operator=operator(request))
        if values:
            found = orders.changes_of(kind, meters, values)
            looks.append({"kind": kind.value, **found, **_sending(kind, found, values)})
    may_send = operator(request).may(Right.METER_ORDERS)
    return replace(drawn, more={**drawn.more, "looks": looks, "looked": True, "saved": given is None, "may": may_send})


def _sending(kind: Kind, found: Mapping[str, Any], values: Mapping[str, int]) -> Mapping[str, Any]:
    """Limits as the form of an order types them. Prices are sent as a plan, which has a name."""
    if kind is not Kind.LIMITS:
        return {}
    scales = {one.name: one.scale for one in orders.LIMITS}
    return {
        "ids": ",".join(str(one.meter.pk) for one in found["seen"].changes),
        "batch_id": new_id(),
        "sent": [(name, str(Money(value // scales[name]))) for name, value in values.items() if name in scales],
    }
