"""What an account was really charged, day by day, as the ledger has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from prewatt.domain.ledger.models import Kind, Transfer

IDS_TOGETHER = 500


def cause_id(opening_id: int, day: date) -> str:
    return f"{opening_id}:{day.isoformat()}"


def by_day(*, opening_id: int, first: date, last: date) -> dict[date, int]:
    """Fen of each day that the ledger knows."""
    found = _sums((opening_id, day) for day in _days(first, last))
    return {day: fen for (_opening, day), fen in found.items()}


def by_opening(*, opening_ids: Iterable[int], first: date, last: date) -> dict[int, dict[date, int]]:
    """The same for many accounts."""
    found: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for (opening, day), fen in _sums((pk, day) for pk in opening_ids for day in _days(first, last)).items():
        found[opening][day] = fen
    return dict(found)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _sums(wanted: Iterable[tuple[int, date]]) -> dict[tuple[int, date], int]:
    """Usage is posted meter -> revenue; a correction that gives back goes the other way."""
    names = {cause_id(*one): one for one in wanted}
    ids = list(names)
    found: defaultdict[tuple[int, date], int] = defaultdict(int)
    for at in range(0, len(ids), IDS_TOGETHER):
        rows = Transfer.objects.filter(
            cause_kind="usage", cause_id__in=ids[at : at + IDS_TOGETHER], kind=Kind.POSTED
        ).values_list("cause_id", "amount_fen", "credit__code")
        for cause, fen, credit in rows:
            found[names[cause]] += int(fen) if credit == "revenue" else -int(fen)
    return dict(found)
