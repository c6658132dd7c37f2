"""The side bar: the rooms of the console, and the pages in each. One line a page; whoever adds a page adds his line.

A page stands here only for who has one of its rights; a room without pages is not shown. The room of the page that is
open is unfolded. `key` is the digit of Alt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.words import Text


@dataclass(frozen=True, slots=True)
class Link:
    """`url` is a name without arguments; `page` is what its views call themselves (`{"page": …}` in the context)."""

    url: str
    title: Text
    page: str
    rights: tuple[Right, ...]
    key: str = ""
    site: bool = False  # of the whole site: only for who sees every building
    count: str = ""  # the name of a number in the frame's context that is shown behind the title


@dataclass(frozen=True, slots=True)
class Room:
    """A room with one page of the same name is one line; otherwise it unfolds."""

    name: str
    title: Text
    icon: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ShownLink:
    link: Link
    href: str
    on: bool
    number: Any = None  # shown behind the title; empty or zero is not


@dataclass(frozen=True, slots=True)
class ShownRoom:
    room: Room
    links: list[ShownLink]

    @property
    def on(self) -> bool:
        return any(one.on for one in self.links)

    @property
    def alone(self) -> bool:
        return len(self.room.links) == 1

    @property
    def key(self) -> str:
        return next((one.link.key for one in self.links if one.link.key), "")

    @property
    def number(self) -> Any:
        return next((one.number for one in self.links if one.link.count), None)


class Numbers(Protocol):
    """The frame's context: its values are asked for only where a link shows them."""

    def get(self, name: str, /) -> Any: ...


