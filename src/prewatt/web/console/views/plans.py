"""电价方案: the register, a plan's own page with the cap and its meters, and what the site itself pays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.estate.models import Meter
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.fleet.models import Skip
from prewatt.domain.fleet.operations import place_batch
from prewatt.domain.fleet.preview import what_would_change
from prewatt.domain.metering import prices as fleet_prices
from prewatt.domain.metering.queries import today
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import operations, queries
from prewatt.domain.tariff.cap import HOURS, blended_e4
from prewatt.domain.tariff.models import BANDS, PRICE_NAMES, Plan, PlanKind, PurchasePrice
from prewatt.link.messages import Kind
from prewatt.units.values import Price, UnitError
from prewatt.web.console.views import versions
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, form_id, typed
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register
from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")
ROWS_MAX = 50
BAND_WORDS: Mapping[str, Text] = {
    "sharp": gettext_lazy("Sharp"),
    "peak": gettext_lazy("Peak"),
    "flat": gettext_lazy("Flat"),
    "valley": gettext_lazy("Valley"),
    "deep": gettext_lazy("Deep valley"),
}
FIVE = [(str(one), one.label) for one in (PlanKind.FLAT, PlanKind.TOU)]
UNIT = gettext_lazy("yuan/kWh")
TITLES: Mapping[str, Text] = {
    "sharp": gettext_lazy("Sharp (yuan/kWh)"),
    "peak": gettext_lazy("Peak (yuan/kWh)"),
    "flat": gettext_lazy("Flat (yuan/kWh)"),
    "valley": gettext_lazy("Valley (yuan/kWh)"),
    "deep": gettext_lazy("Deep valley (yuan/kWh)"),
}


def _price(name: str) -> Column:
    band = name.removeprefix("price_").removesuffix("_e4")
    return Column(
        band,
        TITLES[band],
        "price",
        value=lambda plan: getattr(plan, name),
        sort=(name,),
    )


def _rows(ask: Ask) -> Any:
    found = queries.plans()
    if ask["text"]:
        found = found.filter(name__icontains=ask["text"])
    if ask["active"]:
        found = found.filter(active=ask["active"] == "1")
    return found


REGISTER = Register(
    name="price-plans",
    icon="currency-yuan",
    title=gettext_lazy("Price plans"),
    columns=(
        Column(
            "name",
            gettext_lazy("Plan name"),
            link=lambda plan: reverse("console:plan", args=[plan.pk]),
            sort=("name",),
            width=24,
        ),
        Column("kind", gettext_lazy("Kind"), value=lambda plan: plan.get_kind_display(), sort=("kind",)),
        *(_price(name) for name in PRICE_NAMES),
        Column("meters", gettext_lazy("Meters"), "count", sort=("meters",)),
        Column(
            "active",
            gettext_lazy("In use"),
            value=lambda plan: _("yes") if plan.active else _("no"),
            tone=lambda plan: "" if plan.active else "mut",
            sort=("active",),
        ),
        Column("changed", gettext_lazy("Changed"), "when", value=lambda plan: plan.changed_at, sort=("changed_at",)),
        Column("note", gettext_lazy("Note"), shown=False, width=30),
    ),
    filters=(
        Filter("text", gettext_lazy("Plan name")),
        Filter(
            "active",
            gettext_lazy("In use"),
            "choice",
            choices=lambda _who: [("1", gettext_lazy("yes")), ("0", gettext_lazy("no"))],
        ),
    ),
    order="name",
    rows=_rows,
    empty=gettext_lazy("There is no price plan yet. Make the first one, and set what the site itself pays."),
)


@page(Right.READ)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(
        request,
        REGISTER,
        template="console/tariff/plans.html",
        more=lambda _ask: {"page": "plans", "paid": queries.purchase(day=today(now()))},
    )


@page(Right.SETTINGS, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    return _edit(request, None)


@page(Right.READ, methods=BOTH)
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A plan's own page: who may not change it sees it all the same."""
    plan = Plan.objects.filter(pk=pk).first()
    if plan is None:
        raise Http404
    return _edit(request, plan)


