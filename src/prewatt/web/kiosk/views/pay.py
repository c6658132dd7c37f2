"""An amount, a channel, and a code that one's own phone scans; the screen sees it arrive."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from prewatt.domain.estate.models import Opening
from prewatt.domain.payments import operations as payments
from prewatt.domain.payments import queries
from prewatt.domain.payments.channel import Opens, Way
from prewatt.domain.payments.models import UNSETTLED, Attempt
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors, paying
from prewatt.domain.vending import checks
from prewatt.web.kiosk.door import DOOR
from prewatt.web.kiosk.views.show import frame
from prewatt.web.parts import papers
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.visits import account, visit

ID_MAX = 64
BY = "kiosk"
OWN = "own"


@DOOR.page(methods=("GET", "HEAD", "POST"))
def index(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    order_id = request.POST.get("order_id", "")[:ID_MAX]
    if request.method != "POST" or not (order_id.isascii() and order_id.isalnum()):
        return _form(request, opening)
    chosen = request.POST.get("amount", "")
    try:
        payments.begin(
            order_id=order_id,
            opening=opening,
            amount_fen=checks.parse_amount((request.POST.get("own", "") if chosen == OWN else chosen)[:16]).fen,
            channel=request.POST.get("channel", "")[:16],
            way=Way.CODE,
            by=BY,
            address=address(request),
            return_url="",
            now=now(),
        )
    except Refused as error:
        return _form(request, opening, error)
    return redirect("kiosk:paid", order_id)


def _form(request: HttpRequest, opening: Opening, error: Refused | None = None) -> HttpResponse:
    context = frame(request, opening, "pay") | {
        "till": paying.till(opening=opening, way=Way.CODE, now=now()),
        "order_id": token_hex(16),
        "refused": refusal(error) if error else None,
        "given": request.POST,
    }
    return render(request, "kiosk/pay.html", context, status=422 if error else 200)


@DOOR.page()
def paid(request: HttpRequest, order_id: str) -> HttpResponse:
    attempt = _mine(request, order_id)
    context = frame(request, attempt.opening, "pay") | _progress(attempt)
    return render(request, "kiosk/paid.html", context)


@DOOR.page()
def progress(request: HttpRequest, order_id: str) -> HttpResponse:
    return render(request, "kiosk/_paid.html", _progress(_mine(request, order_id)))


def _mine(request: HttpRequest, order_id: str) -> Attempt:
    found = paying.attempt(order_id=order_id, mine=doors.customers(visit(request)))
    if found is None:
        raise Http404
    return found


def _progress(attempt: Attempt) -> dict[str, Any]:
    """The code is shown while it can be paid."""
    found = queries.progress(attempt)
    lead = attempt.lead
    waits = attempt.state in UNSETTLED and attempt.told_at is None and not found.paid
    scan = waits and lead.opens == Opens.SCAN and bool(lead.url)
    return {
        "attempt": attempt,
        "opening": attempt.opening,
        "progress": found,
        "qr": papers.picture(lead.url) if scan else "",
        "now": now(),
    }
