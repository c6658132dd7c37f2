"""The books against the meter: one rule for the dashboard, the daily comparison and its page.

A meter counts what it was given in all, how often, and what it still holds. The first two must be what the ledger and
the confirmed orders say, to the fen. The balance may be lower than the books' by what was used and is not booked yet.
`prewatt audit verify` looks closer still: at every transfer, and at the closed days behind what is booked as used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, QuerySet, Sum

from prewatt.domain.dispatch.models import SERIAL_KINDS, CountCorrection, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.ledger.models import MOVING, Transfer
from prewatt.domain.metering.board import Stated
from prewatt.domain.metering.states import Facts, net_fen
from prewatt.domain.reconciliation.models import Verdict
from prewatt.link.messages import MONEY_KINDS, Kind

ON_THE_WAY = (State.LEASED, State.TAKEN, State.UNCLEAR)
IDS_TOGETHER = 5000


@dataclass(frozen=True, slots=True)
class Compared:
    """What `models.Line` keeps of one account."""

    opening: int
    meter: int
    number: str
    building: int | None
    verdict: Verdict
    purchases: int
    count_books: int
    count_meter: int | None
    bought_books_fen: int | None
    bought_meter_fen: int | None
    books_fen: int
    meter_fen: int | None
    unbooked_fen: int | None
    moving_fen: int
    surplus_fen: int | None
    unexplained_fen: int | None
    read_at: datetime | None


@contextmanager
def one_view() -> Iterator[None]:
    """A reading transaction: sales go on meanwhile and are not seen. Django's own would take SQLite's write lock."""
    if connection.in_atomic_block:
        yield
        return
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if postgres else "BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


class _Account(NamedTuple):
    opening: int
    opened_at: datetime
    count_base: int
    base_fen: int | None
    meter: int
    number: str
    building: int | None
    shown_count: int | None
    bought_fen: int | None
    net_fen: int | None
    energy_at: datetime | None
    taken_at: datetime | None


_FIELDS = (
    "current__pk",
    "current__opened_at",
    "current__count_base",
    "current__bought_base_fen",
    "pk",
    "number",
    "room__floor__building",
    "state__purchase_count",
    "state__bought_fen",
    "net_fen",
    "state__energy_at",
    "state__taken_at",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the meter showed last; nothing it did not show."""

    count: int | None
    bought_fen: int | None
    net_fen: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class _Pending:
    kind: str
    state: str
    delta_fen: int


@dataclass(frozen=True, slots=True)
class _Books:
    """What the books say of every account, by opening."""

    pending: Mapping[int, _Pending]
    credited: Mapping[int, int]
    used: Mapping[int, int]
    done: Mapping[int, int]
    corrected: Mapping[int, int]

    def of(self, one: _Account) -> _Expected:
        credited_fen, purchases = self.credited.get(one.opening, 0), self.done.get(one.opening, 0)
        return _Expected(
            self.pending.get(one.opening),
            purchases,
            one.count_base + self.corrected.get(one.opening, 0) + purchases,
            None if one.base_fen is None else one.base_fen + credited_fen,
            credited_fen - self.used.get(one.opening, 0),
            self.used.get(one.opening, 0),
        )


@dataclass(frozen=True, slots=True)
class _Expected:
    pending: _Pending | None
    purchases: int
    count: int
    bought_fen: int | None
    books_fen: int
    used_fen: int

    def stories(self) -> list[tuple[int, int | None]]:
        """What the meter may show: (count, total bought). With an order on its way, what it shows after it, too."""
        now = (self.count, self.bought_fen)
        if self.pending is None or self.bought_fen is None:
            return [now]
        return [now, (self.count + 1, self.bought_fen + self.pending.delta_fen)]


