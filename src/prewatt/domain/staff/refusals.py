"""The one kind of error that a person reads: what happened, what it means, what to do."""

from __future__ import annotations

from typing import ClassVar


class Refused(Exception):
    """Nothing was done. `code` is for programs, the text for a person; `retry`: may the same succeed later?

    Where a form has many parts: `field` is the one to mend, and `meter_id` says in which meter's line it stands.
    """

    code: ClassVar[str] = "refused"
    retry: ClassVar[bool] = False
    field: str = ""
    meter_id: int | None = None
