"""对账: per meter what the books say it holds, what it showed, and where the difference comes from; and day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.reconciliation import operations, queries
from prewatt.domain.reconciliation.models import CAUSES, Line, Total, Verdict
from prewatt.domain.reconciliation.queries import Wanted
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.alarms import buildings
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from django.http import HttpRequest


# verdict -> word, icon, tone
VERDICTS: dict[str, tuple[words.Text, str, str]] = {
    Verdict.DIFFERS: (gettext_lazy("Unexplained"), "alert-octagon", "bad b"),
    Verdict.UNCLEAR: (gettext_lazy("Waits for a decision"), "scale", "warn b"),
    Verdict.SURPLUS: (gettext_lazy("Holds more than was sold"), "alert-triangle", "warn"),
    Verdict.MOVING: (gettext_lazy("Order on its way"), "loader-2", "accent"),
    Verdict.UNREAD: (gettext_lazy("Not read yet"), "circle-dashed", "mut"),
    Verdict.EQUAL: (gettext_lazy("Agrees"), "circle-check", "good"),
}


def _wanted(ask: Ask) -> Wanted:
    said = {name: ask[name] or "" for name in ("verdict", "building", "text", "cause")}
    return Wanted(day=ask["day"], **said)


def _rows(ask: Ask) -> QuerySet[Line]:
    return queries.lines(operator=ask.operator, wanted=_wanted(ask))


def _room(line: Line) -> str:
    return line.meter.room.number if line.meter.room else line.meter.number


def _difference(line: Line) -> int | None:
    return None if line.meter_fen is None else line.books_fen - line.meter_fen


def why(line: Line) -> str:
    """Where the difference comes from, in words."""
    if line.verdict == Verdict.UNCLEAR:
        return _("An order's readings fit neither story; somebody decides.")
    if line.verdict == Verdict.UNREAD:
        return _("The meter has not shown its registers since the account opened.")
    parts = [*_bad(line), *_fine(line)]
    return "; ".join(parts) if parts else _("To the fen.")


def _bad(line: Line) -> list[str]:
    said: list[str] = []
    if line.verdict != Verdict.DIFFERS:
        return said
    if line.count_meter is not None and line.count_meter != line.count_books:
        said.append(
            _("purchase count %(meter)s where %(books)s orders are confirmed")
            % {"meter": line.count_meter, "books": line.count_books}
        )
    if line.unexplained_fen and (line.bought_meter_fen or 0) != (line.bought_books_fen or 0):
        said.append(_("the total bought is not what was sold"))
    elif line.unexplained_fen:
        said.append(_("more is booked as used than the meter has deducted"))
    return said


def _fine(line: Line) -> list[str]:
    said: list[str] = []
    if line.moving_fen:
        said.append(_("the order on its way is on the meter already"))
    elif line.verdict == Verdict.MOVING:
        said.append(_("the order on its way is not on the meter yet"))
    if line.surplus_fen:
        said.append(_("it held money before the account, or somebody set it"))
    if line.unbooked_fen:
        said.append(_("used since the last closed day"))
    return said


def _verdict(place: int) -> Any:
    return lambda one: VERDICTS[one.verdict][place]


def _bad_if(name: str) -> Any:
    return lambda one: "bad b" if getattr(one, name) else ""


def _decide(line: Line) -> str:
    """An unclear order is decided elsewhere; everything else is opened out to what it comes from."""
    if line.verdict == Verdict.UNCLEAR:
        return reverse("console:orders")
    return reverse("console:reconciliation-account", args=[line.opening_id])


LINES = Register(
    name="reconciliation",
    icon="scale",
    title=gettext_lazy("Ledger against meters"),
    columns=(
        Column(
            "room",
            gettext_lazy("Room"),
            value=_room,
            link=lambda one: reverse("console:meter", args=[one.meter_id]),
            sort=("meter__room__number", "meter__number"),
            width=10,
        ),
        Column(
            "tenant",
            gettext_lazy("Tenant"),
            value=lambda one: one.opening.customer.name,
            sort=("opening__customer__name",),
            width=24,
        ),
        Column(
            "verdict",
            gettext_lazy("Result"),
            value=_verdict(0),
            icon=_verdict(1),
            tone=_verdict(2),
            link=_decide,
            sort=("rank",),
            width=20,
        ),
        Column(
            "cause",
            gettext_lazy("Class"),
            value=lambda one: one.get_cause_display() if one.cause else "",
            link=_decide,
            sort=("cause",),
            width=20,
        ),
        Column("since", gettext_lazy("Differs since"), "day", sort=("since",)),
        Column(
            "number",
            gettext_lazy("Meter number"),
            value=lambda one: one.meter.number,
            sort=("meter__number",),
            width=16,
        ),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.building.name if one.building else "",
            sort=("building__sort", "building__code"),
            shown=False,
        ),
        Column("purchases", gettext_lazy("Purchases"), "count", sort=("purchases",), shown=False),
        Column("count_books", gettext_lazy("Count, books"), "count", sort=("count_books",)),
        Column(
            "count_meter",
            gettext_lazy("Count, meter"),
            "count",
            sort=("count_meter",),
            tone=lambda one: "bad b" if one.verdict == Verdict.DIFFERS and one.count_meter != one.count_books else "",
        ),
        Column(
            "bought_books",
            gettext_lazy("Total bought, books"),
            "money",
            value=lambda one: one.bought_books_fen,
            sort=("bought_books_fen",),
        ),
        Column(
            "bought_meter",
            gettext_lazy("Total bought, meter"),
            "money",
            value=lambda one: one.bought_meter_fen,
            sort=("bought_meter_fen",),
        ),
        Column("books", gettext_lazy("Balance, books"), "money", value=lambda one: one.books_fen, sort=("books_fen",)),
        Column("meter", gettext_lazy("Balance, meter"), "money", value=lambda one: one.meter_fen, sort=("meter_fen",)),
        Column("difference", gettext_lazy("Difference"), "money", value=_difference, shown=False),
        Column(
            "unbooked",
            gettext_lazy("Used, not booked yet"),
            "money",
            value=lambda one: one.unbooked_fen,
            sort=("unbooked_fen",),
        ),
        Column(
            "moving",
            gettext_lazy("On its way"),
            "money",
            value=lambda one: one.moving_fen or None,
            sort=("moving_fen",),
            shown=False,
        ),
        Column(
            "surplus",
            gettext_lazy("Beyond what was sold"),
            "money",
            value=lambda one: one.surplus_fen or None,
            sort=("surplus_fen",),
            shown=False,
        ),
        Column(
            "unexplained",
            gettext_lazy("Unexplained"),
            "money",
            value=lambda one: one.unexplained_fen,
            sort=("unexplained_fen",),
            tone=_bad_if("unexplained_fen"),
        ),
        Column("why", gettext_lazy("Where it comes from"), value=why, width=44),
        Column("read_at", gettext_lazy("Meter shown at"), "when", sort=("read_at",), shown=False, width=20),
    ),
    filters=(
        Filter("day", gettext_lazy("Day"), "day"),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter(
            "verdict",
            gettext_lazy("Result"),
            "choice",
            choices=lambda _who: [(str(key), word[0]) for key, word in VERDICTS.items()],
        ),
        Filter("cause", gettext_lazy("Class"), "choice", choices=lambda _who: CAUSES),
        Filter("text", gettext_lazy("Room, tenant or meter")),
    ),
    order="verdict",
    rows=_rows,
    totals=lambda ask: {key.removesuffix("_fen"): fen for key, fen in queries.sums(_rows(ask)).items()},
    empty=gettext_lazy("Nothing was compared that day. Of past days the differences are kept, and every day's sums."),
    tie=("meter__number", "pk"),
)


@page(Right.REPORTS)
def index(request: HttpRequest) -> HttpResponseBase:
    return answer(request, LINES, template="console/reconciliation/index.html", more=_above)


def _above(ask: Ask) -> Mapping[str, Any]:
    run = queries.run_of(ask["day"])
    return {
        "page": "reconciliation",
        "run": run,
        "newest": ask["day"] is None,
        "totals": queries.of_run(run, operator=ask.operator) if run else [],
        "may_compare": any(ask.operator.may(right) for right in operations.MAY_COMPARE),
    }


@page(*operations.MAY_COMPARE, methods=("POST",))
def again(request: HttpRequest) -> HttpResponse:
    operations.again(operator=operator(request), now=now(), address=address(request))
    messages.success(request, _("Every account was compared with its meter."))
    return HttpResponseRedirect(reverse("console:reconciliation"))


def _day_link(total: Total) -> str:
    code = f"&building={total.building.code}" if total.building else ""
    return f"{reverse('console:reconciliation')}?day={total.run_id:%Y-%m-%d}{code}"


def _days(ask: Ask) -> QuerySet[Total]:
    found = queries.totals(operator=ask.operator)
    if ask["building"]:
        found = found.filter(building__code=ask["building"])
    if ask["from"]:
        found = found.filter(run__gte=ask["from"])
    if ask["to"]:
        found = found.filter(run__lte=ask["to"])
    return found.filter(differs__gt=0) if ask["only"] else found


DAYS = Register(
    name="reconciliation-days",
    icon="scale",
    title=gettext_lazy("Ledger against meters, day by day"),
    columns=(
        Column(
            "day", gettext_lazy("Day"), "day", value=lambda one: one.run_id, link=_day_link, sort=("run",), width=12
        ),
        Column(
            "building",
            gettext_lazy("Building"),
            value=lambda one: one.building.name if one.building else _("no room"),
            sort=("building__sort", "building__code"),
        ),
        Column("accounts", gettext_lazy("Accounts compared"), "count", sort=("accounts",)),
        Column("equal", gettext_lazy("Agree"), "count", sort=("equal",)),
        Column("moving", gettext_lazy("Orders on their way"), "count", sort=("moving",)),
        Column(
            "unclear",
            gettext_lazy("Unclear"),
            "count",
            sort=("unclear",),
            tone=lambda one: "warn b" if one.unclear else "",
        ),
        Column("surplus", gettext_lazy("Hold more than was sold"), "count", sort=("surplus",), shown=False),
        Column("unread", gettext_lazy("Not read yet"), "count", sort=("unread",)),
        Column("differs", gettext_lazy("Unexplained"), "count", sort=("differs",), tone=_bad_if("differs")),
        Column("books", gettext_lazy("Balance, books"), "money", value=lambda one: one.books_fen, sort=("books_fen",)),
        Column(
            "meters", gettext_lazy("Balance, meter"), "money", value=lambda one: one.meters_fen, sort=("meters_fen",)
        ),
        Column(
            "unbooked",
            gettext_lazy("Used, not booked yet"),
            "money",
            value=lambda one: one.unbooked_fen,
            sort=("unbooked_fen",),
        ),
        Column(
            "unexplained",
            gettext_lazy("Unexplained amount"),
            "money",
            value=lambda one: one.unexplained_fen,
            sort=("unexplained_fen",),
            tone=_bad_if("unexplained_fen"),
        ),
        Column(
            "at",
            gettext_lazy("Compared at"),
            "when",
            value=lambda one: one.run.at,
            sort=("run__at",),
            shown=False,
            width=20,
        ),
    ),
    filters=(
        Filter("from", gettext_lazy("From"), "day"),
        Filter("to", gettext_lazy("To"), "day"),
        Filter("building", gettext_lazy("Building"), "choice", choices=buildings),
        Filter(
            "only",
            gettext_lazy("Result"),
            "choice",
            choices=lambda _who: [("differs", gettext_lazy("only with differences"))],
        ),
    ),
    order="-day",
    rows=_days,
    tie=("building__code", "pk"),
)


@page(Right.REPORTS)
def days(request: HttpRequest) -> HttpResponseBase:
    return answer(
        request, DAYS, template="console/reconciliation/days.html", more=lambda _ask: {"page": "reconciliation"}
    )
