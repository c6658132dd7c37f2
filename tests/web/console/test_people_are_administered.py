"""The pages of operators, roles, log and door: right role, wrong role, stranger, and what each action leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.staff.models import LogEntry, Operator, Role

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def one(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def add(client: Any, **more: Any) -> Any:
    role = Role.objects.get(code="cashier")
    given = {"form_id": FORM, "username": "lin", "name": "林", "role": role.pk, "all_buildings": "yes"}
    return client.post("/operators/new/", given | more)


@pytest.mark.parametrize("path", ["/operators/", "/operators/new/", "/roles/", "/log/", "/site/"])
def test_only_whoever_has_the_right_opens_these_pages(counter: Counter, client: Any, path: str) -> None:
    assert client.get(path).status_code == 302
    client.force_login(counter.cashier)
    assert client.get(path).status_code == 403
    client.force_login(counter.admin)
    assert client.get(path).status_code == 200


def test_a_new_operator_is_shown_his_first_password_once_and_must_change_it(one: Any, client: Any) -> None:
    page = add(one)
    assert page.status_code == 200
    password = page.context["password"]
    assert password in page.content.decode()
    made = Operator.objects.get(username="lin")
    assert made.must_change_password
    assert password not in str(list(LogEntry.objects.values_list("before", "after")))
    client.logout()
    client.post("/login/", {"username": "lin", "password": password})
    assert client.get("/").url == "/account/password/"
    assert client.get("/sale/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/account/password/"
    changed = {"old": password, "new": "ganz neues Wort 7", "again": "ganz neues Wort 7"}
    assert client.post("/account/password/", changed).status_code == 302
    assert client.get("/").status_code == 200


def test_the_same_form_sent_twice_makes_one_operator_and_shows_the_same_password(one: Any) -> None:
    first, second = add(one), add(one)
    assert first.context["password"] == second.context["password"]
    assert Operator.objects.filter(username="lin").count() == 1
    assert LogEntry.objects.filter(action="staff.add").count() == 1


def test_a_refused_form_comes_back_as_it_was_typed(one: Any, counter: Counter) -> None:
    answer = add(one, username="admin", name="Somebody", all_buildings="", buildings=[counter.building.pk])
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "The user name admin is taken." in text
    assert 'value="Somebody"' in text
    assert answer.context["given"]["building_ids"] == [counter.building.pk]


def test_an_operator_is_changed_and_the_log_tells_from_what_to_what(one: Any, counter: Counter) -> None:
    role = Role.objects.get(code="finance")
    given = {"name": "Lin", "role": role.pk, "buildings": [counter.building.pk]}
    assert one.post(f"/operators/{counter.cashier.pk}/", given).status_code == 302
    line = LogEntry.objects.get(action="staff.change")
    assert (line.before["role"], line.after["role"]) == ("cashier", "finance")
    assert (line.before["buildings"], line.after["buildings"]) == ([], ["A"])
    page = one.get(f"/log/{line.pk}/").content.decode()
    assert "cashier" in page
    assert "finance" in page
    assert "Not sealed yet" in page


def test_a_stranger_administers_nobody_of_another_building(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    pk = counter.cashier.pk
    assert client.get(f"/operators/{pk}/").status_code == 404
    for doing in ("active", "password", "second-factor", "sign-out"):
        assert client.post(f"/operators/{pk}/{doing}/", {"form_id": FORM}).status_code == 404
    shown = client.get("/operators/").context["table"].page.object_list
    assert [row.username for row in shown] == ["stranger"]
    counter.cashier.refresh_from_db()
    assert counter.cashier.is_active


def test_switching_off_ends_every_browser_at_once(counter: Counter, client: Any, one: Any) -> None:
    from django.test import Client

    his = Client()
    his.force_login(counter.cashier)
    assert his.get("/").status_code == 200
    assert one.post(f"/operators/{counter.cashier.pk}/active/", {"active": "no"}).status_code == 302
    assert his.get("/").status_code == 302
    assert not counter.cashier.sign_ins.exists()
    line = LogEntry.objects.get(action="staff.disable")
    assert (line.before, line.after) == ({"active": True}, {"active": False, "ended": 1})


def test_a_password_is_reset_once_however_often_the_form_is_sent(counter: Counter, one: Any) -> None:
    where = f"/operators/{counter.cashier.pk}/password/"
    first, second = (one.post(where, {"form_id": FORM}).context["password"] for _n in range(2))
    assert first == second
    assert LogEntry.objects.filter(action="staff.reset_password").count() == 1
    counter.cashier.refresh_from_db()
    assert counter.cashier.check_password(first)
    counter.cashier.must_change_password = False
    counter.cashier.save()
    assert one.post(where, {"form_id": FORM}).context["password"] == ""


def test_the_matrix_is_saved_and_the_columns_nobody_touched_stay(one: Any) -> None:
    viewer, cashier = Role.objects.get(code="viewer"), Role.objects.get(code="cashier")
    given = {f"was-{viewer.pk}": "read reports", f"role-{viewer.pk}": ["read"]}
    given |= {f"was-{cashier.pk}": " ".join(cashier.rights), f"role-{cashier.pk}": cashier.rights}
    assert one.post("/roles/", given).status_code == 302
    viewer.refresh_from_db()
    assert viewer.rights == ["read"]
    assert LogEntry.objects.filter(action="staff.role").count() == 1


def test_a_matrix_drawn_before_somebody_elses_change_is_refused(one: Any) -> None:
    viewer = Role.objects.get(code="viewer")
    given = {f"was-{viewer.pk}": "read", f"role-{viewer.pk}": ["read", "sell"]}
    answer = one.post("/roles/", given)
    assert answer.status_code == 422
    assert "Somebody else changed this role" in answer.content.decode()
    viewer.refresh_from_db()
    assert viewer.rights == ["read", "reports"]


def test_the_last_keeper_cannot_tick_himself_out(one: Any, counter: Counter) -> None:
    role = counter.admin.role
    rest = [right for right in role.rights if right != "staff"]
    answer = one.post("/roles/", {f"was-{role.pk}": " ".join(role.rights), f"role-{role.pk}": rest})
    assert answer.status_code == 422
    assert "Nobody would be left" in answer.content.decode()
    role.refresh_from_db()
    assert "staff" in role.rights


def test_a_role_is_copied_renamed_and_removed_when_nobody_has_it(one: Any, counter: Counter) -> None:
    cashier = Role.objects.get(code="cashier")
    for _twice in range(2):
        one.post("/roles/new/", {"form_id": FORM, "name": "夜班", "copy_of": cashier.pk})
    made = Role.objects.get(name="夜班")
    assert made.rights == sorted(cashier.rights)
    one.post(f"/roles/{made.pk}/rename/", {"name": "夜班收费"})
    counter.reader.role = made
    counter.reader.save()
    assert one.post(f"/roles/{made.pk}/remove/").status_code == 422
    Operator.objects.filter(pk=counter.reader.pk).update(role=cashier)
    assert one.post(f"/roles/{made.pk}/remove/").status_code == 302
    assert not Role.objects.filter(pk=made.pk).exists()
    assert one.post(f"/roles/{cashier.pk}/remove/").status_code == 422
    done = LogEntry.objects.filter(action__startswith="staff.role_").order_by("pk").values_list("action", flat=True)
    assert list(done) == ["staff.role_add", "staff.role_rename", "staff.role_remove"]


def test_who_administers_only_some_buildings_changes_no_role(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    viewer = Role.objects.get(code="viewer")
    given = {f"was-{viewer.pk}": "read reports", f"role-{viewer.pk}": ["read", "staff"]}
    assert client.post("/roles/", given).status_code == 422
    assert client.post("/roles/new/", {"form_id": FORM, "name": "x"}).status_code == 422
    viewer.refresh_from_db()
    assert viewer.rights == ["read", "reports"]
