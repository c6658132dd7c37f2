"""In whose name stands what tenants pay by themselves: an operator who is no person, cannot log in and may nothing."""

from __future__ import annotations

from datetime import datetime

from prewatt.domain.staff.models import Operator, Role

USERNAME, NAME = "online", "自助缴费"


def seller(now: datetime) -> Operator:
    """Made with the first payment. Inactive, and without a password that could be typed."""
    found = Operator.objects.filter(username=USERNAME).first()
    if found is not None:
        return found
    role, _made = Role.objects.get_or_create(code=USERNAME, defaults={"name": NAME, "rights": []})
    blank = Operator()
    blank.set_unusable_password()
    facts = {"name": NAME, "role": role, "is_active": False, "created_at": now, "password": blank.password}
    return Operator.objects.get_or_create(username=USERNAME, defaults=facts)[0]
