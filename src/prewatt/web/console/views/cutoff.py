"""催费与停电: accounts that run out of money, what comes next for each, whom to call, grace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.cutoff import queries, telling
from prewatt.domain.cutoff.models import NOTE_MAX, Door
from prewatt.domain.cutoff.queries import Case, Wanted
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.units.values import Money
from prewatt.web.console.views.alarms import buildings
from prewatt.web.console.views.estate.forms import form_id
from prewatt.web.parts import cutoff as words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from prewatt.domain.cutoff.models import Standing
    from prewatt.domain.staff.models import Operator

UNTOLD = "untold"


def _rows(ask: Ask) -> QuerySet[Any]:
    wanted = Wanted(
        stage=ask["stage"] or "",
        why=ask["why"] or "",
        building=ask["building"] or "",
        text=ask["text"] or "",
        untold=ask["told"] == UNTOLD,
    )
    counts = Q(opening__notices__open=True)
    found = queries.standings(operator=ask.operator, wanted=wanted)
    return found.annotate(
        last_told=Max("opening__notices__told_at", filter=counts),
        untold=Count("opening__notices", filter=counts & Q(opening__notices__told_at__isnull=True)),
    )


def _stages(_who: Operator) -> list[tuple[str, Any]]:
    return [(stage, word[0]) for stage, word in words.STAGES.items()]


def _whys(_who: Operator) -> list[tuple[str, Any]]:
    return list(words.WHYS.items())


def _room(one: Standing) -> str:
    meter = one.opening.meter
    return meter.room.number if meter.room else meter.number


def _days(one: Standing) -> str:
    """Days left by the forecast's careful end; what owes has none."""
    if one.runs_out_at is None or (one.money_fen or 0) <= 0:
        return ""
    return f"{max(0.0, (one.runs_out_at - now()).total_seconds() / 86_400):.1f}"


def _said(one: Any) -> str:
    return _("%(n)d to tell") % {"n": one.untold} if one.untold else ""