READ, SELL, REPORTS = Right.READ, Right.SELL, Right.REPORTS
ROOMS: tuple[Room, ...] = (
    Room(
        "dashboard",
        _("Dashboard"),
        "layout-dashboard",
        (Link("console:dashboard", _("Dashboard"), "dashboard", (READ,), "1"),),
    ),
    Room(
        "building",
        _("Building"),
        "building-skyscraper",
        (Link("console:building", _("Building"), "building", (READ,), "2"),),
    ),
    Room(
        "selling",
        _("Sell"),
        "cash-register",
        (
            Link("console:sale", _("Sell at the counter"), "sale", (SELL,), "3"),
            Link("console:sales", _("Sales list"), "sales", (READ,)),
            Link("console:orders", _("To decide"), "orders", (READ,), count="to_check"),
            Link("console:refund", _("Refund from a meter"), "refund", (Right.REFUND,)),
            Link("console:receipts", _("Receipts on paper"), "receipts", (SELL, Right.REFUND, Right.REVERSE)),
            Link("console:waiting", _("Money that waits for its meter"), "waiting", (READ,)),
            Link("console:online", _("Online payments"), "online", (READ,), count="payments_open"),
            Link("console:online-bills", _("Providers' bills"), "online-bills", (REPORTS,)),
            Link("console:shifts", _("Shifts"), "shifts", (SELL, Right.REFUND, Right.REVERSE, REPORTS)),
        ),
    ),
    Room(
        "customers",
        _("Customers"),
        "users",
        (
            Link("console:customers", _("Account register"), "customers", (READ,), "4"),
            Link("console:customer-open", _("Open an account"), "open", (Right.OPEN_ACCOUNT,)),
            Link("console:customer-batch", _("Open many"), "batch", (Right.OPEN_ACCOUNT,)),
            Link("console:closings", _("Closings"), "closings", (READ,)),
            Link("console:notices", _("Messages sent"), "notices", (READ,)),
            Link("console:statements", _("Monthly statements"), "statements", (REPORTS,)),
        ),
    ),
    Room(
        "fleet",
        _("Fleet"),
        "list-check",
        (
            Link("console:fleet", _("Fleet"), "fleet", (READ,), "5"),
            Link("console:differing", _("Sent against shown"), "differing", (READ,)),
            Link("console:cutoff", _("Arrears and cut-off"), "cutoff", (READ,)),
        ),
    ),
    Room(
        "reports",
        _("Reports"),
        "chart-bar",
        (
            Link("console:report-finance", _("Finance"), "report-finance", (REPORTS,)),
            Link("console:report-sales", _("Sales detail"), "report-sales", (REPORTS,)),
            Link("console:report-days", _("Day close"), "report-days", (REPORTS,), site=True),
            Link("console:report-readings", _("Meter reading sheet"), "report-readings", (REPORTS,)),
            Link("console:report-daily", _("Daily use"), "report-daily", (REPORTS,)),
            Link("console:report-usage", _("Energy used"), "report-usage", (REPORTS,)),
            Link("console:report-shape", _("Use by hour"), "report-shape", (REPORTS,)),
            Link("console:report-balance", _("Sub-meter balance"), "report-balance", (REPORTS,)),
            Link("console:report-quality", _("Power factor and phases"), "report-quality", (REPORTS,)),
            Link("console:report-meters", _("All meters"), "report-meters", (REPORTS,)),
            Link("console:purchase-bills", _("Purchase bills"), "bills", (REPORTS, Right.SETTINGS)),
            Link("console:over-charged", _("Charged too much?"), "over", (REPORTS,)),
            Link("console:clear-backs", _("Given back"), "clear-backs", (REPORTS, Right.REFUND)),
            Link("console:alarms", _("Alarms now"), "alarms", (READ,), count="alarms_now"),
            Link("console:alarm-history", _("Alarm history"), "alarm-history", (READ,)),
            Link("console:notice-costs", _("Cost of messages"), "notice-costs", (REPORTS,)),
            Link("console:lost", _("Lost meters"), "lost", (READ,)),
            Link("console:lost-gateways", _("Lost gateways"), "lost-gateways", (READ,)),
            Link("console:reconciliation", _("Ledger against meters"), "reconciliation", (REPORTS,)),
            Link("console:exports", _("Exports"), "exports", (READ, REPORTS, Right.AUDIT)),
        ),
    ),
    Room(
        "settings",
        _("Settings"),
        "settings",
        (
            Link("console:estate-structure", _("Buildings"), "estate-structure", (READ,)),
            Link("console:estate-rooms", _("Room register"), "estate-rooms", (READ,)),
            Link("console:estate-gateways", pgettext_lazy("estate", "Gateways"), "gateways", (READ,)),
            Link("console:estate-meters", _("Meters"), "estate-meters", (READ,)),
            Link("console:estate-import", _("Import from Excel"), "estate-import", (Right.SETTINGS,)),
            Link("console:estate-defaults", _("Default parameters"), "estate-defaults", (Right.SETTINGS,)),
            Link("console:estate-messages", _("Message texts"), "estate-messages", (Right.SETTINGS,)),
            Link("console:estate-receipt", _("Receipt template"), "estate-receipt", (Right.SETTINGS,)),
            Link("console:plans", _("Price plans"), "plans", (READ,)),
            Link("console:switching", _("Switching rules"), "switching", (Right.SETTINGS,)),
            Link("console:counter-settings", _("Counter settings"), "counter", (Right.SETTINGS,)),
            Link("console:operators", _("Operators"), "operators", (Right.STAFF,)),
            Link("console:roles", _("Roles and rights"), "roles", (Right.STAFF,)),
            Link("console:tokens", _("API tokens"), "tokens", tuple(Right)),
            Link("console:log", _("Operation log"), "log", (Right.AUDIT,)),
            Link("console:site", _("Log-in page"), "site", (Right.SETTINGS,)),
            Link("console:backups", _("Backups"), "backups", (Right.SETTINGS,)),
            Link("console:carriers", _("Carriers"), "carriers", (Right.SETTINGS,), site=True),
            Link("console:online-channels", _("Payment channels"), "online-channels", (Right.SETTINGS,)),
            Link("console:webhooks", _("Webhooks"), "webhooks", (Right.SETTINGS,)),
        ),
    ),
    Room(
        "commissioning",
        _("Commissioning"),
        "activity-heartbeat",
        (
            Link("console:commissioning-scan", _("Bus scan"), "scan", (Right.METER_ORDERS,), "8"),
            Link("console:commissioning-live-read", _("Live reading"), "live-read", (Right.METER_ORDERS,)),
            Link("console:commissioning-frames", _("Frame watch"), "frames", (Right.METER_ORDERS,)),
            Link("console:commissioning-duplicates", _("Addresses used twice"), "duplicates", (Right.METER_ORDERS,)),
            Link("console:commissioning-labels", _("Meter labels"), "labels", (Right.METER_ORDERS,)),
        ),
    ),
)


def rooms(who: Operator, page: str, numbers: Numbers) -> Iterator[ShownRoom]:
    """What this operator may open, with the open page marked. `numbers` has what the links count, by name."""
    for room in ROOMS:
        links = [
            ShownLink(one, reverse(one.url), one.page == page, numbers.get(one.count) if one.count else None)
            for one in room.links
            if any(who.may(right) for right in one.rights) and (who.all_buildings or not one.site)
        ]
        if links:
            yield ShownRoom(room, links)
