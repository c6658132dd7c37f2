"""The account form as it was typed: each text stays as it is until the domain has read it; a refusal loses nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from prewatt.domain.billing.models import Billing
from prewatt.domain.estate import customers, defaults
from prewatt.domain.estate.customers import Person
from prewatt.domain.estate.models import Customer, Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import Standing
from prewatt.domain.tariff import queries as tariff
from prewatt.domain.vending import terms
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.opening_here import Billed
from prewatt.domain.vending.opening_many import METERS_MAX, Wanted
from prewatt.domain.vending.platform import amount_or_zero
from prewatt.domain.vending.terms import BadTerm
from prewatt.units.values import Money, Price, UnitError

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.models import Plan

ID = re.compile(r"[0-9a-f]{32}")
TEXT_MAX = 400
PERSON = ("number", "name", "contact", "phone", "address", "note", "password")
AMOUNTS = ("first", "carried", "overdraft", "switch_on_min")
CHOSEN = ("use", "plan", "ground", "billing")
BY_METER = "meter"  # 仪表计费
MARKS = ("alarm1_notify", "alarm2_notify", "texts", "hold")


def new_id() -> str:
    """Drawn into a form when the form is drawn: the same form sent twice is one act."""
    return uuid.uuid4().hex


class FormBroken(Refused):
    code = "form_broken"

    def __init__(self) -> None:
        super().__init__(_("This form is not complete. Nothing was booked. Open the page again."))


def form_id(request: HttpRequest) -> str:
    """Raises FormBroken."""
    value = request.POST.get("form_id", "")
    if not ID.fullmatch(value):
        raise FormBroken
    return value


def kept_id(request: HttpRequest) -> str:
    """The id of a form that comes back refused: nothing was booked under it."""
    return _kept_id(request.POST)


def _kept_id(given: Mapping[str, str]) -> str:
    value = given.get("form_id", "")
    return value if ID.fullmatch(value) else new_id()


@dataclass(slots=True)
class Line:
    """One meter on the form, with its texts by name."""

    standing: Standing
    texts: dict[str, str]
    marks: dict[str, bool]
    read_id: str = field(default_factory=new_id)
    wrong: str = ""  # the name of the field that was refused, or "meter"

    @property
    def meter(self) -> Meter:
        return self.standing.meter

    @property
    def folded(self) -> bool:
        """Its limits and prices are shown when one of them has to be mended."""
        return self.wrong in ("", "first", "carried", "meter", "billing", "overdraft", "switch_on_min")


@dataclass(slots=True)
class Form:
    customer: Customer | None
    person: dict[str, str]
    lines: list[Line]
    tender: str
    form_id: str = field(default_factory=new_id)
    offered: str = field(default_factory=customers.random_password)
    wrong: str = ""

    @property
    def total_fen(self) -> int:
        return sum(_fen(line.texts["first"]) for line in self.lines)


def _fen(text: str) -> int:
    try:
        return Money.parse(text or "0").fen
    except UnitError:
        return 0


def blank(*, customer: Customer | None, tender: str, who: Operator) -> Form:
    number = "" if customer else customers.next_number(who)
    return Form(customer, dict.fromkeys(PERSON, "") | {"number": number}, [], tender)


def line(standing: Standing) -> Line:
    """As the meter stands. Where nobody ever set it apart, its building's defaults go before what is shipped."""
    meter = standing.meter
    of_building = defaults.of_meter(meter.room.floor.building if meter.room else None)
    texts = dict.fromkeys((*AMOUNTS, *CHOSEN), "") | {"use": meter.room.use if meter.room else ""}
    texts["billing"] = BY_METER
    for name in terms.LIMITS:
        own = int(getattr(meter, name))
        value = int(of_building[name]) if own == defaults.SHIPPED[name] else own
        texts[name] = str(Money(value)) if name in terms.MONEY else str(value)
    plan = tariff.plans_of([meter.pk]).get(meter.pk)
    if plan is not None and plan.active:
        texts["plan"] = str(plan.pk)
    priced = any(getattr(meter, name) for name in terms.PRICES)
    for name in terms.PRICES:
        e4 = getattr(meter, name) if priced else int(of_building[name])
        texts[name] = str(Price(e4)) if e4 else ""
    return Line(standing, texts, {name: name != "hold" for name in MARKS})


