"""So many requests of a token and so many wrong tokens of an address in a minute."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import ROOT, Program


@pytest.fixture(autouse=True)
def one_minute() -> Any:
    """The clock stands, so that no minute ends in the middle."""
    import time_machine as clock

    with clock.travel(1_790_000_000, tick=False):
        yield


def test_a_token_that_asks_too_often_waits(counter: Counter, settings: Any) -> None:
    settings.API_PER_MINUTE = 3
    program, other = Program(counter.cashier), Program(counter.reader)
    assert [program.get("/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    late = program.get("/me")
    assert (late.json()["code"], late.json()["retry"], late.headers["Retry-After"]) == ("too_often", True, "60")
    assert other.get("/me").status_code == 200


def test_who_guesses_tokens_is_not_listened_to_and_stands_in_the_log_once(
    counter: Counter, client: Any, settings: Any
) -> None:
    from prewatt.domain.staff.models import LogEntry

    settings.API_WRONG_PER_MINUTE = 3
    program = Program(counter.cashier)
    wrong = [
        client.get(f"{ROOT}/me", headers={"Authorization": f"Bearer pw_{n}"}, REMOTE_ADDR="10.0.0.9").status_code
        for n in range(5)
    ]
    assert wrong == [401, 401, 401, 429, 429]
    right = client.get(f"{ROOT}/me", headers=program.headers(), REMOTE_ADDR="10.0.0.9")
    assert right.status_code == 429
    assert program.get("/me").status_code == 200  # from elsewhere
    assert LogEntry.objects.filter(action="api.wrong_tokens").count() == 1


def test_no_token_at_all_is_no_guess(counter: Counter, client: Any, settings: Any) -> None:
    settings.API_WRONG_PER_MINUTE = 1
    assert [client.get(f"{ROOT}/me").status_code for _ in range(3)] == [401, 401, 401]
