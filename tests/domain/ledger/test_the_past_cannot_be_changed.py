"""The database itself refuses, whoever asks: this is SQL, not the ORM."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from counter import Counter
from prewatt.domain.ledger.sealing import checkpoint, seal, seal_day
from prewatt.domain.vending.operations import refund, reverse

IMMUTABLE = {
    "ledger_account": "owner = 'me'",
    "ledger_transfer": "amount_fen = 1",
    "ledger_seal": "sha256 = ''",
    "ledger_dayseal": "sha256 = ''",
    "ledger_checkpoint": "balance_fen = 0",
    "vending_sale": "amount_fen = 1",
    "vending_refund": "amount_fen = 1",
    "vending_reversal": "amount_fen = 1",
    "vending_series": "last = 0",
    "dispatch_meterorder": "amount_fen = 1",
    "dispatch_decision": "applied = false",
    "dispatch_contradiction": "outcome = ''",
}


@pytest.fixture
def booked(counter: Counter) -> Counter:
    """Something in every table."""
    from prewatt.domain.settlement import decide
    from prewatt.link.messages import Outcome

    counter.opened()
    for sale_id in ("s1", "s2", "s3"):
        counter.sell(sale_id, "50")
        counter.arrive(sale_id)
    refund(
        refund_id="r1",
        meter=counter.meters[0],
        amount="10",
        tender="cash",
        operator=counter.admin,
        now=counter.now,
    )
    counter.arrive("r1")
    reverse(reversal_id="v1", sale_id="s3", operator=counter.admin, now=counter.now)
    counter.arrive("v1")
    counter.settle("nobody-asked", Outcome.DONE)
    counter.sell("s4", "5")
    counter.lease()
    counter.settle("s4", Outcome.UNCLEAR)
    decide(order_id="s4", applied=False, operator=counter.admin, reason="seen", now=counter.now)
    seal()
    checkpoint(now=counter.now, every=1)
    seal_day(day=counter.now.date(), now=counter.now)
    return counter


@pytest.mark.parametrize(("table", "change"), IMMUTABLE.items())
def test_no_row_can_be_changed(booked: Counter, table: str, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        assert cursor.fetchone()[0] > 0
    with pytest.raises(Error, match=r"immutable|counts up"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {change}")


@pytest.mark.parametrize("table", IMMUTABLE)
def test_no_row_can_be_deleted(booked: Counter, table: str) -> None:
    with pytest.raises(Error, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("table", IMMUTABLE)
def test_no_table_can_be_emptied_at_once(booked: Counter, table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(Error, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


def test_a_receipt_number_once_given_stays(booked: Counter) -> None:
    for table in ("vending_refund", "vending_reversal"):
        with pytest.raises(Error, match=r"immutable|stays"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET number = number + 1")


def test_a_purchase_count_once_given_stays(booked: Counter) -> None:
    with pytest.raises(Error, match=r"immutable|stays"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE dispatch_meterorder SET count = count + 1")


def test_a_series_counts_up_by_one_only(booked: Counter) -> None:
    with pytest.raises(Error, match=r"immutable|counts up"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE vending_series SET last = last + 2")
