"""远程控制: switch one's own supply, where the site allows it."""

from __future__ import annotations

from secrets import token_hex

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from prewatt.domain import commands
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate.models import Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.tenants import switching
from prewatt.link.messages import Kind
from prewatt.web.parts.pages import address, now, refusal
from prewatt.web.parts.visits import account
from prewatt.web.tenant.door import DOOR
from prewatt.web.tenant.frame import frame

KINDS = {"on": Kind.SWITCH_ON, "off": Kind.SWITCH_OFF}
ID_MAX = 64


@DOOR.page(methods=("GET", "HEAD", "POST"))
def index(request: HttpRequest, pk: int, way: str) -> HttpResponse:
    """What will happen, and the button that does it. Off asks for the room's number."""
    opening = account(request, pk)
    if way not in KINDS:
        raise Http404
    order_id = request.POST.get("order_id", "")[:ID_MAX]
    if request.method != "POST" or not (order_id.isascii() and order_id.isalnum()):
        return _form(request, opening, way)
    try:
        switching.switch(
            order_id=order_id,
            opening=opening,
            kind=KINDS[way],
            confirmed=request.POST.get("confirmed", "")[:32],
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _form(request, opening, way, error)
    return redirect("tenant:switched", opening.pk)


def _form(request: HttpRequest, opening: Opening, way: str, error: Refused | None = None) -> HttpResponse:
    context = frame(request, opening, "me") | {
        "way": way,
        "order_id": token_hex(16),
        "place": commands.place_name(opening.meter),
        "standing": metering.standing(opening.meter),
        "refused": refusal(error) if error else None,
        "given": request.POST,
    }
    return render(request, "tenant/switch.html", context, status=422 if error else 200)


@DOOR.page()
def switched(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the last order is; asks again by itself until it has ended."""
    opening = account(request, pk)
    order = switching.latest(opening)
    if order is None:
        raise Http404
    context = frame(request, opening, "me") | {"order": order, "moving": order.state in OPEN}
    template = "tenant/_switched.html" if request.headers.get("HX-Request") else "tenant/switched.html"
    return render(request, template, context)
