"""退电 at the counter: a fresh reading, an amount, a reason. And the page of any money that is on its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from prewatt.domain import settlement
from prewatt.domain.dispatch.operations import OrderEnded, OrderUnclear
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters, returning
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import FRESH, Refused
from prewatt.domain.vending.models import BackState, Refund, Reversal
from prewatt.web.console import desk
from prewatt.web.console.views.sale import ID, amount_typed, given_id, meter_of, new_id, tenders
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest

POST = ("POST",)


@page(Right.REFUND, methods=("GET", "HEAD", "POST"))
def refund(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _take(request)
    number = request.GET.get("meter", "")
    return _form(request, meter_of(request, number=number)) if number else _find(request)


def _find(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    found = desk.candidates(text=text, operator=operator(request)) if text else []
    return render(request, "console/refund/find.html", {"page": "refund", "q": text, "found": found})


def _form(request: HttpRequest, meter: Meter, error: Refused | None = None) -> HttpResponse:
    given = request.POST
    used = given.get("form_id", "")
    fits_fen = getattr(error, "fits_fen", None)
    offered = counters.settings().methods
    context: dict[str, Any] = {
        "page": "refund",
        **_balance(request, meter),
        "form_id": used if ID.fullmatch(used) and not Refund.objects.filter(pk=used).exists() else new_id(),
        "read_id": new_id(),
        "tenders": tenders(offered),
        "tender": given.get("tender", "") or offered[0],
        "amount": given.get("amount", ""),
        "note": given.get("note", ""),
        "refused": refusal(error) if error else None,
        "fits_fen": fits_fen,
    }
    return render(request, "console/refund/form.html", context, status=422 if error else 200)


def _balance(request: HttpRequest, meter: Meter) -> dict[str, Any]:
    at = now()
    tenant = desk.tenant(meter=meter, operator=operator(request), now=at)
    seen = tenant.seen
    fresh = seen.known_at is not None and not seen.lost and at - seen.known_at <= FRESH
    return {
        "tenant": tenant,
        "seen": seen,
        "fresh": fresh,
        "fresh_min": int(FRESH.total_seconds() // 60),
        "now": at,
        "asked": request.GET.get("asked") == "1",
        "most_fen": max(0, seen.balance_fen) if fresh else None,
    }


@page(Right.REFUND)
def balance(request: HttpRequest, pk: int) -> HttpResponse:
    """The balance alone, asked for again until the meter was read."""
    meter = meter_of(request, pk=pk)
    return render(request, "console/refund/_balance.html", {**_balance(request, meter), "read_id": new_id()})


@page(Right.REFUND, methods=POST)
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the meter read now."""
    meter = meter_of(request, pk=pk)
    try:
        returning.ask_reading(
            order_id=given_id(request, "form_id"),
            meter=meter,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _form(request, meter, error)
    return redirect(f"{reverse('console:refund')}?meter={meter.number}&asked=1")


def _take(request: HttpRequest) -> HttpResponse:
    meter = meter_of(request, number=request.POST.get("meter", ""))
    try:
        note = request.POST.get("note", "").strip()
        if not note:
            raise returning.NoteNeeded
        done = vending.refund(
            refund_id=given_id(request, "form_id"),
            meter=meter,
            amount=amount_typed(request),
            tender=request.POST.get("tender", ""),
            note=note,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _form(request, meter, error)
    return redirect("console:back", "refund", done.pk)


def _back_of(request: HttpRequest, what: str, key: str) -> Refund | Reversal:
    """Money on its way back within the operator's buildings, or 404."""
    models: dict[str, type[Refund] | type[Reversal]] = {"refund": Refund, "reversal": Reversal}
    if what not in models:
        raise Http404
    meters = Meter.objects.for_operator(operator(request)).values("pk")
    related = ("meter__room", "meter__state", "customer", "operator", "order", "sale")
    found: Refund | Reversal | None = (
        models[what].objects.filter(pk=key, meter__in=meters).select_related(*related).first()
    )
    if found is None:
        raise Http404
    return found


@page(Right.READ)
def back(request: HttpRequest, what: str, key: str) -> HttpResponse:
    """Where money on its way back is: asked, taken off the meter, paid."""
    return _draw_back(request, what, key)


def _draw_back(request: HttpRequest, what: str, key: str, error: Exception | None = None) -> HttpResponse:
    row, who = _back_of(request, what, key), operator(request)
    right = Right.REVERSE if what == "reversal" else Right.REFUND
    sending = row.state == BackState.SENDING
    context: dict[str, Any] = {
        "page": "sales",
        "what": what,
        "back": row,
        "now": now(),
        "tender_text": words.TENDERS.get(row.tender, row.tender),
        "reason": words.reason(row.reason) if row.reason else "",
        "lost": sending and getattr(getattr(row.meter, "state", None), "lost", False),
        "may_cancel": sending and row.order is not None and row.order.cancel_asked_at is None and who.may(right),
        "print_id": new_id(),
        "refused": refusal(error) if error else None,
    }
    template = "console/refund/_way.html" if request.GET.get("part") == "1" else "console/refund/show.html"
    return render(request, template, context, status=422 if error else 200)


@page(Right.REFUND, Right.REVERSE, methods=POST)
def cancel(request: HttpRequest, what: str, key: str) -> HttpResponse:
    """Take it back while the meter still holds the money. The domain asks who may."""
    row = _back_of(request, what, key)
    try:
        settlement.cancel(order_id=row.order_id or "", operator=operator(request), now=now(), address=address(request))
    except (Refused, OrderEnded, OrderUnclear) as error:
        return _draw_back(request, what, key, error)
    return redirect("console:back", what, key)
