"""Thousands of rows at once, as fast as the database takes them: no model for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def insert(like: models.Model, differing: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One row as `like` for each of `rows`, which gives the `differing` fields (by their `attname`) in this order.

    For what `bulk_create` would take too long for. Inside the caller's transaction; constraints hold as ever.
    """
    meta = like._meta
    fields = [field for field in meta.concrete_fields if not (field.auto_created and like.pk is None)]
    places = {field.attname: place for place, field in enumerate(fields)}
    common = [field.get_db_prep_save(field.pre_save(like, add=True), connection) for field in fields]
    own = [(places[name], fields[places[name]]) for name in differing]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))

    def whole(given: Sequence[Any]) -> list[Any]:
        row = common.copy()
        for (place, field), value in zip(own, given, strict=True):
            plain = value is None or isinstance(value, int | str)
            row[place] = value if plain else field.get_db_prep_save(value, connection)
        return row

    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({marks})",  # noqa: S608 - names of our own tables
            [whole(given) for given in rows],
        )
