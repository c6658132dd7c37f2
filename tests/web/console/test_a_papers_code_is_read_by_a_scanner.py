"""The QR code as it stands on paper: rendered, read by a decoder that is not ours, and checked against the books."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from counter import Counter
from prewatt.domain.audit.paper import Verdict, check
from prewatt.domain.vending.models import Sale
from prewatt.domain.vending.operations import sell_many
from prewatt.domain.vending.receipt_text import PARTS
from web.console.test_a_receipt_is_a_pdf_of_the_right_size import printed

pytestmark = pytest.mark.skipif(shutil.which("zbarimg") is None, reason="needs Debian's zbar-tools")
DOTS_PER_INCH = 150  # half of what a phone's camera sees at arm's length


@pytest.fixture
def counter(db: None, client: Any) -> Counter:
    one = Counter(meters=3)
    for meter in one.meters:
        one.opened(meter)
    client.force_login(one.cashier)
    return one


def scanned(made: pypdfium2.PdfDocument, folder: Path) -> list[str]:
    """The texts of all codes on all pages."""
    pictures = []
    for at, page in enumerate(made):
        picture = folder / f"{at}.png"
        page.render(scale=DOTS_PER_INCH / 72).to_pil().save(picture)
        pictures.append(str(picture))
    done = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", *pictures],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


@pytest.mark.parametrize("paper", ["241", "a4"])
def test_every_part_carries_a_code_that_a_scanner_reads_and_the_books_know(
    client: Any, counter: Counter, paper: str, tmp_path: Path
) -> None:
    lines = [(f"s{at}", meter, "50") for at, meter in enumerate(counter.meters)]
    sell_many(payment_id="p", lines=lines, tender="cash", operator=counter.cashier, now=counter.now)
    codes = scanned(printed(client, Sale.objects.get(pk="s0"), paper), tmp_path)
    assert len(codes) == len(PARTS)
    assert len(set(codes)) == 1
    checked = check(codes[0])
    assert checked.verdict == Verdict.GENUINE
    assert checked.books is not None
    assert (checked.books.amount_fen, len(checked.books.lines)) == (15_000, 3)
    assert check(codes[0].replace("/15000/", "/95000/")).verdict == Verdict.FORGED
