from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from counter import NOW, Counter
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import LogEntry, Operator, Role
from prewatt.domain.staff.rights import READY_ROLES, Right

PASSWORD = "korrektes Pferd 17"


def test_five_roles_are_ready_and_stay_as_a_site_changed_them(db: None) -> None:
    roles = staff.ready_roles()
    assert sorted(roles) == ["admin", "cashier", "engineer", "finance", "viewer"]
    Role.objects.filter(code="cashier").update(rights=["read"])
    assert staff.ready_roles()["cashier"].rights == ["read"]
    assert Role.objects.count() == len(READY_ROLES)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("admin", Right.STAFF, None),
        ("cashier", Right.SELL, Right.REFUND),
        ("finance", Right.REVERSE, Right.SWITCH),
        ("engineer", Right.SWITCH, Right.SELL),
        ("viewer", Right.READ, Right.SELL),
    ],
)
def test_a_role_gives_its_rights_and_no_others(counter: Counter, role: str, may: Right, may_not: Right | None) -> None:
    person = counter.person("somebody", role)
    assert person.may(may)
    assert may_not is None or not person.may(may_not)


def test_somebody_who_left_may_nothing_and_sees_nothing(counter: Counter) -> None:
    from prewatt.domain.estate.models import Meter

    counter.admin.is_active = False
    assert not any(counter.admin.may(right) for right in Right)
    assert not Meter.objects.for_operator(counter.admin).exists()


def test_an_operator_logs_in_with_the_password_given(counter: Counter) -> None:
    role = Role.objects.get(code="cashier")
    added = staff.add_operator(
        username="lin", name="林晓岚", role=role, password=PASSWORD, now=NOW, building_ids=[counter.building.pk]
    )
    request = RequestFactory().post("/login")
    assert authenticate(request, username="lin", password=PASSWORD) == added
    assert authenticate(request, username="lin", password="wrong") is None
    assert list(added.buildings.all()) == [counter.building]
    assert PASSWORD not in added.password
    line = LogEntry.objects.get(action="staff.add", target="lin")
    assert PASSWORD not in f"{line.before}{line.after}"


@pytest.mark.parametrize("password", ["", "short", "1234567890", "password123"])
def test_a_weak_password_is_refused(counter: Counter, password: str) -> None:
    role = Role.objects.get(code="cashier")
    with pytest.raises(ValidationError):
        staff.add_operator(username="lin", name="", role=role, password=password, now=NOW)
    assert not Operator.objects.filter(username="lin").exists()


@pytest.mark.parametrize("username", ["admin", "", "a b", "x" * 65, "<b>"])
def test_a_name_that_is_taken_or_no_name_is_refused(counter: Counter, username: str) -> None:
    before = Operator.objects.count()
    with pytest.raises(staff.UsernameRefused):
        staff.add_operator(username=username, name="", role=counter.admin.role, password=PASSWORD, now=NOW)
    assert Operator.objects.count() == before


def test_a_changed_role_is_logged_with_what_it_was(counter: Counter) -> None:
    role = Role.objects.get(code="viewer")
    staff.change_role_rights(role=role, rights={Right.READ}, now=counter.now, by=counter.admin)
    line = LogEntry.objects.get(action="staff.role")
    assert line.before == {"rights": sorted(READY_ROLES["viewer"][1])}
    assert line.after == {"rights": ["read"]}
