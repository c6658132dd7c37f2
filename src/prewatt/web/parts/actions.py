"""The operation log in words: what was done, to what, and which fact changed. Who logs a new action adds its word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from prewatt.domain.staff.rights import Right
from prewatt.web.parts.formats import in_seconds, moment, scaled, thousandth, yuan
from prewatt.web.parts.words import TENDERS, Text

# A test walks the code for `action=` and fails on one that has no word here.
ACTIONS: dict[str, Text] = {
    "login": _("logged in"),
    "logout": _("logged out"),
    "login.wrong_code": _("typed a wrong second-factor code"),
    "login.recovery_code": _("came in with a recovery code"),
    "staff.add": _("added an operator"),
    "staff.change": _("changed an operator"),
    "staff.enable": _("let an operator log in again"),
    "staff.disable": _("switched an operator off"),
    "staff.password": _("changed a password"),
    "staff.reset_password": _("gave a new first password"),
    "staff.second_factor_on": _("switched the second factor on"),
    "staff.second_factor_off": _("switched the second factor off"),
    "staff.reset_second_factor": _("switched another's second factor off"),
    "staff.recovery_codes": _("made new recovery codes"),
    "staff.sign_out": _("ended sign-ins"),
    "staff.role": _("changed a role's rights"),
    "staff.role_add": _("made a role"),
    "staff.role_rename": _("renamed a role"),
    "staff.role_remove": _("removed a role"),
    "api.token": _("made an API token"),
    "api.revoke": _("revoked an API token"),
    "api.wrong_tokens": _("shut out: too many wrong API tokens"),
    "site.door": _("changed the log-in page"),
    "export.ask": _("asked for a list as a file"),
    "day.sign": _("signed a business day"),
    "backup.plan": _("changed the plan of backups"),
    "backup.ask": _("asked for a backup"),
    "backup.made": _("made a backup on the command line"),
    "restore": _("restored a backup"),
    "message.again": _("sent a message again"),
    "carrier.add": _("made a carrier"),
    "carrier.change": _("changed a carrier"),
    "carrier.test": _("sent a test through a carrier"),
    "notices.rules": _("changed the rules of sending"),
    "webhook.add": _("made a webhook"),
    "webhook.change": _("changed a webhook"),
    "webhook.renew": _("made a new secret for a webhook"),
    "webhook.replay": _("told a webhook again"),
    "webhook.skip": _("left a message to a webhook out"),
    "webhook.test": _("sent a test to a webhook"),
    "payment.wallet": _("a payment was kept in the wallet"),
    "payment.back": _("paid a payment back by its channel"),
    "payment.back_refused": _("a provider refused a refund: the money is in the wallet"),
    "payment.send_on": _("sent a payment on from the wallet"),
    "payment.take_over": _("took over a difference in a provider's bill"),
    "payment.explain": _("explained a difference in a provider's bill"),
    "payment.sign_day": _("signed a day of a provider's bills"),
    "payment.setup": _("changed a payment channel"),
    "payment.note": _("took note of a payment in the wallet"),
    "webhook.paused": _("a webhook was paused by itself"),
    "resale.bill": _("kept a purchase bill"),
    "resale.clear_back": _("gave back what was charged above the purchase price"),
    "resale.pay_out": _("paid out what was given back"),
    "alarm.acknowledge": _("acknowledged an alarm"),
    "reconciliation.again": _("compared the books with the meters"),
    "reconciliation.accept": _("took a difference into the books"),
    "sell": _("sold"),
    "resend": _("sent a sale again"),
    "refund": _("refunded"),
    "reversal": _("reversed a sale"),
    "pay_out": _("paid out from the wallet"),
    "cancel": _("cancelled an order"),
    "decide": _("decided an unclear order"),
    "accept_late": _("accepted a late answer"),
    "open_account": _("opened an account"),
    "preset.open": _("opened the accounts of a sheet"),
    "preset.retry": _("tried the refused rows of a sheet again"),
    "switch_off": _("ordered: switch off"),
    "switch_on": _("ordered: switch on"),
    "hold": _("ordered: hold power"),
    "release": _("ordered: back to prepaid"),
    "read": _("ordered: read now"),
    "estate.meter": _("changed a meter"),
    "tariff.plan": _("changed a price plan"),
    "tariff.version": _("made a version of a price plan"),
    "tariff.withdraw": _("withdrew a version of a price plan"),
    "tariff.effect": _("a version of a price plan took effect"),
    "tariff.purchase": _("set the purchase price"),
    "tariff.assign": _("gave meters a price plan"),
    "tariff.above_cap": _("allowed prices above the cap"),
    "control.rules": _("changed the rules of switching off"),
    "control.never_cut": _("put on the never-cut list"),
    "control.may_be_cut": _("took off the never-cut list"),
    "control.stop": _("stopped all trips of the site"),
    "control.lift_stop": _("lifted the site's stop"),
    "cutoff.cut": _("switched off for arrears, by the rules"),
    "cutoff.keep": _("held through protected hours or a grace"),
    "cutoff.unkeep": _("ended a hold of the rules"),
    "cutoff.told": _("told a tenant"),
    "cutoff.grace": _("gave grace"),
    "cutoff.end_grace": _("ended a grace before its time"),
    "cutoff.rules": _("changed the rules of fair cut-off"),
    "fleet.prices": _("ordered for many: prices"),
    "fleet.limits": _("ordered for many: limits"),
    "fleet.hold": _("ordered for many: hold power"),
    "fleet.release": _("ordered for many: back to prepaid"),
    "fleet.switch_off": _("ordered for many: switch off"),
    "fleet.switch_on": _("ordered for many: switch on"),
    "fleet.read": _("ordered for many: read now"),
    "fleet.clock": _("ordered for many: set clock"),
    "fleet.stop": _("stopped a batch"),
    "fleet.retry": _("tried a batch's failures again"),
    "close_account": _("closed an account"),
    "change": _("changed the meter of an account"),
    "rebill": _("changed who bills an account"),
    "hand_over": _("handed an account over"),
    "in_place": _("put the new meter in place"),
    "carry_again": _("carried a balance over again"),
    "pay_back_carried": _("paid back a carried balance"),
    "try_again": _("tried a closing again"),
    "withdraw": _("withdrew a closing"),
    "collect_arrears": _("collected arrears"),
    "account.mark": _("marked an account"),
    "account.terms": _("changed the terms of an account"),
    "customer.add": _("added a customer"),
    "customer.change": _("changed a customer"),
    "counter.settings": _("changed the counter's settings"),
    "print": _("printed a receipt"),
    "reprint": _("printed a receipt again"),
    "shift.open": _("opened a shift"),
    "shift.close": _("closed a shift"),
    "estate.bus": _("changed a bus"),
    "estate.gateway": _("changed a gateway"),
    "estate.enrolment_code": _("made an enrolment code"),
    "estate.defaults": _("changed the defaults"),
    "estate.meter_added": _("added a meter"),
    "commissioning.look": _("looked at a bus"),
    "estate.building": _("changed a building"),
    "estate.floor": _("changed a floor"),
    "estate.area": _("changed an area"),
    "estate.room": _("changed a room"),
    "estate.order": _("changed the order of the estate"),
    "estate.uses": _("changed the kinds of use"),
    "estate.removed": _("removed from the estate"),
    "estate.bus_removed": _("removed a bus"),
    "estate.gateway_removed": _("removed a gateway"),
    "vending.receipt_template": _("changed the receipt template"),
    "estate.message_text": _("changed a message text"),
    "estate.import": _("imported the estate"),
}
FIELDS: dict[str, Text] = {
    "name": _("name"),
    "role": _("role"),
    "rights": _("rights"),
    "all_buildings": _("all buildings"),
    "buildings": _("buildings"),
    "active": _("may log in"),
    "ended": _("sign-ins ended"),
    "second_factor": _("second factor"),
    "left": _("recovery codes left"),
    "text": _("text"),
    "logo": _("logo"),
    "amount_fen": _("amount"),
    "tender": _("method"),
    "reason": _("reason"),
    "note": _("note"),
    "order": _("order"),
    "receipt": _("receipt"),
    "sale": _("sale"),
    "second_person": _("second person"),
    "typed": _("typed by hand"),
    "preset": _("sheet of accounts"),
    "rows": _("rows"),
    "closing": _("closing"),
    "opening": _("account"),
    "kind": _("kind"),
    "meters": _("meters"),
    "plan": _("price plan"),
    "float_fen": _("opening float"),
    "counted_fen": _("counted"),
    "expected_fen": _("expected"),
    "carried_fen": _("carried over"),
    "first_fen": _("first recharge"),
    "nth": _("copy number"),
    "expires_at": _("valid until"),
    "customer": _("customer"),
    "phone": _("phone"),
    "count": _("number"),
    "override": _("overridden"),
    "applied": _("is on the meter"),
    "energy_wh": _("register"),
    "balance_fen": _("balance"),
    "money_fen": _("money left"),
    "income_fen": _("income"),
    "overdraft_fen": _("arrears"),
    "alarm1_fen": _("alarm amount 1"),
    "alarm2_fen": _("alarm amount 2"),
    "ceiling_fen": _("balance ceiling"),
    "overload_limit_w": _("overload threshold"),
    "sweep_s": _("polling interval"),
    "price_sharp_e4": _("sharp price"),
    "price_peak_e4": _("peak price"),
    "price_flat_e4": _("flat price"),
    "price_valley_e4": _("valley price"),
    "price_deep_e4": _("deep price"),
    "keep_max_fen": _("most debt while held"),
    "grace_max_fen": _("most grace"),
    "most_fen": _("most debt"),
    "until": _("until"),
    "since": _("since"),
    "grace": _("grace"),
    "notice": _("notice"),
    "word": _("word"),
    "door": _("how told"),
    "why": _("why"),
    "of": _("of whom"),
    "state": _("state"),
    "accounts": _("accounts"),
    "values": _("values"),
    "version": _("version"),
    "effective_from": _("from"),
}
TARGETS: dict[str, Text] = {
    "meter": _("meter"),
    "order": _("order"),
    "sale": _("sale"),
    "refund": _("refund"),
    "reversal": _("reversal"),
    "customer": _("customer"),
    "gateway": _("gateway"),
    "building": _("building"),
    "floor": _("floor"),
    "area": _("area"),
    "room": _("room"),
    "bus": _("bus"),
    "role": _("role"),
    "file": _("file"),
    "site": _("site"),
    "shift": _("shift"),
    "preset": _("sheet of accounts"),
    "batch": _("batch"),
    "plan": _("price plan"),
}
RIGHTS: dict[str, Text] = {
    Right.READ: _("Look"),
    Right.SELL: _("Sell"),
    Right.REFUND: _("Refund"),
    Right.REVERSE: _("Reversal"),
    Right.DECIDE: _("Decide"),
    Right.OPEN_ACCOUNT: _("Accounts"),
    Right.SWITCH: _("Switch"),
    Right.HOLD: _("Hold"),
    Right.METER_ORDERS: _("Meter orders"),
    Right.REPORTS: _("Reports"),
    Right.SETTINGS: _("Settings"),
    Right.STAFF: _("People"),
    Right.AUDIT: _("Audit"),
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+\d\d:\d\d$")  # as a time stands in the log's JSON
HEX_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24}\b")  # made by a form; nobody reads it
SHORT_MAX = 120


def action(code: str) -> Text:
    return ACTIONS.get(code, code)


def field(name: str) -> Text:
    """A fact without a word of its own stands by its code, the unit left to its figure."""
    if name in FIELDS:
        return FIELDS[name]
    stem, _line, unit = name.rpartition("_")
    return (stem if unit in UNITS else name).replace("_", " ")


def target(text: str) -> str:
    """“meter 0300…” with its first word in the reader's language."""
    kind, _space, rest = text.partition(" ")
    return f"{TARGETS[kind]} {rest}".strip() if kind in TARGETS else text


