"""Paying in two taps, and watching it arrive: 已支付，正在下发 → 已到账."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from prewatt.domain.estate.models import Opening
from prewatt.domain.payments import operations as payments
from prewatt.domain.payments import payers, queries
from prewatt.domain.payments.channel import Opens, Way
from prewatt.domain.payments.models import UNSETTLED, Attempt
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import doors, paying
from prewatt.domain.vending import checks
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.visits import account, visit
from prewatt.web.tenant.door import DOOR
from prewatt.web.tenant.frame import frame

OWN = "own"
ID_MAX = 64
BY = "tenant"
WECHAT, ITS_BROWSER = "wechat", "MicroMessenger"
WISH, WISH_S = "prewatt_tenant_wish", 600  # what is to be paid, while WeChat is asked who sits there


def card(opening: Opening) -> dict[str, Any]:
    """For the form, wherever it stands."""
    return {"till": paying.till(opening=opening, way=Way.PHONE, now=now()), "order_id": token_hex(16)}


@DOOR.page(methods=("GET", "HEAD", "POST"))
def index(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    if request.method != "POST":
        return _form(request, opening)
    order_id = request.POST.get("order_id", "")[:ID_MAX]
    if not (order_id.isascii() and order_id.isalnum()):
        return _form(request, opening)
    chosen = request.POST.get("amount", "")
    try:
        money = checks.parse_amount((request.POST.get("own", "") if chosen == OWN else chosen)[:16])
        if _inside(request):
            return _keep_wish(redirect("tenant:payer"), [opening.pk, order_id, money.fen])
        payments.begin(
            order_id=order_id,
            opening=opening,
            amount_fen=money.fen,
            channel=request.POST.get("channel", "")[:16],
            way=Way.PHONE,
            by=BY,
            address=address(request),
            return_url=_outside(request, reverse("tenant:paid", args=[order_id])),
            now=now(),
        )
    except Refused as error:
        return _form(request, opening, error)
    return redirect(f"{reverse('tenant:paid', args=[order_id])}?go=1")


def _inside(request: HttpRequest) -> bool:
    """Is this WeChat's own browser, which opens no other page to pay by WeChat?"""
    is_its = ITS_BROWSER in request.headers.get("User-Agent", "")
    return is_its and request.POST.get("channel") == WECHAT and payers.knows(WECHAT) is not None


def _keep_wish(response: HttpResponse, wish: list[Any]) -> HttpResponse:
    response.set_signed_cookie(
        WISH,
        json.dumps(wish),
        max_age=WISH_S,
        path=DOOR.path,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


@DOOR.page()
def payer(request: HttpRequest) -> HttpResponse:
    """Inside WeChat: there to say who sits here, and back with `?code=…&state=…`; then the order is made."""
    kept = request.get_signed_cookie(WISH, default="", max_age=WISH_S)
    if not kept:
        return redirect("tenant:index")
    pk, order_id, amount_fen = json.loads(kept)
    opening = account(request, pk)
    known = payers.knows(WECHAT)
    if known is not None and request.GET.get("state", "") != order_id:
        there = known.ask_who(_outside(request, reverse("tenant:payer")), order_id)
        return render(request, "tenant/payer.html", frame(request, opening, "home") | {"there": there})
    try:
        payments.begin(
            order_id=order_id,
            opening=opening,
            amount_fen=amount_fen,
            channel=WECHAT,
            way=Way.INSIDE,
            by=BY,
            address=address(request),
            return_url="",
            now=now(),
            payer=payers.who(channel=WECHAT, code=request.GET.get("code", "")),
        )
    except Refused as error:
        return _form(request, opening, error)
    response = redirect(f"{reverse('tenant:paid', args=[order_id])}?go=1")
    response.delete_cookie(WISH, path=DOOR.path)
    return response


def _outside(request: HttpRequest, path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


def _form(request: HttpRequest, opening: Opening, error: Refused | None = None) -> HttpResponse:
    context = frame(request, opening, "home") | card(opening)
    context |= {"refused": refusal(error) if error else None, "given": request.POST}
    return render(request, "tenant/pay.html", context, status=422 if error else 200)


@DOOR.page()
def paid(request: HttpRequest, order_id: str) -> HttpResponse:
    """`?go=1`: on the way to the provider's own page. Without it: back from there."""
    attempt = _mine(request, order_id)
    context = frame(request, attempt.opening, "home") | _progress(attempt) | {"go": request.GET.get("go") == "1"}
    response = render(request, "tenant/paid.html", context)
    lead = context["lead"]
    if lead is not None and lead.opens == Opens.POST:
        parts = urlsplit(lead.url)
        response._csp_update = {"form-action": [f"{parts.scheme}://{parts.netloc}"]}  # type: ignore[attr-defined]
    return response


@DOOR.page()
def progress(request: HttpRequest, order_id: str) -> HttpResponse:
    return render(request, "tenant/_paid.html", _progress(_mine(request, order_id)))


def _mine(request: HttpRequest, order_id: str) -> Attempt:
    found = paying.attempt(order_id=order_id, mine=doors.customers(visit(request)))
    if found is None:
        raise Http404
    return found


def _progress(attempt: Attempt) -> dict[str, Any]:
    """The way to the provider's page is shown only while the order waits for it: nobody pays it twice.

    Also while a notification says that it was paid and the provider's answer is not there yet.
    """
    found = queries.progress(attempt)
    waits = attempt.state in UNSETTLED and attempt.told_at is None and not found.paid
    lead = attempt.lead if waits and (attempt.lead.url or attempt.lead.opens == Opens.BRIDGE) else None
    bridge = json.dumps(dict(lead.fields)) if lead and lead.opens == Opens.BRIDGE else ""
    return {
        "bridge": bridge,
        "attempt": attempt,
        "opening": attempt.opening,
        "progress": found,
        "lead": lead,
        "now": now(),
    }
