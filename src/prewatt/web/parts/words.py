"""The words people read for the codes that programs keep: states, ways of paying, orders, reasons."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from prewatt.domain.dispatch.states import State as OrderState
from prewatt.domain.metering.states import State
from prewatt.domain.staff.models import Role
from prewatt.domain.staff.rights import READY_ROLES
from prewatt.domain.vending.models import BackState, SaleState

Text = str | Promise

STATE_ICONS: dict[State, str] = {
    State.OPEN: "circle-check",
    State.AL1: "alert-triangle",
    State.AL2: "alert-octagon",
    State.OWE: "currency-yuan",
    State.NONE: "circle-dashed",
    State.LOST: "plug-connected-x",
    State.HOLD: "shield-bolt",
    State.OFF: "power",
}
# The order of a legend: from fine to bad, then the special ones.
LEGEND: tuple[State, ...] = tuple(STATE_ICONS)
STATES: dict[State, Text] = {
    State.OPEN: pgettext_lazy("meter state", "Normal"),
    State.AL1: pgettext_lazy("meter state", "Alarm 1"),
    State.AL2: pgettext_lazy("meter state", "Alarm 2"),
    State.OWE: pgettext_lazy("meter state", "Arrears"),
    State.NONE: pgettext_lazy("meter state", "No account"),
    State.LOST: pgettext_lazy("meter state", "Lost"),
    State.HOLD: pgettext_lazy("meter state", "Hold"),
    State.OFF: pgettext_lazy("meter state", "Off"),
}
# What a tile says instead of an amount.
TILES: dict[State, Text] = {
    State.NONE: pgettext_lazy("tile", "free"),
    State.LOST: pgettext_lazy("tile", "lost"),
    State.OFF: pgettext_lazy("tile", "off"),
}
TENDERS: dict[str, Text] = {
    "cash": _("Cash"),
    "wechat": _("WeChat Pay"),
    "alipay": _("Alipay"),
    "card": _("Bank card"),
    "transfer": _("Transfer"),
    "unionpay": _("UnionPay"),
}
TENDER_ICONS: dict[str, str] = {
    "cash": "cash-banknote",
    "wechat": "brand-wechat",
    "alipay": "brand-alipay",
    "card": "credit-card",
    "transfer": "building-bank",
    "unionpay": "credit-card",
}
# state of a sale -> word, icon, tone
SALES: dict[str, tuple[Text, str, str]] = {
    SaleState.PAID: (_("Sending"), "loader-2", "accent"),
    SaleState.ARRIVED: (_("On the meter"), "circle-check", "good"),
    SaleState.UNCLEAR: (_("Unclear"), "alert-triangle", "bad"),
    SaleState.WAITING: (_("In the wallet"), "wallet", "warn"),
    SaleState.REVERSED: (_("Reversed"), "circle-x", "mut"),
    SaleState.RETURNED: (_("Paid back"), "receipt-refund", "mut"),
}
BACKS: dict[str, tuple[Text, str, str]] = {
    BackState.SENDING: (_("Taking back"), "loader-2", "accent"),
    BackState.DONE: (_("Paid back"), "circle-check", "ink2"),
    BackState.REFUSED: (_("Refused"), "ban", "bad"),
    BackState.UNCLEAR: (_("Unclear"), "alert-triangle", "bad"),
    BackState.CANCELLED: (_("Cancelled"), "circle-x", "mut"),
}
ORDERS: dict[str, tuple[Text, str, str]] = {
    OrderState.QUEUED: (_("Waiting"), "clock", "accent"),
    OrderState.LEASED: (_("Fetched"), "loader-2", "accent"),
    OrderState.TAKEN: (_("At the gateway"), "loader-2", "accent"),
    OrderState.DONE: (_("Done"), "circle-check", "good"),
    OrderState.REFUSED: (_("Refused"), "ban", "bad"),
    OrderState.UNCLEAR: (_("Unclear"), "alert-triangle", "bad"),
    OrderState.EXPIRED: (_("Expired"), "clock-pause", "mut"),
    OrderState.CANCELLED: (_("Cancelled"), "circle-x", "mut"),
}
KINDS: dict[str, Text] = {
    "recharge": _("Recharge"),
    "refund": _("Refund"),
    "switch_off": pgettext_lazy("order", "Switch off"),
    "switch_on": pgettext_lazy("order", "Switch on"),
    "hold": _("Hold power"),
    "release": _("Release to prepaid"),
    "prices": _("Send prices"),
    "limits": _("Send limits"),
    "open": _("Open account"),
    "clock": _("Set clock"),
    "read": _("Read now"),
}
# Why an order ended as it did, or waits.
REASONS: dict[str, Text] = {
    "above_ceiling": _("it would lift the balance above the ceiling"),
    "not_taken": _("the meter did not take it after several tries"),
    "cancelled": _("cancelled before it was sent"),
    "expired": _("its time was over before it could be carried out"),
    "paid": _("a payment came in first"),
    "decided": _("a person decided"),
    "relay_differs": _("the switch is not where it was told to go"),
    "unknown_meter": _("the gateway does not know this meter"),
    "meter_silent": _("the meter does not answer"),
    "meter_lost": _("the meter does not answer; the money waits for it"),
    "at_gateway": _("the gateway has it: writing and reading back"),
    "queued_behind": _("another order to this meter goes first"),
    "count_mismatch": _("the purchase count does not fit"),
    "balance_mismatch": _("the balance does not fit"),
    "bought_mismatch": _("the total bought does not fit"),
    "unverified_write": _("this write is not verified for the model, and the site does not allow it"),
    "unclear": _("the readings fit neither story"),
    "half_applied": _("one register moved and the other did not"),
    "open_mismatch": _("the registers are not those of a new account"),
    "no_proof": _("the meter does not show what would prove the order"),
    "bad_amount": _("no meter takes such an amount"),
    "bad_count": _("the order carries no purchase count"),
    "not_open": _("the meter is not in prepaid mode"),
    "balance_too_small": _("the meter holds less than that"),
    "meter_refused": _("the meter refused the order"),
    "refused": _("the meter did not take it"),
    "no_price": _("some of its use has no price"),
    "restored": _("the meter shows purchases that the restored books do not know"),
}


# Why a backup failed.
BACKUP_REASONS: dict[str, Text] = {
    "folder": _("the folder cannot be used"),
    "disk_full": _("the disk is full"),
    "no_passphrase": _("there is no passphrase"),
    "program_missing": _("a program of PostgreSQL is missing"),
    "database": _("the database gave no copy"),
    "archive": _("what was written does not read back"),
    "interrupted": _("it was interrupted"),
    "broken": _("a fault of the program"),
}


# Why a webhook was paused by itself.
WEBHOOK_PAUSES: dict[str, Text] = {
    "silent": _("Paused: the receiver has not heard a message for three days"),
    "secret": _("Paused: the site's key is another one now, so its secret is, too"),
}


def webhook_pause(code: str) -> Text:
    return WEBHOOK_PAUSES.get(code, code)


def backup_reason(code: str) -> Text:
    return BACKUP_REASONS.get(code, code)


# The ready roles; a role that a site made or renamed keeps the name that the site gave it.
ROLES: dict[str, Text] = {
    "admin": _("Administrator"),
    "finance": _("Finance"),
    "cashier": _("Cashier"),
    "engineer": _("Engineer"),
    "viewer": _("Read only"),
}


def role(role: Role) -> Text:
    ready = READY_ROLES.get(role.code)
    return ROLES.get(role.code, role.name) if ready and ready[0] == role.name else role.name


def reason(code: str) -> Text:
    """In words where we have them; the code itself otherwise, for it is what a technician looks for."""
    return REASONS.get(code, code)


# kind of alarm -> word, icon, the CSS class of its chip
ALARMS: dict[str, tuple[Text, str, str]] = {
    "owe": (STATES[State.OWE], STATE_ICONS[State.OWE], "s-owe"),
    "al2": (STATES[State.AL2], STATE_ICONS[State.AL2], "s-al2"),
    "al1": (STATES[State.AL1], STATE_ICONS[State.AL1], "s-al1"),
    "overload": (_("Overload"), "bolt", "s-al2"),
    "lost": (_("Lost meter"), STATE_ICONS[State.LOST], "s-lost"),
    "gateway": (_("Lost gateway"), "router", "s-lost"),
    "count": (_("Purchase count conflict"), "scale", "s-owe"),
    "clock": (_("Clock wrong"), "clock", "s-al1"),
    "impossible": (_("Impossible reading"), "alert-octagon", "s-al1"),
    "relay": (_("Switch does not obey"), "switch-horizontal", "s-owe"),
    "phase": (_("Phase lost"), "plug-x", "s-owe"),
    "books": (_("Books differ"), "scale", "s-owe"),
    "payment": (_("Online payment"), "wallet", "s-owe"),
    "carrier": (_("Messages do not go out"), "send", "s-al2"),
}
# What a line told last, as a sentence.
LINE_ERRORS: dict[str, Text] = {
    "no_answer": _("The meter does not answer."),
    "exception_gateway_no_answer": _("The serial server reports that the meter does not answer."),
    "exception_gateway_path": _("The serial server has no way to this meter."),
    "line_down": _("The gateway cannot open this bus. Look at the serial server and its cable."),
    "line_noisy": _("The bus is never silent: a second master, a device that babbles, or a wiring fault."),
    "crc_mismatch": _("The answer came damaged."),
    "checksum_mismatch": _("The answer came damaged."),
    "corrupt_echo": _("The answer came damaged."),
    "truncated": _("The answer came cut off."),
    "malformed": _("The answer has no form that the protocol knows."),
    "wrong_length": _("The answer has the wrong length."),
    "wrong_unit": _("Another meter answered."),
    "wrong_function": _("The answer was not one to this question."),
    "wrong_echo": _("The answer was not one to this question."),
    "wrong_identifier": _("The answer was not one to this question."),
    "wrong_transaction": _("The answer was not one to this question."),
    "wrong_protocol": _("The device speaks another protocol."),
}


def line_error(code: str) -> Text:
    """A sentence for what stopped a line; a refusal of the meter's names the meter's own word for it."""
    if code in LINE_ERRORS:
        return LINE_ERRORS[code]
    if code.startswith(("exception_", "error_")):
        return gettext("The meter answers and refuses: %(code)s.") % {"code": code}
    return gettext("The line reports: %(code)s.") % {"code": code} if code else ""
