"""API tokens on the console: for whom, how narrow, shown once, and dead when they should be."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counter import Counter
from web.api.door import ROOT, Program

NEW = "/settings/tokens/new/"
FORM = {"form_id": "form-0123456789abcdef", "name": "till", "days": "30", "all_buildings": "yes", "rights": ["read"]}


def made(client: Any, who: Any, **changes: Any) -> Any:
    client.force_login(who)
    return client.post(NEW, FORM | {"operator": who.pk} | changes)


def secret(answer: Any) -> str:
    found = re.search(r">(pw_\w+)<", answer.content.decode())
    assert found is not None, answer.content
    return found[1]


def opens(client: Any, word: str, path: str = "/me") -> int:
    return int(client.get(ROOT + path, headers={"Authorization": f"Bearer {word}"}).status_code)


def test_the_secret_is_shown_once_and_opens(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import ApiToken

    word = secret(made(client, counter.cashier))
    assert (opens(client, word), opens(client, word, "/meters")) == (200, 200)
    assert word not in client.get("/settings/tokens/").content.decode()
    row = ApiToken.objects.get()
    assert word not in str(row.__dict__)
    assert (row.operator, row.rights) == (counter.cashier, ["read"])


def test_the_form_sent_twice_is_one_token(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import ApiToken

    assert secret(made(client, counter.cashier)) == secret(made(client, counter.cashier))
    assert ApiToken.objects.count() == 1


def test_making_and_revoking_are_logged_without_the_secret(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import ApiToken, LogEntry

    word = secret(made(client, counter.cashier))
    client.post(f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/")
    lines = list(LogEntry.objects.filter(action__startswith="api.").order_by("pk"))
    assert [one.action for one in lines] == ["api.token", "api.revoke"]
    assert word not in str([one.__dict__ for one in lines])


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"rights": []},
        {"rights": ["staff"]},  # a cashier has not
        {"days": "0"},
        {"days": "367"},
        {"all_buildings": ""},
        {"form_id": "short"},
    ],
)
def test_what_cannot_be_is_refused_and_the_form_comes_back(
    client: Any, counter: Counter, changes: dict[str, Any]
) -> None:
    from prewatt.domain.staff.models import ApiToken

    answer = made(client, counter.cashier, **changes)
    assert (answer.status_code, ApiToken.objects.count()) == (422, 0)


def test_only_who_administers_people_makes_one_for_another(client: Any, counter: Counter) -> None:
    client.force_login(counter.cashier)
    assert client.post(NEW, FORM | {"operator": counter.reader.pk}).status_code == 404
    client.force_login(counter.admin)
    word = secret(client.post(NEW, FORM | {"operator": counter.reader.pk}))
    assert client.get(f"{ROOT}/me", headers={"Authorization": f"Bearer {word}"}).json()["operator"] == "reader"


def test_another_sees_and_revokes_it_only_if_he_administers_its_owner(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import ApiToken

    word = secret(made(client, counter.cashier))
    address = f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/"
    for who in (counter.reader, counter.stranger):
        client.force_login(who)
        assert client.post(address).status_code == 404
    assert opens(client, word) == 200
    client.force_login(counter.admin)
    assert client.post(address).status_code == 302
    assert opens(client, word) == 401


def test_a_token_dies_with_its_operator_and_with_its_date(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import ApiToken

    program = Program(counter.cashier)
    assert program.get("/me").status_code == 200
    counter.cashier.is_active = False
    counter.cashier.save()
    assert program.get("/me").json()["code"] == "token_ended"
    counter.cashier.is_active = True
    counter.cashier.save()
    assert program.get("/me").status_code == 200
    ApiToken.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert program.get("/me").status_code == 401


def test_what_the_operator_loses_the_token_loses(counter: Counter) -> None:
    """And what he gains later it does not gain."""
    counter.opened()
    program = Program(counter.cashier)
    sale = {"meter_id": counter.meters[0].pk, "amount_fen": 100, "tender": "cash"}
    assert program.send("/sales", sale).status_code == 200
    role = counter.cashier.role
    role.rights = ["read", "staff"]
    role.save()
    assert program.send("/sales", sale).json()["code"] == "no_right"
    assert program.get("/operators").status_code == 403
    counter.cashier.all_buildings = False
    counter.cashier.save()
    assert program.get("/meters").json()["items"] == []


def test_a_token_writes_nothing_into_its_operator(counter: Counter) -> None:
    from prewatt.domain.staff.tokens import acting
    from web.api.door import token_of

    who = acting(token_of(counter.admin, ["read"])[0])
    with pytest.raises(TypeError):
        who.save()


def test_last_use_is_noted(counter: Counter) -> None:
    program = Program(counter.cashier)
    program.get("/me")
    program.token.refresh_from_db()
    assert (program.token.last_used_at is None, program.token.last_address) == (False, "127.0.0.1")
