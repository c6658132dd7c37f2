"""The receipt as PDF: pages of the right size, nothing cut off, on both kinds of paper, whatever stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pypdfium2
import pytest

from counter import Counter
from prewatt.domain.estate.models import Meter
from prewatt.domain.vending import checks
from prewatt.domain.vending.models import Print, Sale
from prewatt.domain.vending.operations import sell_many
from prewatt.domain.vending.printing import on_one_paper
from prewatt.domain.vending.receipt_text import PARTS, receipts_of
from prewatt.units.values import Money

POINTS_PER_MM = 72 / 25.4
LONG_NAME = "海棠湾国际旅游度假区东方之珠海鲜大酒楼有限责任公司三亚第一分公司（原海风西餐厅）加名"
MOST = "999999999.99"


@pytest.fixture
def counter(db: None, client: Any) -> Counter:
    one = Counter(meters=12)
    for meter in one.meters:
        one.opened(meter)
    Meter.objects.update(ceiling_fen=0)
    client.force_login(one.cashier)
    return one


def pay(counter: Counter, lines: int, amount: str = "50") -> Sale:
    asked = [(f"s{at}", meter, amount) for at, meter in enumerate(counter.meters[:lines])]
    sell_many(payment_id="p", lines=asked, tender="cash", operator=counter.cashier, now=counter.now)
    return Sale.objects.get(pk="s0")


def printed(client: Any, sale: Sale, paper: str) -> pypdfium2.PdfDocument:
    noted = client.post(f"/receipts/{sale.receipt}/print/", {"form_id": token_hex(16), "together": "1"})
    page, _mark, together = noted["Location"].partition("?")
    return pdf(client, f"{page}pdf/?{together}&paper={paper}")


def pdf(client: Any, address: str) -> pypdfium2.PdfDocument:
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    return pypdfium2.PdfDocument(answer.content)


def sizes(document: pypdfium2.PdfDocument) -> set[tuple[float, float]]:
    return {tuple(round(side / POINTS_PER_MM, 1) for side in page.get_size()) for page in document}  # type: ignore[misc]


def text(document: pypdfium2.PdfDocument) -> str:
    """All letters, without the line breaks that the paper's width made."""
    return "".join("".join(page.get_textpage().get_text_bounded().split()) for page in document)


def outside(document: pypdfium2.PdfDocument, margin_mm: float) -> list[str]:
    """Letters that stand nearer to the edge than a printer reaches."""
    return [letter for page in document for letter in _outside(page, margin_mm * POINTS_PER_MM)]


def _outside(page: Any, margin: float) -> Iterator[str]:
    width, height = page.get_size()
    letters = page.get_textpage()
    for at in range(letters.count_chars()):
        left, bottom, right, top = letters.get_charbox(at)
        if left < right and not (
            margin <= left and right <= width - margin and margin <= bottom and top <= height - margin
        ):
            yield letters.get_text_range(at, 1)


@pytest.mark.parametrize(("lines", "pages"), [(1, 3), (3, 3), (12, 6)])
def test_a_part_is_a_third_of_a_page_and_a_long_receipt_goes_on_on_the_next(
    client: Any, counter: Counter, lines: int, pages: int
) -> None:
    sale = pay(counter, lines)
    made = printed(client, sale, "241")
    assert len(made) == pages
    assert sizes(made) == {(241.0, 93.1)}
    assert outside(made, 2.5) == []
    said = text(made)
    for part in PARTS:
        assert part in said
    assert all(said.count(meter.number) == len(PARTS) for meter in counter.meters[:lines])
    named = f"{receipts_of(on_one_paper(sale, together=True))}"
    second = ["接上页" in page.get_textpage().get_text_bounded() for page in made]
    assert second == ([False, True] * 3 if pages == 6 else [False] * 3)
    assert all(said.count(f"{named}{part}") == (3 if pages == 6 else 1) for part in PARTS)


@pytest.mark.parametrize(("lines", "pages"), [(1, 1), (3, 1), (12, 2)])
def test_on_a4_the_three_parts_stand_below_each_other(client: Any, counter: Counter, lines: int, pages: int) -> None:
    made = printed(client, pay(counter, lines), "a4")
    assert len(made) == pages
    assert sizes(made) == {(210.0, 297.0)}
    assert outside(made, 2.5) == []
    assert all(text(made).count(part) == 1 for part in PARTS)


@pytest.mark.parametrize("paper", ["241", "a4"])
def test_long_names_and_the_largest_amount_are_not_cut(
    client: Any, counter: Counter, paper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "AMOUNT_FEN_MAX", Money.parse(MOST).fen)  # a counter refuses so much; a paper must not
    counter.customer.name = LONG_NAME[:40]
    counter.customer.save(update_fields=["name"])
    made = printed(client, pay(counter, 1, MOST), paper)
    assert len(made) == (3 if paper == "241" else 1)
    assert outside(made, 2.5) == []
    said = text(made)
    assert said.count(LONG_NAME[:40]) == len(PARTS)
    assert said.count("999,999,999.99") >= 2 * len(PARTS)
    assert said.count("人民币玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分") == len(PARTS)


def test_a_queue_of_twenty_is_one_file(client: Any, counter: Counter) -> None:
    for at in range(20):
        counter.sell(f"q{at}", "10")
    form = {"form_id": token_hex(16), "first": "S2026-000001", "last": "20"}
    noted = client.post("/receipts/several/", form)
    assert client.post("/receipts/several/", form)["Location"] == noted["Location"], "a double click"
    assert Print.objects.count() == 20
    made = pdf(client, f"{noted['Location']}pdf/?paper=a4")
    assert len(made) == 20
    assert all(f"S2026-{number:06d}" in text(made) for number in range(1, 21))
    assert "补打" not in text(made)
    again = client.post("/receipts/several/", form | {"form_id": token_hex(16)})
    assert text(pdf(client, f"{again['Location']}pdf/?paper=a4")).count("补打第1次") == 20 * len(PARTS)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("S2026-000001", "S2026-000060", "no range"),
        ("S2026-000002", "S2026-000001", "no range"),
        ("S2026-000001", "T2026-000002", "no range"),
        ("nothing", "1", "no range"),
        ("S2026-000001", "2", "There is no receipt S2026-000002"),
    ],
)
def test_a_wrong_range_prints_nothing_and_says_why(
    client: Any, counter: Counter, first: str, last: str, said: str
) -> None:
    counter.sell("s1", "1")
    client.cookies["django_language"] = "en"
    answer = client.post("/receipts/several/", {"form_id": token_hex(16), "first": first, "last": last})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert f'value="{first}"' in answer.content.decode()
    assert not Print.objects.exists()


def test_a_server_without_the_library_says_so(client: Any, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = client.post(f"/receipts/{counter.sell('s1', '1').receipt}/print/", {"form_id": token_hex(16)})
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    client.cookies["django_language"] = "en"
    answer = client.get(f"{noted['Location']}pdf/")
    assert answer.status_code == 422
    assert "WeasyPrint is missing" in answer.content.decode()
    assert client.get(noted["Location"]).status_code == 200
