"""Filters, columns and order of a list under a name, for whoever saved them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from prewatt.domain.lists.models import NAME_MAX, QUERY_MAX, SavedFilter
from prewatt.domain.lists.refusals import NoName, TooLong, TooManySaved

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

SAVED_MAX = 20  # of one list


def saved(*, operator: Operator, path: str) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(operator=operator, path=path).order_by("name")


@transaction.atomic
def save(*, operator: Operator, path: str, name: str, query: str, now: datetime) -> SavedFilter:
    """Keep a list's address. A name that is there already gets the new address. Raises Refused."""
    name = " ".join(name.split())[:NAME_MAX]
    if not name:
        raise NoName
    if len(query) > QUERY_MAX:
        raise TooLong
    known = saved(operator=operator, path=path)
    if not known.filter(name=name).exists() and known.count() >= SAVED_MAX:
        raise TooManySaved(SAVED_MAX)
    return SavedFilter.objects.update_or_create(
        operator=operator, path=path, name=name, defaults={"query": query, "saved_at": now}
    )[0]


def forget(*, operator: Operator, pk: int) -> SavedFilter | None:
    """Delete one of his. Returns what it was; None if there is none."""
    one = SavedFilter.objects.filter(operator=operator, pk=pk).first()
    if one is not None:
        SavedFilter.objects.filter(pk=one.pk).delete()
    return one
