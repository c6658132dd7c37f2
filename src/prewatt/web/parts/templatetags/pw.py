"""`{% load pw %}`: icons, figures, times and states in templates."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.metering.states import State
from prewatt.domain.staff.models import Role
from prewatt.web.parts import actions, formats, icons, words
from prewatt.web.parts import nav as side

register = template.Library()

Figure = int | str | None  # Django gives an empty text for a figure that a reading does not have


def _known(value: Figure) -> int | None:
    return None if value is None or value == "" else int(value)


@register.simple_tag
def alarm_chip(kind: str) -> SafeString:
    """The kind of an alarm, as `state_chip` shows a state."""
    word, name, looks = words.ALARMS[kind]
    return format_html('<span class="st {}">{}{}</span>', looks, icons.icon(name), word)


@register.filter
def yuan(fen: Figure) -> str:
    return formats.yuan(_known(fen))


@register.filter
def tile_yuan(fen: Figure) -> str:
    return formats.tile_yuan(_known(fen))


register.filter("clock", formats.clock)
register.filter("moment", formats.moment)
register.filter("masked", formats.masked)
register.filter("days", formats.days)
register.filter("lasting", formats.lasting)
register.filter("right_name", actions.right)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    return icons.icon(name, extra)


@register.inclusion_tag("parts/_nav.html", takes_context=True)
def nav(context: dict[str, Any]) -> dict[str, Any]:
    """The side bar's pages for who is logged in."""
    return {
        "rooms": list(side.rooms(context["user"], context.get("page", ""), context)),
    }


@register.filter
def kilo(value: Figure, digits: int = 2) -> str:
    """Wh as kWh, W as kW, mA as A."""
    return formats.thousandth(_known(value), digits)


@register.filter
def scaled(value: Figure, scale: int) -> str:
    return formats.scaled(_known(value), scale)


@register.filter
def age(at: datetime | None, now: datetime) -> str:
    return formats.age(at, now=now)


@register.filter
def short(at: datetime | None, now: datetime) -> str:
    return formats.short_moment(at, now=now)


@register.filter
def seconds(span_s: float) -> str:
    return formats.duration(timedelta(seconds=span_s))


@register.filter
def in_seconds(span_s: int) -> str:
    """A setting as it was typed: 1800 s."""
    return formats.in_seconds(span_s)


@register.filter
def since(at: datetime, now: datetime) -> str:
    """How long ago, without "ago"."""
    return formats.duration(now - at)


@register.filter
def old(at: datetime | None, now: datetime) -> str:
    """The class of a value that is too old to be called live."""
    return "old" if formats.is_old(at, now=now) else ""


@register.simple_tag
def state_chip(state: State | str, extra: str = "") -> SafeString:
    """Icon and word in the state's colour: never the colour alone."""
    known = State(state)
    return format_html(
        '<span class="st s-{} {}">{}{}</span>',
        known.value,
        extra,
        icons.icon(words.STATE_ICONS[known]),
        words.STATES[known],
    )


@register.filter
def state_word(state: State | str) -> Any:
    return words.STATES[State(state)]


@register.filter
def state_icon(state: State | str) -> SafeString:
    return icons.icon(words.STATE_ICONS[State(state)])


def _status(table: dict[str, tuple[words.Text, str, str]], code: str) -> SafeString:
    word, name, tone = table.get(code, (code, "help-circle", "mut"))
    return format_html('<span class="stat {}">{} {}</span>', tone, icons.icon(name), word)


@register.simple_tag
def sale_status(state: str) -> SafeString:
    return _status(words.SALES, state)


@register.simple_tag
def back_status(state: str) -> SafeString:
    return _status(words.BACKS, state)


@register.simple_tag
def order_status(state: str) -> SafeString:
    return _status(words.ORDERS, state)


@register.simple_tag
def order_word(order: MeterOrder) -> SafeString:
    """What was ordered, with how it went as its icon, colour and tooltip."""
    word, name, tone = words.ORDERS.get(order.state, (order.state, "help-circle", "mut"))
    said = words.KINDS.get(order.kind, order.kind)
    return format_html('<span class="stat {}" title="{}">{} {}</span>', tone, word, icons.icon(name), said)


@register.filter
def tender(code: str) -> Any:
    return words.TENDERS.get(code, code)


@register.filter
def tender_icon(code: str) -> SafeString:
    return icons.icon(words.TENDER_ICONS.get(code, "cash-banknote"))


@register.filter
def role(one: Role) -> Any:
    return words.role(one)


@register.filter
def kind(code: str) -> Any:
    return words.KINDS.get(code, code)


@register.filter
def reason(code: str) -> Any:
    return words.reason(code)


@register.filter
def chart(figures: Any) -> str:
    """Figures for `charts.js`; the template escapes them as an attribute's text."""
    return json.dumps(figures, ensure_ascii=False, separators=(",", ":"))


@register.filter
def mark(text: str, wanted: str) -> SafeString:
    """The part that was searched for, marked."""
    at = text.lower().find(wanted.lower()) if wanted else -1
    if at < 0:
        return format_html("{}", text)
    end = at + len(wanted)
    return format_html("{}<mark>{}</mark>{}", text[:at], text[at:end], text[end:])


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> SafeString:
    """This page's address with some parameters changed; an empty one is taken off."""
    asked = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            asked.pop(name, None)
        else:
            asked[name] = str(value)
    return format_html("?{}", asked.urlencode())
