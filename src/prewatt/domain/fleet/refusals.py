"""Why a batch is not placed. Nothing was sent then."""

from __future__ import annotations

from django.utils.translation import gettext as _

from prewatt.domain.staff.refusals import Refused


class NotABatch(Refused):
    code = "not_a_batch"

    def __init__(self, kind: str) -> None:
        super().__init__(_("“%(kind)s” cannot be ordered for many meters. Nothing was sent.") % {"kind": kind})


class BatchIdTaken(Refused):
    code = "batch_id_taken"

    def __init__(self) -> None:
        super().__init__(
            _("This form was already used for another batch. Nothing was sent this time. Open a new form.")
        )


class MayNot(Refused):
    code = "no_right"

    def __init__(self, who: str, right: str) -> None:
        super().__init__(
            _("%(who)s may not do this. Nothing was sent. Ask an administrator for the right “%(right)s”.")
            % {"who": who, "right": right}
        )


class NoMeters(Refused):
    code = "no_meters"

    def __init__(self) -> None:
        super().__init__(_("No meter is chosen. Nothing was sent. Choose the meters first."))


class TooManyMeters(Refused):
    code = "too_many_meters"

    def __init__(self, count: int, most: int) -> None:
        super().__init__(
            _("%(count)d meters are chosen, and a batch takes %(most)d at most. Nothing was sent. Choose fewer.")
            % {"count": count, "most": most}
        )


class BadValues(Refused):
    code = "bad_values"

    def __init__(self, why: str) -> None:
        super().__init__(_("These values cannot be sent: %(why)s. Nothing was sent.") % {"why": why})


class AboveCap(Refused):
    code = "above_cap"

    def __init__(self, asked: str, allowed: str) -> None:
        super().__init__(
            _(
                "The price (%(asked)s yuan/kWh, blended) is above what the site pays and may add (%(allowed)s). "
                "Nothing was sent. Resold electricity may not cost more; if there is a ground for it, write it down."
            )
            % {"asked": asked, "allowed": allowed}
        )


class NotRunning(Refused):
    code = "not_running"

    def __init__(self) -> None:
        super().__init__(_("Nothing of this batch has failed or is left to send. Nothing was sent."))


class NothingDiffers(Refused):
    code = "nothing_differs"

    def __init__(self) -> None:
        super().__init__(_("None of these meters shows anything else than was sent to it. Nothing was sent."))
