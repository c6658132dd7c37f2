"""Desired against reported: what was sent to a meter, what it showed, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from django.db.models import F, Q, QuerySet

from prewatt.domain.control.models import SETTING_NAMES, Desired, Reported, Settings

One = TypeVar("One", Desired, Reported)


def differences(desired: Mapping[str, int], reported: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """{name: (sent, shown)} for what both know and do not agree on. What a meter never showed is no difference."""
    return {
        name: (value, reported[name]) for name, value in desired.items() if name in reported and reported[name] != value
    }


def differing() -> QuerySet[Desired]:
    """The meters that show something else than was sent to them last."""
    wrong = Q()
    for name in SETTING_NAMES:
        shown = F(f"meter__reported__{name}")
        wrong |= Q(**{f"{name}__isnull": False, f"meter__reported__{name}__isnull": False}) & ~Q(**{name: shown})
    return Desired.objects.filter(wrong)


def sent(orders: Iterable[tuple[int, Mapping[str, int]]], *, now: datetime) -> None:
    """Orders with settings leave the centre: (meter id, values) pairs, the later of a meter last."""
    _merge(Desired, [(now, meter_id, values) for meter_id, values in orders], "sent_at")


def shown(looks: Iterable[tuple[int, Mapping[str, int]]], *, now: datetime) -> None:
    """Meters were read now: (meter id, values) pairs, the later of a meter last. What is no setting is ignored."""
    shown_at((now, meter_id, values) for meter_id, values in looks)


def shown_at(looks: Iterable[tuple[datetime, int, Mapping[str, int]]]) -> None:
    """Meters were read: (when, meter id, values), in the order of time. A look that comes late, behind a newer one,
    tells only what was never shown: it says nothing of what an order has changed since.
    """
    _merge(Reported, looks, "read_at")


def _merge(model: type[One], looks: Iterable[tuple[datetime, int, Mapping[str, int]]], stamp: str) -> None:
    mine = [
        (at, meter_id, kept)
        for at, meter_id, values in looks
        if (kept := {name: values[name] for name in SETTING_NAMES if name in values})
    ]
    if not mine:
        return
    found: Mapping[int, Settings] = model._default_manager.in_bulk({meter_id for _at, meter_id, _kept in mine})
    merged = {pk: (getattr(row, stamp), row.known()) for pk, row in found.items()}
    for at, meter_id, kept in mine:
        before_at, before = merged.get(meter_id, (None, {}))
        late = before_at is not None and at < before_at
        merged[meter_id] = (before_at, kept | before) if late else (at, before | kept)
    model._default_manager.bulk_create(
        [model(meter_id=pk, **{stamp: at}, **values) for pk, (at, values) in sorted(merged.items())],
        update_conflicts=True,
        unique_fields=["meter"],
        update_fields=[*SETTING_NAMES, stamp],
        batch_size=500,
    )
