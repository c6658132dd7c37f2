"""Correcting a tenant's particulars and what an account says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.estate import customers
from prewatt.domain.estate import rooms as kinds
from prewatt.domain.estate.customers import CustomerRefused, Person
from prewatt.domain.estate.models import Customer, Opening
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import accounts, platform
from prewatt.units.values import Money
from prewatt.web.console import drawn
from prewatt.web.console.views.customers.form import PERSON, TEXT_MAX
from prewatt.web.console.views.customers.opening import customer_of
from prewatt.web.parts.pages import address, now, operator, page, refusal

BOTH = ("GET", "HEAD", "POST")


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        customer = customer_of(request, pk)
        return _draw_person(request, customer, _standing(customer) | {"password": ""})
    with transaction.atomic():
        Customer.objects.select_for_update().filter(pk=customer_of(request, pk).pk).first()
        return _change_person(request, customer_of(request, pk))


def _standing(customer: Customer) -> dict[str, str]:
    return {name: getattr(customer, name) for name in PERSON if name != "password"}


def _change_person(request: HttpRequest, customer: Customer) -> HttpResponse:
    typed = {name: str(request.POST.get(name, ""))[: TEXT_MAX + 1] for name in PERSON}
    typed["number"] = customer.number
    clash = drawn.clash(request, {name: text for name, text in _standing(customer).items() if name != "number"})
    if clash:
        return _draw_person(request, customer, typed | clash.taken, drawn.ChangedMeanwhile(), said=clash.said)
    try:
        customers.change(
            customer=customer, person=Person(**typed), operator=operator(request), now=now(), address=address(request)
        )
    except CustomerRefused as refused:
        return _draw_person(request, customer_of(request, customer.pk), typed, refused)
    messages.success(request, _("The particulars of %(name)s are saved.") % {"name": typed["name"]})
    return redirect("console:customer", pk=customer.pk)


def _draw_person(
    request: HttpRequest,
    customer: Customer,
    typed: Mapping[str, str],
    error: CustomerRefused | drawn.ChangedMeanwhile | None = None,
    said: Mapping[str, str] | None = None,
) -> HttpResponse:
    labels = {"name": _("Name"), "contact": _("Contact"), "phone": _("Phone"), "address": _("Address")}
    context = {
        "page": "customers",
        "customer": customer,
        "typed": typed,
        "drawn": drawn.pack(_standing(customer)),
        "said": [(labels.get(name, _("Note")), text) for name, text in (said or {}).items()],
        "offered": customers.random_password(),
        "wrong": getattr(error, "field", next(iter(said or {}), "")),
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
        "uses": kinds.uses(),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/customers/account.html", context, status=422 if error else 200)


@page(Right.SETTINGS, methods=BOTH)
def terms(request: HttpRequest, pk: int) -> HttpResponse:
    """What an account that the platform bills may owe, and from where power comes back."""
    opening = opening_of(request, pk)
    held = getattr(opening, "platform_terms", None)
    if held is None:
        raise Http404
    standing = {"overdraft": str(Money(held.overdraft_fen)), "switch_on_min": str(Money(held.switch_on_min_fen))}
    if request.method != "POST":
        return _draw_terms(request, opening, standing, standing)
    typed = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in standing}
    clash = drawn.clash(request, standing)
    if clash:
        return _draw_terms(request, opening, standing, typed | clash.taken, drawn.ChangedMeanwhile(), said=clash.said)
    try:
        platform.set_terms(
            opening=opening,
            overdraft=typed["overdraft"].replace(",", "") or 0,
            switch_on_min=typed["switch_on_min"].replace(",", "") or 0,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _draw_terms(request, opening, standing, typed, error)
    messages.success(request, _("The terms of the account on meter %(meter)s are saved.") % {"meter": opening.meter})
    return redirect("console:customer", pk=opening.customer_id)


def _draw_terms(
    request: HttpRequest,
    opening: Opening,
    standing: Mapping[str, str],
    typed: Mapping[str, str],
    error: Refused | None = None,
    *,
    said: Mapping[str, str] | None = None,
) -> HttpResponse:
    labels = {"overdraft": _("Overdraft, 0: none"), "switch_on_min": _("Power comes back from")}
    context = {
        "page": "customers",
        "opening": opening,
        "held": opening.platform_terms,
        "typed": typed,
        "drawn": drawn.pack(standing),
        "said": [(labels[name], text) for name, text in (said or {}).items()],
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/customers/terms.html", context, status=422 if error else 200)
