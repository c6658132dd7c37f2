"""Statements 2 and 3: the books against the last reading of each meter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.db.models import F

from prewatt.domain.audit.report import Finding, Report, Tick
from prewatt.domain.billing import queries as billing_queries
from prewatt.domain.billing import rating
from prewatt.domain.billing.models import Terms
from prewatt.domain.dispatch import queries as dispatch_queries
from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate.models import Opening
from prewatt.domain.ledger import queries as ledger_queries
from prewatt.domain.ledger.accounts import meter as meter_account
from prewatt.domain.metering.models import Reading, UsageDay
from prewatt.domain.tariff.rules.timeline import CannotPrice
from prewatt.domain.vending.look import net_fen

_NAMES = ("taken_ms", "balance_fen", "overdraft_fen", "purchase_count", "bought_fen")
_ON_THE_WAY = (State.LEASED, State.TAKEN, State.UNCLEAR)


def meters(report: Report, tick: Tick) -> Iterator[Finding]:
    """Each open account whose meter was read. A meter with an order on its way may show it already, or not yet."""
    openings = Opening.objects.filter(closed_at__isnull=True).select_related("meter").order_by("meter__number")
    total, unread = openings.count(), 0
    here = set(Terms.objects.values_list("pk", flat=True))
    for done, opening in enumerate(openings.iterator(chunk_size=500)):
        if opening.pk in here:
            yield from _rated(opening)
            continue
        values = last_values(opening)
        if values:
            yield from _one(opening, values)
        else:
            unread += 1
        if done % 200 == 0:
            tick("meters", done, total)
    report.checked["meters"] = total
    report.notes["meters_unread"] = unread
    tick("meters", total, total)


def _rated(opening: Opening) -> Iterator[Finding]:
    """平台计费: the ledger alone. What is booked as used is what the rules make of the booked days, priced anew."""
    days = rating.days_of(opening)
    if any(one.posted_version < one.version for one in days):
        return  # some wait to be booked
    try:
        priced_fen = rating.of_days(opening, days)
    except CannotPrice as error:
        yield Finding("meters", "mismatch", f"meter {opening.meter.number}", f"booked use has no price: {error}")
        return
    booked_fen = dispatch_queries.credited_fen(opening) - ledger_queries.balance_fen(meter_account(opening.pk))
    if booked_fen != priced_fen:
        what = f"{booked_fen} fen are booked as used; the price plan makes {priced_fen} of the closed days"
        yield Finding("meters", "mismatch", f"meter {opening.meter.number}", what)
    kept_fen, put_fen = opening.standing.put_fen, billing_queries.put_fen(opening.pk)
    if kept_fen != put_fen:
        what = f"lists go by {kept_fen} fen put on the account; the ledger put {put_fen} there"
        yield Finding("meters", "mismatch", f"meter {opening.meter.number}", what)


def last_values(opening: Opening) -> dict[str, int]:
    """The last look at the meter's money: one whole reading, or the proof of its last money order if that is newer."""
    readings = Reading.objects.filter(meter_id=opening.meter_id, bought_fen__isnull=False, purchase_count__isnull=False)
    newest = readings.order_by("-taken_ms").values(*_NAMES).first()
    last = dispatch_queries.last_money_done(opening)
    if last is not None and last.answered_at is not None:
        answered_ms = round(last.answered_at.timestamp() * 1000)
        if newest is None or newest["taken_ms"] <= answered_ms:
            return dict(last.after)
    opened_ms = round(opening.opened_at.timestamp() * 1000)
    if newest is None or newest["taken_ms"] < opened_ms:
        return {}
    return {name: int(value) for name, value in newest.items() if value is not None and name != "taken_ms"}


def _one(opening: Opening, values: Mapping[str, int]) -> Iterator[Finding]:
    row = f"meter {opening.meter.number}"
    pending = MeterOrder.objects.filter(opening=opening, kind__in=sorted(SERIAL_KINDS), state__in=_ON_THE_WAY).first()
    if pending is not None and (pending.state == State.UNCLEAR or pending.kind == "open"):
        return  # a person decides, or the registers are about to be set
    count = dispatch_queries.expected_count(opening)
    bought = dispatch_queries.expected_bought_fen(opening)
    stories = [(count, bought)]
    if pending is not None and bought is not None:
        delta_fen = (pending.amount_fen or 0) * (-1 if pending.kind == "refund" else 1)
        stories.append((count + 1, bought + delta_fen))
    shown_count, shown_bought = values.get("purchase_count"), values.get("bought_fen")
    if not any(_fits(shown_count, c) and _fits(shown_bought, b) for c, b in stories):
        yield Finding("meters", "mismatch", row, _difference(shown_count, count, shown_bought, bought))
        return
    yield from _usage(opening, values, row)


def _fits(shown: int | None, expected: int | None) -> bool:
    return shown is None or expected is None or shown == expected


def _difference(shown_count: int | None, count: int, shown_bought: int | None, bought: int | None) -> str:
    return (
        f"purchase count {shown_count} where {count} orders are confirmed; "
        f"credited {shown_bought} fen where the books say {bought}"
    )


def _usage(opening: Opening, values: Mapping[str, int], row: str) -> Iterator[Finding]:
    """Revenue is what the meter itself deducted: up to the last closed day to the fen, and never more than it has."""
    if opening.bought_base_fen is None:
        return
    posted_fen = dispatch_queries.credited_fen(opening) - ledger_queries.balance_fen(meter_account(opening.pk))
    closed_fen = _closed_fen(opening, int(opening.bought_base_fen))
    if closed_fen is not None and posted_fen != closed_fen:
        what = f"{posted_fen} fen are booked as used; the closed days say {closed_fen}"
        yield Finding("meters", "mismatch", row, what)
    if "bought_fen" not in values or "balance_fen" not in values:
        return
    deducted_fen = values["bought_fen"] - int(opening.bought_base_fen) - net_fen(values)
    if posted_fen > max(0, deducted_fen):
        what = f"{posted_fen} fen are booked as used; the meter has deducted {deducted_fen}"
        yield Finding("meters", "mismatch", row, what)


def _closed_fen(opening: Opening, base_fen: int) -> int | None:
    """What ran through the meter's own counter until its last closed day; None while a day waits to be booked."""
    since_ms = dispatch_queries.opened_ms(opening)
    if since_ms is None:
        return None
    days = UsageDay.objects.filter(meter_id=opening.meter_id, day__gte=rating.first_day(opening), last_ms__gte=since_ms)
    if days.filter(posted_version__lt=F("version")).exists() or days.filter(counter_fen__isnull=True).exists():
        return None
    last = days.order_by("-day").values_list("counter_fen", flat=True).first()
    return None if last is None else int(last) - base_fen
