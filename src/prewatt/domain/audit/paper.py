"""验票: is this paper ours, and what do the books say of it? A scanned code, or a number typed from the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from prewatt.domain.ledger.models import Seal, Transfer
from prewatt.domain.ledger.sealing import GENESIS, canonical, link
from prewatt.domain.vending import printing, receipt_code
from prewatt.domain.vending.models import Print, Refund, Reversal, Sale
from prewatt.domain.vending.receipt_code import Said
from prewatt.domain.vending.receipt_text import Document, first_sale, issued_at, kind_of, receipts_of

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class Verdict(StrEnum):
    GENUINE = "genuine"  # the seal is ours, and the books say the same
    KNOWN = "known"  # a number alone: the books have it, but a number proves nothing about the paper
    FORGED = "forged"  # it claims to be ours and is not
    DIFFERS = "differs"  # the seal is ours, but the books say something else
    MISSING = "missing"  # the seal is ours, but the books have no such receipt
    UNKNOWN = "unknown"  # a number that the books do not have
    FOREIGN = "foreign"  # another site's
    UNREADABLE = "unreadable"  # neither a code nor a number


TEXT_MAX = receipt_code.LENGTH_MAX
GOOD = (Verdict.GENUINE, Verdict.KNOWN)


@dataclass(frozen=True, slots=True)
class Line:
    """One document of the paper, as the books have it."""

    receipt: str
    kind: str
    amount_fen: int
    tender: str
    meter: str
    room: str
    state: str
    key: str  # the sale's, refund's or reversal's own


@dataclass(frozen=True, slots=True)
class Printed:
    nth: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Related:
    """A red receipt that names this one, or the one that this red one names."""

    receipt: str
    kind: str
    amount_fen: int
    at: datetime
    first: bool


@dataclass(frozen=True, slots=True)
class InBooks:
    receipt: str
    kind: str
    amount_fen: int
    at: datetime
    customer: str
    customer_number: str
    operator: str
    reason: str
    lines: tuple[Line, ...]
    prints: tuple[Printed, ...]
    related: tuple[Related, ...]
    seal: int | None  # the number of the ledger's seal over its money; None: not sealed yet
    seal_holds: bool  # the seal was recomputed and is the one that was laid


@dataclass(frozen=True, slots=True)
class Checked:
    verdict: Verdict
    said: Said | None = None  # what the paper's code says
    books: InBooks | None = None

    @property
    def good(self) -> bool:
        return self.verdict in GOOD and (self.books is None or self.books.seal_holds)

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good} | asdict(self)


def check(text: str, *, operator: Operator | None = None) -> Checked:
    """`text`: what a scanner read, or a receipt number. `operator`: the books of his buildings only."""
    said = receipt_code.read(text)
    if said is None:
        return _by_number(text, operator)
    if not said.own:
        return Checked(Verdict.FOREIGN, said)
    document = printing.find(said.series, said.number, operator=operator)
    if not said.genuine:
        return Checked(Verdict.FORGED, said, _in_books([document]) if document else None)
    if document is None:
        return Checked(Verdict.MISSING, said)
    documents = printing.on_one_paper(document, together=said.lines > 1)
    fits = receipt_code.fits(said, documents)
    return Checked(Verdict.GENUINE if fits else Verdict.DIFFERS, said, _in_books(documents))


def _by_number(text: str, operator: Operator | None) -> Checked:
    number = printing.split(text)
    if number is None:
        return Checked(Verdict.UNREADABLE)
    document = printing.find(*number, operator=operator)
    return Checked(Verdict.KNOWN, books=_in_books([document])) if document else Checked(Verdict.UNKNOWN)


def _in_books(documents: Sequence[Document]) -> InBooks:
    first = documents[0]
    seals = [_seal(one) for one in documents]
    noted = (
        Print.objects.filter(series=first.series, number=first.number or 0).select_related("operator").order_by("nth")
    )
    return InBooks(
        receipt=receipts_of(documents),
        kind=kind_of(first),
        amount_fen=sum(one.amount_fen for one in documents),
        at=issued_at(first),
        customer=first.customer.name,
        customer_number=first.customer.number,
        operator=str(first.operator),
        reason="" if isinstance(first, Sale) else first.note,
        lines=tuple(_line(one) for one in documents),
        prints=tuple(Printed(one.nth, one.at, str(one.operator)) for one in noted.order_by("nth")),
        related=tuple(one for document in documents for one in _related(document)),
        seal=None if any(seq is None for seq, _holds in seals) else max(seq or 0 for seq, _holds in seals),
        seal_holds=all(holds for _seq, holds in seals),
    )


def _line(one: Document) -> Line:
    return Line(
        receipt=one.receipt,
        kind=kind_of(one),
        amount_fen=one.amount_fen,
        tender=one.tender,
        meter=one.meter.number,
        room=one.meter.room.number if one.meter.room else "",
        state=one.state,
        key=one.pk,
    )


def _related(one: Document) -> list[Related]:
    if not isinstance(one, Sale):
        named = first_sale(one)
        return [Related(named.receipt, kind_of(named), named.amount_fen, named.sold_at, True)] if named else []
    red: list[Refund | Reversal] = [*Reversal.objects.filter(sale=one), *Refund.objects.filter(sale=one)]
    return [Related(row.receipt, kind_of(row), row.amount_fen, row.state_at, False) for row in red if row.number]


def _seal(one: Document) -> tuple[int | None, bool]:
    """The seal over the transfer of its money: its number, and whether it holds. Not sealed yet counts as holding,
    a transfer that is not there does not.
    """
    kind = "sale" if isinstance(one, Sale) else "reversal" if isinstance(one, Reversal) else "refund"
    found = Transfer.objects.select_related("debit", "credit", "seal")
    transfer = found.filter(key=f"{kind}:{one.pk}:paid").first()
    if transfer is None or transfer.amount_fen != one.amount_fen:
        return None, False
    seal: Seal | None = getattr(transfer, "seal", None)
    if seal is None:
        return None, True
    before = Seal.objects.filter(seq=seal.seq - 1).values_list("sha256", flat=True).first()
    previous = before or (GENESIS if seal.seq == 1 else "")
    return seal.seq, bool(previous) and link(previous, canonical(transfer)) == seal.sha256
