"""The first page: what is left, how long it lasts, today and this month."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from prewatt.domain import commands
from prewatt.domain.estate.models import Opening
from prewatt.domain.forecast.rule import Left
from prewatt.domain.metering.queries import today, zone
from prewatt.domain.metering.states import State
from prewatt.domain.tenants import doors, queries
from prewatt.link.messages import Kind
from prewatt.web.parts.pages import now
from prewatt.web.parts.visits import account, accounts, visit
from prewatt.web.parts.words import Text
from prewatt.web.tenant.door import DOOR
from prewatt.web.tenant.frame import frame
from prewatt.web.tenant.views import pay
from prewatt.web.tenant.views.use import daily_chart

SAID: dict[State, Text] = {
    State.LOST: _("The meter does not answer now. The balance is the last one read; your power is not touched by it."),
    State.HOLD: _("The property office keeps your power on, whatever the balance."),
    State.OFF: _("Your power is switched off."),
    State.OWE: _("The balance is used up: pay, so that your power stays on or comes back."),
    State.AL2: _("The balance is very low: pay soon."),
    State.AL1: _("The balance is low: pay in the next days."),
}
WEEK = 7
STRIP, GAP = 350.0, 4.0


@DOOR.page()
def index(request: HttpRequest) -> HttpResponse:
    mine = accounts(request)
    if mine:
        return redirect("tenant:home", mine[0].pk)
    bought = queries.purchases(doors.customers(visit(request)))[:20]
    return render(request, "tenant/none.html", {"bought": bought})


@DOOR.page()
def home(request: HttpRequest, pk: int) -> HttpResponse:
    opening = account(request, pk)
    context = frame(request, opening, "home") | _shown(opening) | pay.card(opening)
    context["told_below_fen"] = queries.told_below(opening)
    return render(request, "tenant/home.html", context)


@DOOR.page()
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The head of the first page alone, which follows the meter."""
    opening = account(request, pk)
    return render(request, "tenant/_hero.html", {"opening": opening, "now": now()} | _shown(opening))


def _shown(opening: Opening) -> dict[str, Any]:
    at = now()
    found = queries.home(opening=opening, now=at)
    chart = daily_chart(found.days, found.today_wh, today(at))
    states = found.standing.states
    return {
        "home": found,
        "chart": chart,
        "on": commands.tenant_may(opening, Kind.SWITCH_ON),
        "said": next((SAID[one] for one in states if one in SAID), None),
        "runs_out_at": at + timedelta(days=found.left.days) if found.left and found.left.days < WEEK else None,
        "strip": _strip(found.left, at) if found.left else (),
    }


def _strip(left: Left, at: datetime) -> list[dict[str, Any]]:
    """Seven days from today: how much of each the balance covers."""
    first = today(at)
    local = at.astimezone(zone())
    passed = (local.hour * 60 + local.minute) / 1440
    wide = (STRIP - GAP * (WEEK - 1)) / WEEK
    end = passed + left.days
    return [
        {
            "x": f"{n * (wide + GAP):.1f}",
            "width": f"{wide:.1f}",
            "filled": f"{wide * min(1.0, max(0.0, end - n)):.1f}",
            "middle": f"{n * (wide + GAP) + wide / 2:.1f}",
            "day": first + timedelta(days=n),
            "today": n == 0,
        }
        for n in range(WEEK)
    ]
