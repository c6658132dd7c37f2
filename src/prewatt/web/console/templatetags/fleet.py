"""`{% load fleet %}`: the settings of a meter in words and in people's units."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

from prewatt.domain.control.models import Reason
from prewatt.units.values import Price
from prewatt.web.parts import formats
from prewatt.web.parts.words import Text

register = template.Library()

SETTINGS: dict[str, Text] = {
    "alarm1_fen": _("Alarm 1"),
    "alarm2_fen": _("Alarm 2"),
    "ceiling_fen": _("Balance ceiling"),
    "overdraft_limit_fen": _("Overdraft"),
    "overload_limit_w": _("Power threshold"),
    "price_sharp_e4": _("Sharp"),
    "price_peak_e4": _("Peak"),
    "price_flat_e4": _("Flat"),
    "price_valley_e4": _("Valley"),
    "price_deep_e4": _("Deep valley"),
}


@register.filter
def setting_word(name: str) -> Text:
    return SETTINGS.get(name, name)


@register.filter
def setting_value(value: int | None, name: str) -> str:
    """fen as yuan, W as kW, 1e-4 yuan as yuan; a dash for what nobody knows."""
    if value is None:
        return "—"
    if name.endswith("_fen"):
        return formats.yuan(value)
    if name.endswith("_w"):
        return formats.thousandth(value, 2)
    return str(Price(value))


@register.filter
def cut_reason(code: str) -> Text:
    return Reason(code).label if code in Reason.values else code