def _edit(request: HttpRequest, plan: Plan | None) -> HttpResponseBase:
    form = _form(request, plan)
    if request.method != "POST":
        return draw(request, form)
    given = typed(request)
    at = now()
    try:
        made = operations.save_plan(
            plan=plan,
            name=given.get("name", ""),
            kind=PlanKind.FULL if _full(plan) else given.get("kind", ""),
            prices={} if _full(plan) else _prices(given, flat=given.get("kind") == PlanKind.FLAT),
            note=given.get("note", ""),
            active=plan is None or "active" in given,
            reason=given.get("reason", ""),
            day=today(at),
            weights=_weights(),
            operator=operator(request),
            now=at,
            address=address(request),
        )
    except Refused as error:
        return draw(request, form, error=error)
    messages.success(request, _("The plan is kept. The meters that use it keep their old prices until it is sent."))
    return HttpResponseRedirect(reverse("console:plan", args=[made.pk]))


def _full(plan: Plan | None) -> bool:
    return plan is not None and plan.kind == PlanKind.FULL


def _weights() -> Mapping[str, int]:
    found = fleet_prices.weights(now=now())
    return found if any(found.values()) else HOURS


def _prices(given: Mapping[str, str], *, flat: bool) -> dict[str, int]:
    """What was typed, in 1e-4 yuan. Raises FieldsRefused with a sentence for each that is no price."""
    found, problems = {}, {}
    for name in ("price_flat_e4",) if flat else PRICE_NAMES:
        try:
            found[name] = Price.parse(given.get(name, "").strip()).e4
        except UnitError:
            problems[name] = _("Give yuan per kWh with at most four decimals, such as 0.7263.")
    if problems:
        raise FieldsRefused(problems)
    return found


def _form(request: HttpRequest, plan: Plan | None) -> Page:
    may_change = operator(request).may(Right.SETTINGS)
    kind = plan.kind if plan else PlanKind.FLAT
    boxes = [
        Box("name", _("Plan name"), value=plan.name if plan else "", required=True, length_max=64),
        Box("kind", _("Kind"), "fixed", value=str(PlanKind.FULL.label))
        if _full(plan)
        else Box("kind", _("Kind"), "choice", value=str(kind), choices=FIVE),
    ]
    if plan is not None:
        boxes.append(Box("active", _("In use"), "tick", value="1" if plan.active else ""))
    boxes.append(Box("note", _("Note"), value=plan.note if plan else "", length_max=400, wide=True))
    reason = Box(
        "reason",
        _("Ground for a price above the cap"),
        length_max=400,
        wide=True,
        note=_("Needed only then; it is kept in the operation log."),
    )
    prices = Part(
        _("Prices"),
        [*_price_boxes(plan.prices if plan else {}), reason],
        note=_("A plan of one price needs only “Flat”. Meters without a band of their own use the next one.")
        if plan is None
        else _("Other prices hold from now on, as a new version. For a later day, make a new version above."),
    )
    return Page(
        title=plan.name if plan else _("New price plan"),
        page="plans",
        back=reverse("console:plans"),
        parts=(Part(_("Plan"), boxes),) if _full(plan) else (Part(_("Plan"), boxes), prices),
        save=_("Keep the plan"),
        more={"may_change": may_change, "plan": plan, **_past_of(plan), **_cap(plan), **_use(request, plan)},
        template="console/tariff/plan.html",
    )


def _past_of(plan: Plan | None) -> dict[str, Any]:
    return {"versions": versions.listed(plan, at=now())} if plan else {}


def _price_boxes(prices: Mapping[str, int]) -> list[Box]:
    return [
        Box(
            f"price_{band}_e4",
            BAND_WORDS[band],
            value=str(Price(prices[f"price_{band}_e4"])) if prices else "",
            unit=UNIT,
            mode="decimal",
            length_max=10,
            required=band == "flat",
        )
        for band in BANDS
    ]


def _cap(plan: Plan | None) -> dict[str, Any]:
    """The site's price today, blended, and how the plan stands to it."""
    at = now()
    paid = queries.purchase(day=today(at))
    if paid is None:
        return {"paid": None}
    weights = _weights()
    return {
        "paid": paid,
        "paid_blended": Price(blended_e4(paid.prices, weights)),
        "markup_percent": f"{paid.markup_permille / 10:g}",
        "by_hours": weights is HOURS,
        "cap": fleet_prices.cap_of(plan.prices, now=at) if plan else None,
        "cap_asked": Price(blended_e4(plan.prices, weights)) if plan else None,
    }


