"""How a change of the estate is refused: nothing was changed; the text says why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.utils.translation import gettext as _

from prewatt.domain.staff.refusals import Refused


class EstateRefused(Refused):
    """Nothing was changed. `code` is stable for programs; the text is for a person."""

    code: ClassVar[str] = "estate_refused"


class FieldsRefused(EstateRefused):
    """Some fields hold what cannot be: `problems` has a sentence for each, by the field's name."""

    code = "fields"

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(
            _("Nothing was saved: %(count)d field(s) need another look. What you typed is still there.")
            % {"count": len(self.problems)}
        )


class NotYours(EstateRefused):
    code = "out_of_scope"


class StillUsed(EstateRefused):
    code = "still_used"


class ReasonNeeded(EstateRefused):
    code = "reason_needed"
