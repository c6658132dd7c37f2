"""Ledger against meters at a glance: a few sums for the dashboard. The thorough look is `audit verify`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum

from prewatt.domain.dispatch.models import SERIAL_KINDS, MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.ledger.models import MOVING, Transfer

if TYPE_CHECKING:
    from prewatt.domain.metering.queries import Standing

_ON_THE_WAY = (State.LEASED, State.TAKEN, State.UNCLEAR)


@dataclass(frozen=True, slots=True)
class Glance:
    """`books_fen` is what the ledger says the meters hold, by the meters' own count of what was used."""

    books_fen: int
    meters_fen: int
    compared: int
    moving: int  # meters with money on the way: looked at when it has arrived
    differing: tuple[str, ...]  # meter numbers

    @property
    def agrees(self) -> bool:
        return not self.differing


def glance(found: Iterable[Standing]) -> Glance:
    """Over meters with an account whose registers are known. Four queries, whatever their number."""
    every = [one for one in found if _comparable(one)]
    openings = [one.opening.pk for one in every if one.opening]
    credited, proven, moving = _credited(openings), _proven(openings), _moving(openings)
    books = meters = compared = 0
    differing = []
    for one in every:
        if one.opening is None or one.latest is None or one.opening.pk in moving:
            continue
        expected_fen = int(one.opening.bought_base_fen or 0) + credited.get(one.opening.pk, 0)
        shown_fen = proven.get(one.opening.pk, {}).get("bought_fen", one.latest.bought_fen)
        if not _is_newer(one, proven):
            shown_fen = one.latest.bought_fen
        balance_fen, difference_fen = one.balance_fen or 0, expected_fen - (shown_fen or 0)
        compared += 1
        meters += balance_fen
        books += balance_fen + difference_fen
        if difference_fen:
            differing.append(one.meter.number)
    return Glance(books, meters, compared, len(moving), tuple(differing))


def _comparable(one: Standing) -> bool:
    known = one.latest is not None and one.latest.bought_fen is not None and one.latest.balance_fen is not None
    return known and one.opening is not None and one.opening.bought_base_fen is not None


def _is_newer(one: Standing, proven: dict[int, dict[str, int]]) -> bool:
    """Was the last money order proven after the last full reading?"""
    if one.opening is None or one.latest is None:
        return False
    proof = proven.get(one.opening.pk)
    read_at = one.latest.energy_at or one.latest.taken_at
    return proof is not None and (read_at is None or proof["at_ms"] > read_at.timestamp() * 1000)


def _credited(openings: list[int]) -> dict[int, int]:
    owners = [str(pk) for pk in openings]
    moved = Transfer.objects.filter(kind__in=MOVING).exclude(cause_kind="usage").order_by()
    total: dict[int, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        rows = moved.filter(**{f"{side}__code": "meter", f"{side}__owner__in": owners})
        for owner, fen in rows.values_list(f"{side}__owner").annotate(fen=Sum("amount_fen")):
            total[int(owner)] = total.get(int(owner), 0) + sign * int(fen)
    return total


def _proven(openings: list[int]) -> dict[int, dict[str, int]]:
    """Per opening what the last confirmed money order showed, with its time."""
    done = MeterOrder.objects.filter(opening__in=openings, kind__in=sorted(SERIAL_KINDS), state=State.DONE)
    latest: dict[int, dict[str, int]] = {}
    rows = (
        done.filter(answered_at__isnull=False).order_by("answered_at").values_list("opening_id", "answered_at", "after")
    )
    for opening_id, answered_at, after in rows:
        if "bought_fen" in after and opening_id is not None and answered_at is not None:
            latest[opening_id] = {"bought_fen": after["bought_fen"], "at_ms": int(answered_at.timestamp() * 1000)}
    return latest


def _moving(openings: list[int]) -> set[int]:
    found = MeterOrder.objects.filter(opening__in=openings, kind__in=sorted(SERIAL_KINDS), state__in=_ON_THE_WAY)
    return {pk for pk in found.values_list("opening_id", flat=True) if pk is not None}
