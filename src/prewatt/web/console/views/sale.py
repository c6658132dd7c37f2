"""售电: find a tenant, take the amount, watch it arrive. Each post is one domain call."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending import queries
from prewatt.domain.vending.checks import NegativeAmount, NotAnAmount, Refused, TooManyDecimals, ZeroAmount
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.selling import AboveCeiling
from prewatt.units.values import Money
from prewatt.web.console import desk, moving
from prewatt.web.console.desk import QUICK_YUAN, Tenant
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, wants_part

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

ID = re.compile(r"[0-9a-f]{32}")
SLOW_S = 60  # afterwards a sale that still waits is asked for less often


def new_id() -> str:
    """Drawn into a form when the form is drawn: the same form sent twice is one sale."""
    return uuid.uuid4().hex


def given_id(request: HttpRequest, name: str) -> str:
    """The id that was drawn into the form. Raises FormBroken."""
    value = str(request.POST.get(name, ""))
    if not ID.fullmatch(value):
        raise FormBroken
    return value


class FormBroken(Refused):
    code = "form_broken"

    def __init__(self) -> None:
        super().__init__(_("This form is not complete. Nothing was booked. Choose the tenant again."))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, in one line and one sentence, and the amount that would work."""

    title: str
    text: str
    fits_fen: int | None = None

    @property
    def fits(self) -> str:
        return str(Money(self.fits_fen)) if self.fits_fen else ""


def refusal(error: Refused) -> Refusal:
    fits_fen: int | None = getattr(error, "fits_fen", None)
    wrong = isinstance(error, ZeroAmount | NegativeAmount | NotAnAmount | TooManyDecimals)
    if isinstance(error, AboveCeiling):
        title = _("Not sold: above the meter's ceiling")
    else:
        title = _("Not sold: the amount is not right") if wrong else _("Not sold")
    return Refusal(title, str(error), fits_fen)


def meter_of(request: HttpRequest, **which: Any) -> Meter:
    """A meter this operator may see; 404 for all others, whether they exist or not."""
    found = Meter.objects.for_operator(operator(request)).filter(**which)
    meter = found.select_related("room__floor__building").first()
    if meter is None:
        raise Http404
    return meter


@page(Right.SELL, methods=("GET", "HEAD", "POST"))
def counter(request: HttpRequest) -> HttpResponse:
    return _sell(request) if request.method == "POST" else _draw(request)


def _draw(request: HttpRequest) -> HttpResponse:
    at = now()
    text = request.GET.get("q", "").strip()
    number = request.GET.get("meter", "")
    chosen = desk.tenant(meter=meter_of(request, number=number), now=at) if number else None
    last = _sale_asked_for(request) or desk.last_sale(operator=operator(request), now=at)
    context: dict[str, Any] = {
        "page": "sale",
        "q": text,
        "found": desk.candidates(text=text, operator=operator(request)) if text and not chosen else [],
        "today": desk.today(operator=operator(request), now=at),
        **(progress_of(last.pk, at) if last else {}),
        **(_form(request, chosen) if chosen else {}),
    }
    return render(request, "console/sale/index.html", context)


def _sale_asked_for(request: HttpRequest) -> Sale | None:
    last = request.GET.get("last", "")
    return Sale.objects.filter(pk=last, operator=operator(request)).first() if last else None


def _form(
    request: HttpRequest,
    tenant: Tenant,
    *,
    sale_id: str = "",
    amount: str = "",
    tender: str = "",
    refused: Refusal | None = None,
) -> dict[str, Any]:
    tender = tender or request.session.get("tender", "")
    return {
        "tenant": tenant,
        "sale_id": sale_id or new_id(),
        "amount": amount,
        "tenders": tenders(),
        "tender": tender if tender in words.TENDERS else "cash",
        "quick": QUICK_YUAN,
        "refused": refused,
        "now": now(),
    }


def tenders() -> list[tuple[str, words.Text, str]]:
    return [(code, text, words.TENDER_ICONS[code]) for code, text in words.TENDERS.items()]


