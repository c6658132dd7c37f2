"""Rows as the database gives them: ten thousand of them need no model, nor a look at each value."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


def raw(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """A `values_list` of whole numbers and text. A sum may be a Decimal on PostgreSQL; days are text on SQLite."""
    try:
        statement, values = rows.query.sql_with_params()
    except EmptyResultSet:  # nobody's meters
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
