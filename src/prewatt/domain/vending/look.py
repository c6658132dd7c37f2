"""One look at a meter before money moves: its account, its last known balance and what is on the way. One statement.

Written as SQL because a sale takes it while it holds the meter: as separate questions it cost more than all the
bookings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime

from prewatt.domain.billing import queries as billing

_LOOK = """
SELECT o.id, o.customer_id, o.closed_at IS NOT NULL, o.inactive,
       t.taken_at, t.balance_fen, t.overdraft_fen, t.lost,
       d.answered_at, d.after,
       (SELECT COALESCE(SUM(CASE WHEN w.kind = 'refund' THEN -w.amount_fen ELSE w.amount_fen END), 0)
        FROM dispatch_meterorder w WHERE w.meter_id = m.id AND w.state IN ('queued', 'leased', 'taken', 'unclear')
        AND w.kind IN ('recharge', 'refund', 'open')),
       EXISTS (SELECT 1 FROM dispatch_meterorder x WHERE x.meter_id = m.id AND x.kind = 'switch_off'
               AND x.cause_kind = 'arrears' AND x.state IN ('queued', 'leased', 'taken')),
       EXISTS (SELECT 1 FROM dispatch_meterorder h WHERE h.meter_id = m.id AND h.count IS NOT NULL
               AND h.state IN ('queued', 'leased', 'taken', 'unclear') AND h.kind IN ('recharge', 'refund', 'open')),
       EXISTS (SELECT 1 FROM vending_closingline l WHERE l.opening_id = o.id
               AND l.state NOT IN ('done', 'withdrawn')),
       EXISTS (SELECT 1 FROM vending_sale s WHERE s.id = %s),
       EXISTS (SELECT 1 FROM billing_terms b WHERE b.opening_id = o.id)
FROM estate_meter m
LEFT JOIN estate_opening o ON o.id = (
    SELECT p.id FROM estate_opening p WHERE p.meter_id = m.id ORDER BY p.opened_at DESC, p.id DESC LIMIT 1)
LEFT JOIN metering_meterstate t ON t.meter_id = m.id
LEFT JOIN dispatch_meterorder d ON d.id = (
    SELECT e.id FROM dispatch_meterorder e WHERE e.opening_id = o.id AND e.state = 'done'
    AND e.kind IN ('recharge', 'refund', 'open') ORDER BY e.answered_at DESC LIMIT 1)
WHERE m.id = %s
"""


@dataclass(frozen=True, slots=True)
class Look:
    opening_id: int | None
    customer_id: int | None
    closed: bool
    inactive: bool  # 失效: nothing is sold to it
    balance_fen: int  # as last known, overdraft taken off; zero while nothing is known
    known_at: datetime | None
    lost: bool
    arriving_fen: int  # on its way to the meter, less what is on its way back
    arrears_trip: bool  # an order to trip for arrears is on its way
    money_order: bool  # a money order is on its way: the next one queues behind it
    ending: bool  # the account is being closed, changed or handed over
    sold: bool  # the sale that was asked about exists already
    platform: bool = False  # 平台计费: the balance lives in the ledger, no money goes to the meter


def look(meter_id: int, *, sale_id: str = "") -> Look:
    """What the centre knows now, and whether a sale with this id exists.

    Hold the meter (`dispatch.operations.lock_meter`) if anything is to be decided by it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, (sale_id, meter_id))
        row = cursor.fetchone()
    opening_id, customer_id, closed, inactive, taken_at, balance, overdraft, lost, answered_at, after, *flags = row
    arriving, trip, head, ending, sold, platform = flags
    read_at, proven_at, proof = _when(taken_at), _when(answered_at), _values(after)
    balance_fen, known_at = 0, None
    if balance is not None and read_at is not None:
        balance_fen, known_at = net_fen({"balance_fen": balance, "overdraft_fen": max(0, overdraft or 0)}), read_at
    if "balance_fen" in proof and proven_at is not None and (known_at is None or known_at <= proven_at):
        balance_fen, known_at = net_fen(proof), proven_at
    if platform and (stand := billing.standing(opening_id)) is not None:
        known_at = None if stand.available_fen is None else read_at  # use without a price: nobody knows what is left
        balance_fen = stand.available_fen or 0
    return Look(
        opening_id=opening_id,
        customer_id=customer_id,
        closed=bool(closed),
        inactive=bool(inactive),
        balance_fen=balance_fen,
        known_at=known_at,
        lost=bool(lost),
        arriving_fen=int(arriving),
        arrears_trip=bool(trip),
        money_order=bool(head),
        ending=bool(ending),
        sold=bool(sold),
        platform=bool(platform),
    )


def net_fen(values: Mapping[str, int]) -> int:
    """Balance less overdraft. A meter that shows debt as a negative balance shows it once, not twice."""
    balance = values.get("balance_fen", 0)
    return balance if balance < 0 else balance - values.get("overdraft_fen", 0)


def _when(value: Any) -> datetime | None:
    """SQLite gives text without a zone, which is UTC."""
    if isinstance(value, str):
        value = parse_datetime(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _values(value: Any) -> dict[str, int]:
    found: dict[str, int] = json.loads(value) if isinstance(value, str) else value or {}
    return found