def compare(meters: Stated, *, usage: bool = True, only: list[int] | None = None) -> list[Compared]:
    """Those meters with an account, by number. A fixed number of queries for any number of them. Call in `one_view`.

    Without `usage` what is booked as used is not asked for, and `books_fen` is what was credited. `only`: the accounts
    of these few meters, so that the books of all others need not be added up.
    """
    books = _Books(_pending(only), *_moved(usage=usage, only=only), _done(only), _corrected(only))
    accounts = [_Account(*row) for row in _accounts(meters)]
    first = {one.opening: _judge(one, books.of(one), _read(one)) for one in accounts}
    doubtful = [one for one in accounts if first[one.opening].verdict in (Verdict.DIFFERS, Verdict.UNREAD)]
    proven = _proven([one.opening for one in doubtful])
    for one in doubtful:
        if proof := proven.get(one.opening):
            first[one.opening] = _judge(one, books.of(one), _newer(one, proof))
    return list(first.values())


def _accounts(meters: Stated) -> Iterable[tuple[Any, ...]]:
    rows: Iterable[tuple[Any, ...]] = (
        meters.filter(current__isnull=False, current__platform_terms=None)
        .order_by("number")
        .values_list(*_FIELDS)
        .iterator(chunk_size=5000)
    )
    return rows


def _read(one: _Account) -> Shown | None:
    """Nothing of the time before the account opened."""
    if one.taken_at is None or one.taken_at < one.opened_at:
        return None
    return Shown(one.shown_count, one.bought_fen, one.net_fen, one.taken_at)


def _newer(one: _Account, proof: Shown) -> Shown | None:
    """A money order's proof goes before what was read earlier: the total is in full readings only, the rest in each."""
    read = _read(one)
    if read is None:
        return proof
    status_is_newer, full_at = read.at > proof.at, one.energy_at or one.taken_at
    total_is_newer = full_at is not None and full_at >= proof.at
    return Shown(
        read.count if status_is_newer or proof.count is None else proof.count,
        read.bought_fen if total_is_newer or proof.bought_fen is None else proof.bought_fen,
        read.net_fen if status_is_newer or proof.net_fen is None else proof.net_fen,
        max(read.at, proof.at),
    )


def _judge(one: _Account, said: _Expected, shown: Shown | None) -> Compared:
    order = said.pending
    if order is not None and (order.state == State.UNCLEAR or order.kind == Kind.OPEN):
        return _line(one, said, shown, Verdict.UNCLEAR if order.state == State.UNCLEAR else Verdict.MOVING)
    if shown is None or (shown.count is None and shown.bought_fen is None):
        return _line(one, said, shown, Verdict.UNREAD)
    fits = [_fits(shown.count, count) and _fits(shown.bought_fen, fen) for count, fen in said.stories()]
    if not any(fits):
        return _line(one, said, shown, Verdict.DIFFERS)
    moving_fen = order.delta_fen if order is not None and not fits[0] else 0
    parts = _split(one, said, shown, moving_fen)
    if parts is not None and parts.unexplained_fen:
        verdict = Verdict.DIFFERS
    elif order is not None:
        verdict = Verdict.MOVING
    else:
        verdict = Verdict.SURPLUS if parts is not None and parts.surplus_fen else Verdict.EQUAL
    return _line(one, said, shown, verdict, moving_fen)


def _fits(shown: int | None, expected: int | None) -> bool:
    return shown is None or expected is None or shown == expected


def _line(one: _Account, said: _Expected, shown: Shown | None, verdict: Verdict, moving_fen: int = 0) -> Compared:
    parts = None if verdict in (Verdict.UNCLEAR, Verdict.UNREAD) else _split(one, said, shown, moving_fen)
    return Compared(
        opening=one.opening,
        meter=one.meter,
        number=one.number,
        building=one.building,
        verdict=verdict,
        purchases=said.purchases,
        count_books=said.count,
        count_meter=shown.count if shown else None,
        bought_books_fen=said.bought_fen,
        bought_meter_fen=shown.bought_fen if shown else None,
        books_fen=said.books_fen,
        meter_fen=shown.net_fen if shown else None,
        unbooked_fen=parts.unbooked_fen if parts else None,
        moving_fen=moving_fen,
        surplus_fen=parts.surplus_fen if parts else None,
        unexplained_fen=parts.unexplained_fen if parts else None,
        read_at=shown.at if shown else None,
    )


class _Parts(NamedTuple):
    unbooked_fen: int
    surplus_fen: int
    unexplained_fen: int


