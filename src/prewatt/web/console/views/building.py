"""楼宇: the tower, live. One small fragment brings the tiles that changed; nothing jumps."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from prewatt.domain.staff.rights import Right
from prewatt.web.console import tower
from prewatt.web.console.views.meters import card_context, meter_of
from prewatt.web.parts.pages import now, operator, page

WHOLE_EVERY = 6  # what changes without a reading (a meter called lost, an account opened) is there after so many turns
OVERLAP_MS = 20_000  # a reading is stored some seconds after it was taken


@page(Right.READ)
def building(request: HttpRequest) -> HttpResponse:
    who, at = operator(request), now()
    pk = request.GET.get("meter", "")
    meter = meter_of(request, int(pk)) if pk.isdecimal() and len(pk) < 10 else None
    code = request.GET.get("building", "")
    if meter is not None and meter.room is not None:
        code = meter.room.floor.building.code
    mine, chosen = tower.choose(who, code)
    context: dict[str, Any] = {"page": "building", "buildings": mine, "chosen": chosen, "now": at}
    if chosen is not None:
        wanted = tower.asked(request.GET, who)
        context["tower"] = tower.tower(building=chosen, operator=who, wanted=wanted, now=at)
        context |= _turn(at_ms=int(at.timestamp() * 1000), turn=1)
    if meter is not None:
        context |= card_context(meter, at)
    return render(request, "console/building/index.html", context)


def _turn(*, at_ms: int, turn: int) -> dict[str, int]:
    return {"since": 0 if turn % WHOLE_EVERY == 0 else at_ms - OVERLAP_MS, "turn": turn}


@page(Right.READ)
def live(request: HttpRequest) -> HttpResponse:
    """The tiles that changed since the last turn, the counts of the legend, the load of the floors."""
    who, at = operator(request), now()
    _mine, chosen = tower.choose(who, request.GET.get("building", ""))
    if chosen is None:
        return HttpResponse(status=204)
    seen = tower.tower(building=chosen, operator=who, wanted=tower.asked(request.GET, who), now=at)
    turn = (tower.since_ms(request.GET.get("turn", "")) + 1) % 1000
    tiles = tower.changed(seen, since=tower.since_ms(request.GET.get("since", "")))
    context = {"tower": seen, "tiles": tiles, "now": at, **_turn(at_ms=int(at.timestamp() * 1000), turn=turn)}
    return render(request, "console/building/_live.html", context)
