"""What a person must decide: readings side by side, one word, one reason, and a second person where money differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain import settlement
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.checks import Refused
from prewatt.web.console import cases
from prewatt.web.console.second import second_person
from prewatt.web.parts.pages import address, now, operator, page, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest


class SecondPersonUnknown(Refused):
    code = "second_person_unknown"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The second person's user name or password is not right, or it is you. Nothing was booked. "
                "Somebody else who may decide has to type them."
            )
        )


class NoWord(Refused):
    code = "no_word"

    def __init__(self) -> None:
        super().__init__(
            _("It was not said whether the money is on the meter. Nothing was booked. Choose one of the two.")
        )


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponse:
    return _draw(request)


def _draw(request: HttpRequest, *, error: Refused | None = None, of: str = "") -> HttpResponse:
    who = operator(request)
    context: dict[str, Any] = {
        "page": "orders",
        "cases": cases.unclear(operator=who),
        "late": cases.late(operator=who),
        "lost": cases.waiting_for_lost(operator=who),
        "wallet": cases.waiting_in_wallet(operator=who),
        "may_decide": who.may(Right.DECIDE),
        "refused": refusal(error) if error else None,
        "refused_of": of,
        "given": request.POST if error else {},
    }
    return render(request, "console/unclear/index.html", context, status=422 if error else 200)


@page(Right.DECIDE, methods=("POST",))
def decide(request: HttpRequest, order_id: str) -> HttpResponse:
    """A person's word on an unclear order."""
    _in_scope(request, MeterOrder.objects.filter(pk=order_id).values_list("meter_id", flat=True).first())
    try:
        word = request.POST.get("applied", "")
        if word not in ("yes", "no"):
            raise NoWord
        settlement.decide(
            order_id=order_id,
            applied=word == "yes",
            operator=operator(request),
            reason=request.POST.get("reason", ""),
            second_person=second_person(request, unknown=SecondPersonUnknown),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, error=error, of=order_id)
    return HttpResponseRedirect(reverse("console:orders"))


@page(Right.DECIDE, methods=("POST",))
def accept_late(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring the books to what a late answer proved."""
    known = {one.kept.pk: one for one in cases.late(operator=operator(request))}
    if pk not in known:
        raise Http404
    try:
        second = second_person(request, unknown=SecondPersonUnknown)
        if second is None:
            raise SecondPersonUnknown
        settlement.accept_late(
            contradiction_id=pk,
            operator=operator(request),
            second_person=second,
            reason=request.POST.get("reason", ""),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw(request, error=error, of=f"late-{pk}")
    return HttpResponseRedirect(reverse("console:orders"))


def _in_scope(request: HttpRequest, meter_id: int | None) -> None:
    if meter_id is None or not Meter.objects.for_operator(operator(request)).filter(pk=meter_id).exists():
        raise Http404
