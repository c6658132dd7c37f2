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
    _merge(Desired, orders, "sent_at", now)


def shown(looks: Iterable[tuple[int, Mapping[str, int]]], *, now: datetime) -> None:
    """Meters were read: (meter id, values) pairs, the later of a meter last. What is no setting is ignored."""
    _merge(Reported, looks, "read_at", now)


def _merge(model: type[One], rows: Iterable[tuple[int, Mapping[str, int]]], stamp: str, now: datetime) -> None:
    merged: dict[int, dict[str, int]] = {}
    for meter_id, values in rows:
        mine = {name: values[name] for name in SETTING_NAMES if name in values}
        if mine:
            merged[meter_id] = merged.get(meter_id, {}) | mine
    if not merged:
        return
    known: Mapping[int, Settings] = model._default_manager.in_bulk(list(merged))
    for meter_id, values in merged.items():
        old = known[meter_id].known() if meter_id in known else {}
        merged[meter_id] = old | values
    model._default_manager.bulk_create(
        [model(meter_id=pk, **{stamp: now}, **merged[pk]) for pk in sorted(merged)],
        update_conflicts=True,
        unique_fields=["meter"],
        update_fields=[*SETTING_NAMES, stamp],
        batch_size=500,
    )
