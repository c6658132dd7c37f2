"""The second person at the same desk: types name and password, and confirms what the first has entered by hand."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator
from prewatt.domain.vending.checks import Refused
from prewatt.web.parts.pages import operator


class SecondUnknown(Refused):
    code = "second_person_unknown"

    def __init__(self) -> None:
        super().__init__(
            _("The second person's name or password is not right. Nothing was booked. It has to be another person.")
        )


def second_person(request: HttpRequest) -> Operator | None:
    """None where nothing was typed. Wrong guesses count as log-in attempts and lock alike."""
    username, password = request.POST.get("second_username", "").strip(), request.POST.get("second_password", "")
    if not username and not password:
        return None
    found = authenticate(request, username=username, password=password)
    if not isinstance(found, Operator) or found.pk == operator(request).pk:
        raise SecondUnknown
    return found
