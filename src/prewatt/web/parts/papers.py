"""Receipts on paper: the same slips for the screen, the printer and a PDF file, on two kinds of paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import segno
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.receipt_text import PARTS, Paper
from prewatt.web.parts.words import Text


@dataclass(frozen=True, slots=True)
class Sheet:
    code: str
    title: Text
    css: str


SHEETS = {
    one.code: one
    for one in (
        Sheet("241", gettext_lazy("Three-part paper, 241 × 93 mm"), "prewatt/receipt-241.css"),
        Sheet("a4", gettext_lazy("A4, three parts on a page"), "prewatt/receipt-a4.css"),
    )
}
LAYOUT = "prewatt/receipt.css"


class NoPdf(Refused):
    code = "no_pdf"


@dataclass(frozen=True, slots=True)
class Slips:
    """One receipt in its parts. `again`: which reprint this is; 0 on the first paper. `copy`: the tenant's own file."""

    paper: Paper
    again: int = 0
    parts: tuple[str, ...] = PARTS
    copy: bool = False

    @property
    def qr(self) -> str:
        """The code as a picture: an SVG in a data address."""
        return picture(self.paper.code)


@lru_cache(maxsize=64)  # each part of a paper shows the same
def picture(code: str) -> str:
    if not code:
        return ""
    return segno.make(code, error="m", micro=False).svg_data_uri(border=2, omitsize=True, light="#fff")


def pdf(receipts: Sequence[Slips], sheet: Sheet) -> bytes:
    """All of them in one file. Raises NoPdf where this server cannot make PDF files."""
    try:
        import weasyprint  # noqa: PLC0415 - only where a PDF is made: it needs libraries that a site may not have
    except (ImportError, OSError) as error:  # the package, or Debian's libpango behind it
        raise NoPdf(
            _(
                "This server cannot make PDF files: %(missing)s is missing. The print is counted; print it from the "
                "page instead. An administrator installs prewatt's extra “pdf” and the system packages "
                "libpango-1.0-0 and libpangoft2-1.0-0."
            )
            % {"missing": "WeasyPrint" if isinstance(error, ImportError) else "libpango"}
        ) from error
    html = render_to_string("parts/receipts/pdf.html", {"receipts": receipts})
    # A receipt carries all that it shows: no file is read and nothing is fetched.
    itself = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    style = [weasyprint.CSS(string=_css(one), url_fetcher=itself) for one in (LAYOUT, sheet.css)]
    made: bytes = weasyprint.HTML(string=html, url_fetcher=itself).write_pdf(stylesheets=style)
    return made


def _css(name: str) -> str:
    found = finders.find(name)
    assert isinstance(found, str), name
    return Path(found).read_text()