def _sell(request: HttpRequest) -> HttpResponse:
    """The sale, and then the field is free for the next one. A refusal keeps what was typed."""
    meter = meter_of(request, number=request.POST.get("meter", ""))
    amount = request.POST.get("amount", "").strip().replace(",", "").replace("，", "")
    tender = request.POST.get("tender", "")
    at = now()
    try:
        sale = vending.sell(
            sale_id=given_id(request, "sale_id"),
            meter=meter,
            amount=amount,
            tender=tender,
            operator=operator(request),
            now=at,
            address=address(request),
        )
    except Refused as error:
        tenant = desk.tenant(meter=meter, now=at)
        sale_id = request.POST.get("sale_id", "")
        kept = sale_id if ID.fullmatch(sale_id) and not Sale.objects.filter(pk=sale_id).exists() else ""
        form = _form(request, tenant, sale_id=kept, amount=amount, tender=tender, refused=refusal(error))
        return _refused(request, form, at)
    request.session["tender"] = tender
    return _sold(request, sale, at)


def _refused(request: HttpRequest, form: dict[str, Any], at: datetime) -> HttpResponse:
    if wants_part(request):
        return render(request, "console/sale/_tenant.html", form, status=422)
    context = {**form, "page": "sale", "today": desk.today(operator=operator(request), now=at)}
    return render(request, "console/sale/index.html", context, status=422)


def _sold(request: HttpRequest, sale: Sale, at: datetime) -> HttpResponse:
    if not wants_part(request):
        return redirect(f"{reverse('console:sale')}?last={sale.pk}")
    context = {**progress_of(sale.pk, at), "today": desk.today(operator=operator(request), now=at)}
    response = render(request, "console/sale/_sold.html", context)
    response["HX-Trigger"] = "sold"
    return response


@page(Right.SELL)
def find(request: HttpRequest) -> HttpResponse:
    """Candidates for what is in the one field."""
    text = request.GET.get("q", "").strip()
    found = desk.candidates(text=text, operator=operator(request)) if text else []
    return render(request, "console/sale/_find.html", {"q": text, "found": found})


@page(Right.SELL)
def tenant(request: HttpRequest, pk: int) -> HttpResponse:
    """The chosen tenant's card, with a form that carries a sale id of its own."""
    chosen = desk.tenant(meter=meter_of(request, pk=pk), now=now())
    return render(request, "console/sale/_tenant.html", _form(request, chosen))


@page(Right.SELL)
def today(request: HttpRequest) -> HttpResponse:
    context = {"today": desk.today(operator=operator(request), now=now())}
    return render(request, "console/sale/_today.html", context)


@page(Right.READ)
def progress(request: HttpRequest, sale_id: str) -> HttpResponse:
    """已收款 → 下发中 → 已到账; asks again by itself until nothing changes any more."""
    sale = sale_of(request, sale_id)
    context = {**progress_of(sale.pk, now()), "own": request.GET.get("own") == "1"}
    response = render(request, "console/sale/_progress.html", context)
    if context["progress"].ended:
        response["HX-Trigger"] = "arrived"
    return response


def sale_of(request: HttpRequest, sale_id: str) -> Sale:
    """A sale within this operator's buildings, or 404."""
    found = queries.sales(operator=operator(request)).filter(pk=sale_id).first()
    if found is None:
        raise Http404
    return found


def progress_of(sale_id: str, at: datetime) -> dict[str, Any]:
    found = queries.sale_progress(sale_id)
    after = found.sale.order.after or {}
    waited_s = max(0, int((at - found.sale.sold_at).total_seconds()))  # two machines, two clocks
    return {
        "now": at,
        "progress": found,
        "sale": found.sale,
        "word": moving.standing("sale", found.sale.state),
        "tender_text": words.TENDERS.get(found.sale.tender, found.sale.tender),
        "reason": words.reason(found.sale.order.reason) if found.sale.order.reason else "",
        "waited_s": waited_s,
        "again_s": 1 if waited_s < SLOW_S else 5,
        "balance_after_fen": after.get("balance_fen"),
        "balance_before_fen": (found.sale.order.before or {}).get("balance_fen", found.sale.balance_before_fen),
        "purchase_count": after.get("purchase_count"),
    }
