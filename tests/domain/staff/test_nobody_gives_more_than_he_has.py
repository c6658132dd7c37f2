"""Administering within one's own rights and buildings, and never locking everybody out."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.staff import people, roles
from prewatt.domain.staff.models import LogEntry, Operator, Role
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.staff.roles import Wish

FORM = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def foreman(counter: Counter) -> Any:
    """Administers people of one building, and may otherwise only look."""
    role = Role.objects.create(code="foreman", name="楼长", rights=["read", "staff"])
    one = Operator.objects.create(username="foreman", role=role, created_at=counter.now)
    one.buildings.add(counter.building)
    return one


def other_building(counter: Counter) -> Any:
    from prewatt.domain.estate.models import Building

    return Building.objects.create(name="B座", code="B")


def add(counter: Counter, by: Operator, **changes: Any) -> people.Given:
    asked: dict[str, Any] = {
        "form_id": FORM,
        "username": "lin",
        "name": "",
        "role": Role.objects.get(code="foreman"),
        "all_buildings": False,
        "building_ids": [counter.building.pk],
    }
    return people.add(**asked | changes, by=by, now=counter.now)


def within(counter: Counter, *, role: Role, name: str = "lin") -> Operator:
    one = Operator.objects.create(username=name, role=role, created_at=counter.now)
    one.buildings.add(counter.building)
    return one


def test_a_foreman_adds_people_to_his_own_building(counter: Counter, foreman: Operator) -> None:
    made = add(counter, foreman).operator
    assert list(made.buildings.all()) == [counter.building]
    assert LogEntry.objects.get(action="staff.add").operator == foreman


def test_a_foreman_gives_no_right_that_he_lacks(counter: Counter, foreman: Operator) -> None:
    with pytest.raises(people.RightsBeyond):
        add(counter, foreman, role=Role.objects.get(code="cashier"))
    assert [role.code for role in people.givable_roles(by=foreman)] == ["foreman"]


def test_a_foreman_gives_no_building_that_he_lacks(counter: Counter, foreman: Operator) -> None:
    foreign = other_building(counter)
    for changes in ({"all_buildings": True}, {"building_ids": [counter.building.pk, foreign.pk]}):
        with pytest.raises(people.BuildingsBeyond):
            add(counter, foreman, **changes)
    assert not Operator.objects.filter(username="lin").exists()


def test_nobody_is_made_who_sees_nothing(counter: Counter, foreman: Operator) -> None:
    with pytest.raises(people.NoBuilding):
        add(counter, counter.admin, role=counter.cashier.role, building_ids=[])


def test_whoever_reaches_beyond_is_not_seen(counter: Counter, foreman: Operator) -> None:
    mate = within(counter, role=foreman.role)
    far = within(counter, role=foreman.role, name="far")
    far.buildings.add(other_building(counter))
    names = set(people.visible(by=foreman).values_list("username", flat=True))
    assert {"foreman", mate.username} <= names
    assert not {"far", "admin", "cashier"} & names


@pytest.mark.parametrize("doing", ["change", "set_active", "reset_password", "reset_second_factor", "sign_out"])
def test_nobody_takes_over_somebody_who_may_more(counter: Counter, foreman: Operator, doing: str) -> None:
    """Otherwise a new password for the cashier would be the cashier's right to sell."""
    mate = within(counter, role=counter.cashier.role)
    given: dict[str, dict[str, Any]] = {
        "change": {"name": "", "role": foreman.role, "all_buildings": False, "building_ids": [counter.building.pk]},
        "set_active": {"active": False},
        "reset_password": {"form_id": FORM},
    }
    before = LogEntry.objects.count()
    with pytest.raises(people.NotYours):
        getattr(people, doing)(operator=mate, by=foreman, now=counter.now, **given.get(doing, {}))
    assert LogEntry.objects.count() == before


def test_nobody_raises_himself(counter: Counter, foreman: Operator) -> None:
    people.change(
        operator=foreman,
        name="新名字",
        role=Role.objects.get(code="admin"),
        all_buildings=True,
        building_ids=[],
        by=foreman,
        now=counter.now,
    )
    foreman.refresh_from_db()
    assert (foreman.name, foreman.role.code, foreman.all_buildings) == ("新名字", "foreman", False)


def test_nobody_switches_himself_off(counter: Counter) -> None:
    with pytest.raises(people.Oneself):
        people.set_active(operator=counter.admin, active=False, by=counter.admin, now=counter.now)


def test_one_keeper_always_stays(counter: Counter) -> None:
    """`second` and `admin` are the only two; a third who may the same, but not everywhere, does not count."""
    people.set_active(operator=counter.admin, active=False, by=counter.second, now=counter.now)
    assert [one.username for one in people.keepers()] == ["second"]
    third = counter.person("third", "admin")
    with pytest.raises(people.LastKeeper):
        _as_if(counter, third)
    counter.second.refresh_from_db()
    assert counter.second.is_active


def _as_if(counter: Counter, third: Operator) -> None:
    """The third lost his own place between being asked and acting: what two at the same moment come to."""
    Operator.objects.filter(pk=third.pk).update(all_buildings=False)
    third.all_buildings = True
    people.set_active(operator=counter.second, active=False, by=third, now=counter.now)


def test_the_right_to_administer_is_not_ticked_away_from_everybody(counter: Counter) -> None:
    role = counter.admin.role
    rest = frozenset(Right) - {Right.STAFF}
    with pytest.raises(people.LastKeeper):
        roles.change(wishes={role.pk: Wish(frozenset(Right), rest)}, by=counter.admin, now=counter.now)
    role.refresh_from_db()
    assert Right.STAFF.value in role.rights


def test_a_role_changes_only_by_rights_that_one_has(counter: Counter) -> None:
    role = Role.objects.create(code="some", name="部分", rights=["read", "staff"])
    limited = Operator.objects.create(username="limited", role=role, all_buildings=True, created_at=counter.now)
    viewer = Role.objects.get(code="viewer")
    was = roles.of(viewer)
    with pytest.raises(people.RightsBeyond):
        roles.change(wishes={viewer.pk: Wish(was, was | {Right.SELL})}, by=limited, now=counter.now)
    with pytest.raises(people.RightsBeyond):
        roles.add(form_id=FORM, name="neu", copy_of=counter.cashier.role, by=limited, now=counter.now)
    assert roles.change(wishes={viewer.pk: Wish(was, was | {Right.STAFF})}, by=limited, now=counter.now) == 1


def test_the_same_matrix_sent_twice_changes_once(counter: Counter) -> None:
    viewer = Role.objects.get(code="viewer")
    wish = Wish(roles.of(viewer), frozenset({Right.READ}))
    done = [roles.change(wishes={viewer.pk: wish}, by=counter.admin, now=counter.now) for _n in range(2)]
    assert done == [1, 0]
    assert LogEntry.objects.filter(action="staff.role").count() == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "售电员"])
def test_a_role_has_a_name_of_its_own(counter: Counter, name: str) -> None:
    with pytest.raises(roles.RoleName):
        roles.add(form_id=FORM, name=name, copy_of=None, by=counter.admin, now=counter.now)


def test_every_refusal_says_what_to_do(counter: Counter) -> None:
    """Two sentences at least: what happened, and what now."""
    with pytest.raises(Refused) as refused:
        people.set_active(operator=counter.admin, active=False, by=counter.admin, now=counter.now)
    text = str(refused.value)
    assert text.count(".") + text.count("。") >= 2
    assert refused.value.code == "oneself"
