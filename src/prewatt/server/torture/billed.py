"""What must hold of accounts that the platform bills, and of the prices that meters were sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Sum

from prewatt.domain.billing import rating
from prewatt.domain.billing.models import Standing, Terms
from prewatt.domain.billing.queries import available_fen
from prewatt.domain.control.models import PRICE_NAMES, Desired, Reported
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter, Opening
from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.metering.closing import day_start_ms
from prewatt.domain.metering.models import Reading, UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.settlement import used_fen
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale
from prewatt.domain.vending.platform import was_cut_for_arrears
from prewatt.domain.vending.records import ClosingLine
from prewatt.link.messages import Kind

COUNTED = ("energy_wh", "energy_sharp_wh", "energy_peak_wh", "energy_flat_wh", "energy_valley_wh", "energy_deep_wh")


def judge(truth: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What did not hold, in words that name the meter."""
    for terms in Terms.objects.select_related("opening__meter").order_by("pk"):
        yield from _account(terms)
    for meter in Meter.objects.filter(openings__platform_terms__isnull=False).distinct().order_by("number"):
        yield from _energy(meter, truth[meter.number])
    for meter in Meter.objects.filter(active=True).order_by("number"):
        yield from _prices(meter, truth[meter.number])


# --- money -----------------------------------------------------------------------------------------------------------


def _account(terms: Terms) -> Iterator[str]:
    opening = terms.opening
    name = f"meter {opening.meter.number} (account {opening.pk} of the platform)"
    balance_fen, used = ledger_queries.balance_fen(accounts.meter(opening.pk)), used_fen(opening.pk)
    if opening.closed_at is not None:
        if balance_fen:
            yield f"{name} was closed with {balance_fen} fen on it"
        return
    bought_fen = _bought_fen(opening)
    if balance_fen != bought_fen - used:
        yield f"statement 2: {name} holds {balance_fen} fen, it bought {bought_fen} and used {used}"
    once_fen = rating.of_days(opening, rating.days_of(opening))
    if used != once_fen:
        yield f"statement 2: {name} was charged {used} fen day by day, its readings come to {once_fen}"
    standing, now = Standing.objects.get(pk=opening.pk), rating.so_far(opening)
    if (standing.rated_fen, standing.rated_until, standing.refused) != (now.fen, now.until, ""):
        yield f"{name} stands at {standing.rated_fen} fen {standing.refused}, its use comes to {now.fen}"
    if _paid_and_dark(terms):
        yield f"{name} has paid and was never switched on again"


def _bought_fen(opening: Opening) -> int:
    """From the papers, not from the ledger."""
    sold = Sale.objects.filter(opening=opening)
    back = [
        kind.objects.filter(opening=opening, state=BackState.DONE, from_wallet=False) for kind in (Refund, Reversal)
    ]
    carried = ClosingLine.objects.filter(new_opening=opening).aggregate(fen=Sum("carried_fen"))["fen"] or 0
    return _sum(sold) + carried - sum(_sum(rows) for rows in back)


def _sum(rows: Any) -> int:
    return rows.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def _paid_and_dark(terms: Terms) -> bool:
    """The last that its switch obeyed was a trip for arrears, it has paid since, and nobody gave power back."""
    opening = terms.opening
    if not was_cut_for_arrears(opening.meter):
        return False
    if available_fen(opening.pk) < max(terms.switch_on_min_fen, 1 - terms.overdraft_fen):
        return False
    off = MeterOrder.objects.filter(meter=opening.meter, kind=Kind.SWITCH_OFF, state=State.DONE)
    cut = off.order_by("-answered_at")[0]
    paid = Sale.objects.filter(opening=opening, sold_at__gt=cut.placed_at)
    asked = MeterOrder.objects.filter(meter=opening.meter, kind=Kind.SWITCH_ON, placed_at__gt=cut.placed_at)
    return paid.exists() and not asked.exists()


# --- energy ----------------------------------------------------------------------------------------------------------


def _energy(meter: Meter, truth: dict[str, Any]) -> Iterator[str]:
    """Between its first reading and its last each Wh is in one hour and in one day, and the meter has counted it."""
    readings = Reading.objects.filter(meter=meter, energy_wh__isnull=False).order_by("taken_ms")
    first, last = readings.values("taken_ms", *COUNTED).first(), readings.values("taken_ms", *COUNTED).last()
    if first is None or last is None:
        return
    ratio = meter.ct_ratio * meter.pt_ratio
    for name in COUNTED[1:]:
        shown = truth["registers_wh"][name.split("_")[1]]
        if (last[name] or 0) > shown:
            yield f"meter {meter.number} shows {shown} Wh in {name}, a reading says {last[name]}"
    hours = UsageHour.objects.filter(meter=meter)
    in_hours = hours.aggregate(wh=Sum("energy_wh"))["wh"] or 0
    if in_hours != (last["energy_wh"] - first["energy_wh"]) * ratio:
        yield f"meter {meter.number} used {in_hours} Wh by its hours, its readings say otherwise"
    days = UsageDay.objects.filter(meter=meter).order_by("day")
    if (newest := days.last()) is None:
        return
    end_ms = day_start_ms(newest.day, zone()) + 86_400_000
    until = hours.filter(start_ms__lt=end_ms).aggregate(wh=Sum("energy_wh"))["wh"] or 0
    if (in_days := sum(one.energy_wh for one in days)) != until:
        yield f"meter {meter.number} used {in_days} Wh by its days, {until} by their hours"
    if days.filter(posted_version__lt=F("version")).exists():
        yield f"meter {meter.number} has a closed day that nobody booked"


# --- prices ----------------------------------------------------------------------------------------------------------


def _prices(meter: Meter, truth: dict[str, Any]) -> Iterator[str]:
    """The prices that were sent last, and taken, are those that the meter charges by."""
    orders = MeterOrder.objects.filter(meter=meter, kind=Kind.PRICES)
    left = orders.filter(leased_at__isnull=False).exclude(state__in=(State.CANCELLED, State.EXPIRED))
    last = left.order_by("-placed_at", "-pk").first()
    for order in orders.filter(state__in=OPEN):
        yield f"meter {meter.number}: prices {order.pk} never ended ({order.state})"
    if last is None or last.state != State.DONE:
        return
    charges = dict(zip(PRICE_NAMES, truth["memory"]["prices_e4"], strict=True))
    if {name: charges[name] for name in last.values} != last.values:
        yield f"meter {meter.number} was sent {last.values} last and has confirmed them, but charges {charges}"
    desired, reported = Desired.objects.filter(meter=meter).first(), Reported.objects.filter(meter=meter).first()
    for name in PRICE_NAMES:
        if desired is None or reported is None or getattr(desired, name) != getattr(reported, name):
            yield f"meter {meter.number}: prices desired {desired and desired.known()}, reported otherwise ({name})"
            return
