"""短信记录: what was told to whom, what became of it and what it cost; and saying it again, with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.notices import operations, queries
from prewatt.domain.notices.models import NOTE_MAX, Message, State
from prewatt.domain.notices.queries import Wanted
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import form_id, new_id
from prewatt.web.console.views.estate.texts import TITLES
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator
    from prewatt.web.parts.words import Text

POST = ("POST",)
LOOKS = {
    State.WAITING: ("warn", "clock"),
    State.SENDING: ("warn", "send"),
    State.SENT: ("", "send"),
    State.DELIVERED: ("good", "check"),
    State.FAILED: ("bad", "x"),
    State.EXPIRED: ("mut", "clock"),
    State.UNKNOWN: ("warn", "alert-triangle"),
}


def _carriers(who: Operator) -> Iterable[tuple[str, Text]]:
    return [(str(one.pk), one.name) for one in queries.carriers()] if who.all_buildings else []


def _rows(ask: Ask) -> Any:
    wanted = Wanted(
        kind=ask["kind"] or "",
        state=ask["state"] or "",
        carrier=int(ask["carrier"] or 0),
        text=ask["text"] or "",
        first_day=ask["from"],
        last_day=ask["to"],
    )
    return queries.wanted_messages(operator=ask.operator, wanted=wanted)


def why(one: Message) -> str:
    return " · ".join(str(part) for part in (one.get_why_display() if one.why else "", one.said) if part)


REGISTER = Register(
    name="notices",
    icon="send",
    title=gettext_lazy("Messages sent"),
    columns=(
        Column("at", gettext_lazy("Written"), "when", value=lambda one: one.made_at, sort=("made_at",), width=20),
        Column(
            "kind",
            gettext_lazy("Kind"),
            value=lambda one: TITLES.get(one.kind, one.kind),
            link=lambda one: reverse("console:notice", args=[one.pk]),
            sort=("kind",),
            width=20,
        ),
        Column("to", gettext_lazy("Recipient"), value=lambda one: one.to, sort=("to",), width=18),
        Column(
            "customer",
            gettext_lazy("Tenant"),
            value=lambda one: one.customer.name if one.customer else "",
            sort=("customer__name",),
            width=24,
        ),
        Column(
            "room",
            gettext_lazy("Room"),
            value=lambda one: one.meter.room.number if one.meter and one.meter.room else "",
            sort=("meter__room__number",),
        ),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda one: one.get_state_display(),
            tone=lambda one: LOOKS[State(one.state)][0],
            icon=lambda one: LOOKS[State(one.state)][1],
            sort=("state",),
        ),
        Column("text", gettext_lazy("Text"), value=lambda one: one.text, width=60),
        Column("why", gettext_lazy("Why"), value=why, width=30),
        Column("carrier", gettext_lazy("Carrier"), value=lambda one: one.carrier.name if one.carrier else "", width=16),
        Column("parts", gettext_lazy("Parts"), "count", value=lambda one: one.parts, sort=("parts",)),
        Column("cost", gettext_lazy("Cost (yuan)"), "price", value=lambda one: one.cost_e4, sort=("cost_e4",)),
        Column("tries", gettext_lazy("Tries"), "count", value=lambda one: one.attempts, shown=False),
        Column("sent_at", gettext_lazy("Sent"), "when", sort=("sent_at",), shown=False, width=20),
        Column("done_at", gettext_lazy("Ended"), "when", sort=("done_at",), shown=False, width=20),
        Column("meter", gettext_lazy("Meter"), value=lambda one: one.meter.number if one.meter else "", shown=False),
        Column("reason", gettext_lazy("Why again"), shown=False, width=30),
    ),
    filters=(
        Filter("text", gettext_lazy("Recipient, tenant, room or words")),
        Filter("kind", gettext_lazy("Kind"), "choice", choices=lambda _who: list(TITLES.items())),
        Filter("state", gettext_lazy("State"), "choice", choices=lambda _who: list(State.choices)),
        Filter("carrier", gettext_lazy("Carrier"), "choice", choices=_carriers),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
    ),
    order="-at",
    rows=_rows,
    empty=gettext_lazy("No message was written yet. The first warning shows here."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    """Every message of his buildings. With `export` as an Excel file, with what each one cost."""
    return answer(request, REGISTER, template="console/notices/index.html", more=lambda _ask: {"page": "notices"})


@page(Right.READ)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _drawn(request, _message(request, pk))


@page(*operations.MAY_SAY, methods=POST)
def again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The same words once more, as a message of its own."""
    one = _message(request, pk)
    try:
        made = operations.say_again(
            message=one,
            form_id=form_id(request),
            reason=request.POST.get("reason", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _drawn(request, one, error)
    messages.success(request, _("It waits for its turn and goes out within seconds."))
    return HttpResponseRedirect(reverse("console:notice", args=[made.pk]))


def _message(request: HttpRequest, pk: int) -> Message:
    found = queries.messages(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _drawn(request: HttpRequest, one: Message, error: Refused | None = None) -> HttpResponse:
    context = {
        "page": "notices",
        "one": one,
        "title": TITLES.get(one.kind, one.kind),
        "look": LOOKS[State(one.state)],
        "why": why(one),
        "may_say": any(operator(request).may(right) for right in operations.MAY_SAY),
        "refused": refusal(error) if error else None,
        "reason": request.POST.get("reason", ""),
        "form_id": request.POST.get("form_id") or new_id(),
        "reason_max": NOTE_MAX,
    }
    return render(request, "console/notices/show.html", context, status=422 if error else 200)
