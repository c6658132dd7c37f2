"""A batch under way: how far it is, what became of each meter, stopping it, sending the failed again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from prewatt.domain.fleet import queries
from prewatt.domain.fleet.models import Batch, BatchItem
from prewatt.domain.fleet.operations import RIGHTS, retry_failed, stop_batch
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.link.messages import Kind
from prewatt.web.console.second import second_person
from prewatt.web.console.views.fleet.orders import ORDERS, SECOND_CODES
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

RUNNING_ROWS = 5


def batch_of(request: HttpRequest, pk: str) -> Batch:
    """A batch that concerns at least one meter he may see; 404 for all others."""
    found = queries.batches(operator=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def running(who: Operator) -> list[queries.Progress]:
    """What is under way, newest first, as far as it concerns him."""
    found = list(queries.running(operator=who)[:RUNNING_ROWS])
    counted = queries.progress_of(found, operator=who)
    return [counted[one.pk] for one in found]


def _word(item: BatchItem) -> words.Text:
    return words.ORDERS[item.order.state][0] if item.order else _("Left out")


def _tone(item: BatchItem) -> str:
    return words.ORDERS[item.order.state][2] if item.order else "mut"


def _icon(item: BatchItem) -> str:
    return words.ORDERS[item.order.state][1] if item.order else "ban"


def _why(item: BatchItem) -> words.Text:
    if item.order is None:
        return f"{item.get_skip_display()} {item.detail}".strip()
    return words.reason(item.order.reason) if item.order.reason else ""


def _items(batch: Batch) -> Register:
    def rows(ask: Ask) -> Any:
        return list(queries.items(batch, operator=ask.operator, state=ask["state"] or ""))

    choices = [
        ("failed", _("failed")),
        *((code, word) for code, (word, _icon_, _tone_) in words.ORDERS.items()),
        (queries.SKIPPED, _("Left out")),
    ]
    return Register(
        name="batch",
        icon="list-check",
        title=_("Batch"),
        columns=(
            Column("result", _("Result"), value=_word, tone=_tone, icon=_icon, sort=("result",), order=_rank),
            Column("why", _("Why"), value=_why, width=40),
            Column("room", _("Room"), value=lambda item: item.meter.room or "", sort=("room",)),
            Column("number", _("Meter number"), value=lambda item: item.meter.number, sort=("number",), width=16),
            Column(
                "building",
                _("Building"),
                value=lambda item: item.meter.room.floor.building if item.meter.room else "",
                shown=False,
            ),
            Column("tries", _("Tries"), "count", value=lambda item: item.tries, sort=("tries",)),
            Column("ended", _("Ended"), "when", value=lambda item: item.order and item.order.ended_at, width=20),
        ),
        filters=(Filter("state", _("Result"), "choice", choices=lambda _who: choices),),
        order="result",
        rows=rows,
        empty=_("No meter of this batch is in your buildings."),
    )


def _rank(item: BatchItem) -> tuple[int, str]:
    """Failed, on its way, left out, done."""
    if item.order is None:
        return 2, item.meter.number
    tones = {"bad": 0, "mut": 0, "accent": 1, "good": 3}
    return tones.get(words.ORDERS[item.order.state][2], 1), item.meter.number


def _facts(batch: Batch, who: Operator) -> dict[str, Any]:
    return {
        "page": "fleet",
        "batch": batch,
        "run": queries.progress(batch, operator=who),
        "may_change": who.may(RIGHTS[Kind(batch.kind)]),
        "now": now(),
    }


@page(Right.READ)
def show(request: HttpRequest, pk: str) -> HttpResponseBase:
    batch, who = batch_of(request, pk), operator(request)
    return answer(request, _items(batch), template="console/fleet/batch.html", more=lambda _ask: _facts(batch, who))


@page(Right.READ)
def progress(request: HttpRequest, pk: str) -> HttpResponse:
    """How far one is; asks again by itself until nothing will change any more, and then the batch's own page once."""
    alone = request.GET.get("alone") == "1"
    facts = _facts(batch_of(request, pk), operator(request)) | {"alone": alone}
    response = render(request, "console/fleet/_run.html", facts)
    if alone and not facts["run"].running:
        response.headers["HX-Refresh"] = "true"
    return response


@page(*ORDERS, methods=("POST",))
def stop(request: HttpRequest, pk: str) -> HttpResponseBase:
    batch = batch_of(request, pk)
    try:
        stop_batch(batch_id=batch.pk, operator=operator(request), now=now(), address=address(request))
    except Refused as error:
        messages.error(request, str(error))
    return redirect("console:fleet-batch", pk=pk)


@page(*ORDERS, methods=("POST",))
def retry(request: HttpRequest, pk: str) -> HttpResponseBase:
    """The failed once more; the guards are asked again, so a second person may be needed here, too."""
    batch, who = batch_of(request, pk), operator(request)
    try:
        retry_failed(
            batch_id=batch.pk,
            operator=who,
            now=now(),
            override=request.POST.get("override", ""),
            second_person=second_person(request),
            address=address(request),
        )
    except Refused as error:
        context = _facts(batch, who) | {
            "refused": refusal(error),
            "second_needed": error.code in SECOND_CODES,
            "override_needed": error.code == "protected_hours" or bool(request.POST.get("override")),
            "override": request.POST.get("override", ""),
        }
        return render(request, "console/fleet/retry.html", context, status=422)
    return redirect("console:fleet-batch", pk=pk)


def _batches(ask: Ask) -> Any:
    return queries.batches(operator=ask.operator)


BATCHES = Register(
    name="batches",
    icon="list-check",
    title=_("Batches"),
    columns=(
        Column("placed", _("Placed"), "when", value=lambda one: one.placed_at, sort=("placed_at",), width=20),
        Column(
            "kind",
            _("Order"),
            value=lambda one: words.KINDS.get(one.kind, one.kind),
            link=lambda one: reverse("console:fleet-batch", args=[one.pk]),
            sort=("kind",),
        ),
        Column("plan", _("Price plan"), value=lambda one: one.plan.name if one.plan else ""),
        Column("who", _("By"), value=lambda one: one.operator.name or one.operator.username),
        Column("second", _("Second person"), value=lambda one: str(one.second_person) if one.second_person else ""),
        Column("state", _("State"), value=lambda one: one.get_state_display(), sort=("state",)),
        Column("note", _("Note"), value=lambda one: one.note),
    ),
    filters=(),
    order="-placed",
    rows=_batches,
    empty=_("No order was given to many meters yet. Choose meters in the fleet, then an order."),
)


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, BATCHES, more=lambda _ask: {"page": "fleet"})
