"""Lists in parts: a cursor says where the last part ended, so that nothing is skipped or shown twice in between."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from ninja import Query, Schema
from pydantic import Field

from prewatt.domain.staff.refusals import Refused

LIMIT_MAX = 500
Row = TypeVar("Row", bound=Model)


class BadCursor(Refused):
    code: ClassVar[str] = "fields"

    def __init__(self) -> None:
        text = _("This cursor is none that we gave. Start again without one.")
        self.problems = {"cursor": text}
        super().__init__(text)


class SpanTooLong(Refused):
    code: ClassVar[str] = "fields"

    def __init__(self, days: int) -> None:
        text = _("The last day must not lie before the first, nor more than %(days)d days behind it.") % {"days": days}
        self.problems = {"last_day": text}
        super().__init__(text)


def check_span(first: date, last: date, days_max: int) -> None:
    """Raises SpanTooLong, also for days that no calendar of ours reaches."""
    if not timedelta() <= last - first < timedelta(days=days_max) or first.year < 2000 or last.year > 9000:
        raise SpanTooLong(days_max)


class Part(Schema):
    """Which part of a list."""

    cursor: Annotated[str, Field(max_length=300, description="`next` of the part before")] = ""
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 100


Parts = Annotated[Part, Query()]


def take(found: QuerySet[Row], part: Part, *, by: str = "pk") -> tuple[list[Row], str]:
    """One part and the cursor of the next, empty at the end. `by` a field, `-` before it for the last first.

    Raises BadCursor.
    """
    name, down = by.lstrip("-"), by.startswith("-")
    order = [by] if name == "pk" else [by, "-pk" if down else "pk"]
    rows = found.order_by(*order)
    if part.cursor:
        rows = rows.filter(_behind(found.model, name, down, part.cursor))
    got = list(rows[: part.limit + 1])
    if len(got) <= part.limit:
        return got, ""
    return got[: part.limit], _cursor(got[part.limit - 1], name)


def _cursor(row: Model, name: str) -> str:
    value = row.pk if name == "pk" else getattr(row, name)
    at = value if isinstance(value, str | int) else value.isoformat()
    return urlsafe_b64encode(json.dumps([at, row.pk]).encode()).decode().rstrip("=")


def _behind(model: type[Model], name: str, down: bool, cursor: str) -> Q:
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    try:
        at, pk = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value, key = field.to_python(at), model._meta.pk.to_python(pk)  # type: ignore[union-attr]
    except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError) as error:
        raise BadCursor from error
    if value is None or key is None or any(isinstance(one, str) and not one.isprintable() for one in (value, key)):
        raise BadCursor
    if any(isinstance(one, int) and abs(one) >= 2**63 for one in (value, key)):
        raise BadCursor
    way: dict[str, Any] = {f"{name}__{'lt' if down else 'gt'}": value}
    if name == "pk":
        return Q(**way)
    return Q(**way) | Q(**{name: value, f"pk__{'lt' if down else 'gt'}": key})
