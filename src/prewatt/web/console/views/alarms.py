"""实时报警 / 历史报警: what is wrong now, what was, and taking note of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, Max
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from prewatt.domain.alarms import noting, operations, queries
from prewatt.domain.alarms.models import MONEY, NOTE_MAX, Alarm, Kind
from prewatt.domain.alarms.queries import Wanted
from prewatt.domain.estate import queries as estate
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views import alarm_advice
from prewatt.web.console.views.alarm_words import place, place_link, place_name, said
from prewatt.web.parts import formats, words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register, Table

if TYPE_CHECKING:
    from django.http import HttpRequest

    from prewatt.domain.staff.models import Operator

HISTORY_DAYS = 7
YES, NO = "yes", "no"


def buildings(who: Operator) -> Iterable[tuple[str, words.Text]]:
    return [(one.code, one.name) for one in estate.buildings(operator=who)]


def _wanted(ask: Ask, *, open_only: bool) -> Wanted:
    return Wanted(
        open_only=open_only,
        kind=ask["kind"] or "",
        building=ask["building"] or "",
        floors=ask["floor"] or "",
        text=ask["text"] or "",
        acknowledged=None if ask["seen"] is None else ask["seen"] == YES,
        first_day=ask["from"],
        last_day=ask["to"],
    )


def span(alarm: Alarm, at: datetime) -> timedelta:
    return (alarm.until or at) - alarm.since


def _kind(place_in: int) -> Any:
    return lambda one: words.ALARMS[one.kind][place_in]


def _own(alarm: Alarm) -> str:
    return reverse("console:alarm", args=[alarm.pk])


def _fen(name: str) -> Any:
    return lambda one: getattr(one, name) if one.kind in MONEY else None


def _columns(*, history: bool) -> tuple[Column, ...]:
    ended = Column("until", gettext_lazy("Until"), "when", sort=("until",), width=20, shown=history)
    return (
        Column("since", gettext_lazy("Since"), "when", sort=("since",), width=20),
        *([ended] if history else []),
        Column(
            "lasts",
            gettext_lazy("Duration"),
            value=lambda one: formats.duration(span(one, now())),
            tone=lambda one: "" if one.until or not history else "b",
            sort=() if history else ("since",),
            width=14,
        ),
        Column(
            "kind",
            gettext_lazy("Alarm"),
            value=_kind(0),
            icon=_kind(1),
            chip=_kind(2),
            sort=("kind",),
            width=18,
        ),
        Column(
            "room",
            gettext_lazy("Where"),
            value=place,
            link=place_link,
            sort=("meter__room__number", "gateway__code", "bus__code"),
        ),
        Column(
            "tenant",
            gettext_lazy("Tenant"),
            value=lambda one: one.opening.customer.name if one.opening else "",
            sort=("opening__customer__name",),
            width=24,
        ),
        Column("said", gettext_lazy("What is the matter"), value=said, width=46),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.building.name if one.building else "",
            sort=("building__sort", "building__code"),
        ),
        Column(
            "floor",
            gettext_lazy("Floor"),
            value=lambda one: str(one.meter.room.floor) if one.meter and one.meter.room else "",
            sort=("meter__room__floor__number",),
            shown=False,
        ),
        Column(
            "meter",
            gettext_lazy("Meter"),
            value=lambda one: one.meter.number if one.meter else "",
            sort=("meter__number",),
            shown=False,
            width=16,
        ),
        Column("value", gettext_lazy("Balance at its beginning"), "money", value=_fen("value"), shown=False),
        Column("worst", gettext_lazy("Lowest balance"), "money", value=_fen("worst"), shown=False),
        Column("limit", gettext_lazy("Alarm amount"), "money", value=_fen("threshold"), shown=False),
        Column(
            "minutes",
            gettext_lazy("Minutes"),
            "count",
            value=lambda one: span(one, now()) // timedelta(minutes=1),
            shown=False,
        ),
        Column("times", gettext_lazy("Times"), "count", sort=("times",), shown=False),
        Column(
            "who",
            gettext_lazy("Acknowledged"),
            value=lambda one: str(one.acknowledged_by) if one.acknowledged_by else _("not yet"),
            tone=lambda one: "" if one.acknowledged_at else "warn b",
            icon=lambda one: "check" if one.acknowledged_at else "",
            link=_own,
            sort=("acknowledged_at",),
        ),
        Column("note", gettext_lazy("Note"), width=30, shown=history),
    )


def _kinds(_who: Operator) -> list[tuple[str, words.Text]]:
    return [(kind.value, words.ALARMS[kind][0]) for kind in Kind]


_PLACES = (
    Filter("kind", gettext_lazy("Alarm"), "choice", choices=_kinds),
    Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
    Filter("floor", gettext_lazy("Floor, or 11-20"), width="short"),
    Filter(
        "seen",
        gettext_lazy("Acknowledged"),
        "choice",
        choices=lambda _who: [(NO, gettext_lazy("not yet")), (YES, pgettext_lazy("answer", "yes"))],
    ),
    Filter("text", gettext_lazy("Room, tenant or meter")),
)


def _last_days(_who: Operator) -> Mapping[str, str]:
    day = metering.today(now())
    return {"from": (day - timedelta(days=HISTORY_DAYS - 1)).isoformat(), "to": day.isoformat()}


NOW = Register(
    name="alarms",
    icon="bell",
    title=gettext_lazy("Alarms now"),
    columns=_columns(history=False),
    filters=_PLACES,
    order="-since",
    rows=lambda ask: queries.wanted_alarms(operator=ask.operator, wanted=_wanted(ask, open_only=True)),
    empty=gettext_lazy("No alarm now: money, lines and gateways are as they should be."),
)
HISTORY = Register(
    name="alarm-history",
    icon="bell",
    title=gettext_lazy("Alarm history"),
    columns=_columns(history=True),
    filters=(Filter("from", gettext_lazy("From"), "day"), Filter("to", gettext_lazy("To"), "day"), *_PLACES),
    order="-since",
    rows=lambda ask: queries.wanted_alarms(operator=ask.operator, wanted=_wanted(ask, open_only=False)),
    defaults=_last_days,
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    """What is wrong now. With `export` as an Excel file."""
    counts = queries.open_counts(operator=operator(request))
    return answer(
        request,
        NOW,
        template="console/alarms/index.html",
        more=lambda ask: {"page": "alarms", "counts": _counts(counts, ask)},
        more_of=_noting,
    )


def _noting(table: Table) -> Mapping[str, Any]:
    """What one note for all that is listed needs to know: how many, and which was the newest."""
    who = table.operator
    if not any(who.may(right) for right in operations.MAY_ACKNOWLEDGE):
        return {}
    listed = queries.wanted_alarms(operator=who, wanted=_wanted(table.ask, open_only=True))
    seen = listed.filter(acknowledged_at__isnull=True).order_by().aggregate(number=Count("pk"), newest=Max("pk"))
    given = [(one.key, table.ask[one.key] or "") for one in NOW.filters]
    return {"to_note": seen["number"], "newest": seen["newest"], "note_max": NOTE_MAX, "given_filters": given}


def _counts(counts: Mapping[str, int], ask: Ask) -> list[dict[str, Any]]:
    """The chips above the table: how many alarms of each kind go on."""
    return [
        {"kind": kind.value, "word": words.ALARMS[kind], "count": counts.get(kind.value, 0), "on": ask["kind"] == kind}
        for kind in Kind
        if counts.get(kind.value) or ask["kind"] == kind
    ]


@page(Right.READ)
def history(request: HttpRequest) -> HttpResponseBase:
    return answer(request, HISTORY, more=lambda _ask: {"page": "alarm-history"})


def _alarm(request: HttpRequest, pk: int) -> Alarm:
    found = queries.wanted_alarms(operator=operator(request), wanted=Wanted()).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@page(Right.READ)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _draw(request, _alarm(request, pk))


def _draw(request: HttpRequest, alarm: Alarm, error: Refused | None = None) -> HttpResponse:
    who, at = operator(request), now()
    context: dict[str, Any] = {
        "page": "alarms" if alarm.until is None else "alarm-history",
        "alarm": alarm,
        "word": words.ALARMS[alarm.kind],
        "place": place(alarm),
        "place_link": place_link(alarm),
        "place_name": place_name(alarm),
        "steps": alarm_advice.STEPS[Kind(alarm.kind)],
        "links": alarm_advice.links(alarm, who),
        "said": said(alarm),
        "span": formats.duration(span(alarm, at)),
        "may_note": any(who.may(right) for right in operations.MAY_ACKNOWLEDGE),
        "may_sell": who.may(Right.SELL) and alarm.kind in MONEY and alarm.until is None,
        "note_max": NOTE_MAX,
        "given": request.POST.get("note", ""),
        "earlier": queries.earlier(alarm, operator=who),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/alarms/show.html", context, status=422 if error else 200)


@page(*operations.MAY_ACKNOWLEDGE, methods=("POST",))
def acknowledge_listed(request: HttpRequest) -> HttpResponse:
    """One note for all that was listed when the form was drawn."""
    table = Table(NOW, operator(request), request.POST)
    newest = request.POST.get("newest", "")
    try:
        noted = noting.acknowledge_listed(
            wanted=_wanted(table.ask, open_only=True),
            upto=int(newest) if newest.isdecimal() and len(newest) < 19 else 0,
            note=request.POST.get("note", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
        said = ngettext("%(n)d alarm is acknowledged.", "%(n)d alarms are acknowledged.", noted) % {"n": noted}
        messages.success(request, said)
    except Refused as error:
        messages.error(request, str(error))
    filters = {key: value for key, value in table.ask.values.items() if value}
    return HttpResponseRedirect(f"{reverse('console:alarms')}?{urlencode(filters)}")


@page(*operations.MAY_ACKNOWLEDGE, methods=("POST",))
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    alarm = _alarm(request, pk)
    try:
        operations.acknowledge(
            alarm_id=alarm.pk,
            note=request.POST.get("note", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, _alarm(request, pk), error)
    messages.success(request, _("Noted, and written into the operation log."))
    return HttpResponseRedirect(_own(alarm))
