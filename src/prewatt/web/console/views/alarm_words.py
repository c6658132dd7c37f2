"""An alarm in words: where it is, and what is the matter, with the figures that matter for its kind."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from prewatt.domain.alarms.models import MONEY, Alarm, Kind
from prewatt.domain.payments.models import Provider, Why
from prewatt.domain.reconciliation.models import CAUSES
from prewatt.web.parts import formats, words

# What the gateway found impossible, by the beginning of its word.
IMPOSSIBLE: dict[str, words.Text] = {
    "backwards_purchase_count": gettext_lazy("the purchase count went backwards"),
    "backwards": gettext_lazy("a register went backwards"),
    "jump_purchase_count": gettext_lazy("the purchase count jumped"),
    "jump_balance": gettext_lazy("the balance fell faster than anybody can use"),
    "jump": gettext_lazy("a register rose faster than the meter can count"),
    "rise_balance": gettext_lazy("the balance rose without a purchase"),
    "beyond_rating": gettext_lazy("more power than the meter can carry"),
}
RELAY: dict[str, words.Text] = {
    "stays_on": gettext_lazy("The meter wants its switch open, and it is closed: electricity flows."),
    "stays_off": gettext_lazy("Switched on by order, and the switch is still open: there is no power."),
    "not_taken": gettext_lazy("The order was written several times and the meter did not take it."),
}
CARRIER: dict[str, words.Text] = {
    "person": gettext_lazy("It waits for a person; messages wait."),
    "failing": gettext_lazy("It does not work; messages wait and are tried again."),
}
PHASES: dict[str, words.Text] = {
    "a": pgettext_lazy("phase", "A"),
    "b": pgettext_lazy("phase", "B"),
    "c": pgettext_lazy("phase", "C"),
}


def place(alarm: Alarm) -> str:
    """What stands on the door, else the meter's own number, else what it is called."""
    if alarm.gateway is not None:
        return alarm.gateway.code
    if alarm.bus is not None:
        return f"{alarm.bus.gateway.code} {alarm.bus.code}"
    if alarm.carrier is not None:
        return alarm.carrier.name
    if alarm.channel:
        return str(Provider(alarm.channel).label)
    meter = alarm.meter
    return "" if meter is None else meter.room.number if meter.room else meter.number


def place_link(alarm: Alarm) -> str:
    if alarm.gateway_id is not None:
        return reverse("console:estate-gateway", args=[alarm.gateway_id])
    if alarm.bus is not None:
        return reverse("console:estate-gateway", args=[alarm.bus.gateway_id])
    if alarm.carrier_id is not None:
        return f"{reverse('console:notices')}?carrier={alarm.carrier_id}"
    if alarm.channel:
        return f"{reverse('console:online')}?channel={alarm.channel}"
    return reverse("console:meter", args=[alarm.meter_id])


def place_name(alarm: Alarm) -> tuple[str, str]:
    """What its page's button says, and its icon."""
    if alarm.carrier_id is not None:
        return _("Its messages"), "send"
    if alarm.channel:
        return _("Its payments"), "wallet"
    return (_("The meter"), "plug") if alarm.meter_id is not None else (_("The gateway"), "router")


def said(alarm: Alarm) -> str:
    """In one line."""
    if alarm.bus_id is not None:
        worst = alarm.worst or 0
        return ngettext("%(n)d meter of this bus", "%(n)d meters of this bus", worst) % {"n": worst}
    return _SAID.get(Kind(alarm.kind), _money)(alarm)


def _money(alarm: Alarm) -> str:
    text = _("balance %(yuan)s yuan") % {"yuan": formats.yuan(alarm.value)}
    if alarm.worst != alarm.value:
        text += _(", at worst %(yuan)s") % {"yuan": formats.yuan(alarm.worst)}
    return text + (_(", threshold %(yuan)s") % {"yuan": formats.yuan(alarm.threshold)} if alarm.threshold else "")


