"""The operation log: who did what, when, from where, with before and after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from prewatt.domain.audit import entries
from prewatt.domain.staff import people
from prewatt.domain.staff.models import LogEntry, Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.parts import actions, words
from prewatt.web.parts.pages import operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone()).astimezone(UTC)


def _rows(ask: Ask) -> Any:
    found = entries.visible(operator=ask.operator)
    if ask["who"]:
        found = found.filter(operator_id=int(ask["who"]))
    if ask["action"]:
        found = found.filter(action=ask["action"])
    if ask["text"]:
        found = found.filter(target__icontains=ask["text"])
    if ask["from"]:
        found = found.filter(at__gte=_begins(ask["from"]))
    if ask["to"]:
        found = found.filter(at__lt=_begins(ask["to"] + timedelta(days=1)))
    return found


def _people(who: Operator) -> Iterable[tuple[str, words.Text]]:
    """Oneself, and whom one administers the buildings of."""
    known = {str(one.pk): str(one) for one in people.visible(by=who).order_by("username")}
    return (known | {str(who.pk): str(who)}).items()


def _actions(_who: Operator) -> list[tuple[str, words.Text]]:
    return sorted(actions.ACTIONS.items(), key=lambda pair: str(pair[1]))


REGISTER = Register(
    name="log",
    icon="history",
    title=_("Operation log"),
    columns=(
        Column(
            "at",
            _("Time"),
            "when",
            sort=("at",),
            link=lambda one: reverse("console:log-entry", args=[one.pk]),
            width=20,
        ),
        Column("who", _("Operator"), value=lambda one: one.operator_name or _("the system"), width=14),
        Column("address", _("From address"), width=16),
        Column("action", _("What"), value=lambda one: actions.action(one.action), width=24),
        Column("target", _("To what"), value=lambda one: actions.short_target(one.target), width=28),
        Column(
            "change",
            _("Before → after"),
            value=lambda one: actions.short(one.before, one.after),
            tone=lambda _one: "cut-w",
            width=60,
        ),
        Column("code", _("Code"), value=lambda one: one.action, shown=False, width=20),
        Column("number", _("Number"), "count", value=lambda one: one.pk, shown=False),
    ),
    filters=(
        Filter("from", _("From"), "day"),
        Filter("to", _("To"), "day"),
        Filter("who", _("Operator"), "choice", choices=_people),
        Filter("action", _("What"), "choice", choices=_actions),
        Filter("text", _("Meter, order or name")),
    ),
    order="-at",
    rows=_rows,
)


@page(Right.AUDIT)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/log/index.html", more=lambda _ask: {"page": "log"})


@page(Right.AUDIT)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    one: LogEntry | None = entries.visible(operator=operator(request)).filter(pk=pk).first()
    if one is None:
        raise Http404
    state, seal = entries.seal_of(one)
    context = {
        "page": "log",
        "one": one,
        "what": actions.action(one.action),
        "target": actions.target(one.target),
        "changes": actions.changes(one.before, one.after),
        "state": state.value,
        "seal": seal,
    }
    return render(request, "console/log/show.html", context)
