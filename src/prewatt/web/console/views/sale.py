"""售电: find a tenant, take the amount, watch it arrive. Each post is one domain call."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import counters, queries
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import NegativeAmount, NotAnAmount, Refused, TooManyDecimals, ZeroAmount
from prewatt.domain.vending.models import Payment, Sale, SaleState
from prewatt.domain.vending.paying import LINES_MAX, LineRefused
from prewatt.domain.vending.selling import AboveCeiling
from prewatt.units.values import Money
from prewatt.web.console import desk, moving
from prewatt.web.console.desk import QUICK_YUAN, Beside, Tenant
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, wants_part

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

ID = re.compile(r"[0-9a-f]{32}")
FEN = re.compile(r"[0-9]{1,11}")
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
    meter_id: int | None = None  # which meter of several

    @property
    def fits(self) -> str:
        return str(Money(self.fits_fen)) if self.fits_fen else ""


def refusal(error: Refused) -> Refusal:
    fits_fen: int | None = getattr(error, "fits_fen", None)
    meter_id = error.meter_id if isinstance(error, LineRefused) else None
    inner = error.error if isinstance(error, LineRefused) else error
    wrong = isinstance(inner, ZeroAmount | NegativeAmount | NotAnAmount | TooManyDecimals)
    if isinstance(inner, AboveCeiling):
        title = _("Not sold: above the meter's ceiling")
    else:
        title = _("Not sold: the amount is not right") if wrong else _("Not sold")
    return Refusal(title, str(error), fits_fen, meter_id)


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
    chosen = _tenant(request, meter_of(request, number=number), at) if number else None
    last = _sale_asked_for(request) or desk.last_sale(operator=operator(request), now=at)
    context: dict[str, Any] = {
        "page": "sale",
        "q": text,
        "found": desk.candidates(text=text, operator=operator(request)) if text and not chosen else [],
        "today": desk.today(operator=operator(request), now=at),
        **(_way_of(last, at) if last else {}),
        **(_form(request, chosen) if chosen else {}),
    }
    return render(request, "console/sale/index.html", context)


def _tenant(request: HttpRequest, meter: Meter, at: datetime) -> Tenant:
    return desk.tenant(meter=meter, operator=operator(request), now=at)


def _way_of(sale: Sale, at: datetime) -> dict[str, Any]:
    """A sale's way to its meter; of a payment for several meters, the ways of all of them."""
    return payment_of(sale.payment, at) if sale.payment else progress_of(sale.pk, at)


def _sale_asked_for(request: HttpRequest) -> Sale | None:
    last = request.GET.get("last", "")
    return Sale.objects.filter(pk=last, operator=operator(request)).first() if last else None


@dataclass(frozen=True, slots=True)
class MeterLine:
    """One meter of the tenant in the form: what was typed for it, and the id of the sale that it would become."""

    beside: Beside
    sale_id: str
    amount: str = ""
    wrong: bool = False

    @property
    def meter(self) -> Meter:
        return self.beside.standing.meter


def _form(
    request: HttpRequest,
    tenant: Tenant,
    *,
    form_id: str = "",
    given: Mapping[int, tuple[str, str]] | None = None,
    tender: str = "",
    refused: Refusal | None = None,
) -> dict[str, Any]:
    """`given`: sale id and amount by meter, as they were typed."""
    at_counter = counters.settings()
    tender = tender or request.session.get("tender", "")
    typed = given or {}
    lines = [_line(one, typed, refused) for one in tenant.meters]
    return {
        "tenant": tenant,
        "payment_id": form_id or new_id(),
        "lines": lines,
        "sale_id": lines[0].sale_id,
        "amount": lines[0].amount,
        "tenders": tenders(at_counter.methods),
        "tender": tender if tender in at_counter.methods else at_counter.default_method,
        "quick": [(yuan, f"{yuan:,}") for yuan in QUICK_YUAN],
        "refused": refused,
        "now": now(),
    }


def _line(one: Beside, typed: Mapping[int, tuple[str, str]], refused: Refusal | None) -> MeterLine:
    meter = one.standing.meter
    sale_id, amount = typed.get(meter.pk, ("", ""))
    return MeterLine(one, sale_id or new_id(), amount, refused is not None and refused.meter_id == meter.pk)


def tenders(offered: Sequence[str] = tuple(words.TENDERS)) -> list[tuple[str, words.Text, str]]:
    return [(code, words.TENDERS[code], words.TENDER_ICONS[code]) for code in offered if code in words.TENDERS]


def amount_typed(request: HttpRequest, name: str = "amount") -> str:
    """As it was typed, without what people put between thousands."""
    return str(request.POST.get(name, "")).strip().replace(",", "").replace("，", "")


def _sell(request: HttpRequest) -> HttpResponse:
    """The sale, and then the field is free for the next one. A refusal keeps what was typed."""
    meter = meter_of(request, number=request.POST.get("meter", ""))
    at = now()
    tender = request.POST.get("tender", "")
    several = bool(request.POST.get("payment_id"))
    try:
        done = _book_several(request, at) if several else _book(request, meter, at)
    except Refused as error:
        form = _form(
            request,
            _tenant(request, meter, at),
            form_id=_unused(request, "payment_id", Payment),
            given=_typed(request, meter, several=several),
            tender=tender,
            refused=refusal(error),
        )
        return _refused(request, form, at)
    request.session["tender"] = tender
    return _sold(request, done, at)


def _book(request: HttpRequest, meter: Meter, at: datetime) -> Sale:
    return vending.sell(
        sale_id=given_id(request, "sale_id"),
        meter=meter,
        amount=amount_typed(request),
        tender=request.POST.get("tender", ""),
        operator=operator(request),
        now=at,
        address=address(request),
    )


