"""开户查询: every account, open or closed, with all that its form says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import Standing
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import accounts
from prewatt.units.values import Price
from prewatt.web.parts import words
from prewatt.web.parts.formats import NOTHING
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

SINCE = {"7": _("last 7 days"), "30": _("last 30 days"), "90": _("last 90 days"), "365": _("last year")}
STANDINGS = {
    "open": pgettext_lazy("account", "open"),
    "inactive": pgettext_lazy("account", "inactive"),
    "closed": pgettext_lazy("account", "closed"),
}
BILLING = {
    "meter": _("meter billing"),
    "platform": _("platform billing"),
    "postpaid": _("paid afterwards"),
}


def standing_of(opening: Opening) -> Standing:
    """A closed account's meter may live on with another tenant: of that nothing is shown here."""
    latest = getattr(opening.meter, "state", None) if opening.closed_at is None else None
    account = opening if opening.closed_at is None else None
    return replace(metering.standing_of(opening.meter, account, latest), opening=opening)


def _rows(ask: Ask) -> QuerySet[Opening]:
    found = accounts.accounts(operator=ask.operator)
    if ask["text"]:
        found = accounts.matching(found, ask["text"])
    if ask["building"]:
        found = found.filter(meter__room__floor__building__code=ask["building"])
    if ask["room"]:
        found = found.filter(meter__room__number__iexact=ask["room"])
    if ask["phone"]:
        found = found.filter(customer__phone__contains=ask["phone"])
    if ask["account"]:
        found = found.filter(_standing(ask["account"]))
    if ask["billing"]:
        by_meter = ask["billing"] == "meter"
        found = found.filter(**{"platform_terms": None} if by_meter else {"platform_terms__billing": ask["billing"]})
    if ask["since"]:
        found = found.filter(opened_at__gte=now() - timedelta(days=int(ask["since"])))
    return found


def _standing(code: str) -> Q:
    closed = Q(closed_at__isnull=False)
    return {"open": ~closed, "inactive": ~closed & Q(inactive=True), "closed": closed}[code]


def _word(one: Opening) -> words.Text:
    if one.closed_at is not None:
        return STANDINGS["closed"]
    return STANDINGS["inactive"] if one.inactive else words.STATES[standing_of(one).state]


def _chip(one: Opening) -> str:
    return "s-none" if one.closed_at is not None or one.inactive else f"s-{standing_of(one).state.value}"


def _icon(one: Opening) -> str:
    return "circle-x" if one.closed_at is not None or one.inactive else words.STATE_ICONS[standing_of(one).state]


def _balance(one: Opening) -> int | None:
    return standing_of(one).balance_fen


def _billing(one: Opening) -> words.Text:
    terms = getattr(one, "platform_terms", None)
    return BILLING[terms.billing if terms else "meter"]


def _held(one: Opening) -> words.Text:
    latest = standing_of(one).latest
    return _("yes") if latest is not None and latest.forced == FORCED_ON else _("no")


def _yes(name: str) -> Any:
    return lambda one: _("yes") if getattr(one, name) else _("no")


def _price(name: str) -> Any:
    return lambda one: str(Price(getattr(one.meter, name))) if getattr(one.meter, name) else NOTHING


def _days(one: Opening) -> int:
    until: datetime = one.closed_at or now()
    return (until - one.opened_at).days


def _own_page(one: Opening) -> str:
    return reverse("console:customer", args=[one.customer_id])


