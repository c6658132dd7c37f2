"""Correcting a tenant's particulars and what an account says about itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.estate import customers
from prewatt.domain.estate.customers import CustomerRefused, Person
from prewatt.domain.estate.models import Opening, Use
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import accounts
from prewatt.web.console.views.customers.form import PERSON, TEXT_MAX
from prewatt.web.console.views.customers.opening import customer_of
from prewatt.web.parts.pages import address, now, operator, page, refusal

BOTH = ("GET", "HEAD", "POST")


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    customer = customer_of(request, pk)
    typed = {name: getattr(customer, name) for name in PERSON if name != "password"} | {"password": ""}
    error: CustomerRefused | None = None
    if request.method == "POST":
        typed |= {name: str(request.POST.get(name, ""))[: TEXT_MAX + 1] for name in PERSON if name != "number"}
        try:
            customers.change(
                customer=customer,
                person=Person(**typed),
                operator=operator(request),
                now=now(),
                address=address(request),
            )
        except CustomerRefused as refused:
            error = refused
        else:
            messages.success(request, _("The particulars of %(name)s are saved.") % {"name": typed["name"]})
            return redirect("console:customer", pk=pk)
    context = {
        "page": "customers",
        "customer": customer,
        "typed": typed,
        "offered": customers.random_password(),
        "wrong": error.field if error else "",
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/customers/edit.html", context, status=422 if error else 200)


def opening_of(request: HttpRequest, pk: int, *, ended: bool = False) -> Opening:
    """An open account in this operator's buildings, or 404. `ended`: a second click may come when it is closed."""
    found = accounts.accounts(operator=operator(request)).filter(pk=pk).first()
    if found is None or (found.closed_at is not None and not ended):
        raise Http404
    return found


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def account(request: HttpRequest, pk: int) -> HttpResponse:
    opening = opening_of(request, pk)
    error: CustomerRefused | None = None
    if request.method == "POST":
        given: dict[str, Any] = {
            name: bool(request.POST.get(name)) for name in ("alarm1_notify", "alarm2_notify", "texts", "inactive")
        }
        try:
            customers.mark(
                opening=opening,
                operator=operator(request),
                now=now(),
                use=request.POST.get("use", ""),
                address=address(request),
                **given,
            )
        except CustomerRefused as refused:
            error = refused
        else:
            messages.success(request, _("The account on meter %(meter)s is saved.") % {"meter": opening.meter.number})
            return redirect("console:customer", pk=opening.customer_id)
    context = {
        "page": "customers",
        "opening": opening,
        "uses": Use.objects.values_list("name", flat=True),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/customers/account.html", context, status=422 if error else 200)