def _split(one: _Account, said: _Expected, shown: Shown | None, moving_fen: int) -> _Parts | None:
    """Books less meter, taken apart.

    Used is what the meter was given less what it holds. More than that cannot be booked as used; if the meter holds
    more than it was given, that is no usage at all.
    """
    if shown is None or shown.net_fen is None:
        return None
    if shown.bought_fen is None or one.base_fen is None or said.bought_fen is None:
        open_fen = said.books_fen - shown.net_fen  # no total to go by: what is missing may have been used
        return _Parts(max(0, open_fen), max(0, -open_fen), 0)
    not_given = said.bought_fen + moving_fen - shown.bought_fen
    used = shown.bought_fen - one.base_fen - shown.net_fen
    if not_given:  # the registers differ: what was used is only known by them, so it is not set off against that
        return _Parts(used - said.used_fen, 0, not_given)
    too_much_booked = max(0, said.used_fen - max(0, used))
    return _Parts(max(0, max(0, used) - said.used_fen), max(0, -used), -too_much_booked)


def _of(only: list[int] | None) -> dict[str, list[int]]:
    return {} if only is None else {"opening__in": only}


def _pending(only: list[int] | None) -> dict[int, _Pending]:
    """Accounts with money on its way. `OPEN` stands there for the index."""
    found = MeterOrder.objects.filter(**_of(only), kind__in=sorted(SERIAL_KINDS), state__in=sorted(OPEN)).order_by()
    return {
        opening: _Pending(kind, state, (fen or 0) * (-1 if kind == Kind.REFUND else 1))
        for opening, kind, state, fen in found.values_list("opening_id", "kind", "state", "amount_fen")
        if opening is not None and state in ON_THE_WAY
    }


def _moved(*, usage: bool, only: list[int] | None) -> tuple[dict[int, int], dict[int, int]]:
    """What the ledger put on each account of a meter, refunds taken off; and what it booked as used."""
    credited: dict[int, int] = {}
    used: dict[int, int] = {}
    moved = Transfer.objects.filter(kind__in=MOVING).order_by()
    for side, sign in (("credit", 1), ("debit", -1)):
        rows = moved.filter(**{f"{side}__code": "meter"})
        if only is not None:
            rows = rows.filter(**{f"{side}__owner__in": [str(pk) for pk in only]})
        _add(credited, rows.exclude(cause_kind="usage"), side, sign)
        if usage:
            _add(used, rows.filter(cause_kind="usage"), side, -sign)
    return credited, used


def _add(sums: dict[int, int], rows: QuerySet[Transfer], side: str, sign: int) -> None:
    for owner, fen in rows.values_list(f"{side}__owner").annotate(fen=Sum("amount_fen")):
        sums[int(owner)] = sums.get(int(owner), 0) + sign * int(fen)


def _done(only: list[int] | None) -> dict[int, int]:
    """Confirmed orders that moved money; opening itself sets the count and is none of them."""
    done = MeterOrder.objects.filter(**_of(only), state=State.DONE, kind__in=sorted(MONEY_KINDS)).order_by()
    return dict(done.values_list("opening_id").annotate(number=Count("pk")))


def _corrected(only: list[int] | None) -> dict[int, int]:
    rows = CountCorrection.objects.filter(**_of(only)).order_by().values_list("opening_id").annotate(delta=Sum("delta"))
    return {opening: int(delta) for opening, delta in rows}


def _proven(openings: list[int]) -> dict[int, Shown]:
    """What the last confirmed money order of each account showed."""
    found: dict[int, Shown] = {}
    for start in range(0, len(openings), IDS_TOGETHER):
        done = MeterOrder.objects.filter(
            opening__in=openings[start : start + IDS_TOGETHER], kind__in=sorted(SERIAL_KINDS), state=State.DONE
        )
        rows = done.filter(answered_at__isnull=False).order_by("answered_at")
        for opening, at, after in rows.values_list("opening_id", "answered_at", "after"):
            if opening is not None and at is not None and "bought_fen" in after:
                found[opening] = Shown(after.get("purchase_count"), after["bought_fen"], _net(after), at)
    return found


def _net(values: Mapping[str, int]) -> int | None:
    return net_fen(Facts(opened=True, balance_fen=values.get("balance_fen"), overdraft_fen=values.get("overdraft_fen")))