REGISTER = Register(
    name="customers",
    icon="users",
    title=_("Account register"),
    columns=(
        Column("number", _("User number"), value=lambda one: one.customer.number, sort=("customer__number",)),
        Column(
            "name",
            _("Tenant"),
            value=lambda one: one.customer.name,
            link=_own_page,
            sort=("customer__pinyin", "customer__name"),
            width=24,
        ),
        Column(
            "room",
            _("Room"),
            value=lambda one: one.meter.room.number if one.meter.room else "",
            sort=("meter__room__number",),
        ),
        Column("meter", _("Meter number"), value=lambda one: one.meter.number, sort=("meter__number",), width=16),
        Column("state", _("State"), value=_word, chip=_chip, icon=_icon),
        Column("balance", _("Balance (yuan)"), "money", value=_balance),
        Column("billing", _("Billed by"), value=_billing, sort=("platform_terms__billing",), shown=False),
        Column("sold", _("Bought in all (yuan)"), "money", value=lambda one: one.sold_fen, sort=("sold_fen",)),
        Column("count", _("Purchases"), "count", value=lambda one: one.sold_count, sort=("sold_count",), shown=False),
        Column("hold", _("On hold"), value=_held, shown=False),
        Column(
            "ceiling",
            _("Ceiling (yuan)"),
            "money",
            value=lambda one: one.meter.ceiling_fen or None,
            sort=("meter__ceiling_fen",),
            shown=False,
        ),
        Column(
            "contact", _("Contact"), value=lambda one: one.customer.contact, sort=("customer__contact",), shown=False
        ),
        Column("phone", _("Phone"), value=lambda one: one.customer.phone, sort=("customer__phone",), width=16),
        Column("opened", _("Opened"), "when", value=lambda one: one.opened_at, sort=("opened_at",), width=20),
        Column("days", _("Days"), "count", value=_days, shown=False),
        Column(
            "building",
            _("Building"),
            value=lambda one: one.meter.room.floor.building.name if one.meter.room else "",
            sort=("meter__room__floor__building__name",),
            shown=False,
            width=20,
        ),
        Column("use", _("Kind of use"), value=lambda one: one.use, sort=("use",), shown=False),
        Column("inactive", _("Inactive"), value=_yes("inactive"), sort=("inactive",), shown=False),
        Column("texts", _("Alarm texts"), value=_yes("texts"), sort=("texts",), shown=False),
        Column("alarm1", _("Alarm 1 (yuan)"), "money", value=lambda one: one.meter.alarm1_fen, shown=False),
        Column("alarm1_notify", _("Tells alarm 1"), value=_yes("alarm1_notify"), shown=False),
        Column("alarm2", _("Alarm 2 (yuan)"), "money", value=lambda one: one.meter.alarm2_fen, shown=False),
        Column("alarm2_notify", _("Tells alarm 2"), value=_yes("alarm2_notify"), shown=False),
        Column("overload", _("Load threshold (W)"), "count", value=lambda one: one.meter.overload_limit_w, shown=False),
        Column("sharp", _("Price, sharp"), value=_price("price_sharp_e4"), shown=False),
        Column("peak", _("Price, peak"), value=_price("price_peak_e4"), shown=False),
        Column("flat", _("Price, flat"), value=_price("price_flat_e4"), shown=False),
        Column("valley", _("Price, valley"), value=_price("price_valley_e4"), shown=False),
        Column("address", _("Address"), value=lambda one: one.customer.address, shown=False, width=30),
        Column("note", _("Note"), value=lambda one: one.customer.note, shown=False, width=30),
        Column("by", _("Opened by"), value=lambda one: str(one.opened_by or ""), shown=False),
        Column("created_by", _("Recorded by"), value=lambda one: str(one.customer.created_by or ""), shown=False),
        Column(
            "created",
            _("Recorded"),
            "when",
            value=lambda one: one.customer.created_at,
            sort=("customer__created_at",),
            shown=False,
            width=20,
        ),
        Column(
            "closed", _("Closed"), "when", value=lambda one: one.closed_at, sort=("closed_at",), shown=False, width=20
        ),
    ),
    filters=(
        Filter("text", _("Tenant, number, phone or room")),
        Filter("account", _("Account"), "choice", choices=lambda _who: list(STANDINGS.items())),
        Filter("billing", _("Billed by"), "choice", choices=lambda _who: list(BILLING.items())),
        Filter(
            "building",
            _("Building"),
            "choice",
            choices=lambda who: [(one.code, one.name) for one in estate.buildings(operator=who)],
        ),
        Filter("room", _("Room")),
        Filter("phone", _("Phone")),
        Filter("since", _("Opened in the"), "choice", choices=lambda _who: list(SINCE.items())),
    ),
    order="-opened",
    rows=_rows,
    defaults=lambda _who: {"account": "open"},
    empty=_("No account fits. Take a filter off, or open an account."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/customers/index.html", more=lambda _ask: {"page": "customers"})