def _book_several(request: HttpRequest, at: datetime) -> Payment:
    """Every meter beside which an amount was typed."""
    typed = [(pk, amount_typed(request, f"amount-{pk}")) for pk in _meters(request)]
    seen = {meter.pk: meter for meter in Meter.objects.for_operator(operator(request)).filter(pk__in=_meters(request))}
    if set(seen) != set(_meters(request)):
        raise Http404
    return vending.sell_many(
        payment_id=given_id(request, "payment_id"),
        lines=[(given_id(request, f"sale_id-{pk}"), seen[pk], amount) for pk, amount in typed if amount],
        tender=request.POST.get("tender", ""),
        operator=operator(request),
        now=at,
        address=address(request),
    )


def _meters(request: HttpRequest) -> list[int]:
    return [int(pk) for pk in request.POST.getlist("line")[: LINES_MAX + 1] if pk.isdecimal() and len(pk) < 10]


def _typed(request: HttpRequest, meter: Meter, *, several: bool) -> dict[int, tuple[str, str]]:
    """What the form held; an id that stands for a sale already is drawn anew."""
    if not several:
        return {meter.pk: (_unused(request, "sale_id", Sale), amount_typed(request))}
    names = _meters(request)
    return {pk: (_unused(request, f"sale_id-{pk}", Sale), amount_typed(request, f"amount-{pk}")) for pk in names}


def _unused(request: HttpRequest, name: str, model: type[Sale] | type[Payment]) -> str:
    value = str(request.POST.get(name, ""))
    return value if ID.fullmatch(value) and not model.objects.filter(pk=value).exists() else ""


def _refused(request: HttpRequest, form: dict[str, Any], at: datetime) -> HttpResponse:
    if wants_part(request):
        return render(request, "console/sale/_tenant.html", form, status=422)
    context = {**form, "page": "sale", "today": desk.today(operator=operator(request), now=at)}
    return render(request, "console/sale/index.html", context, status=422)


def _sold(request: HttpRequest, done: Sale | Payment, at: datetime) -> HttpResponse:
    if not wants_part(request):
        first = done if isinstance(done, Sale) else done.sales.order_by("number")[0]
        return redirect(f"{reverse('console:sale')}?last={first.pk}")
    way = progress_of(done.pk, at) if isinstance(done, Sale) else payment_of(done, at)
    context = {**way, "today": desk.today(operator=operator(request), now=at)}
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
    chosen = _tenant(request, meter_of(request, pk=pk), now())
    return render(request, "console/sale/_tenant.html", _form(request, chosen))


@page(Right.SELL)
def lasts(request: HttpRequest, pk: int) -> HttpResponse:
    """How long the balance will last with `?fen=` more: plain words, or nothing."""
    meter = meter_of(request, pk=pk)
    added = request.GET.get("fen", "")
    added_fen = int(added) if FEN.fullmatch(added) else 0
    return HttpResponse(desk.lasts(meter=meter, added_fen=added_fen, now=now()), content_type="text/plain")


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


@page(Right.READ)
def payment_progress(request: HttpRequest, payment_id: str) -> HttpResponse:
    """The ways of all lines of a payment, until the last of them has ended."""
    sales = queries.sales(operator=operator(request)).filter(payment=payment_id)
    payment = Payment.objects.filter(pk=payment_id).first()
    if payment is None or not sales.exists():
        raise Http404
    context = payment_of(payment, now())
    response = render(request, "console/sale/_payment.html", context)
    if context["ended"]:
        response["HX-Trigger"] = "arrived"
    return response


def payment_of(payment: Payment, at: datetime) -> dict[str, Any]:
    sales = payment.sales.order_by("number").values_list("pk", flat=True)
    ways = [progress_of(pk, at) for pk in sales]
    return {
        "now": at,
        "payment": payment,
        "ways": ways,
        "ended": all(one["progress"].ended for one in ways),
        "arrived": sum(1 for one in ways if one["sale"].state == SaleState.ARRIVED),
        "again_s": max(one["again_s"] for one in ways),
        "tender_text": words.TENDERS.get(payment.tender, payment.tender),
        "print_id": new_id(),
    }


def sale_of(request: HttpRequest, sale_id: str) -> Sale:
    """A sale within this operator's buildings, or 404."""
    found = queries.sales(operator=operator(request)).filter(pk=sale_id).first()
    if found is None:
        raise Http404
    return found


def _on_the_account(sale: Sale) -> int | None:
    """What no order carried stood on the account, billed by the platform, when it was booked."""
    before_fen = sale.balance_before_fen
    return None if before_fen is None else before_fen + sale.amount_fen


def progress_of(sale_id: str, at: datetime) -> dict[str, Any]:
    found = queries.sale_progress(sale_id)
    order = found.sale.order
    after = (order and order.after) or {}
    before = (order and order.before) or {}
    waited_s = max(0, int((at - found.sale.sold_at).total_seconds()))  # two machines, two clocks
    return {
        "now": at,
        "progress": found,
        "sale": found.sale,
        "word": moving.standing("sale", found.sale.state),
        "tender_text": words.TENDERS.get(found.sale.tender, found.sale.tender),
        "reason": words.reason(order.reason) if order and order.reason else "",
        "waited_s": waited_s,
        "again_s": 1 if waited_s < SLOW_S else 5,
        "balance_after_fen": after.get("balance_fen") if order else _on_the_account(found.sale),
        "balance_before_fen": before.get("balance_fen", found.sale.balance_before_fen),
        "purchase_count": after.get("purchase_count"),
        "print_id": new_id(),
    }
