"""What is not done for a list, and why."""

from __future__ import annotations

from django.utils.translation import gettext as _

from prewatt.domain.staff import refusals


class Refused(refusals.Refused):
    """Nothing was changed."""


class ExportIdTaken(Refused):
    code = "export_id_taken"

    def __init__(self) -> None:
        super().__init__(_("This form was used for another file. Nothing was started. Open the list again."))


class TooManyExports(Refused):
    code = "too_many_exports"
    retry = True

    def __init__(self, most: int) -> None:
        super().__init__(
            _("%(most)d of your files are waiting already. This one was not started. Cancel one, or wait for it.")
            % {"most": most}
        )


class NotReady(Refused):
    code = "not_ready"

    def __init__(self) -> None:
        super().__init__(_("This file is not there any more, or not yet. Files are kept for a day. Export again."))


class ScopeChanged(Refused):
    code = "scope_changed"

    def __init__(self) -> None:
        super().__init__(
            _("What you may see has changed since this file was written. It is not handed out. Export again.")
        )


class NoName(Refused):
    code = "no_name"

    def __init__(self) -> None:
        super().__init__(_("The filter has no name. It was not saved. Give it one."))


class TooManySaved(Refused):
    code = "too_many_saved"

    def __init__(self, most: int) -> None:
        super().__init__(
            _("%(most)d filters are saved for this list already. This one was not. Delete one first.") % {"most": most}
        )


class TooLong(Refused):
    code = "too_long"

    def __init__(self) -> None:
        super().__init__(_("So many filters at once cannot be kept. Nothing was saved. Take some off."))
