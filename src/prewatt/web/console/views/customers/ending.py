"""销户, 换表, 过户: the form before the act. What happens afterwards is on the act's own page (`closings`)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate import customers
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.metering import queries as metering
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.vending import accounts, closing_queries, handing_new
from prewatt.domain.vending import operations as vending
from prewatt.domain.vending.checks import NotAnAmount, Refused
from prewatt.domain.vending.closing import Typed
from prewatt.domain.vending.closing_queries import Standing
from prewatt.domain.vending.final import TypedFarAbove
from prewatt.domain.vending.records import Closing, Settle
from prewatt.units.values import Energy, Money, UnitError
from prewatt.web.console.views.customers import form as forms
from prewatt.web.console.views.customers.edit import opening_of
from prewatt.web.console.views.customers.opening import customer_of, meter_of
from prewatt.web.console.views.customers.second import second_person
from prewatt.web.console.views.sale import tenders
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal

BOTH = ("GET", "HEAD", "POST")


class NobodyChosen(Refused):
    code = "nobody_chosen"


class NoNewMeter(Refused):
    code = "no_new_meter"


class NoAccountChosen(Refused):
    code = "no_account_chosen"


def typed_of(request: HttpRequest, meter: Meter) -> Typed | None:
    """A final reading entered by hand: its fields carry the meter's key. None where the balance was left empty.

    Raises NotAnAmount.
    """
    at = f"t{meter.pk}-"
    balance, energy = (request.POST.get(at + name, "").strip().replace(",", "") for name in ("balance", "energy"))
    if not balance:
        return None
    try:
        read_wh = Energy.parse_kwh(energy).wh if energy else None
        balance_fen = Money.parse(balance.replace("−", "-")).fen
    except UnitError as error:
        raise NotAnAmount(
            _(
                "The typed reading of meter %(meter)s is not a figure. Nothing was booked. Type yuan with two decimals "
                "(arrears with a minus) and kWh."
            )
            % {"meter": meter.number}
        ) from error
    sure = request.POST.get(at + "sure") == "1"
    return Typed(read_wh, balance_fen, request.POST.get(at + "reason", "")[:400], sure)


def given_readings(request: HttpRequest, meters: list[Meter]) -> dict[int, dict[str, str]]:
    """What was typed by hand, as it was typed."""
    names = ("balance", "energy", "reason", "sure")
    return {one.pk: {name: request.POST.get(f"t{one.pk}-{name}", "") for name in names} for one in meters}


def far_of(error: Refused | None) -> int:
    """The meter whose typed register was far above its last one: its form asks once more."""
    return error.meter.pk if isinstance(error, TypedFarAbove) else 0


def _rows(request: HttpRequest, found: list[Standing]) -> list[dict[str, Any]]:
    meters = [one.opening.meter for one in found]
    given = given_readings(request, meters)
    live = {one.meter.pk: one for one in metering.standings(Meter.objects.filter(pk__in=[one.pk for one in meters]))}
    return [
        {
            "standing": one,
            "live": live[one.opening.meter_id],
            "typed": given[one.opening.meter_id],
            "by_hand": one.blocked.lost or any(given[one.opening.meter_id].values()),
        }
        for one in found
    ]


def _tender(request: HttpRequest) -> str:
    given = request.POST.get("tender", "") or request.session.get("tender", "")
    return given if given in words.TENDERS else "cash"


def _page(request: HttpRequest, name: str, error: Refused | None, **context: Any) -> HttpResponse:
    shared = {
        "page": "customers",
        "form_id": forms.kept_id(request),
        "tenders": tenders(),
        "tender": _tender(request),
        "note": request.POST.get("note", ""),
        "refused": refusal(error) if error else None,
        "far": far_of(error),
        "now": now(),
    }
    return render(request, f"console/customers/{name}.html", {**shared, **context}, status=422 if error else 200)


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """销户: every meter of the customer in one act."""
    customer = customer_of(request, pk)
    found = closing_queries.standings(customer=customer, operator=operator(request))
    error: Refused | None = None
    if request.method == "POST":
        try:
            return _close(request, customer, found)
        except Refused as refused:
            error = refused
    rows = _rows(request, found)
    return _page(
        request,
        "close",
        error,
        customer=customer,
        rows=rows,
        waiting=closing_queries.waiting(customer),
        second_needed=any(row["by_hand"] for row in rows),
        back_fen=sum(max(0, one.seen.balance_fen) for one in found),
        owed_fen=sum(one.owes_fen for one in found),
    )


def _close(request: HttpRequest, customer: Customer, found: list[Standing]) -> HttpResponse:
    typed = {one.opening.meter_id: typed_of(request, one.opening.meter) for one in found}
    closing = vending.close_account(
        closing_id=forms.form_id(request),
        customer=customer,
        operator=operator(request),
        now=now(),
        tender=request.POST.get("tender", ""),
        second_person=second_person(request),
        typed_readings={meter_id: one for meter_id, one in typed.items() if one is not None},
        note=request.POST.get("note", "").strip(),
        address=address(request),
    )
    return redirect("console:closing", closing_id=closing.pk)


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """换表: the balance goes to another meter, exactly once."""
    opening = opening_of(request, pk, ended=request.method == "POST")
    error: Refused | None = None
    chosen = request.POST.get("new_meter", "")
    new = meter_of(request, int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else None
    if request.method == "POST":
        try:
            if new is None:
                raise NoNewMeter(_("No new meter is chosen. Nothing was booked. Find it by its room or number."))
            act = vending.change_meter(
                change_id=forms.form_id(request),
                opening=opening,
                new_meter=new,
                operator=operator(request),
                now=now(),
                typed=typed_of(request, opening.meter),
                second_person=second_person(request),
                tender=_tender(request),
                note=request.POST.get("note", "").strip(),
                address=address(request),
            )
        except Refused as refused:
            error = refused
        else:
            return redirect("console:closing", closing_id=act.pk)
    (row,) = _rows(request, [closing_queries.standing(opening)])
    return _page(
        request,
        "change",
        error,
        opening=opening,
        customer=opening.customer,
        row=row,
        chosen=[metering.standing(new)] if new else [],
        second_needed=row["by_hand"],
        read_id=forms.new_id(),
    )


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def billing(request: HttpRequest, pk: int) -> HttpResponse:
    """计费方式变更: 仪表计费 and 平台计费, with a settled handover."""
    opening = opening_of(request, pk, ended=request.method == "POST")
    error: Refused | None = None
    if request.method == "POST":
        try:
            act = _change_billing(request, opening)
        except Refused as refused:
            error = refused
        else:
            return redirect("console:closing", closing_id=act.pk)
    (row,) = _rows(request, [closing_queries.standing(opening)])
    return _page(
        request,
        "billing",
        error,
        opening=opening,
        held=getattr(opening, "platform_terms", None),
        row=row,
        plan=tariff.plans_of([opening.meter_id]).get(opening.meter_id),
        typed={name: request.POST.get(name, "")[:64] for name in ("billing", "overdraft", "switch_on_min")},
        read_id=forms.new_id(),
    )


def _change_billing(request: HttpRequest, opening: Opening) -> Closing:
    given = request.POST.get("billing", "")
    limits = {name: request.POST.get(name, "").strip().replace(",", "") for name in ("overdraft", "switch_on_min")}
    return vending.change_billing(
        rebill_id=forms.form_id(request),
        opening=opening,
        to=Billing(given) if given in Billing.values else None,
        operator=operator(request),
        now=now(),
        note=request.POST.get("note", "").strip(),
        address=address(request),
        **{name: text or "0" for name, text in limits.items()},
    )


@page(Right.OPEN_ACCOUNT)
def new_meters(request: HttpRequest) -> HttpResponse:
    """Meters that may take over: without an account, also those that stand ready out of use."""
    text = request.GET.get("q", "").strip()
    free = accounts.free_meters(text=text, operator=operator(request), out_of_use=True)
    found = metering.standings(Meter.objects.filter(pk__in=[meter.pk for meter in free]))
    return render(request, "console/customers/_new_meters.html", {"q": text, "found": found})


@page(Right.OPEN_ACCOUNT, methods=BOTH)
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """过户: accounts go to another customer, known or new."""
    customer = customer_of(request, pk)
    found = closing_queries.standings(customer=customer, operator=operator(request))
    chosen = request.POST.get("to", "")
    to = customer_of(request, int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else None
    person = {name: request.POST.get(name, "")[: forms.TEXT_MAX + 1] for name in forms.PERSON}
    error: Refused | None = None
    wrong = ""
    if request.method == "POST":
        try:
            return _hand_over(request, customer, to, person)
        except Refused as refused:
            error, wrong = refused, str(getattr(refused, "field", ""))
    marked = request.POST.getlist("opening") if request.method == "POST" else [str(one.opening.pk) for one in found]
    return _page(
        request,
        "hand_over",
        error,
        customer=customer,
        rows=[{**row, "chosen": str(row["standing"].opening.pk) in marked} for row in _rows(request, found)],
        to=to,
        is_new=request.POST.get("to") == "new",
        person=person | ({} if person["number"] else {"number": customers.next_number(operator(request))}),
        offered=customers.random_password(),
        wrong=wrong,
        settle=request.POST.get("settle", Settle.CARRY),
    )


def _hand_over(request: HttpRequest, customer: Customer, to: Customer | None, person: dict[str, str]) -> HttpResponse:
    """Also a second click, when the accounts are his no longer: the domain finds the first act by its id."""
    marked = [int(text) for text in request.POST.getlist("opening")[:200] if text.isdecimal() and len(text) < 10]
    mine = accounts.accounts(operator=operator(request)).filter(customer=customer, pk__in=marked)
    openings = list(mine.order_by("meter__number"))
    if not openings:
        raise NoAccountChosen(_("No account is chosen. Nothing was booked. Mark the meters that go along."))
    if to is None and request.POST.get("to") != "new":
        raise NobodyChosen(_("Nobody is chosen who takes over. Nothing was booked. Find a tenant, or type a new one."))
    act = handing_new.hand_over_to(
        hand_id=forms.form_id(request),
        openings=openings,
        to=to or customers.Person(**person),
        operator=operator(request),
        now=now(),
        settle=Settle.PAY_BACK if request.POST.get("settle") == Settle.PAY_BACK else Settle.CARRY,
        tender=_tender(request),
        note=request.POST.get("note", "").strip(),
        address=address(request),
    )
    return redirect("console:closing", closing_id=act.pk)


@page(Right.OPEN_ACCOUNT)
def takers(request: HttpRequest) -> HttpResponse:
    """Known tenants who may take over."""
    text = request.GET.get("q", "").strip()
    found = accounts.people(text=text, operator=operator(request))
    return render(request, "console/customers/_takers.html", {"q": text, "found": found})
