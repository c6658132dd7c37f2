"""What waits for a person: unclear orders with what the readings say, late answers, and orders to lost meters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from prewatt.domain.dispatch import queries as dispatch
from prewatt.domain.dispatch.models import Contradiction, MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate.models import Meter
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.link.messages import Kind
from prewatt.web.parts import words
from prewatt.web.parts.formats import yuan

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

ROWS_MAX = 200
MONEY_STATES = (State.QUEUED, State.LEASED, State.TAKEN)


@dataclass(frozen=True, slots=True)
class Register:
    """One register: before, now, and what it would be if the order was carried out, or was not."""

    title: words.Text
    before: str
    now: str
    applied: str
    not_applied: str
    fits: str  # applied, not, both, neither; empty while it proves nothing


@dataclass(frozen=True, slots=True)
class Case:
    """An unclear order beside its readings."""

    order: MeterOrder
    sale: Sale | None
    registers: list[Register]
    says: str  # applied, not, neither: what the registers that prove something agree on
    second_if_applied: bool  # the total bought would need an adjustment, and that a second person
    second_if_not: bool


def unclear(*, operator: Operator) -> list[Case]:
    seen = Meter.objects.for_operator(operator).values("pk")
    found = dispatch.unclear_orders().filter(meter__in=seen).select_related("meter__room", "opening__customer")
    orders = list(found[:ROWS_MAX])
    sales = {sale.order_id: sale for sale in Sale.objects.filter(order__in=[order.pk for order in orders])}
    return [case(order, sales.get(order.pk)) for order in orders]


def case(order: MeterOrder, sale: Sale | None) -> Case:
    count, bought = _expected(order)
    shown = order.after
    registers = [
        _register(_("Purchase count"), order, "purchase_count", count, _plain),
        _register(_("Total bought (yuan)"), order, "bought_fen", bought, yuan),
        Register(
            _("Balance (yuan)"), yuan(order.before.get("balance_fen")), yuan(shown.get("balance_fen")), "", "", ""
        ),
    ]
    fits = {one.fits for one in registers if one.fits not in ("", "both")}
    says = fits.pop() if len(fits) == 1 else "neither"
    return Case(
        order=order,
        sale=sale,
        registers=registers,
        says=says,
        second_if_applied=_differs(shown.get("bought_fen"), bought[0]),
        second_if_not=_differs(shown.get("bought_fen"), bought[1]),
    )


Pair = tuple[int | None, int | None]


def _expected(order: MeterOrder) -> tuple[Pair, Pair]:
    """What count and total bought should be if the order was carried out, and if it was not."""
    if order.opening_id is None or order.kind == Kind.OPEN:
        return (order.count, None), (None, None)
    count, bought_fen = dispatch.expected(order.opening_id)
    delta_fen = (order.amount_fen or 0) * (-1 if order.kind == Kind.REFUND else 1)
    bought = (None, None) if bought_fen is None else (bought_fen + delta_fen, bought_fen)
    return (count + 1, count), bought


def _register(title: str, order: MeterOrder, name: str, expected: Pair, show: Any) -> Register:
    now = order.after.get(name)
    return Register(
        title,
        show(order.before.get(name)),
        show(now),
        show(expected[0]),
        show(expected[1]),
        _fits(now, expected),
    )


def _fits(now: int | None, expected: Pair) -> str:
    if now is None or expected == (None, None):
        return ""
    if now == expected[0]:
        return "applied"
    return "not" if now == expected[1] else "neither"


def _differs(now: int | None, expected: int | None) -> bool:
    return now is not None and expected is not None and now != expected


def _plain(value: int | None) -> str:
    return "—" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Late:
    """An answer that came after its order was settled otherwise."""

    kept: Contradiction
    order: MeterOrder | None
    sale: Sale | None

    @property
    def slot(self) -> str:
        return f"late-{self.kept.pk}"

    @property
    def acceptable(self) -> bool:
        """Only an answer that says the opposite of what is settled changes the books."""
        return self.order is not None and self.kept.why == "contradicts"


def late(*, operator: Operator) -> list[Late]:
    """Within the operator's buildings; what names no known meter is for those who see every building."""
    kept = list(dispatch.contradictions()[:ROWS_MAX])
    numbers = {one.meter_number for one in kept}
    visible = set(Meter.objects.for_operator(operator).filter(number__in=numbers).values_list("number", flat=True))
    kept = [one for one in kept if operator.all_buildings or one.meter_number in visible]
    refs = [one.order_ref for one in kept]
    orders = {order.pk: order for order in MeterOrder.objects.filter(pk__in=refs).select_related("meter__room")}
    sales = {sale.order_id: sale for sale in Sale.objects.filter(order__in=refs)}
    return [Late(one, orders.get(one.order_ref), sales.get(one.order_ref)) for one in kept]


def waiting_for_lost(*, operator: Operator) -> list[Sale]:
    """Sales whose meter does not answer: booked, and sent once when it is back."""
    found = _sales(operator).filter(state=SaleState.PAID, order__state__in=MONEY_STATES, meter__state__lost=True)
    return list(found.order_by("sold_at")[:ROWS_MAX])


def waiting_in_wallet(*, operator: Operator) -> list[Sale]:
    """Sales whose money the meter did not take: somebody sends it again or pays it out."""
    return list(_sales(operator).filter(state=SaleState.WAITING).order_by("sold_at")[:ROWS_MAX])


def _sales(operator: Operator) -> Any:
    seen = Meter.objects.for_operator(operator).values("pk")
    related = ("meter__room", "meter__state", "customer", "operator", "order")
    return Sale.objects.filter(meter__in=seen).select_related(*related)
