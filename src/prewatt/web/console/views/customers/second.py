"""The second person at the same desk: types name and password, and confirms what the first has entered by hand."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator
from prewatt.domain.vending.checks import Refused
from prewatt.web.console import second


class SecondUnknown(Refused):
    code = "second_person_unknown"

    def __init__(self) -> None:
        super().__init__(
            _("The second person's name or password is not right. Nothing was booked. It has to be another person.")
        )


def second_person(request: HttpRequest) -> Operator | None:
    """None where nothing was typed."""
    return second.second_person(request, unknown=SecondUnknown)