def short_target(text: str) -> str:
    """For a register: of a long id its first letters, by which it is found."""
    return HEX_ID.sub(r"\1…", target(text))


def right(code: str) -> Text:
    return RIGHTS.get(code, code)


@dataclass(frozen=True, slots=True)
class Change:
    """One fact before and after; empty texts where it was not there."""

    title: Text
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Only what differs. Of a list only what came and what went."""
    names = [*before, *(name for name in after if name not in before)]
    found = []
    for name in names:
        old, new = before.get(name), after.get(name)
        if old == new and not (name in after and name not in before):
            continue
        if isinstance(old, list) and isinstance(new, list):
            old, new = [one for one in old if one not in new], [one for one in new if one not in old]
        found.append(Change(field(name), value(name, old), value(name, new)))
    return found


# By what stands last in a fact's name.
UNITS: dict[str, Callable[[int], str]] = {
    "fen": lambda fen: _now("%s yuan") % yuan(fen),
    "wh": lambda wh: f"{thousandth(wh)} kWh",
    "e4": lambda e4: _now("%s yuan/kWh") % scaled(e4, 10_000),
    "w": lambda w: f"{w} W",
    "s": in_seconds,
}


def value(name: str, given: Any) -> str:
    """A fact as people read it. Nothing is an empty text."""
    if given is None or given in ("", []):
        return ""
    if isinstance(given, bool):
        return _now("yes") if given else _now("no")
    if isinstance(given, int) and (unit := name.rpartition("_")[2]) in UNITS:
        return UNITS[unit](given)
    if name == "tender":
        return str(TENDERS.get(str(given), given))
    if isinstance(given, list):
        return ", ".join(str(right(one)) if name == "rights" else str(one) for one in given)
    if isinstance(given, dict):
        return "; ".join(f"{field(key)}: {value(key, each)}" for key, each in given.items())
    return moment(datetime.fromisoformat(given)) if MOMENT.match(str(given)) else str(given)


def short(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The difference in one line, for a register."""
    parts = []
    for one in changes(before, after):
        arrow = (
            f"{one.before} → {one.after}"
            if one.before and one.after
            else f"− {one.before}"
            if one.before
            else one.after
        )
        if arrow:
            parts.append(f"{one.title}: {arrow}")
    text = HEX_ID.sub(r"\1…", "; ".join(parts))
    return text if len(text) <= SHORT_MAX else f"{text[: SHORT_MAX - 1]}…"
