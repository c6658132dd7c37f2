"""Writing to the ledger: one statement a transfer. Balances, seals and checkpoints come later and touch no hot row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from prewatt.domain.ledger.accounts import Ref
from prewatt.domain.ledger.models import Account, Kind, Transfer
from prewatt.domain.ledger.sealing import checkpoint, seal, seal_day

__all__ = [
    "AlreadyResolved",
    "Cause",
    "KeyTaken",
    "Leg",
    "NoSuchPending",
    "NotAnAmount",
    "checkpoint",
    "lock",
    "pend",
    "post",
    "post_and_pend",
    "seal",
    "seal_day",
    "settle",
]


class Cause(NamedTuple):
    """Why money moved: `Cause("sale", sale_id)`."""

    kind: str
    id: str


class KeyTaken(Exception):
    """The key already stands for another transfer. Nothing was booked. Trying again does not help: the caller made
    the key twice.
    """

    def __init__(self, key: str, stands_for: str, asked_for: str) -> None:
        super().__init__(
            f"transfer {key!r} exists with other content; nothing was booked."
            f" Booked: {stands_for}. Asked for: {asked_for}"
        )


class NoSuchPending(Exception):
    """There is no pending transfer with this key, so nothing was booked. Trying again does not help."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no pending transfer {key!r}; nothing was booked")


class AlreadyResolved(Exception):
    """The pending transfer was already ended the other way. Nothing was booked; the first word stands.

    Do not try again.
    """

    def __init__(self, key: str, kind: str) -> None:
        super().__init__(f"pending transfer {key!r} is already {kind}; nothing was booked and the first word stands")


class NotAnAmount(ValueError):
    """Transfers carry whole fen above zero. Nothing was booked."""

    def __init__(self, amount_fen: object) -> None:
        super().__init__(f"a transfer carries whole fen above zero, not {amount_fen!r}; nothing was booked")


_INTO = "INSERT INTO ledger_transfer (key, kind, cause_kind, cause_id, amount_fen, debit_id, credit_id, at)"
_ROW = """
SELECT %s, %s, %s, %s, %s, d.id, c.id, %s FROM ledger_account d, ledger_account c
WHERE d.code = %s AND d.owner = %s AND c.code = %s AND c.owner = %s
"""
_ONCE = "ON CONFLICT (key) DO NOTHING RETURNING id"
_INSERT = f"{_INTO}{_ROW}{_ONCE}"
_INSERT_TWO = f"{_INTO}{_ROW}UNION ALL{_ROW}{_ONCE}"

_RESOLVE = """
INSERT INTO ledger_transfer (key, kind, resolves_id, cause_kind, cause_id, amount_fen, debit_id, credit_id, at)
SELECT %s, %s, p.id, %s, %s, p.amount_fen, p.debit_id, p.credit_id, %s FROM ledger_transfer p
WHERE p.key = %s AND p.kind = 'pending'
ON CONFLICT DO NOTHING RETURNING id
"""


def post(*, key: str, cause: Cause, debit: Ref, credit: Ref, amount_fen: int, at: datetime) -> int:
    """Move money now. Returns the transfer's id; the same call again returns the same id and books nothing.

    Raises KeyTaken when the key stands for another transfer, NotAnAmount unless `amount_fen` is a whole number above
    zero.
    """
    return _book(key, _Wanted(Kind.POSTED, cause, debit, credit, amount_fen), at)


def pend(*, key: str, cause: Cause, debit: Ref, credit: Ref, amount_fen: int, at: datetime) -> int:
    """Reserve money until `settle` confirms or voids it. Errors and replays as for `post`."""
    return _book(key, _Wanted(Kind.PENDING, cause, debit, credit, amount_fen), at)


class Leg(NamedTuple):
    """One of two transfers that belong together."""

    key: str
    cause: Cause
    debit: Ref
    credit: Ref
    amount_fen: int


def post_and_pend(*, posted: Leg, pending: Leg, at: datetime) -> None:
    """Move money now and reserve it onward, in one statement. Errors and replays as for `post`."""
    wanted = (_Wanted(Kind.POSTED, *posted[1:]), _Wanted(Kind.PENDING, *pending[1:]))
    keys = (posted.key, pending.key)
    values = [value for key, one in zip(keys, wanted, strict=True) for value in _values(key, one, at)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_TWO, values)
        booked = len(cursor.fetchall())
    if booked < len(keys):  # an account is new, or a key is not: find out one by one
        for key, one in zip(keys, wanted, strict=True):
            _book(key, one, at)


class _Wanted(NamedTuple):
    """A transfer without its key and time: what a replay must repeat."""

    kind: Kind
    cause: Cause
    debit: Ref
    credit: Ref
    amount_fen: int

    def __str__(self) -> str:
        return f"{self.kind.value} {self.cause.kind} {self.cause.id} {self.debit}->{self.credit} {self.amount_fen} fen"


def _book(key: str, wanted: _Wanted, at: datetime) -> int:
    values = _values(key, wanted, at)
    found = _one(_INSERT, values)
    if found is None:
        first = _first(key)
        if first is not None:
            return _same(first, wanted)
        Account.objects.bulk_create(
            [Account(code=ref.code, owner=ref.owner) for ref in (wanted.debit, wanted.credit)], ignore_conflicts=True
        )
        found = _one(_INSERT, values)
    if found is None:  # somebody else booked the key between our two looks
        first = _first(key)
        assert first is not None
        return _same(first, wanted)
    return found


def _values(key: str, wanted: _Wanted, at: datetime) -> tuple[Any, ...]:
    kind, cause, debit, credit, amount_fen = wanted
    if type(amount_fen) is not int or amount_fen <= 0:
        raise NotAnAmount(amount_fen)
    return (key, kind.value, *cause, amount_fen, _time(at), *debit, *credit)


def _first(key: str) -> Transfer | None:
    return Transfer.objects.filter(key=key).select_related("debit", "credit").first()


def _same(first: Transfer, wanted: _Wanted) -> int:
    """A replay is the same transfer at another time; the first time stands."""
    stands = _Wanted(
        Kind(first.kind),
        Cause(first.cause_kind, first.cause_id),
        Ref(first.debit.code, first.debit.owner),
        Ref(first.credit.code, first.credit.owner),
        first.amount_fen,
    )
    if stands != wanted:
        raise KeyTaken(first.key, str(stands), str(wanted))
    return first.pk


def settle(*, pending: str, kind: Kind, cause: Cause, at: datetime) -> int:
    """End a pending transfer by its key: Kind.CONFIRMED moves the money, Kind.VOIDED releases it.

    Returns the id of the ending row; the same word again returns the same id. Raises AlreadyResolved for the opposite
    word,
    NoSuchPending when there is nothing to end.
    """
    key = f"{pending}:end"
    found = _one(_RESOLVE, (key, kind.value, *cause, _time(at), pending))
    if found is not None:
        return found
    first = Transfer.objects.filter(key=key).first()
    if first is None:
        raise NoSuchPending(pending)
    if first.kind != kind:
        raise AlreadyResolved(pending, first.kind)
    return first.pk


def lock(ref: Ref) -> None:
    """Hold an account until the transaction ends, so that what is available on it cannot be spent twice.

    Only when it grows scarcer.
    """
    Account.objects.get_or_create(code=ref.code, owner=ref.owner)
    Account.objects.select_for_update(no_key=True).get(code=ref.code, owner=ref.owner)


def _one(statement: str, values: tuple[Any, ...]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _time(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)
