"""What the frame around every page shows: who is logged in, how the building is, what waits for a person."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from prewatt.domain.alarms import queries as alarms
from prewatt.domain.control import cutting
from prewatt.domain.dispatch import queries as dispatch
from prewatt.domain.metering import queries as metering
from prewatt.domain.payments import queries as payments
from prewatt.domain.staff import site
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.pages import now

THEMES = ("light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. What costs a query is asked only if the template uses it."""
    theme = request.COOKIES.get("prewatt_theme", "")
    at = now()
    context: dict[str, Any] = {
        "now": at,
        "site": SimpleLazyObject(site.door),
        "theme": theme if theme in THEMES else "",
        "language": getattr(request, "LANGUAGE_CODE", "zh-hans"),
    }
    who = getattr(request, "user", None)
    if isinstance(who, Operator) or (who is not None and who.is_authenticated):
        context["may"] = {right.value: who.may(right) for right in Right}
        context["pulse"] = SimpleLazyObject(lambda: metering.pulse(operator=who, now=at))
        context["site_stop"] = SimpleLazyObject(cutting.stop)
        context["alarms_now"] = SimpleLazyObject(lambda: alarms.open_count(operator=who))
        context["payments_open"] = SimpleLazyObject(lambda: payments.to_care_for(operator=who))
        context["to_check"] = SimpleLazyObject(lambda: dispatch.to_check(operator=who))
    return context
