"""The second person: somebody else who types his own name and password into the first one's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib.auth import authenticate
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.web.parts.pages import operator

if TYPE_CHECKING:
    from django.http import HttpRequest


class SecondPersonUnknown(Refused):
    code = "second_person_unknown"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The second person's user name or password is not right, or it is you. Nothing was sent. Somebody else "
                "with the right to it has to type them."
            )
        )


def second_person(request: HttpRequest, *, unknown: Callable[[], Refused] = SecondPersonUnknown) -> Operator | None:
    """Who typed name and password (`second_username`, `second_password`), or None where nothing was typed.

    Wrong guesses count as log-in attempts and lock alike. Whether he may confirm is for the domain to say. `unknown`
    makes the refusal of a page that says it in other words.
    """
    username, password = request.POST.get("second_username", "").strip(), request.POST.get("second_password", "")
    if not username and not password:
        return None
    found = authenticate(request, username=username, password=password)
    if not isinstance(found, Operator) or found.pk == operator(request).pk:
        raise unknown()
    return found