def _overload(alarm: Alarm) -> str:
    watts = formats.thousandth(alarm.worst)
    limit = _(", threshold %(limit)s kW") % {"limit": formats.thousandth(alarm.threshold)}
    return _("up to %(power)s kW") % {"power": watts} + (limit if alarm.threshold else "")


def _lost(alarm: Alarm) -> str:
    return str(words.line_error(alarm.detail)) if alarm.detail else _("Nothing was heard of it.")


def _gateway(_alarm: Alarm) -> str:
    return _("The gateway does not report to this centre.")


def _clock(alarm: Alarm) -> str:
    return _("off by %(seconds)s s at worst") % {"seconds": formats.scaled(alarm.worst, 1)}


def _count(alarm: Alarm) -> str:
    """An unclear order has a reason; without one it is the comparison of the books that found it."""
    pattern = _("the meter shows %(shown)s, the order says %(said)s")
    if not alarm.detail:
        pattern = _("the meter shows %(shown)s purchases, the books know %(said)s")
    shown, said_count = ("—" if one is None else one for one in (alarm.value, alarm.threshold))
    figures = pattern % {"shown": shown, "said": said_count}
    return f"{words.reason(alarm.detail)}; {figures}" if alarm.detail else figures


def _impossible(alarm: Alarm) -> str:
    known = (word for start, word in IMPOSSIBLE.items() if alarm.detail.startswith(start))
    return str(next(known, alarm.detail))


def _relay(alarm: Alarm) -> str:
    return str(RELAY.get(alarm.detail, alarm.detail))


def _phase(alarm: Alarm) -> str:
    named = "、".join(str(PHASES[letter]) for letter in alarm.detail if letter in PHASES)
    volts = {"phase": named, "low": formats.scaled(alarm.worst, 10), "high": formats.scaled(alarm.threshold, 10)}
    return _("phase %(phase)s at %(low)s V, the highest at %(high)s V") % volts


def _books(alarm: Alarm) -> str:
    text = _("%(yuan)s yuan between books and meter are not explained") % {"yuan": formats.yuan(alarm.worst)}
    cause = dict(CAUSES).get(alarm.detail)
    return f"{text} ({cause})" if cause else text


def _payment(alarm: Alarm) -> str:
    number = {"n": alarm.worst or 0}
    if alarm.detail == "bill":
        return ngettext("%(n)d difference in its bills", "%(n)d differences in its bills", number["n"]) % number
    if alarm.detail == "silent":
        return ngettext("It says nothing of %(n)d payment", "It says nothing of %(n)d payments", number["n"]) % number
    yuan = {"yuan": formats.yuan(alarm.value)}
    if alarm.detail == "late":
        return _("%(yuan)s yuan paid online are not on the meter yet") % yuan
    why = dict(Why.choices).get(alarm.detail, "")
    return _("%(yuan)s yuan paid online wait in the wallet: %(why)s") % (yuan | {"why": why})


def _carrier(alarm: Alarm) -> str:
    if alarm.detail in CARRIER:
        why = alarm.carrier.said if alarm.carrier is not None and alarm.until is None else ""
        return " ".join(filter(None, (str(CARRIER[alarm.detail]), why)))
    return ngettext("%(n)d message did not go out", "%(n)d messages in a row did not go out", alarm.worst or 0) % {
        "n": alarm.worst or 0
    }


_SAID: dict[Kind, Callable[[Alarm], str]] = {
    **dict.fromkeys(MONEY, _money),
    Kind.OVERLOAD: _overload,
    Kind.LOST: _lost,
    Kind.GATEWAY: _gateway,
    Kind.CLOCK: _clock,
    Kind.COUNT: _count,
    Kind.IMPOSSIBLE: _impossible,
    Kind.RELAY: _relay,
    Kind.PHASE: _phase,
    Kind.BOOKS: _books,
    Kind.PAYMENT: _payment,
    Kind.CARRIER: _carrier,
}
