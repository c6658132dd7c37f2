"""开户: person, meters, money, Enter. One post is one domain call, and a refusal comes back with everything typed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate import rooms as kinds
from prewatt.domain.estate.models import Customer, Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.vending import accounts, opening_many
from prewatt.domain.vending.checks import Refused
from prewatt.units.values import Money
from prewatt.web.console.views.customers import form as forms
from prewatt.web.console.views.customers.form import Form
from prewatt.web.console.views.sale import tenders
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, kept, now, operator, page, refusal

READ_S = 90  # after that the meter is called silent


def customer_of(request: HttpRequest, pk: int) -> Customer:
    """A tenant this operator may see; 404 for all others, whether they exist or not."""
    found = Customer.objects.for_operator(operator(request)).select_related("created_by").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def meter_of(request: HttpRequest, pk: int) -> Meter:
    found = Meter.objects.for_operator(operator(request)).filter(pk=pk)
    meter = found.select_related("room__floor__building", "bus", "state").first()
    if meter is None:
        raise Http404
    return meter


@page(Right.OPEN_ACCOUNT, methods=("GET", "HEAD", "POST"))
def wizard(request: HttpRequest) -> HttpResponse:
    return _open(request) if request.method == "POST" else _draw(request)


def _draw(request: HttpRequest) -> HttpResponse:
    """`customer`: a known person takes more meters. `meter`: that meter stands on the form already."""
    if before := kept(request):
        return _page(request, _posted(request, before.given))  # its lines are drawn by the server
    chosen = request.GET.get("customer", "")
    tender = request.session.get("tender", "")
    customer = customer_of(request, int(chosen)) if chosen.isdecimal() else None
    form = forms.blank(customer=customer, tender=tender if tender in words.TENDERS else "cash", who=operator(request))
    asked = [int(text) for text in request.GET.getlist("meter")[:1] if text.isdecimal()]
    for one in asked:
        standing = metering.standing(meter_of(request, one))
        if standing.opening is None:
            form.lines.append(forms.line(standing))
    return _page(request, form)


def _page(request: HttpRequest, form: Form, *, error: Refused | None = None) -> HttpResponse:
    who = operator(request)
    context: dict[str, Any] = {
        "page": "open",
        "form": form,
        "tenders": tenders(),
        "uses": kinds.uses(),
        "plans": tariff.plans(active=True),
        "may_hold": who.may(Right.HOLD),
        "refused": refusal(error) if error else None,
        "now": now(),
    }
    return render(request, "console/customers/open.html", context, status=422 if error else 200)


def _posted(request: HttpRequest, given: QueryDict) -> Form:
    chosen = given.get("customer", "")
    customer = customer_of(request, int(chosen)) if chosen.isdecimal() else None
    return forms.posted(given, operator=operator(request), customer=customer)


def _open(request: HttpRequest) -> HttpResponse:
    form = _posted(request, request.POST)
    try:
        opened = opening_many.open_accounts(
            form_id=forms.form_id(request),
            customer=form.customer or forms.person(form),
            wanted=forms.wanted(form),
            tender=form.tender,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        forms.mark_wrong(form, error)
        return _page(request, form, error=error)
    request.session["tender"] = form.tender
    return redirect(f"{reverse('console:customer', args=[opened[0].customer_id])}?opened=1")


@page(Right.OPEN_ACCOUNT)
def find(request: HttpRequest) -> HttpResponse:
    """Meters without an account, for what is in the field."""
    text = request.GET.get("q", "").strip()
    found = metering.standings(
        Meter.objects.filter(pk__in=[m.pk for m in accounts.free_meters(text=text, operator=operator(request))])
    )
    return render(request, "console/customers/_meters.html", {"q": text, "found": found})


@page(Right.OPEN_ACCOUNT)
def people(request: HttpRequest) -> HttpResponse:
    """Known tenants, for 加表."""
    text = request.GET.get("q", "").strip()
    found = accounts.people(text=text, operator=operator(request))
    return render(request, "console/customers/_people.html", {"q": text, "found": found})


@page(Right.OPEN_ACCOUNT)
def line(request: HttpRequest, pk: int) -> HttpResponse:
    """One meter's part of the form."""
    standing = metering.standing(meter_of(request, pk))
    context = {
        "line": forms.line(standing),
        "uses": kinds.uses(),
        "plans": tariff.plans(active=True),
        "may_hold": operator(request).may(Right.HOLD),
        "now": now(),
    }
    return render(request, "console/customers/_line.html", context)


@page(Right.OPEN_ACCOUNT, methods=("GET", "HEAD", "POST"))
def reading(request: HttpRequest, pk: int) -> HttpResponse:
    """获取该表当前金额: asks the meter, then shows what it said."""
    meter = meter_of(request, pk)
    if request.method == "POST":
        order = opening_many.ask_reading(
            order_id=forms.kept_id(request),
            meter=meter,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    else:
        order = MeterOrder.objects.filter(pk=request.GET.get("order", ""), meter=meter).first() or MeterOrder()
    at = now()
    since = (at - order.placed_at).total_seconds() if order.placed_at else 0
    standing = metering.standing(meter)
    waiting = order.state in OPEN and since < READ_S
    context = {
        "meter": meter,
        "order": order,
        "waiting": waiting and bool(order.pk),
        "silent": order.state in OPEN and not waiting,
        "standing": standing,
        "carry": str(Money(standing.balance_fen)) if standing.balance_fen and standing.balance_fen > 0 else "",
        "new_read": forms.new_id(),
        "now": at,
    }
    return render(request, "console/customers/_reading.html", context)
