"""What a person typed into a form -> values, or a sentence for every field that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.importing.cells import CellError, Parse
from prewatt.domain.estate.models import Submitted
from prewatt.domain.estate.refusals import EstateRefused, FieldsRefused

Values = dict[str, Any]
M = TypeVar("M", bound=models.Model)
FORM_ID_MAX = 64


@dataclass(frozen=True)
class Field:
    """`empty` is the value of a field that was left empty; a required one may not be."""

    parse: Parse
    required: bool = False
    empty: Any = ""


class Typed:
    """The values of a form and what is wrong with it, told all at once."""

    def __init__(self, typed: Mapping[str, str], fields: Mapping[str, Field]) -> None:
        self.values: Values = {}
        self.problems: dict[str, str] = {}
        for name, field in fields.items():
            self._read(name, str(typed.get(name, "")).strip(), field)

    def _read(self, name: str, text: str, field: Field) -> None:
        if not text:
            self.values[name] = field.empty
            if field.required:
                self.wrong(name, _("is empty."))
            return
        try:
            self.values[name] = field.parse(text)
        except CellError as error:
            self.wrong(name, str(error))

    def wrong(self, name: str, text: str) -> None:
        self.problems.setdefault(name, text)

    def finish(self) -> Values:
        if self.problems:
            raise FieldsRefused(self.problems)
        return self.values


def yes(cell: Any) -> bool:
    """A ticked box."""
    return str(cell).strip() in {"1", "on", "true", "True"}


class MadeMeanwhile(EstateRefused):
    code = "made_meanwhile"


def once(*, form_id: str, model: type[M], now: Any, make: Callable[[], M]) -> M:
    """Make it, or find what the same form made before. `make` runs inside the transaction that remembers the form."""
    key, kind = form_id[:FORM_ID_MAX], model.__name__.lower()
    first = _made(key, kind, model)
    if first is not None:
        return first
    try:
        with transaction.atomic():
            made = make()
            Submitted.objects.create(key=key, kind=kind, made=made.pk, at=now)
            return made
    except IntegrityError as error:
        first = _made(key, kind, model)
        if first is not None:
            return first
        raise MadeMeanwhile(
            _("Somebody else made the same at this very moment. Nothing was saved twice. Look at the list again.")
        ) from error


def _made(key: str, kind: str, model: type[M]) -> M | None:
    found = Submitted.objects.filter(key=key, kind=kind).first() if key else None
    return model._default_manager.filter(pk=found.made).first() if found else None
