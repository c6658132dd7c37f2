"""购电账单: the grid company's bill of each month, entered once and corrected by entering it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate.models import Building
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.estate.scope import buildings
from prewatt.domain.metering.queries import today
from prewatt.domain.resale import operations, queries
from prewatt.domain.resale.allowance import rate_e8
from prewatt.domain.resale.models import PurchaseBill
from prewatt.domain.resale.operations import Written
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff.models import BANDS
from prewatt.units.values import Energy, Money, Price, Rate, UnitError
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, typed
from prewatt.web.parts.explained import BAND_WORDS
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Register
from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")
SITE: Text = gettext_lazy("whole site")


def place(bill: Any) -> str:
    return str(bill.building or SITE)


def _row(bill: PurchaseBill) -> dict[str, Any]:
    paid = queries.paid(bill)
    return {
        "pk": bill.pk,
        "month": f"{bill.month:%Y-%m}",
        "place": place(bill),
        "number": bill.number,
        "wh": paid.total_wh,
        "fen": paid.total_fen,
        "mean": rate_e8(paid.mean()) // 10_000,
        "shared": bill.shared_fen,
        "entered": bill.entered_at,
        "by": str(bill.entered_by),
        "note": bill.note,
    }


def _rows(ask: Ask) -> list[dict[str, Any]]:
    return [_row(one) for one in queries.bills(operator=ask.operator).prefetch_related("items")]


REGISTER = Register(
    name="purchase-bills",
    title=gettext_lazy("Purchase bills"),
    icon="receipt",
    columns=(
        Column(
            "month",
            gettext_lazy("Month"),
            sort=("month",),
            link=lambda row: reverse("console:purchase-bill", args=[row["pk"]]),
        ),
        Column("place", gettext_lazy("Building"), sort=("place",)),
        Column("number", gettext_lazy("Number of the bill"), sort=("number",), width=20),
        Column("wh", pgettext_lazy("energy", "Bought"), "energy", sort=("wh",)),
        Column("fen", gettext_lazy("Amount"), "money", sort=("fen",)),
        Column("mean", gettext_lazy("Mean price (yuan/kWh)"), "price", sort=("mean",)),
        Column("shared", gettext_lazy("Shared costs"), "money", sort=("shared",), shown=False),
        Column(
            "over",
            gettext_lazy("Charged above it"),
            value=lambda _row: _("look"),
            link=lambda row: reverse("console:over-charged") + f"?bill={row['pk']}",
        ),
        Column(
            "sheet",
            gettext_lazy("Public sheet"),
            value=lambda _row: _("open the sheet"),
            link=lambda row: reverse("console:publicity", args=[row["pk"]]),
        ),
        Column("entered", gettext_lazy("Entered"), "when", sort=("entered",), shown=False),
        Column("by", gettext_lazy("By"), sort=("by",), shown=False),
        Column("note", gettext_lazy("Note"), shown=False, width=30),
    ),
    filters=(),
    order="-month",
    rows=_rows,
    empty=gettext_lazy("No purchase bill is entered yet. Enter the grid company's bill of a month."),
)


@page(Right.REPORTS, Right.SETTINGS)
def register(request: HttpRequest) -> HttpResponseBase:
    may = {"enter": operator(request).may(Right.SETTINGS), "give": operator(request).may(Right.REFUND)}
    return answer(
        request, REGISTER, template="console/resale/bills.html", more=lambda _ask: {"page": "bills", "can": may}
    )


@page(Right.SETTINGS, methods=BOTH)
def create(request: HttpRequest) -> HttpResponseBase:
    return _edit(request, None)


@page(Right.REPORTS, Right.SETTINGS, methods=BOTH)
def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _edit(request, bill_of(request, pk))


def bill_of(request: HttpRequest, pk: int) -> PurchaseBill:
    bill = queries.bills(operator=operator(request)).prefetch_related("items").filter(pk=pk).first()
    if bill is None:
        raise Http404
    return bill


def _edit(request: HttpRequest, bill: PurchaseBill | None) -> HttpResponseBase:
    form = _form(request, bill)
    if request.method != "POST":
        return draw(request, form)
    given = typed(request)
    try:
        made = operations.keep_bill(
            building=bill.building if bill else _building(request, given),
            month=bill.month if bill else _month(given),
            written=written(given),
            as_price="as_price" in given,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return draw(request, form, error=error)
    messages.success(request, _("The bill is kept."))
    return HttpResponseRedirect(reverse("console:over-charged") + f"?bill={made.pk}")


def _building(request: HttpRequest, given: Mapping[str, str]) -> Building | None:
    code = given.get("building", "")
    found = buildings(operator(request)).filter(pk=code).first() if code.isdecimal() else None
    if code and found is None:
        raise FieldsRefused({"building": _("Choose one of the buildings.")})
    return found


def _month(given: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(f"{given.get('month', '').strip()[:7]}-01")
    except ValueError:
        raise FieldsRefused({"month": _("Give a month such as 2026-05.")}) from None


def written(given: Mapping[str, str]) -> Written:
    """What was typed. Raises FieldsRefused with a sentence for each field that is wrong."""
    problems: dict[str, str] = {}
    energy = {band: _wh(given, f"energy_{band}", problems) for band in BANDS}
    amount = {band: _fen(given, f"amount_{band}", problems) for band in BANDS}
    items = _items(given.get("items", ""), problems)
    shared = _fen(given, "shared", problems) or None
    markup = given.get("markup", "").strip().rstrip("%") or "0"
    try:
        permille = Price.parse(markup).e4 // 1000
    except UnitError:
        permille, problems["markup"] = 0, _("Give percent with at most one decimal.")
    if problems:
        raise FieldsRefused(problems)
    return Written(
        energy_wh=energy,
        amount_fen=amount,
        items=items,
        number=given.get("number", ""),
        markup_permille=permille,
        shared_fen=shared,
        shared_basis=given.get("shared_basis", ""),
        contact=given.get("contact", ""),
        note=given.get("note", ""),
    )


def _wh(given: Mapping[str, str], name: str, problems: dict[str, str]) -> int:
    text = given.get(name, "").strip().replace(",", "")
    try:
        return Energy.parse_kwh(text).wh if text else 0
    except UnitError:
        problems[name] = _("Give kWh with at most three decimals.")
        return 0


def _fen(given: Mapping[str, str], name: str, problems: dict[str, str]) -> int:
    text = given.get(name, "").strip().replace(",", "")
    try:
        return Money.parse(text).fen if text else 0
    except UnitError:
        problems[name] = _("Give yuan with at most two decimals.")
        return 0


def _items(text: str, problems: dict[str, str]) -> list[tuple[str, int]]:
    found = []
    for line in filter(str.strip, text.splitlines()):
        name, _space, amount = line.strip().rpartition(" ")
        try:
            found.append((name.strip()[:64], Money.parse(amount.replace(",", "")).fen))
        except UnitError:
            problems["items"] = _("Write each line as its name, a space and yuan, such as: capacity charge 1234.50")
    return found


def _form(request: HttpRequest, bill: PurchaseBill | None) -> Page:
    who = operator(request)
    tail = [_items_box(bill), _markup_box(bill), *([_as_price_box(bill)] if who.all_buildings else [])]
    number = Box("number", _("Number of the bill"), value=bill.number if bill else "", length_max=64)
    return Page(
        title=_("Purchase bill %(month)s") % {"month": f"{bill.month:%Y-%m}"} if bill else _("New purchase bill"),
        page="bills",
        back=reverse("console:purchase-bills"),
        parts=(
            Part(_("Bill"), [*(_fixed(bill) if bill else _which(request)), number]),
            Part(
                _("Energy and money by period"),
                _period_boxes(bill),
                note=_("One price: only “Flat”."),
            ),
            Part(_("Other lines"), tail),
            Part(
                _("Shared costs"),
                _shared_boxes(bill),
                note=_("Off while empty; never part of a price."),
            ),
        ),
        save=_("Keep the bill"),
        more={"bill": bill, "may_change": who.may(Right.SETTINGS), "prices": _prices(bill)},
        template="console/resale/bill.html",
    )


def _fixed(bill: PurchaseBill) -> list[Box]:
    month = Box("of", _("Month"), "fixed", value=f"{bill.month:%Y-%m}")
    return [Box("place", _("Building"), "fixed", value=place(bill)), month]


def _which(request: HttpRequest) -> list[Box]:
    """The whole site for who sees it; the month before this one."""
    who = operator(request)
    earlier = today(now()).replace(day=1) - timedelta(days=1)
    places: list[tuple[str, Text]] = [("", SITE)] if who.all_buildings else []
    places += [(str(one.pk), one.name) for one in buildings(who)]
    return [
        Box("building", _("Building"), "choice", value=str(places[0][0]) if places else "", choices=places),
        Box("month", _("Month"), value=f"{earlier:%Y-%m}", required=True, length_max=7),
    ]


def _as_price_box(bill: PurchaseBill | None) -> Box:
    label = _("Use as the purchase price from the month's first day")
    return Box("as_price", label, "tick", value="" if bill else "1")


def _period_boxes(bill: PurchaseBill | None) -> list[Box]:
    found = []
    for band in BANDS:
        wh = int(getattr(bill, f"energy_{band}_wh")) if bill else 0
        fen = int(getattr(bill, f"amount_{band}_fen")) if bill else 0
        energy, money = str(Energy(wh)) if wh else "", str(Money(fen)) if fen else ""
        word = BAND_WORDS[band]
        found.append(Box(f"energy_{band}", word, value=energy, unit="kWh", mode="decimal", length_max=16))
        found.append(Box(f"amount_{band}", word, value=money, unit=_("yuan"), mode="decimal", length_max=16))
    return found


def _items_box(bill: PurchaseBill | None) -> Box:
    lines = [f"{one.name} {Money(one.amount_fen)}" for one in bill.items.all()] if bill else []
    return Box(
        "items",
        _("One a line: name and yuan"),
        "lines",
        value="\n".join(lines),
        wide=True,
        length_max=2000,
        note=_("Capacity charge, funds, power factor. They are shared by kWh. A credit has a minus."),
    )


def _markup_box(bill: PurchaseBill | None) -> Box:
    markup = f"{bill.markup_permille / 10:g}" if bill else "0"
    note = _("The law allows nothing in general.")
    return Box("markup", _("Allowed on top"), value=markup, unit="%", mode="decimal", length_max=5, note=note)


def _shared_boxes(bill: PurchaseBill | None) -> list[Box]:
    shared = str(Money(bill.shared_fen)) if bill and bill.shared_fen else ""
    basis, note, contact = (bill.shared_basis, bill.note, bill.contact) if bill else ("", "", "")
    return [
        Box("shared", _("Amount"), value=shared, unit=_("yuan"), mode="decimal", length_max=16),
        Box("shared_basis", _("Basis: formula, notice, consent"), value=basis, length_max=400),
        Box("contact", _("Contact on the public sheet"), value=contact, length_max=120),
        Box("note", _("Note"), value=note, length_max=400),
    ]


def _prices(bill: PurchaseBill | None) -> list[tuple[Any, str]]:
    """What each period and the whole cost a kWh, all lines in it."""
    if bill is None:
        return []
    paid = queries.paid(bill)
    bands = [(BAND_WORDS[band], str(Rate(rate_e8(paid.price(band))))) for band in BANDS if paid.wh[band]]
    return [*bands, (_("Mean"), str(Rate(rate_e8(paid.mean()))))]
