"""What the stages of an account that runs out of money are called, how they look, and what comes next, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.cutoff.models import Stage
from prewatt.domain.cutoff.rule import Why
from prewatt.web.parts.formats import moment
from prewatt.web.parts.words import Text

if TYPE_CHECKING:
    from prewatt.domain.cutoff.models import Standing

# Word, icon, CSS class of the chip.
STAGES: dict[str, tuple[Text, str, str]] = {
    Stage.WARNED.value: (gettext_lazy("Warned"), "bell", "s-al1"),
    Stage.AGAIN.value: (gettext_lazy("Warned again"), "bell", "s-al2"),
    Stage.REMINDED.value: (gettext_lazy("Reminded"), "alert-triangle", "s-al2"),
    Stage.DUE.value: (pgettext_lazy("cutoff", "Due"), "alert-octagon", "s-owe"),
    Stage.GRACE.value: (gettext_lazy("Grace"), "clock-pause", "s-hold"),
    Stage.OFF.value: (gettext_lazy("Switched off"), "plug-x", "s-off"),
}
WHYS: dict[str, Text] = {
    Why.ENOUGH.value: gettext_lazy("There is enough money."),
    Why.UNKNOWN.value: gettext_lazy("Nobody knows how much money is left."),
    Why.MONEY_LEFT.value: gettext_lazy("There is money left."),
    Why.LOW.value: gettext_lazy("The money is low."),
    Why.RUNS_OUT.value: gettext_lazy("The money runs out soon."),
    Why.NOTHING_LEFT.value: gettext_lazy("Nothing is left."),
    Why.METER_CUTS.value: gettext_lazy("The meter switches off by itself; no order of ours does."),
    Why.KEPT.value: gettext_lazy("Held on through protected hours or a grace."),
    Why.GRACE.value: gettext_lazy("A grace goes on."),
    Why.POST_PAID.value: gettext_lazy("The account pays afterwards."),
    Why.NEVER.value: gettext_lazy("It stands on the never-cut list."),
    Why.HELD.value: gettext_lazy("The meter is on hold."),
    Why.OFF.value: gettext_lazy("Power returns with a payment."),
    Why.ON_ITS_WAY.value: gettext_lazy("The order to switch off is on its way."),
    Why.BY_HAND.value: gettext_lazy("This site switches off by hand only."),
    Why.NOT_TOLD.value: gettext_lazy("Somebody has to tell the tenant first."),
    Why.PERIOD.value: gettext_lazy("The days of notice are not over."),
    Why.GAP.value: gettext_lazy("The second warning is too fresh."),
    Why.LAST_NOTICE.value: gettext_lazy("The last notice was given; its time is not over."),
    Why.PROTECTED.value: gettext_lazy("Protected hours, a weekend or a holiday."),
    Why.STALE.value: gettext_lazy("The last reading is too old, or the meter does not answer."),
    Why.STOPPED.value: gettext_lazy("The site's stop is on."),
    Why.LIMIT.value: gettext_lazy("The limit per minutes is reached; it waits its turn."),
    Why.NOTHING_STOPS.value: gettext_lazy("Everything was told and nothing stands in the way."),
}


def why(standing: Standing) -> str:
    return str(WHYS.get(standing.why, standing.why))


def following(standing: Standing) -> str:
    """What happens next, and when."""
    if standing.next_at and standing.why in (Why.LOW, Why.RUNS_OUT, Why.NOTHING_LEFT):
        return _("second warning %(at)s") % {"at": moment(standing.next_at)}
    match standing.stage:
        case Stage.WARNED:
            return _("second warning at alarm 2")
        case Stage.AGAIN:
            return _("reminder before it runs out")
        case Stage.REMINDED:
            return _("due when nothing is left")
        case Stage.OFF:
            return _("on again after a payment")
        case Stage.GRACE:
            return _("the grace ends %(at)s") % {"at": moment(standing.next_at)} if standing.next_at else ""
    if not standing.platform:
        return _("the meter decides by itself")
    return _cut(standing)


def _cut(standing: Standing) -> str:
    match standing.why:
        case Why.NOT_TOLD | Why.NOTHING_LEFT:
            return _("tell the tenant, then the days of notice run")
        case Why.NEVER | Why.HELD | Why.POST_PAID | Why.BY_HAND:
            return _("nothing by itself")
        case Why.ON_ITS_WAY:
            return _("switching off now")
    if standing.cut_at is None:
        return "—"
    return _("switched off, not before %(at)s") % {"at": moment(standing.cut_at)}
