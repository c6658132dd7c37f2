"""Why a tenant does not come in, or may not do something himself. Nothing in them tells whether somebody is known."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from prewatt.domain.staff.refusals import Refused


class NotLetIn(Refused):
    code: ClassVar[str] = "not_let_in"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Number or password is not right. The number stands on every receipt; who never got a password, or "
                "lost it, asks the property office."
            )
        )


class WrongCode(Refused):
    code: ClassVar[str] = "wrong_code"

    def __init__(self) -> None:
        super().__init__(
            _("The code is not right, or too old. A code is good for five minutes; after that ask for a new one.")
        )


class PhoneNotRight(Refused):
    code: ClassVar[str] = "phone_not_right"

    def __init__(self) -> None:
        super().__init__(_("This is not a mobile number. Type its eleven digits, such as 13800000000."))


class TooOften(Refused):
    code: ClassVar[str] = "too_often"
    retry: ClassVar[bool] = True

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes
        super().__init__(
            ngettext(
                "Too many tries. Wait %(n)d minute, or ask the property office.",
                "Too many tries. Wait %(n)d minutes, or ask the property office.",
                minutes,
            )
            % {"n": minutes}
        )
