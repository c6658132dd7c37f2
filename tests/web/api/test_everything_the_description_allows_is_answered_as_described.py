"""schemathesis asks the application what its own description allows, and what it forbids: never an error of the
server, every answer in its described shape, nothing without a token.

In this process and against the test's database; the examples are always the same, so that a red run can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from counter import Counter
from prewatt.server.wsgi import application
from prewatt.web.api import limits
from prewatt.web.api.urls import api
from web.api.door import Program
from web.console.halves import Half

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 3  # of each operation, and as many that its description forbids
schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
schema.app = application


OPERATIONS = {one.ok().label: one.ok() for one in schema.get_all_operations()}
same_every_time = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def walk(mode: GenerationMode, secret: str) -> dict[str, set[int]]:
    """The states of the answers by operation."""
    seen: dict[str, set[int]] = {}
    for label, operation in OPERATIONS.items():

        @same_every_time
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            limits.requests.clear()
            response = case.call(headers={"Authorization": f"Bearer {secret}"})
            case.validate_response(response, checks=CHECKS)
            seen.setdefault(label, set()).add(response.status_code)  # noqa: B023 - used up before the next turn

        ask()
    return seen


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The application puts its connection away after each answer, and the test's own transaction would go with it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def secret(counter: Counter) -> str:
    return Program(Half(counter, foreign=False).manager).secret


def test_what_is_allowed_is_answered_as_described(secret: str) -> None:
    seen = walk(GenerationMode.POSITIVE, secret)
    assert set(seen) == set(OPERATIONS)
    assert {label for label, states in seen.items() if states & {400, 401, 429}} == set()
    lists = {label for label, one in OPERATIONS.items() if one.method == "get" and not one.path_parameters}
    assert {label for label in lists if 200 not in seen[label]} <= {
        "GET /api/v1/reports/finance",
        "GET /api/v1/reports/readings",
        "GET /api/v1/reports/days",
        "GET /api/v1/settings/backups",  # of who sees every building
    }


def test_what_is_forbidden_is_answered_as_described(secret: str) -> None:
    seen = walk(GenerationMode.NEGATIVE, secret)
    assert set(seen) == set(OPERATIONS)
