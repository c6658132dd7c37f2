"""公平停电规则: how long before a cut what is said, whom the site keeps on, how much grace may be given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.cutoff import queries, telling
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.units.values import Money
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, typed
from prewatt.web.parts.pages import address, now, operator, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from prewatt.domain.cutoff.models import FairRules
    from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")


@page(Right.SETTINGS, methods=BOTH)
def index(request: HttpRequest) -> HttpResponseBase:
    held = _page(queries.rules())
    if request.method != "POST":
        return draw(request, held)
    try:
        _set(request, typed(request))
    except telling.OutOfRange as error:
        return draw(request, held, error=FieldsRefused({error.name: str(error)}))
    except Refused as error:
        return draw(request, held, error=error)
    messages.success(request, _("The rules are kept."))
    return HttpResponseRedirect(reverse("console:fair-rules"))


def _page(rules: FairRules) -> Page:
    return Page(
        title=_("Rules of fair cut-off"),
        page="switching",
        back=reverse("console:cutoff"),
        parts=(_notice(rules), _safety(rules), _keeping(rules), _grace(rules)),
        save=_("Keep the rules"),
    )


def _number(rules: FairRules, name: str, label: Text, unit: Text = "", note: Text = "") -> Box:
    value = getattr(rules, name)
    text = str(Money(value)) if name.endswith("_fen") else str(value)
    return Box(name, label, value=text, unit=unit, note=note, mode="decimal", length_max=10, required=True)


def _tick(rules: FairRules, name: str, label: Text) -> Box:
    return Box(name, label, "tick", value="1" if getattr(rules, name) else "")


def _notice(rules: FairRules) -> Part:
    days, hours, minutes = _("days"), _("hours"), _("minutes")
    boxes = [
        _number(rules, "notice_days", _("From the first warning to the cut"), days),
        _number(rules, "notice_days_dwelling", _("the same for dwellings"), days),
        Box(
            "dwelling_uses",
            _("Kinds of use that are dwellings"),
            value=" ".join(rules.dwelling_uses),
            note=_("Apart by spaces, as in the list of kinds of use."),
        ),
        _number(rules, "gap_hours", _("From the second warning to the cut"), hours),
        _number(rules, "last_minutes", _("Last notice before the cut"), minutes),
        _number(rules, "remind_hours", _("Reminder when the money lasts no longer than"), hours),
        _tick(rules, "must_be_told", _("A notice counts only from when somebody told it")),
    ]
    note = _("Local rules ask for 7 days for dwellings, 3 for others, and again an hour before.")
    return Part(_("What is said before a cut"), boxes, note=note)


def _safety(rules: FairRules) -> Part:
    boxes = [
        _tick(rules, "automatic", _("Switch off by itself when all of it was told")),
        _number(rules, "stale_minutes", _("Never on a reading older than"), _("minutes")),
    ]
    note = _(
        "Only accounts billed by the platform are switched off by an order; meters that count by themselves switch off "
        "at zero. Protected hours, the limit, the never-cut list and the stop are kept in the switching rules."
    )
    return Part(_("Switching off for arrears"), boxes, note=note)


def _keeping(rules: FairRules) -> Part:
    boxes = [
        _tick(rules, "keep", _("Hold meters whose money would not last through protected hours")),
        _number(rules, "keep_max_fen", _("up to a debt of"), _("yuan each")),
    ]
    note = _(
        "The meter goes on counting below zero, and the next purchase pays that first. Held, it does not trip on "
        "overload either. At this debt the hold ends at any hour."
    )
    return Part(_("Power kept on at night, on weekends and holidays"), boxes, note=note)


def _grace(rules: FairRules) -> Part:
    boxes = [
        _number(rules, "grace_max_fen", _("At most"), _("yuan")),
        _number(rules, "grace_days_max", _("for at most"), _("days")),
    ]
    return Part(_("Grace"), boxes, note=_("Who may decide unclear orders may give it; each one is logged."))


def _set(request: HttpRequest, given: dict[str, str]) -> None:
    problems: dict[str, str] = {}
    values: dict[str, int | bool] = {name: _read(given, name, problems) for name in telling.NUMBERS}
    if problems:
        raise FieldsRefused(problems)
    telling.set_rules(
        **values,
        **{name: name in given for name in telling.SWITCHES},
        dwelling_uses=given.get("dwelling_uses", "").split(),
        operator=operator(request),
        now=now(),
        address=address(request),
    )


def _read(given: dict[str, str], name: str, problems: dict[str, str]) -> int:
    text = given.get(name, "").strip()
    try:
        if name.endswith("_fen"):
            return Money.parse(text).fen
        if text.isdecimal() and len(text) <= 4:
            return int(text)
    except ValueError:
        pass
    problems[name] = _("Give an amount such as 50.00.") if name.endswith("_fen") else _("Give a whole number.")
    return 0
