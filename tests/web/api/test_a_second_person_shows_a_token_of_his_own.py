"""Where two people are needed, the second one's token stands beside the first one's, and what he may not he cannot
confirm.
"""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import ROOT, Program


@pytest.fixture
def engineer(counter: Counter) -> Program:
    from prewatt.domain.control.models import SwitchRules

    SwitchRules.objects.create(limit_count=0, limit_minutes=10, protect=False)
    counter.read_all(counter.meters[0], balance_fen=1000)
    return Program(counter.person("engineer-one", "engineer"))


def cut(counter: Counter, program: Program, second: str = "", key: str = "cut-the-power") -> Any:
    meter = counter.meters[0]
    body = f'{{"kind": "switch_off", "reason": "danger", "confirmed": "{meter.room.number}"}}'
    headers = program.headers(key) | ({"Second-Authorization": f"Bearer {second}"} if second else {})
    path = f"{ROOT}/meters/{meter.pk}/orders"
    return program.client.generic("POST", path, body, content_type="application/json", headers=headers)


def test_alone_it_is_refused_and_with_somebody_else_it_goes(counter: Counter, engineer: Program) -> None:
    from prewatt.domain.control.models import Cut

    alone = cut(counter, engineer)
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_needed")
    other = counter.person("engineer-two", "engineer")
    both = cut(counter, engineer, Program(other).secret)
    assert both.status_code == 200, both.content
    assert Cut.objects.get().second_person_id == other.pk


def test_nobody_is_his_own_second_person(counter: Counter, engineer: Program) -> None:
    own = Program(counter.admin.__class__.objects.get(username="engineer-one"))
    for secret in (engineer.secret, own.secret, "pw_nobody"):
        answer = cut(counter, engineer, secret)
        assert (answer.status_code, answer.json()["code"]) == (409, "second_person_unknown")


def test_a_second_person_confirms_no_more_than_his_token_may(counter: Counter, engineer: Program) -> None:
    other = counter.person("engineer-two", "engineer")
    narrow = Program(other, rights=["read"])
    assert cut(counter, engineer, narrow.secret).json()["code"] == "second_person_may_not"


def test_who_guesses_the_second_token_is_not_listened_to(counter: Counter, engineer: Program, settings: Any) -> None:
    settings.API_WRONG_PER_MINUTE = 2
    states = [cut(counter, engineer, "pw_nobody").status_code for _ in range(3)]
    assert states == [409, 409, 429]
