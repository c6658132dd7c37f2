"""Codes, first passwords and secrets: the answer says them once; what is kept for a key sent again is without them."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import Program
from web.console.halves import Half


@pytest.fixture
def asked(counter: Counter) -> dict[str, tuple[str, Any]]:
    """Field that is said once -> where and with what."""
    from prewatt.domain.staff.models import Role

    half = Half(counter, foreign=False)
    newcomer = {"username": "newcomer", "role_id": Role.objects.get(code="viewer").pk, "all_buildings": True}
    hook = {"name": "till", "url": "https://example.com/hook", "events": ["sale"]}
    return {
        "enrolment_code": (f"/gateways/{half.gateway.pk}/code", {}),
        "password": ("/operators", newcomer),
        "secret": ("/webhooks", hook),
    }


@pytest.mark.parametrize("field", ["enrolment_code", "password", "secret"])
def test_it_is_said_once(counter: Counter, asked: dict[str, tuple[str, Any]], field: str) -> None:
    from prewatt.web.api.models import Answer

    path, body = asked[field]
    program = Program(counter.admin)
    first, again = (program.send(path, body, key="one-and-the-same") for _ in range(2))
    said = first.json()[field]
    assert (first.status_code, again.status_code) == (200, 200)
    assert len(said) > 10
    assert again.json() == first.json() | {field: ""}
    assert again.headers["Idempotent-Replay"] == "true"
    assert said not in Answer.objects.get(key="one-and-the-same").body


def test_the_same_key_for_another_person_is_refused(counter: Counter, asked: dict[str, tuple[str, Any]]) -> None:
    from prewatt.domain.staff.models import Operator

    path, body = asked["password"]
    program = Program(counter.admin)
    program.send(path, body, key="one-and-the-same")
    other = program.send(path, body | {"username": "other"}, key="one-and-the-same")
    assert (other.status_code, other.json()["code"]) == (409, "key_used")
    assert not Operator.objects.filter(username="other").exists()


def test_the_password_opens_the_door(counter: Counter, client: Any, asked: dict[str, tuple[str, Any]]) -> None:
    path, body = asked["password"]
    password = Program(counter.admin).send(path, body).json()["password"]
    answer = client.post("/login/", {"username": "newcomer", "password": password})
    assert answer.status_code == 302
