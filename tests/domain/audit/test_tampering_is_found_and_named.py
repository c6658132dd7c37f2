"""Past the triggers, with plain SQL, at every row: the audit names the first row that is not as it was booked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.audit.verify import Report, verify
from prewatt.domain.ledger.models import Checkpoint, DaySeal, Seal, Transfer
from prewatt.domain.ledger.sealing import GENESIS, canonical, link, seal
from prewatt.domain.staff.models import LogSeal
from tamper import run, tampering

CHANGES = {
    "amount": "amount_fen = amount_fen + 1",
    "key": "key = key || 'x'",
    "cause": "cause_id = 'other'",
    "turned round": "debit_id = credit_id, credit_id = debit_id",
    "other kind": """kind = CASE kind WHEN 'posted' THEN 'pending' WHEN 'pending' THEN 'posted'
        WHEN 'confirmed' THEN 'voided' ELSE 'confirmed' END""",
}


def first() -> tuple[str, str]:
    return row(verify(findings_max=1))


def row(report: Report) -> tuple[str, str]:
    assert report.first is not None
    return report.first.kind, report.first.row


def sealed() -> list[int]:
    return list(Seal.objects.order_by("seq").values_list("transfer_id", flat=True))


def test_untouched_books_are_clean(books: Counter) -> None:
    report = verify()
    assert report.findings == []
    assert report.checked["seals"] == len(sealed()) > 25
    assert report.notes["unsealed"] == 2


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_transfer_is_named_at_every_position(books: Counter, change: str) -> None:
    for pk in sealed():
        with tampering():
            assert run(f"UPDATE ledger_transfer SET {change} WHERE id = %s", pk) == 1
            assert first() == ("changed", f"transfer {pk}")


def test_a_removed_transfer_is_named_at_every_position(books: Counter) -> None:
    for pk in sealed():
        with tampering():
            run("DELETE FROM ledger_transfer WHERE id = %s", pk)
            assert first() == ("removed", f"transfer {pk}")


def test_a_transfer_removed_with_its_seal_leaves_a_gap_at_every_position(books: Counter) -> None:
    seals = list(Seal.objects.order_by("seq"))
    for one in seals:
        with tampering():
            run("DELETE FROM ledger_seal WHERE seq = %s", one.seq)
            run("DELETE FROM ledger_transfer WHERE id = %s", one.transfer_id)
            report = verify()
            if one is seals[-1]:
                assert not report.ok  # the chain has no next link to miss it; the books do
            else:
                assert row(report) == ("removed", f"seal {one.seq}")


def test_a_removed_and_renumbered_chain_breaks_at_the_next_row(books: Counter) -> None:
    seals = list(Seal.objects.order_by("seq"))
    for one, after in itertools.pairwise(seals):
        with tampering():
            run("DELETE FROM ledger_seal WHERE seq = %s", one.seq)
            run("DELETE FROM ledger_transfer WHERE id = %s", one.transfer_id)
            run("UPDATE ledger_seal SET seq = -seq WHERE seq > %s", one.seq)
            run("UPDATE ledger_seal SET seq = -seq - 1 WHERE seq < 0")
            assert first() == ("changed", f"transfer {after.transfer_id}")


def insert(like: int, **columns: Any) -> int:
    """A copy of a transfer with other columns, as SQL."""
    source = Transfer.objects.values().get(pk=like) | {"key": "forged"} | columns
    source["at"] = connection.ops.adapt_datetimefield_value(source["at"])
    names = ", ".join(source)
    marks = ", ".join(["%s"] * len(source))
    run(f"INSERT INTO ledger_transfer ({names}) VALUES ({marks})", *source.values())
    return int(source["id"])


def test_a_transfer_inserted_into_the_past_is_named(books: Counter) -> None:
    horizon = Checkpoint.objects.latest("upto").upto
    for pk in Transfer.objects.filter(pk__lte=horizon, resolves__isnull=True).values_list("pk", flat=True):
        with tampering():
            insert(pk, id=-pk)
            assert first() == ("inserted", f"transfer {-pk}")


def test_a_transfer_inserted_now_has_nothing_behind_it_and_is_named(books: Counter) -> None:
    for pk in Transfer.objects.filter(resolves__isnull=True).values_list("pk", flat=True):
        for resealed in (False, True):
            with tampering():
                new = insert(pk, id=9_000)
                if resealed:
                    seal()  # the honest worker came by
                report = verify()
                assert not report.ok
                assert any(finding.row == f"transfer {new}" for finding in report.findings)


def test_a_chain_forged_from_one_row_on_does_not_match_the_day_that_was_written_down(books: Counter) -> None:
    day = DaySeal.objects.get()
    with tampering():
        oldest = Seal.objects.order_by("seq").first()
        assert oldest is not None
        run("UPDATE ledger_transfer SET amount_fen = amount_fen + 1 WHERE id = %s", oldest.transfer_id)
        previous = GENESIS
        for one in Seal.objects.order_by("seq").select_related("transfer__debit", "transfer__credit"):
            previous = link(previous, canonical(one.transfer))
            run("UPDATE ledger_seal SET sha256 = %s WHERE seq = %s", previous, one.seq)
        assert first() == ("changed", f"seal {day.seq}")


def test_a_chain_cut_off_before_the_day_that_was_written_down_is_named(books: Counter) -> None:
    day = DaySeal.objects.get()
    with tampering():
        run("DELETE FROM ledger_seal WHERE seq >= %s", day.seq)
        assert "removed" in {finding.kind for finding in verify().findings}


OTHER_TABLES = {
    "a sale's amount": ("UPDATE vending_sale SET amount_fen = amount_fen + 1 WHERE id = 's1'", "sale s1"),
    "a sale's way of paying": ("UPDATE vending_sale SET tender = 'card' WHERE id = 's1'", "sale s1"),
    "a sale's state": ("UPDATE vending_sale SET state = 'arrived' WHERE id = 's9'", "sale s9"),
    "a removed sale": ("DELETE FROM vending_sale WHERE id = 's1'", None),
    "a refund's amount": ("UPDATE vending_refund SET amount_fen = 1 WHERE id = 'r1'", "refund r1"),
    "a refund undone": ("UPDATE vending_refund SET state = 'refused' WHERE id = 'r1'", "refund r1"),
    "a reversal's tender": ("UPDATE vending_reversal SET tender = 'card' WHERE id = 'v1'", "reversal v1"),
    "an order's amount": ("UPDATE dispatch_meterorder SET amount_fen = 1 WHERE id = 's1'", "order s1"),
    "an order's state": ("UPDATE dispatch_meterorder SET state = 'refused' WHERE id = 's1'", "order s1"),
    "an order's account": ("UPDATE dispatch_meterorder SET opening_id = 99 WHERE id = 's1'", "order s1"),
    "a removed order": ("DELETE FROM dispatch_meterorder WHERE id = 's9'", None),
    "an opening's amount": ("UPDATE dispatch_meterorder SET amount_fen = 1 WHERE id = 'o1'", "order o1"),
    "a removed decision": ("DELETE FROM dispatch_decision", None),
    "a checkpoint": ("UPDATE ledger_checkpoint SET balance_fen = balance_fen + 1", None),
    "an account's name": ("UPDATE ledger_account SET owner = 'wechat' WHERE owner = 'cash'", None),
    "a receipt number": ("UPDATE vending_sale SET number = 77 WHERE id = 's2'", "S2026-000002"),
    "a receipt series": ("UPDATE vending_series SET last = last + 1 WHERE code = 'S2026'", "S2026-000009"),
    "a day's usage": ("DELETE FROM metering_usageday", None),
    "a day's counter": ("UPDATE metering_usageday SET counter_fen = 119", "meter 0300000000"),
    "a meter's reading": ("UPDATE metering_reading SET bought_fen = bought_fen + 1", None),
    "a count correction": ("DELETE FROM dispatch_countcorrection", "meter 0300000000"),
    "an opening's base": ("UPDATE estate_opening SET bought_base_fen = 1", "meter 0300000000"),
}


@pytest.mark.parametrize(("statement", "named"), OTHER_TABLES.values(), ids=OTHER_TABLES.keys())
def test_what_stands_around_the_ledger_is_compared_with_it(books: Counter, statement: str, named: str | None) -> None:
    with tampering():
        assert run(statement) > 0
        report = verify()
        assert not report.ok
        if named:
            assert named in {finding.row for finding in report.findings}


@pytest.mark.parametrize("tamper", ["UPDATE staff_logentry SET operator_name = 'me'", "DELETE FROM staff_logentry"])
def test_the_operation_log_is_a_chain_as_well(books: Counter, tamper: str) -> None:
    for pk in LogSeal.objects.order_by("seq").values_list("entry_id", flat=True):
        with tampering():
            assert run(f"{tamper} WHERE id = %s", pk) == 1
            assert f"log entry {pk}" in {finding.row for finding in verify().findings}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_column_of_any_sealed_row(books: Counter, data: st.DataObject) -> None:
    pk = data.draw(st.sampled_from(sealed()))
    column = data.draw(st.sampled_from(["key", "cause_kind", "cause_id", "amount_fen", "at"]))
    before = Transfer.objects.values_list(column, flat=True).get(pk=pk)
    if column == "amount_fen":
        value: Any = data.draw(st.integers(1, 2**62).filter(lambda fen: fen != before))
    elif column == "at":
        value = data.draw(st.datetimes(timezones=st.just(before.tzinfo)).filter(lambda at: at != before))
    else:
        letters = st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"])
        value = data.draw(st.text(letters, max_size=24).filter(lambda text: text != before))
    with tampering():
        try:
            Transfer.objects.filter(pk=pk).update(**{column: value})
        except Exception:  # the database itself refuses this value: also good
            return
        assert first() == ("changed", f"transfer {pk}")
