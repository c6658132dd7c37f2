"""日结: every signed day is made again from the books; past the triggers, the first that differs is named."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from counter import Counter
from prewatt.domain.audit.verify import verify
from prewatt.domain.ledger.sealing import seal
from prewatt.domain.reports import day_close
from prewatt.domain.reports.models import DayClose
from prewatt.domain.staff.sealing import seal_log
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.operations import close_shift, open_shift, refund, reverse
from tamper import run, tampering

FIRST = date(2026, 6, 1)
SECOND = date(2026, 6, 2)


def sign(counter: Counter, day: date) -> DayClose:
    return day_close.sign(day=day, form_id=f"sign-{day}", note="ok", operator=counter.admin, now=counter.now)


@pytest.fixture
def signed(counter: Counter) -> Counter:
    """Two days of trade, signed in the wrong order; money goes on coming in between and after."""
    counter.opened()
    open_shift(shift_id="h1", float_amount="200", operator=counter.cashier, now=counter.now)
    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.sell("s2", "50", tender="wechat", operator=counter.admin)
    counter.arrive("s2")
    open_shift(shift_id="h2", float_amount="50", operator=counter.admin, now=counter.now)
    close_shift(shift_id="h1", counted="299", reason="one yuan short", operator=counter.cashier, now=counter.now)
    seal(limit=3)
    counter.later(days=1)
    counter.sell("s3", "7")
    counter.arrive("s3")
    refund(refund_id="r1", meter=counter.meters[0], amount="10", tender="cash", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    reverse(reversal_id="v1", sale_id="s2", operator=counter.admin, now=counter.now)
    counter.arrive("v1")
    late = counter.now
    counter.later(days=1)
    counter.sell("s4", "5")
    counter.arrive("s4")
    sign(counter, SECOND)
    counter.sell("s5", "6")
    counter.arrive("s5")
    sign(counter, FIRST)
    close_shift(shift_id="h2", counted="50", reason="see paper", operator=counter.admin, now=counter.now)
    counter.sell("s6", "1", now=late)  # dated before the signature, booked after it
    counter.arrive("s6")
    counter.read_all(balance_fen=10_900, purchase_count=8, bought_fen=10_900)
    seal()
    seal_log()
    return counter


def found() -> list[tuple[str, str, str]]:
    return [(one.kind, one.row, one.what) for one in verify().findings if one.check == "signed"]


def named() -> list[tuple[str, str]]:
    return [(kind, row) for kind, row, _what in found()]


def test_days_that_nobody_touched_are_clean_whatever_was_booked_later(signed: Counter) -> None:
    report = verify()
    assert report.findings == []
    assert (report.checked["signed_days"], report.notes["signed_days_without_a_place_in_the_chain"]) == (2, 0)
    assert day_close.since_signed(DayClose.objects.get(day=SECOND))["sold_fen"] == 100


def test_the_figures_stand_up_to_a_named_seal_and_not_beyond(signed: Counter) -> None:
    second, first = DayClose.objects.get(day=SECOND).figures, DayClose.objects.get(day=FIRST).figures
    assert second["chain"] < first["chain"]
    assert second["total"]["income_fen"] == 700 - 1000 - 5000
    assert second["ledger"]["tender"] == -(10_000 + 5_000 + 700 - 1_000 - 5_000 + 500)
    assert first["ledger"]["tender"] == second["ledger"]["tender"] - 600


def test_a_new_name_of_its_seller_changes_no_day(signed: Counter) -> None:
    signed.cashier.display_name = "林静"
    signed.cashier.save()
    assert found() == []


def test_a_figure_changed_on_a_signed_sheet_is_named(signed: Counter) -> None:
    one = DayClose.objects.get(day=SECOND)
    one.figures["total"]["income_fen"] += 1
    with tampering():
        assert run("UPDATE reports_dayclose SET figures = %s WHERE day = %s", json.dumps(one.figures), SECOND) == 1
        assert named() == [("changed", "signed day 2026-06-02")]


@pytest.mark.parametrize("column", ["note", "closed_at", "seal_sha256", "sha256"])
def test_anything_else_changed_under_the_signature_is_named(signed: Counter, column: str) -> None:
    value = "2026-06-04 00:00:00" if column == "closed_at" else "0" * 64
    with tampering():
        run(f"UPDATE reports_dayclose SET {column} = %s WHERE day = %s", value, FIRST)
        assert named()[0] == ("changed", "signed day 2026-06-01")


def test_a_sheet_forged_with_a_seal_of_its_own_is_not_the_one_in_the_log(signed: Counter) -> None:
    one = DayClose.objects.select_related("closed_by").get(day=FIRST)
    one.note = "forged"
    forged = day_close.digest(
        day=one.day,
        figures=one.figures,
        note=one.note,
        signed_by=one.closed_by.username,
        at=one.closed_at,
        seal=one.seal_sha256,
    )
    with tampering():
        run("UPDATE reports_dayclose SET note = %s, sha256 = %s WHERE day = %s", one.note, forged, FIRST)
        assert found() == [("changed", "signed day 2026-06-01", "the log says that another sheet was signed")]


def test_a_sheet_that_was_taken_away_or_put_in_is_named(signed: Counter) -> None:
    with tampering():
        run("DELETE FROM reports_dayclose WHERE day = %s", FIRST)
        assert named() == [("removed", "signed day 2026-06-01")]
    with tampering():
        run("UPDATE reports_dayclose SET day = %s WHERE day = %s", SECOND + timedelta(days=5), FIRST)
        assert ("removed", "signed day 2026-06-01") in named()
        assert ("changed", "signed day 2026-06-07") in named()


@pytest.mark.parametrize(
    ("statement", "day", "figure"),
    [
        ("UPDATE vending_sale SET operator_id = %(second)s WHERE id = 's1'", FIRST, "sellers"),
        ("UPDATE vending_sale SET business_day = '2026-06-03' WHERE id = 's1'", FIRST, "total"),
        ("UPDATE vending_sale SET business_day = '2026-06-01' WHERE id = 's4'", FIRST, "total"),
        ("UPDATE vending_sale SET amount_fen = amount_fen + 1 WHERE id = 's3'", SECOND, "total"),
        ("UPDATE vending_refund SET tender = 'card' WHERE id = 'r1'", SECOND, "methods"),
        ("UPDATE vending_reversal SET number = number + 7 WHERE id = 'v1'", SECOND, "earlier"),
        ("UPDATE vending_shift SET reason = 'nobody' WHERE id = 'h1'", FIRST, "shifts"),
        ("DELETE FROM vending_shift WHERE id = 'h1'", FIRST, "shifts"),
        ("UPDATE ledger_transfer SET amount_fen = amount_fen + 1 WHERE key = 'sale:s3:paid'", SECOND, "ledger"),
    ],
)
def test_a_row_behind_a_signed_day_that_was_changed_names_that_day(
    signed: Counter, statement: str, day: date, figure: str
) -> None:
    assert Sale.objects.get(pk="s1").operator_id != signed.second.pk
    with tampering():
        assert run(statement.replace("%(second)s", str(signed.second.pk))) == 1
        told = found()
    assert [(kind, row) for kind, row, _what in told] == [("mismatch", f"signed day {day}")]
    assert figure in told[0][2]
