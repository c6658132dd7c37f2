"""回调记录: what programs elsewhere were told, what they answered, and telling it once more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.staff.rights import Right
from prewatt.domain.webhooks import operations, queries
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Event
from prewatt.domain.webhooks.queries import Wanted
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator
    from prewatt.web.parts.words import Text

POST = ("POST",)
_LOOKS = {
    DeliveryState.WAITING: ("warn", "clock"),
    DeliveryState.DONE: ("good", "check"),
    DeliveryState.SKIPPED: ("mut", "x"),
}


def _endpoints(who: Operator) -> Iterable[tuple[str, Text]]:
    return [(str(one.pk), one.name) for one in queries.endpoints(operator=who)]


def _rows(ask: Ask) -> Any:
    wanted = Wanted(
        endpoint=int(ask["endpoint"] or 0),
        event=ask["event"] or "",
        state=ask["state"] or "",
        text=ask["text"] or "",
        first_day=ask["from"],
        last_day=ask["to"],
    )
    return queries.wanted_deliveries(operator=ask.operator, wanted=wanted)


def said(one: Delivery) -> str:
    """The status and the beginning of what the receiver said, or why there was no answer."""
    return " ".join(str(part) for part in (one.status, one.said) if part)


REGISTER = Register(
    name="webhook-deliveries",
    icon="send",
    title=gettext_lazy("What webhooks told"),
    columns=(
        Column("at", gettext_lazy("Happened"), "when", sort=("at",), width=20),
        Column(
            "endpoint",
            gettext_lazy("Who is told"),
            value=lambda one: one.endpoint.name,
            link=lambda one: reverse("console:webhook", args=[one.endpoint_id]),
            sort=("endpoint__name",),
            width=20,
        ),
        Column("event", gettext_lazy("Event"), value=lambda one: one.get_event_display(), sort=("event",), width=20),
        Column(
            "id",
            gettext_lazy("Id"),
            value=lambda one: one.event_id,
            link=lambda one: reverse("console:delivery", args=[one.pk]),
            sort=("event_id",),
            width=36,
        ),
        Column(
            "state",
            gettext_lazy("State"),
            value=lambda one: one.get_state_display(),
            tone=lambda one: _LOOKS[DeliveryState(one.state)][0],
            icon=lambda one: _LOOKS[DeliveryState(one.state)][1],
            sort=("state",),
        ),
        Column("tries", gettext_lazy("Tries"), "count", sort=("tries",)),
        Column("said", gettext_lazy("Answer"), value=said, width=40),
        Column("tried_at", gettext_lazy("Last try"), "when", sort=("tried_at",), shown=False, width=20),
        Column("done_at", gettext_lazy("Delivered"), "when", sort=("done_at",), width=20),
        Column(
            "replay",
            gettext_lazy("Told again"),
            value=lambda one: _("again") if one.replay else "",
            sort=("replay",),
            shown=False,
        ),
        Column("body", gettext_lazy("Message"), shown=False, width=80),
    ),
    filters=(
        Filter("endpoint", gettext_lazy("Who is told"), "choice", choices=_endpoints),
        Filter("event", gettext_lazy("Event"), "choice", choices=lambda _who: list(Event.choices)),
        Filter("state", gettext_lazy("State"), "choice", choices=lambda _who: list(DeliveryState.choices)),
        Filter("text", gettext_lazy("Id, meter or receipt")),
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
    ),
    order="-at",
    rows=_rows,
    empty=gettext_lazy("Nothing was told yet. The next event shows here."),
)


@page(Right.SETTINGS)
def index(request: HttpRequest) -> HttpResponseBase:
    """Every message to every receiver, for 30 days. With `export` as an Excel file."""
    if not operator(request).all_buildings:  # a webhook tells of every building
        raise Http404
    return answer(
        request, REGISTER, template="console/webhooks/deliveries.html", more=lambda _ask: {"page": "webhooks"}
    )


@page(Right.SETTINGS)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One message, as it went out, and what came back."""
    one = _delivery(request, pk)
    waiting = one.state == DeliveryState.WAITING
    context = {
        "page": "webhooks",
        "one": one,
        "look": _LOOKS[DeliveryState(one.state)],
        "said": said(one),
        "body": json.dumps(json.loads(one.body), ensure_ascii=False, indent=2),
        "may_leave_out": waiting and one.tries and queries.is_next(one),
    }
    return render(request, "console/webhooks/delivery.html", context)


@page(Right.SETTINGS, methods=POST)
def replay(request: HttpRequest, pk: int) -> HttpResponseBase:
    one = _delivery(request, pk)
    operations.replay(delivery=one, operator=operator(request), now=now(), address=address(request))
    messages.success(request, _("It is told once more, under the same id."))
    return HttpResponseRedirect(reverse("console:webhook", args=[one.endpoint_id]))


@page(Right.SETTINGS, methods=POST)
def skip(request: HttpRequest, pk: int) -> HttpResponseBase:
    one = _delivery(request, pk)
    if operations.skip(delivery=one, operator=operator(request), now=now(), address=address(request)):
        messages.success(request, _("It is left out. The others go on."))
    return HttpResponseRedirect(reverse("console:webhook", args=[one.endpoint_id]))


def _delivery(request: HttpRequest, pk: int) -> Delivery:
    found = queries.deliveries(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found
