"""试算: a plan on what was really used, meter by meter, before it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate.models import Meter
from prewatt.domain.explaining.whatif import Row, WhatIf, what_if
from prewatt.domain.metering.queries import today
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.models import Plan, PlanVersion
from prewatt.domain.tariff.pricing import read
from prewatt.web.console.views.alarms import buildings
from prewatt.web.parts.formats import scaled
from prewatt.web.parts.pages import now, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

DAYS = (30, 90, 365)


class Found:
    """Rows, sums and the figures above them are of one reckoning."""

    def __init__(self) -> None:
        self._found: WhatIf | None = None

    def of(self, ask: Ask) -> WhatIf | None:
        version = version_of(ask)
        if self._found is None and version is not None:
            last = today(now()) - timedelta(days=1)
            self._found = what_if(
                plan=read(version.document),
                meters=_meters(ask),
                first=last - timedelta(days=int(ask["days"] or DAYS[-1]) - 1),
                last=last,
                now=now(),
            )
        return self._found

    def rows(self, ask: Ask) -> list[Row]:
        found = self.of(ask)
        return list(found.rows) if found else []

    def totals(self, ask: Ask) -> dict[str, int]:
        rows = self.rows(ask)
        return {
            "wh": sum(one.wh for one in rows),
            "charged_fen": sum(one.charged_fen for one in rows),
            "now_fen": sum(one.now_fen or 0 for one in rows),
            "then_fen": sum(one.then_fen for one in rows),
            "difference_fen": sum(one.difference_fen for one in rows),
        }


def version_of(ask: Ask) -> PlanVersion | None:
    """The newest version of the plan that is asked for, also one that holds only from a day to come."""
    if not ask["plan"]:
        return None
    held = PlanVersion.objects.select_related("plan").filter(plan=ask["plan"], withdrawn_at=None)
    return held.order_by("-effective_from").first()


def _meters(ask: Ask) -> list[Meter]:
    found = Meter.objects.for_operator(ask.operator).filter(active=True).select_related("room")
    if ask["building"]:
        found = found.filter(room__floor__building__code=ask["building"])
    if ask["which"] != "all":
        found = found.filter(plan_use__plan=ask["plan"])
    return list(found.order_by("room__number", "number"))


def _plans(_who: Any) -> list[tuple[str, str]]:
    return [(str(one.pk), one.name) for one in Plan.objects.filter(active=True)]


def _percent(row: Row) -> str:
    return "" if row.change_permille is None else f"{scaled(row.change_permille, 10)} %"


def _tone(row: Row) -> str:
    return "bad" if row.difference_fen > 0 else "good" if row.difference_fen < 0 else "mut"


def register(found: Found) -> Register:
    return Register(
        name="what-if",
        title=gettext_lazy("A plan on real use"),
        icon="scale",
        columns=(
            Column(
                "room",
                gettext_lazy("Room"),
                value=lambda row: row.meter.room.number if row.meter.room else "",
                sort=("room",),
            ),
            Column(
                "tenant",
                gettext_lazy("Tenant"),
                value=lambda row: row.opening.customer.name if row.opening else "",
                sort=("tenant",),
                width=24,
            ),
            Column(
                "meter",
                gettext_lazy("Meter number"),
                value=lambda row: row.meter.number,
                sort=("meter",),
                link=lambda row: reverse("console:meter", args=[row.meter.pk]),
            ),
            Column("wh", pgettext_lazy("energy", "Used"), "energy", sort=("wh",)),
            Column("charged_fen", pgettext_lazy("electricity", "Charged"), "money", sort=("charged_fen",), shown=False),
            Column("now_fen", gettext_lazy("By today's plan"), "money", sort=("now_fen",)),
            Column("then_fen", gettext_lazy("By this plan"), "money", sort=("then_fen",)),
            Column("difference_fen", gettext_lazy("Difference"), "money", sort=("difference_fen",), tone=_tone),
            Column(
                "percent",
                gettext_lazy("In percent"),
                value=_percent,
                sort=("percent",),
                order=lambda row: row.change_permille,
            ),
        ),
        filters=(
            Filter("plan", gettext_lazy("Plan"), "choice", choices=_plans),
            Filter("days", gettext_lazy("Days"), "choice", choices=_spans),
            Filter("which", gettext_lazy("Meters"), "choice", choices=_which),
            Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        ),
        order="-difference_fen",
        rows=found.rows,
        totals=found.totals,
        empty=gettext_lazy("Choose a plan. Its meters need closed days in this time."),
    )


def _spans(_who: Any) -> list[tuple[str, Any]]:
    return [(str(days), _("last %(days)d days") % {"days": days}) for days in DAYS]


def _which(_who: Any) -> list[tuple[str, Any]]:
    return [("uses", gettext_lazy("those that use the plan")), ("all", gettext_lazy("all meters"))]


@page(Right.READ)
def index(request: HttpRequest) -> HttpResponseBase:
    found = Found()

    def more(ask: Ask) -> dict[str, Any]:
        held = found.of(ask)
        rows = held.rows if held else ()
        return {
            "page": "plans",
            "held": held,
            "version": version_of(ask),
            "sums": found.totals(ask) if rows else None,
            "dearer": sum(one.difference_fen > 0 for one in rows),
            "cheaper": sum(one.difference_fen < 0 for one in rows),
            "most": max(rows, key=lambda one: one.difference_fen, default=None),
        }

    return answer(request, register(found), template="console/resale/what_if.html", more=more)