LIST = Register(
    name="cutoff",
    icon="clock-pause",
    title=gettext_lazy("Arrears and cut-off"),
    columns=(
        Column(
            "room",
            gettext_lazy("Room"),
            value=_room,
            link=lambda one: reverse("console:cutoff-account", args=[one.pk]),
            sort=("opening__meter__room__number", "opening__meter__number"),
        ),
        Column(
            "tenant",
            gettext_lazy("Tenant"),
            value=lambda one: one.opening.customer.name,
            sort=("opening__customer__name",),
            width=24,
        ),
        Column("phone", gettext_lazy("Phone"), value=lambda one: one.opening.customer.phone, width=16),
        Column(
            "money_fen",
            gettext_lazy("Money left"),
            "money",
            sort=("money_fen",),
            tone=lambda one: "bad b" if (one.money_fen or 0) <= 0 else "",
        ),
        Column("days", gettext_lazy("Days left"), value=_days, sort=("runs_out_at",), width=10),
        Column(
            "stage",
            gettext_lazy("Stage"),
            value=lambda one: words.STAGES[one.stage][0],
            icon=lambda one: words.STAGES[one.stage][1],
            chip=lambda one: words.STAGES[one.stage][2],
            sort=("stage",),
        ),
        Column("next", gettext_lazy("What happens next"), value=words.following, sort=("cut_at",), width=40),
        Column("why", gettext_lazy("Why not sooner"), value=words.why, sort=("why",), width=40),
        Column("to_tell", gettext_lazy("To tell"), value=_said, tone=lambda _one: "warn b", sort=("untold",)),
        Column("last_told", gettext_lazy("Last told"), "when", sort=("last_told",), width=20),
        Column("due_since", gettext_lazy("Due since"), "when", sort=("due_since",), width=20, shown=False),
        Column("cut_at", gettext_lazy("Not before"), "when", sort=("cut_at",), width=20, shown=False),
        Column(
            "billing",
            gettext_lazy("Billed by"),
            value=lambda one: _("platform billing") if one.platform else _("meter billing"),
            sort=("platform",),
            shown=False,
        ),
        Column(
            "meter",
            gettext_lazy("Meter"),
            value=lambda one: one.opening.meter.number,
            sort=("opening__meter__number",),
            shown=False,
            width=16,
        ),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.opening.meter.room.floor.building.name if one.opening.meter.room else "",
            sort=("opening__meter__room__floor__building__sort",),
            shown=False,
        ),
    ),
    filters=(
        Filter("stage", gettext_lazy("Stage"), "choice", choices=_stages),
        Filter(
            "told",
            gettext_lazy("Told"),
            "choice",
            choices=lambda _who: [(UNTOLD, pgettext_lazy("cutoff", "somebody has to be told"))],
        ),
        Filter("why", gettext_lazy("Why not sooner"), "choice", choices=_whys),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="money_fen",
    rows=_rows,
    empty=gettext_lazy("Nobody runs out of money: there is nobody to remind, and nothing to switch off."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    who = operator(request)
    counts, rules = queries.counts(operator=who), queries.rules()
    return answer(
        request,
        LIST,
        template="console/cutoff/index.html",
        more=lambda ask: {
            "page": "cutoff",
            "stages": _chips(counts, ask),
            "to_tell": queries.to_tell(operator=who),
            "kept": queries.kept_now(operator=who).count(),
            "rules": rules,
            "may_set": who.may(Right.SETTINGS),
        },
    )


def _chips(counts: Mapping[str, int], ask: Ask) -> list[dict[str, Any]]:
    return [
        {"stage": stage, "word": word, "count": counts.get(stage, 0), "on": ask["stage"] == stage}
        for stage, word in words.STAGES.items()
        if counts.get(stage) or ask["stage"] == stage
    ]


def _case(request: HttpRequest, pk: int) -> Case:
    found = queries.case(operator=operator(request), opening_id=pk)
    if found is None:
        raise Http404
    return found


@page(Right.READ)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _draw(request, _case(request, pk))


def _draw(request: HttpRequest, case: Case, error: Refused | None = None) -> HttpResponse:
    who, at, rules = operator(request), now(), queries.rules()
    standing, meter = case.standing, case.opening.meter
    context: dict[str, Any] = {
        "page": "cutoff",
        "case": case,
        "meter": meter,
        "place": meter.room.number if meter.room else meter.number,
        "standing": standing,
        "word": words.STAGES[standing.stage] if standing else None,
        "why": words.why(standing) if standing else "",
        "following": words.following(standing) if standing else "",
        "rules": rules,
        "doors": Door.choices,
        "form_id": form_id(request),
        "grace_max": Money(rules.grace_max_fen),
        "last_day": metering.today(at) + timedelta(days=rules.grace_days_max),
        "first_day": metering.today(at) + timedelta(days=1),
        "note_max": NOTE_MAX,
        "may_tell": any(who.may(right) for right in telling.MAY_TELL),
        "may_grant": who.may(telling.MAY_GRANT),
        "running": case.running(at),
        "may_sell": who.may(Right.SELL),
        "may_switch": who.may(Right.SWITCH),
        "may_set": who.may(Right.SETTINGS),
        "now": at,
        "given": request.POST,
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/cutoff/show.html", context, status=422 if error else 200)


def _try(request: HttpRequest, pk: int, call: Any, said: str) -> HttpResponse:
    try:
        call()
    except Refused as error:
        return _draw(request, _case(request, pk), error)
    messages.success(request, said)
    return HttpResponseRedirect(reverse("console:cutoff-account", args=[pk]))


@page(*telling.MAY_TELL, methods=("POST",))
def told(request: HttpRequest, pk: int) -> HttpResponse:
    """The tenant knows what was still to be told."""
    case = _case(request, pk)
    ids = {int(one) for one in request.POST.getlist("notice") if one.isdecimal() and len(one) < 19}
    mine = [one.pk for one in case.notices if one.pk in ids]
    return _try(
        request,
        pk,
        lambda: telling.told(
            notice_ids=mine,
            door=request.POST.get("door", ""),
            note=request.POST.get("note", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        ),
        _("Noted: the tenant was told."),
    )


@page(telling.MAY_GRANT, methods=("POST",))
def grace(request: HttpRequest, pk: int) -> HttpResponse:
    case = _case(request, pk)
    return _try(
        request,
        pk,
        lambda: telling.grant(
            grace_id=form_id(request),
            opening=case.opening,
            amount_fen=_fen(request.POST.get("amount", "")),
            until=_end_of(request.POST.get("until", "")),
            reason=request.POST.get("reason", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        ),
        _("The grace is given."),
    )


@page(telling.MAY_GRANT, methods=("POST",))
def end_grace(request: HttpRequest, pk: int) -> HttpResponse:
    case = _case(request, pk)
    return _try(
        request,
        pk,
        lambda: telling.end_grace(
            grace_id=request.POST.get("grace", ""),
            opening=case.opening,
            reason=request.POST.get("end_reason", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        ),
        _("The grace has ended."),
    )


def _fen(text: str) -> int:
    """What is no amount is none: the domain refuses it."""
    try:
        return Money.parse(text.strip()).fen
    except ValueError:
        return 0


def _end_of(text: str) -> datetime:
    """The end of that day, by the site's clock; what is no day lies in the past, and is refused."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return datetime.combine(date.min + timedelta(days=1), time(), metering.zone())
    return datetime.combine(day, time(18), metering.zone())
