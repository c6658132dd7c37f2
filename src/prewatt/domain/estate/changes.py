"""A change of the estate and its line in the operation log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from prewatt.domain.staff import operations as staff

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

TARGET_MAX = 128
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class By:
    """Who changes something, from where, when."""

    operator: Operator
    address: str
    now: datetime

    def log(
        self,
        action: str,
        target: str,
        *,
        before: Facts | None = None,
        after: Facts | None = None,
    ) -> None:
        staff.log(
            operator=self.operator,
            action=action,
            target=target[:TARGET_MAX],
            before=_facts(before),
            after=_facts(after),
            address=self.address,
            now=self.now,
        )

    def change(self, thing: models.Model, values: Mapping[str, Any], *, action: str, target: str) -> list[str]:
        """Save and log what differs; the names of what did."""
        changed = [name for name, value in values.items() if getattr(thing, name) != value]
        if changed:
            before = {name: getattr(thing, name) for name in changed}
            for name in changed:
                setattr(thing, name, values[name])
            thing.save(update_fields=changed)
            self.log(action, target, before=before, after={name: values[name] for name in changed})
        return changed


def _facts(facts: Facts | None) -> dict[str, Any]:
    """As the log keeps them. The code of a gateway is no secret, which is what the log takes that word for."""
    return {
        "named" if name == "code" else name: value if isinstance(value, str | int | list | None) else str(value)
        for name, value in (facts or {}).items()
    }
