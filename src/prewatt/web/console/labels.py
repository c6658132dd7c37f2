"""Labels for meters on A4 sheets, as PDF: one HTML template for every size, laid out by WeasyPrint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import segno
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.commissioning.refusals import NoLabels, NoPrinter, TooManyLabels, UnknownSheet
from prewatt.domain.estate.models import Meter
from prewatt.web.parts.words import Text

LABELS_MAX = 500  # some four seconds of a processor and 170 MB, measured; a thousand were eight and 230
USUAL = "24"  # the sheet of whoever names none


@dataclass(frozen=True, slots=True)
class Sheet:
    """A common sheet of labels; lengths in millimetres."""

    code: str
    title: Text
    columns: int
    rows: int
    width: float
    height: float
    left: float
    top: float
    gap: float = 0.0  # between columns
    qr: float = 22.0

    @property
    def count(self) -> int:
        return self.columns * self.rows

    @property
    def qr_top(self) -> str:
        return f"{(self.height - self.qr) / 2:.2f}"

    @property
    def words_left(self) -> str:
        return f"{self.qr + 7:.2f}"

    @property
    def places(self) -> list[tuple[str, str]]:
        """Left and top of each label in millimetres, by row. Fixed places are laid out three times as fast as boxes."""
        return [
            (f"{self.left + column * (self.width + self.gap):.2f}", f"{self.top + row * self.height:.2f}")
            for row in range(self.rows)
            for column in range(self.columns)
        ]


SHEETS: dict[str, Sheet] = {
    sheet.code: sheet
    for sheet in (
        Sheet("24", gettext_lazy("24 on a sheet, 70 × 37 mm"), 3, 8, 70, 37, 0, 0.5),
        Sheet("21", gettext_lazy("21 on a sheet, 63.5 × 38.1 mm"), 3, 7, 63.5, 38.1, 7.25, 15.15, gap=2.5),
        Sheet("10", gettext_lazy("10 on a sheet, 105 × 57 mm"), 2, 5, 105, 57, 0, 6, qr=36),
    )
}


@dataclass(frozen=True, slots=True)
class Label:
    room: str
    building: str
    number: str
    place: str
    qr: str  # an SVG as a data address


def sheet(code: str) -> Sheet:
    if code not in SHEETS:
        raise UnknownSheet(_("There is no sheet of this size. Nothing was made. Choose one from the list."))
    return SHEETS[code]


def check(count: int) -> None:
    if not count:
        raise NoLabels(_("No meter fits these filters, so there is nothing to print. Take a filter off."))
    if count > LABELS_MAX:
        raise TooManyLabels(
            _("That would be %(count)d labels; at most %(max)d are made at once. Choose a building or a bus.")
            % {"count": count, "max": LABELS_MAX}
        )


def label(meter: Meter) -> Label:
    """`meter` with its room, floor, building, bus and gateway."""
    place = f"{meter.bus.gateway.code} / {meter.bus.code} / {meter.address or meter.unit}"
    return Label(
        room=meter.room.number if meter.room else meter.circuit,
        building=meter.room.floor.building.name if meter.room else "",
        number=meter.number,
        place=place,
        qr=segno.make(meter.number, error="m", micro=False).svg_data_uri(border=0, omitsize=True),
    )


def html(meters: Sequence[Meter], size: Sheet, *, skip: int = 0) -> str:
    """`skip`: places of the first sheet that were used before."""
    places: list[Label | None] = [None] * skip + [label(meter) for meter in meters]
    pages = [places[at : at + size.count] for at in range(0, len(places), size.count)]
    return render_to_string("console/commissioning/labels_sheet.html", {"pages": pages, "sheet": size})


def pdf(meters: Sequence[Meter], size: Sheet, *, skip: int = 0) -> bytes:
    """The sheets. Raises CommissioningRefused: none, too many, or a server that cannot make PDF files."""
    check(len(meters))
    try:
        import weasyprint  # noqa: PLC0415 - only where a PDF is made: it needs libraries that a site may not have
    except (ImportError, OSError) as error:  # the package, or Debian's libpango behind it
        raise NoPrinter(
            _(
                "This server cannot make PDF files: %(missing)s is missing. Nothing was made. "
                "An administrator installs prewatt's extra “pdf” and the system packages libpango-1.0-0 and "
                "libpangoft2-1.0-0."
            )
            % {"missing": "WeasyPrint" if isinstance(error, ImportError) else "libpango"}
        ) from error
    made: bytes = weasyprint.HTML(string=html(meters, size, skip=skip)).write_pdf()
    return made