def _use(request: HttpRequest, plan: Plan | None) -> dict[str, Any]:
    """Its meters within the operator's buildings, and what sending it would change."""
    if plan is None:
        return {}
    mine, lost = _meters(request, plan), queries.lost_of(plan)
    found = what_would_change(kind=Kind.PRICES, meters=mine.order_by("number"), values=plan.prices)
    return {
        "uses": mine.select_related("room").order_by("number")[:ROWS_MAX],
        "use_count": mine.count(),
        "would_change": len(found.changes),
        "skips": [(skip.label, count) for skip, count in found.skips.items()],
        "may_send": operator(request).may(Right.METER_ORDERS) and plan.active and not set(lost) - {"decimals"},
        "lost": _(", ").join(str(operations.LOST[one]) for one in lost),
        "only_fine": lost == ("decimals",),
        "coarse": sum(1 for skip in found.skipped if skip.skip == Skip.CANNOT),
    }


def _meters(request: HttpRequest, plan: Plan) -> Any:
    return Meter.objects.for_operator(operator(request)).filter(active=True, plan_use__plan=plan)


@page(Right.METER_ORDERS, methods=("POST",))
def send(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The plan's prices to all of its meters that this operator may see."""
    plan = Plan.objects.filter(pk=pk, active=True).first()
    if plan is None:
        raise Http404
    try:
        batch = place_batch(
            batch_id=form_id(request)[:40],
            kind=Kind.PRICES,
            meters=_meters(request, plan),
            plan=plan,
            round_down=request.POST.get("round_down") == "1",
            note=request.POST.get("reason", ""),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return draw(request, _form(request, plan), error=error)
    return HttpResponseRedirect(reverse("console:fleet-batch", args=[batch.pk]))


@page(Right.SETTINGS, methods=BOTH)
def purchase(request: HttpRequest) -> HttpResponseBase:
    """What the site pays for a kWh, by day; the newest first."""
    paid = queries.purchase(day=today(now()))
    form = Page(
        title=_("Purchase price"),
        page="plans",
        back=reverse("console:plans"),
        parts=(
            Part(
                _("What the site itself pays"),
                [
                    Box("from_day", _("Valid from"), value=today(now()).isoformat(), required=True),
                    Box("kind", _("Kind"), "choice", value=str(PlanKind.FLAT), choices=FIVE),
                    *_price_boxes(paid.prices if paid else {}),
                    Box(
                        "markup",
                        _("Allowed on top"),
                        value=f"{paid.markup_permille / 10:g}" if paid else "0",
                        unit="%",
                        mode="decimal",
                        length_max=5,
                        note=_("The law allows nothing in general."),
                    ),
                    Box("note", _("Note"), length_max=400, wide=True, note=_("Such as the bill it was taken from.")),
                ],
                note=_("From the grid company's bill. Plans above it need a written ground."),
            ),
        ),
        save=_("Keep the purchase price"),
        more={"history": [_past(one) for one in PurchasePrice.objects.select_related("set_by")[:ROWS_MAX]]},
        template="console/tariff/purchase.html",
    )
    if request.method != "POST":
        return draw(request, form)
    try:
        _set_purchase(request, typed(request))
    except Refused as error:
        return draw(request, form, error=error)
    messages.success(request, _("The purchase price is kept."))
    return HttpResponseRedirect(reverse("console:plans"))


def _past(one: PurchasePrice) -> dict[str, Any]:
    prices = [str(Price(value)) for value in one.prices.values()]
    return {"one": one, "prices": prices, "markup": f"{one.markup_permille / 10:g} %"}


def _set_purchase(request: HttpRequest, given: Mapping[str, str]) -> None:
    problems = {}
    try:
        from_day = date.fromisoformat(given.get("from_day", "").strip())
    except ValueError:
        from_day, problems["from_day"] = today(now()), _("Give a day such as 2026-10-01.")
    markup = given.get("markup", "").strip().rstrip("%")
    try:
        permille = Price.parse(markup or "0").e4 // 1000
    except UnitError:
        permille, problems["markup"] = 0, _("Give percent with at most one decimal.")
    if problems:
        raise FieldsRefused(problems)
    operations.set_purchase(
        from_day=from_day,
        kind=given.get("kind", ""),
        prices=_prices(given, flat=given.get("kind") == PlanKind.FLAT),
        markup_permille=permille,
        note=given.get("note", ""),
        operator=operator(request),
        now=now(),
        address=address(request),
    )
