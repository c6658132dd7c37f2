"""公示: the month's public sheet, on the screen and as an A4 PDF, Chinese or English."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from prewatt.domain.metering.queries import today
from prewatt.domain.resale import publicity
from prewatt.domain.resale.models import PurchaseBill
from prewatt.domain.staff.models import Site
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.models import BANDS
from prewatt.domain.vending.models import CounterSettings
from prewatt.units.values import Rate
from prewatt.web.console.sheet_pdf import a4
from prewatt.web.console.views.resale.bills import bill_of, place
from prewatt.web.parts.explained import BAND_WORDS
from prewatt.web.parts.formats import scaled
from prewatt.web.parts.pages import now, page, refusal

LANGUAGES = {"zh": "zh-hans", "en": "en"}


@page(Right.REPORTS)
def index(request: HttpRequest, pk: int) -> HttpResponse:
    bill = bill_of(request, pk)
    return render(request, "console/resale/publicity.html", {"page": "bills", **context(bill)})


@page(Right.REPORTS)
def pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """`?lang=en` for the English sheet; what hangs on the wall is Chinese."""
    bill = bill_of(request, pk)
    language = LANGUAGES.get(request.GET.get("lang", ""), "zh-hans")
    try:
        with translation.override(language):
            made = a4("console/resale/publicity_pdf.html", context(bill) | {"language": language})
    except Refused as error:
        more = {"page": "bills", "refused": refusal(error), **context(bill)}
        return render(request, "console/resale/publicity.html", more, status=422)
    name = f"publicity-{bill.month:%Y-%m}-{bill.building.code if bill.building else 'site'}"
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )


def issuer() -> str:
    """Who stands behind a paper: the payee of the receipts, or the name on the door."""
    counter = CounterSettings.objects.first()
    site = Site.objects.first()
    return (counter.payee if counter else "") or (site.name if site else "")


def context(bill: PurchaseBill) -> dict[str, Any]:
    found = publicity.sheet(bill)
    return {
        "sheet": found,
        "bill": bill,
        "place": place(bill),
        "issuer": issuer(),
        "today": today(now()),
        "back": reverse("console:purchase-bills"),
        "bought": [
            {"word": BAND_WORDS[one.band], "one": one, "price": Rate(one.price_e8), "whole": Rate(one.with_rest_e8)}
            for one in found.bought
        ],
        "items": list(bill.items.all()),
        "resold": [{"one": one, "prices": _prices(one.rates_e8)} for one in found.resold],
        "mean_bought": Rate(found.mean_bought_e8),
        "mean_resold": Rate(found.mean_resold_e8) if found.mean_resold_e8 is not None else "—",
        "loss_percent": scaled(found.loss_permille, 10),
        "markup": f"{bill.markup_permille / 10:g}",
    }


def _prices(rates: dict[str, int]) -> list[tuple[Any, str]]:
    """By period where they differ; else the one price."""
    if len(set(rates.values())) <= 1:
        return [("", str(Rate(next(iter(rates.values()), 0))))]
    return [(BAND_WORDS[band], str(Rate(rates[band]))) for band in BANDS if band in rates]
