"""One account's difference: what the books predict, what the meter shows, why, and taking it into the books."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.reconciliation import accepting, queries
from prewatt.domain.reconciliation.classify import Cause, Evidence, Part
from prewatt.domain.reconciliation.models import CAUSES
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.second import second_person
from prewatt.web.console.views.sale import new_id
from prewatt.web.parts.formats import thousandth, yuan
from prewatt.web.parts.pages import address, now, operator, page, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest

    from prewatt.web.parts.words import Text

WORDS: Mapping[str, Text] = dict(CAUSES)

TO_DO: Mapping[Cause, Text] = {
    Cause.ROUNDING: gettext_lazy("Nothing: a fen a day stays a fen a day."),
    Cause.PRICE: gettext_lazy("Send the prices again and look whether the meter shows them; what it deducted stands."),
    Cause.RATIO: gettext_lazy("Look at the transformer's plate and mend the ratio in the meter or in its settings."),
    Cause.MISSED: gettext_lazy("Settle the order with the tenant; then accept what the meter shows."),
    Cause.FOREIGN: gettext_lazy("Find out who recharged past the counter; then accept what the meter shows."),
    Cause.COUNT: gettext_lazy("Accept the count: the next recharge carries the one after it."),
    Cause.CHANGED: gettext_lazy("Record the change of meter, or close the account with its final reading."),
    Cause.TAMPER: gettext_lazy("Send somebody to the meter: seals, cover, wiring, and what it shows."),
    Cause.NOT_READ: gettext_lazy("Wait until the meter has been read; then look again."),
    Cause.UNEXPLAINED: gettext_lazy("Read the meter and look again; accept it only when somebody has been there."),
}

SAID: Mapping[str, Text] = {
    "registers": gettext_lazy(
        "The meter counts %(count_meter)s purchases where the books have %(count_books)s; its total bought is "
        "%(fen)s yuan from the books."
    ),
    "order_on_meter": gettext_lazy("Order %(order)s of %(fen)s yuan is %(state)s in the books and is on the meter."),
    "order_not_on_meter": gettext_lazy("Order %(order)s of %(fen)s yuan is %(state)s and is not on the meter."),
    "no_order": gettext_lazy("%(times)s purchases with no order of ours, %(fen)s yuan together."),
    "money_without_purchase": gettext_lazy("The total bought grew by %(fen)s yuan and the purchase count did not."),
    "over_booked": gettext_lazy("%(fen)s yuan more are booked as used than the meter has deducted."),
    "register_fell": gettext_lazy("The energy register stands %(wh)s kWh lower than it did."),
    "days": gettext_lazy("On %(days)s days from %(first)s to %(last)s, %(fen)s yuan together."),
    "gap": gettext_lazy("On %(days)s days from %(first)s to %(last)s readings are missing; they are not judged yet."),
    "within": gettext_lazy(
        "On %(day)s it deducted %(deducted)s yuan where %(rated)s were due: within %(tolerance)s yuan."
    ),
    "counter_fell": gettext_lazy("On %(day)s its own count of what it deducted fell by itself: %(deducted)s yuan."),
    "price": gettext_lazy(
        "On %(day)s it deducted %(deducted)s yuan. With the prices that were sent it would be %(rated)s, with the "
        "meter's own %(by_meter)s."
    ),
    "no_energy": gettext_lazy("On %(day)s it deducted %(deducted)s yuan and counted no energy."),
    "no_deduction": gettext_lazy("On %(day)s it counted %(wh)s kWh, %(rated)s yuan, and deducted %(deducted)s."),
    "ratio": gettext_lazy(
        "On %(day)s it deducted %(deducted)s yuan where %(rated)s were due: as with a ratio of %(other)s instead of "
        "%(ratio)s."
    ),
    "neither": gettext_lazy("On %(day)s it deducted %(deducted)s yuan where %(rated)s were due; no cause fits."),
}
FEN = {"fen", "deducted", "rated", "by_meter", "tolerance"}


def said(one: Evidence) -> str:
    """A line of evidence in words and figures."""
    return str(SAID[one.code]) % {name: _figure(name, value) for name, value in one.figures.items()}


def _figure(name: str, value: int | str) -> str:
    if name in FEN and isinstance(value, int):
        return yuan(value)
    if name == "wh" and isinstance(value, int):
        return thousandth(value)
    return str(value)


def _part(one: Part) -> dict[str, Any]:
    return {
        "cause": one.cause.value,
        "word": WORDS[one.cause],
        "fen": one.amount_fen,
        "lines": [said(line) for line in one.evidence],
        "to_do": TO_DO[one.cause],
    }


@page(Right.REPORTS)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _draw(request, _mine(request, pk))


def _mine(request: HttpRequest, pk: int) -> Opening:
    meters = Meter.objects.for_operator(operator(request)).order_by().values("pk")
    found = Opening.objects.filter(pk=pk, meter__in=meters).select_related("meter__room", "customer").first()
    if found is None:
        raise Http404
    return found


def _draw(request: HttpRequest, opening: Opening, *, error: Refused | None = None) -> HttpResponse:
    who, seen = operator(request), accepting.look(opening, now=now())
    fen, count = accepting.acceptable(seen[0]) if seen else (0, 0)
    context: dict[str, Any] = {
        "page": "reconciliation",
        "opening": opening,
        "room": opening.meter.room.number if opening.meter.room else opening.meter.number,
        "seen": seen[0] if seen else None,
        "why": seen[1] if seen else None,
        "parts": [_part(one) for one in seen[1].parts] if seen else [],
        "predicted_fen": _predicted(seen[0].meter_fen, seen[1].drift_fen) if seen else None,
        "fen": fen,
        "count": count,
        "accepted": queries.accepted(opening),
        "may_accept": who.may(Right.DECIDE),
        "refused": refusal(error) if error else None,
        "accept_id": request.POST.get("accept_id") or new_id(),
        "given": request.POST if error else {},
    }
    return render(request, "console/reconciliation/account.html", context, status=422 if error else 200)


def _predicted(shown_fen: int | None, drift_fen: int) -> int | None:
    return None if shown_fen is None else shown_fen - drift_fen


@page(Right.DECIDE, methods=("POST",))
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    opening = _mine(request, pk)
    try:
        accepting.accept(
            accept_id=request.POST.get("accept_id", "")[:64] or new_id(),
            opening=opening,
            amount_fen=_whole(request.POST.get("amount_fen", "")),
            count_delta=_whole(request.POST.get("count_delta", "")),
            reason=request.POST.get("reason", ""),
            operator=operator(request),
            second_person=second_person(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, opening, error=error)
    messages.success(request, _("The books have taken over what the meter shows."))
    return HttpResponseRedirect(reverse("console:reconciliation-account", args=[pk]))


def _whole(text: str) -> int:
    """What was drawn into the form; anything else differs from what is there and is refused so."""
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 16 else 0
