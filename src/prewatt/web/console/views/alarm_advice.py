"""What to do about an alarm, in the order in which it is done, and the pages where it is done."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from prewatt.domain.alarms.models import Alarm, Kind
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.words import Text

_PAY = (
    _("Call the tenant; the arrears page shows what he was told already and what comes next."),
    _("Money at the counter or by phone ends the alarm as soon as the meter has it."),
)
STEPS: dict[Kind, tuple[Text, ...]] = {
    Kind.AL1: _PAY,
    Kind.AL2: _PAY,
    Kind.OWE: _PAY,
    Kind.OVERLOAD: (
        _("Ask the tenant what runs; above the limit the meter may switch off by itself."),
        _("If the use is right, raise the limit and send it; the alarm ends a little below it."),
    ),
    Kind.LOST: (
        _("Look whether its neighbours on the bus answer. All gone: the cable, the serial server, its supply."),
        _("Only this one: its plug, its address, its supply. Read it live from commissioning while somebody is there."),
        _("Money sold meanwhile waits and arrives when it answers."),
    ),
    Kind.GATEWAY: (
        _("Is it switched on, and is the network there? It calls this centre; nothing calls it."),
        _("It keeps reading and keeps everything; when it is back, all of it arrives."),
    ),
    Kind.COUNT: (
        _("Read the meter's purchase count at its own display."),
        _("Decide the order: the money is on the meter, or it is not. Two people see it; nothing is sent before."),
    ),
    Kind.CLOCK: (
        _("Send the time to the meter; bands of the day are counted wrongly until then."),
        _("A gateway's clock: its time server, its battery."),
    ),
    Kind.IMPOSSIBLE: (
        _("The value was set aside and counts nowhere. Read the meter live and hold it against its display."),
        _("Again and again: two meters with one address, a wrong profile, or a meter that is broken."),
    ),
    Kind.RELAY: (
        _("Somebody goes there and looks at the breaker: welded, held by hand, or not wired to the meter."),
        _("Switched off and still on: electricity flows and nobody can stop it from here. Do this first."),
        _("Switched on and still off: a breaker that tripped may wait for a hand."),
    ),
    Kind.PHASE: (
        _("A fuse, a terminal or the supply of one phase. Many meters at once: look at the riser and its fuse first."),
        _("Machines with three phases may burn: tell the tenants."),
        _("Without a voltage the meter counts that phase as nothing. Note the time, for the charge."),
    ),
    Kind.BOOKS: (
        _("Open the account in the comparison: it names the class of the difference and what it follows from."),
        _("Read the meter and compare again. What stays is taken into the books by two people, with a reason."),
    ),
    Kind.PAYMENT: (
        _("The payer's money is safe: it is on its way, or in his wallet. Open his payment."),
        _("Send it on to the meter, or pay it back the way it came, and take note of it."),
        _("A difference in a bill is taken over by somebody, asked of the provider, and explained with a word."),
    ),
    Kind.CARRIER: (
        _("A modem: is it plugged in, does its SIM have credit, is there a network? Its page shows signal and error."),
        _("A provider: the contract, the signature, the template, the key. Its own words stand in the last message."),
        _("Messages wait and go out by themselves within their time; another carrier helps if there is one."),
    ),
}


def links(alarm: Alarm, who: Operator) -> list[tuple[Text, str]]:
    """Where it is done, as far as he may go there."""
    return [(word, where) for word, where, rights in _links(alarm) if any(who.may(right) for right in rights)]


def _links(alarm: Alarm) -> list[tuple[Text, str, tuple[Right, ...]]]:
    """Each with the rights of which one is needed."""
    kind = Kind(alarm.kind)
    if kind in (Kind.AL1, Kind.AL2, Kind.OWE):
        return [(_("Arrears and cut-off"), reverse("console:cutoff"), (Right.READ,))]
    if kind == Kind.LOST and alarm.bus_id is not None:
        return [(_("Lost meters"), reverse("console:lost"), (Right.READ,))]
    if kind in (Kind.LOST, Kind.IMPOSSIBLE):
        return [(_("Read live"), reverse("console:commissioning-live-read"), (Right.METER_ORDERS,))]
    if kind == Kind.COUNT:
        return [(_("Unclear orders"), reverse("console:orders"), (Right.READ,))]
    if kind == Kind.BOOKS:
        return [(_("Books and meters"), _compared(alarm), (Right.REPORTS,))]
    if kind == Kind.PAYMENT:
        return [
            (_("Kept in wallets"), f"{reverse('console:online')}?state=kept", (Right.READ,)),
            (_("Differences in bills"), reverse("console:online-differences"), (Right.REPORTS,)),
        ]
    if kind == Kind.CARRIER and alarm.carrier_id is not None:
        return [(_("The carrier"), reverse("console:carrier", args=[alarm.carrier_id]), (Right.SETTINGS,))]
    return []


def _compared(alarm: Alarm) -> str:
    if alarm.opening_id is not None:
        return reverse("console:reconciliation-account", args=[alarm.opening_id])
    return f"{reverse('console:reconciliation')}?verdict=differs"