def posted(given: QueryDict, *, operator: Operator, customer: Customer | None) -> Form:
    """What was typed. Meters of other buildings are not on it, whatever was sent."""
    ids = [int(text) for text in given.getlist("meter")[: METERS_MAX + 1] if text.isdecimal() and len(text) < 10]
    mine = Meter.objects.for_operator(operator).filter(pk__in=ids)
    found = {one.meter.pk: one for one in metering.standings(mine)}
    return Form(
        customer=customer,
        person={name: _text(given, name) for name in PERSON},
        lines=[_posted_line(given, found[pk]) for pk in dict.fromkeys(ids) if pk in found],
        tender=given.get("tender", ""),
        form_id=_kept_id(given),
        offered=_text(given, "offered") if given.get("offered", "").isdecimal() else customers.random_password(),
    )


def _text(given: Mapping[str, str], name: str) -> str:
    return str(given.get(name, ""))[:TEXT_MAX]


def _posted_line(given: Mapping[str, str], standing: Standing) -> Line:
    at = f"m{standing.meter.pk}-"
    names = (*AMOUNTS, *CHOSEN, *terms.LIMITS, *terms.PRICES)
    return Line(
        standing,
        {name: _text(given, at + name).strip() for name in names},
        {name: bool(given.get(at + name)) for name in MARKS},
        read_id=given.get(at + "read_id", "") if ID.fullmatch(given.get(at + "read_id", "")) else new_id(),
    )


def person(form: Form) -> Person:
    return Person(**form.person)


def wanted(form: Form) -> list[Wanted]:
    """Raises a `Refused` that knows its meter."""
    return [_wanted(one) for one in form.lines]


def _wanted(one: Line) -> Wanted:
    names = (*terms.LIMITS, *terms.PRICES)
    try:
        read = terms.read({name: one.texts[name] for name in names})
    except BadTerm as error:
        error.meter_id = one.meter.pk
        raise
    return Wanted(
        meter=one.meter,
        first=_amount(one.texts["first"]),
        carried_in=_amount(one.texts["carried"]),
        terms=read,
        plan=_plan(one),
        ground=one.texts["ground"],
        use=one.texts["use"],
        alarm1_notify=one.marks["alarm1_notify"],
        alarm2_notify=one.marks["alarm2_notify"],
        texts=one.marks["texts"],
        hold=one.marks["hold"],
        billed=_billed(one),
    )


class UnknownBilling(Refused):
    code = "unknown_billing"
    field = "billing"

    def __init__(self, meter: Meter) -> None:
        self.meter_id = meter.pk
        super().__init__(_("Nobody said who bills this account. Nothing was booked. Choose the meter or the platform."))


def _billed(one: Line) -> Billed | None:
    if one.texts["billing"] in ("", BY_METER):
        return None
    if one.texts["billing"] not in Billing.values:
        raise UnknownBilling(one.meter)
    limits = {name: _limit(one, name) for name in ("overdraft", "switch_on_min")}
    return Billed(kind=Billing(one.texts["billing"]), **limits)


def _limit(one: Line, name: str) -> Money | str:
    """Said at its own field when it is no amount."""
    amount = _amount(one.texts[name])
    try:
        return amount_or_zero(amount)
    except Refused as error:
        error.meter_id, error.field = one.meter.pk, name
        raise


class NoPlan(Refused):
    code = "no_plan"
    field = "plan"

    def __init__(self, meter: Meter) -> None:
        self.meter_id = meter.pk
        super().__init__(_("This price plan is not in use any more. Nothing was booked. Choose another one."))


def _plan(one: Line) -> Plan | None:
    text = one.texts["plan"]
    if not text:
        return None
    found = tariff.plans(active=True).filter(pk=int(text)).first() if text.isdecimal() and len(text) < 10 else None
    if found is None:
        raise NoPlan(one.meter)
    return found


def _amount(text: str) -> Money | str:
    """Nothing typed is nothing paid. What is no amount goes on as text, and the domain says why."""
    typed = text.replace(",", "").replace("，", "")
    try:
        money = Money.parse(typed or "0")
    except UnitError:
        return typed
    return money


def mark_wrong(form: Form, error: Refused) -> None:
    """Where the refusal belongs on the form."""
    if error.meter_id is None:
        form.wrong = error.field
    for one in form.lines:
        if one.meter.pk == error.meter_id:
            one.wrong = error.field or "meter"
