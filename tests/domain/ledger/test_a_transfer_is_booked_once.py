from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from prewatt.domain.ledger import accounts
from prewatt.domain.ledger import operations as ledger
from prewatt.domain.ledger.models import Kind, Transfer
from prewatt.domain.ledger.queries import arriving_fen, available_fen, balance_fen, balances, reserved_fen
from prewatt.domain.ledger.sealing import checkpoint

AT = datetime(2026, 6, 1, tzinfo=UTC)
CAUSE = ledger.Cause("sale", "s1")
CASH, WALLET, METER = accounts.tender("cash"), accounts.wallet(1), accounts.meter(1)


def book(**changes: Any) -> int:
    asked: dict[str, Any] = {"key": "k", "cause": CAUSE, "debit": CASH, "credit": WALLET, "amount_fen": 100, "at": AT}
    return ledger.post(**asked | changes)


@pytest.mark.django_db
def test_a_replay_finds_the_first() -> None:
    first = book()
    assert book(at=AT + timedelta(days=1)) == first
    assert (Transfer.objects.count(), balance_fen(WALLET), balance_fen(CASH)) == (1, 100, -100)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed",
    [
        {"amount_fen": 101},
        {"credit": METER},
        {"debit": accounts.tender("card")},
        {"cause": ledger.Cause("sale", "s2")},
        {"cause": ledger.Cause("refund", "s1")},
    ],
)
def test_a_replay_with_other_content_is_refused_by_name(changed: dict[str, Any]) -> None:
    book()
    with pytest.raises(ledger.KeyTaken, match="nothing was booked"):
        book(**changed)
    with pytest.raises(ledger.KeyTaken):
        ledger.pend(key="k", cause=CAUSE, debit=CASH, credit=WALLET, amount_fen=100, at=AT)
    assert Transfer.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -1, 1.5, True, "100"])
def test_only_whole_fen_above_zero_are_booked(amount: object) -> None:
    with pytest.raises(ledger.NotAnAmount):
        book(amount_fen=amount)
    assert Transfer.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "on_meter", "in_wallet"), [(Kind.CONFIRMED, 100, 0), (Kind.VOIDED, 0, 100)])
def test_a_pending_transfer_is_ended_once(kind: Kind, on_meter: int, in_wallet: int) -> None:
    book()
    ledger.pend(key="p", cause=CAUSE, debit=WALLET, credit=METER, amount_fen=100, at=AT)
    assert (balance_fen(WALLET), reserved_fen(WALLET), available_fen(WALLET), arriving_fen(METER)) == (100, 100, 0, 100)
    first = ledger.settle(pending="p", kind=kind, cause=CAUSE, at=AT)
    assert ledger.settle(pending="p", kind=kind, cause=CAUSE, at=AT) == first
    assert (balance_fen(METER), balance_fen(WALLET), reserved_fen(WALLET)) == (on_meter, in_wallet, 0)
    other = Kind.VOIDED if kind is Kind.CONFIRMED else Kind.CONFIRMED
    with pytest.raises(ledger.AlreadyResolved, match="first word stands"):
        ledger.settle(pending="p", kind=other, cause=CAUSE, at=AT)
    assert (balance_fen(METER), balance_fen(WALLET)) == (on_meter, in_wallet)


@pytest.mark.django_db
def test_what_is_not_pending_cannot_be_ended() -> None:
    book()
    for key in ("k", "nobody"):
        with pytest.raises(ledger.NoSuchPending):
            ledger.settle(pending=key, kind=Kind.CONFIRMED, cause=CAUSE, at=AT)


def raw(**columns: object) -> None:
    """Straight SQL, past all of our own code."""
    row = {
        "key": "raw",
        "kind": "posted",
        "cause_kind": "sale",
        "cause_id": "s",
        "amount_fen": 100,
        "at": connection.ops.adapt_datetimefield_value(AT),
    }
    row |= columns
    names = ", ".join(row)
    with transaction.atomic(), connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO ledger_transfer ({names}) VALUES ({marks})", list(row.values()))


@pytest.mark.django_db
def test_the_database_refuses_what_does_not_fit() -> None:
    book()
    pending = ledger.pend(key="p", cause=CAUSE, debit=WALLET, credit=METER, amount_fen=100, at=AT)
    row = Transfer.objects.get(pk=pending)
    wallet, meter = row.debit_id, row.credit_id
    fitting: dict[str, object] = {"kind": "confirmed", "resolves_id": pending, "debit_id": wallet, "credit_id": meter}
    for wrong in (
        {"debit_id": wallet, "credit_id": wallet},
        {"debit_id": wallet, "credit_id": meter, "amount_fen": 0},
        {"debit_id": wallet, "credit_id": meter, "amount_fen": -5},
        {"debit_id": wallet, "credit_id": meter, "kind": "maybe"},
        {"debit_id": wallet, "credit_id": meter, "kind": "confirmed"},
        {"debit_id": wallet, "credit_id": meter, "resolves_id": pending},
        {"debit_id": wallet, "credit_id": meter, "key": "k"},
        fitting | {"amount_fen": 99},
        fitting | {"debit_id": meter, "credit_id": wallet},
        fitting | {"resolves_id": Transfer.objects.get(key="k").pk},
    ):
        with pytest.raises(Error):
            raw(**wrong)
    raw(**fitting)
    with pytest.raises(Error):
        raw(**fitting | {"key": "raw2"})


class AnySequence(TestCase):
    """Whatever is posted, pended, ended, replayed, checkpointed: balances are the plain sums, together zero."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["post", "pend", "confirm", "void", "replay", "checkpoint"]),
                st.integers(0, 3),
                st.integers(0, 3),
                st.integers(1, 10**12),
            ),
            max_size=25,
        )
    )
    def test_balances_are_the_sums_of_what_was_booked(self, steps: list[tuple[str, int, int, int]]) -> None:
        refs = [CASH, WALLET, METER, accounts.REVENUE]
        model = dict.fromkeys(refs, 0)
        pending: dict[str, tuple[int, int, int]] = {}
        booked: list[dict[str, Any]] = []
        for number, (what, debit, credit, fen) in enumerate(steps):
            key = f"k{number}"
            asked = {"cause": CAUSE, "debit": refs[debit], "credit": refs[credit], "amount_fen": fen, "at": AT}
            if what == "post" and debit != credit:
                ledger.post(key=key, **asked)
                booked.append({"key": key, **asked})
                model[refs[debit]] -= fen
                model[refs[credit]] += fen
            elif what == "pend" and debit != credit:
                ledger.pend(key=key, **asked)
                pending[key] = (debit, credit, fen)
            elif what in ("confirm", "void") and pending:
                name, (out, into, amount) = pending.popitem()
                ledger.settle(
                    pending=name, kind=Kind.CONFIRMED if what == "confirm" else Kind.VOIDED, cause=CAUSE, at=AT
                )
                if what == "confirm":
                    model[refs[out]] -= amount
                    model[refs[into]] += amount
            elif what == "replay" and booked:
                ledger.post(**booked[debit % len(booked)])
            elif what == "checkpoint":
                checkpoint(now=AT, every=1)
            assert {ref: balance_fen(ref) for ref in refs} == model
        assert sum(fen for _ref, fen in balances()) == 0
        for index, ref in enumerate(refs):
            assert reserved_fen(ref) == sum(fen for out, _into, fen in pending.values() if out == index)
