"""验票: the code on a paper is sealed; original, reprint, reversed, refunded are told apart, a forged one is found."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.audit.paper import Verdict, check
from prewatt.domain.ledger.sealing import seal
from prewatt.domain.vending.models import ReceiptKey, Refund, Reversal, Sale
from prewatt.domain.vending.operations import pay_out, print_receipt, refund, reverse, sell_many
from prewatt.domain.vending.printing import on_one_paper, paper
from prewatt.domain.vending.receipt_code import LENGTH_MAX, code
from prewatt.link.messages import Outcome
from tamper import run, tampering


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=2)
    for meter in one.meters:
        one.opened(meter)
    return one


def on_paper(counter: Counter, document: Any, *, together: bool = False) -> str:
    return paper(document, together=together, operator=counter.cashier, now=counter.now).code


def changed(code: str, at: int, to: str) -> str:
    """The code with one of its parts made another."""
    parts = code.split("/")
    parts[at] = to
    return "/".join(parts)


def test_what_was_printed_here_is_genuine_and_the_books_say_the_same(counter: Counter) -> None:
    sale = counter.sell("s1", "140.50")
    checked = check(on_paper(counter, sale))
    assert checked.verdict == Verdict.GENUINE
    assert checked.good
    assert checked.books is not None
    assert (checked.books.receipt, checked.books.amount_fen) == (sale.receipt, 14050)
    assert (checked.books.customer, checked.books.seal) == ("张三", None)
    seal()
    again = check(on_paper(counter, sale))
    assert again.books is not None
    assert again.books.seal
    assert again.books.seal_holds


@pytest.mark.parametrize(
    ("part", "to"),
    [(2, "S2026-000001"), (3, "2"), (4, "9914050"), (5, "20200101T000000"), (6, "OTHER"), (7, "A" * 20)],
)
def test_a_changed_paper_is_forged_whatever_was_changed(counter: Counter, part: int, to: str) -> None:
    counter.sell("s2", "7")
    checked = check(changed(on_paper(counter, counter.sell("s1", "140.50")), part, to))
    assert checked.verdict == Verdict.FORGED
    assert not checked.good


def test_a_code_of_another_site_and_a_text_that_is_none(counter: Counter) -> None:
    text = on_paper(counter, counter.sell("s1", "1"))
    assert check(changed(text, 1, "AAAAAA")).verdict == Verdict.FOREIGN
    for nothing in ("", "hello", "S2026", "PW1/", text[:-1], text + "X", "A" * (LENGTH_MAX + 1), "S2026-" + "9" * 30):
        assert check(nothing).verdict == Verdict.UNREADABLE, nothing


def test_a_scanner_that_writes_small_letters_or_ends_the_line_is_understood(counter: Counter) -> None:
    text = on_paper(counter, counter.sell("s1", "1"))
    assert check(f" {text.lower()}\r\n").verdict == Verdict.GENUINE


def test_a_number_alone_is_known_or_not_and_proves_nothing(counter: Counter) -> None:
    counter.sell("s1", "1")
    assert check("s2026-000001").verdict == Verdict.KNOWN
    assert check("S2026-000002").verdict == Verdict.UNKNOWN


def test_the_first_paper_and_its_reprints_carry_the_same_code_and_are_all_told(counter: Counter) -> None:
    sale = counter.sell("s1", "1")
    codes = {on_paper(counter, sale)}
    for press in ("p1", "p2", "p3"):
        print_receipt(print_id=press, document=sale, operator=counter.cashier, now=counter.now)
        codes.add(on_paper(counter, sale))
    assert len(codes) == 1
    books = check(codes.pop()).books
    assert books is not None
    assert [one.nth for one in books.prints] == [1, 2, 3]


def test_a_reversed_sale_is_genuine_and_names_the_red_receipt_and_the_other_way_round(counter: Counter) -> None:
    sale = counter.sell("s1", "100")
    before = on_paper(counter, sale)
    counter.arrive("s1")
    reverse(reversal_id="r1", sale_id="s1", operator=counter.admin, now=counter.now, note="输错户号")
    counter.arrive("r1")
    books = check(before).books
    assert books is not None
    assert [(one.receipt, one.kind) for one in books.related] == [("C2026-000001", "reversal")]
    assert books.lines[0].state == "reversed"
    red = check(on_paper(counter, Reversal.objects.get(pk="r1")))
    assert red.verdict == Verdict.GENUINE
    assert red.books is not None
    assert [(one.receipt, one.first) for one in red.books.related] == [("S2026-000001", True)]


def test_refunds_off_the_meter_and_out_of_the_wallet_are_told(counter: Counter) -> None:
    counter.sell("s1", "100")
    counter.arrive("s1")
    refund(refund_id="r1", meter=counter.meters[0], amount="5", tender="cash", operator=counter.admin, now=counter.now)
    counter.arrive("r1")
    waits = counter.sell("s2", "30")
    before = on_paper(counter, waits)
    counter.lease()
    counter.settle("s2", Outcome.REFUSED, reason="not_taken")
    pay_out(refund_id="r2", sale_id="s2", tender="cash", operator=counter.admin, now=counter.now)
    for key in ("r1", "r2"):
        assert check(on_paper(counter, Refund.objects.get(pk=key))).good
    books = check(before).books
    assert books is not None
    assert (books.lines[0].state, books.related[0].receipt) == ("returned", "T2026-000002")


def test_several_lines_on_one_paper_have_one_code_for_their_sum(counter: Counter) -> None:
    lines = [(f"s{at}", meter, "50") for at, meter in enumerate(counter.meters)]
    sell_many(payment_id="p", lines=lines, tender="cash", operator=counter.cashier, now=counter.now)
    checked = check(on_paper(counter, Sale.objects.get(pk="s0"), together=True))
    assert checked.verdict == Verdict.GENUINE
    assert checked.books is not None
    assert (checked.books.amount_fen, len(checked.books.lines)) == (10000, 2)
    assert check(on_paper(counter, Sale.objects.get(pk="s1"))).verdict == Verdict.GENUINE, "a line printed alone"


def test_books_that_were_put_back_do_not_know_a_genuine_paper(counter: Counter) -> None:
    sale = Sale.objects.select_related("customer").get(pk=counter.sell("s1", "1").pk)
    lost = on_one_paper(sale, together=False)
    lost[0].number = 7  # it was sold after the backup was made
    assert check(code(lost)).verdict == Verdict.MISSING
    lost[0].number, lost[0].amount_fen = 1, 5  # and here another sale has its number now
    assert check(code(lost)).verdict == Verdict.DIFFERS


def test_a_stranger_learns_nothing_of_another_building(counter: Counter) -> None:
    text = on_paper(counter, counter.sell("s1", "1"))
    assert check(text, operator=counter.stranger).books is None
    assert check("S2026-000001", operator=counter.stranger).verdict == Verdict.UNKNOWN
    assert check(text, operator=counter.cashier).good


def test_money_that_was_changed_behind_the_books_breaks_the_seal_of_its_paper(counter: Counter) -> None:
    text = on_paper(counter, counter.sell("s1", "1"))
    seal()
    with tampering():
        run("UPDATE ledger_transfer SET cause_id = 's9' WHERE key = 'sale:s1:paid'")
        checked = check(text)
    assert not checked.good
    assert checked.books is not None
    assert not checked.books.seal_holds


def test_the_key_is_made_with_the_table_and_never_put_into_words(counter: Counter) -> None:
    key = ReceiptKey.objects.get(pk=1)
    assert len(key.secret) == 32
    assert bytes(key.secret).hex() not in f"{key} {key!r}"
    assert on_paper(counter, counter.sell("s1", "1")).count("/") == 7
