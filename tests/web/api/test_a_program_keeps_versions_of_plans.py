"""A plan's versions over the API: the same document, the same faults with their place, once for the same key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counter import Counter
from web.api.door import Program

pytestmark = pytest.mark.django_db
LADDER = {
    "format": "prewatt-tariff-1",
    "name": "居民",
    "settlement": {"every": "year"},
    "versions": [{"price": "0.538", "ladder": {"steps": [{"up_to_kwh": "2760", "add": "0"}, {"add": "0.05"}]}}],
}


@pytest.fixture
def program(counter: Counter) -> Program:
    return Program(counter.admin)


def made(program: Program, **more: Any) -> Any:
    return program.send("/plan-documents", {"name": "居民", "document": LADDER} | more, key="the-same-key")


def test_a_plan_of_a_document_is_made_once_and_its_versions_are_listed(program: Program) -> None:
    first = made(program).json()
    assert made(program).json() == first
    assert (first["number"], first["holds"], first["document"]) == (1, True, LADDER)
    coming = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    path = f"/plans/{first['plan_id']}/versions"
    second = program.send(path, {"document": LADDER, "effective_from": coming, "note": "从下月起"})
    assert (second.status_code, second.json()["number"], second.json()["holds"]) == (200, 2, False)
    assert [one["number"] for one in program.get(path).json()["items"]] == [2, 1]
    assert program.send(f"{path}/2/withdraw").json()["withdrawn_at"] is not None
    assert program.send(f"{path}/1/withdraw").json()["code"] == "holds_already"
    assert program.get(f"/plans/{first['plan_id']}").json()["kind"] == "full"


def test_faults_come_with_their_place(program: Program) -> None:
    wrong = LADDER | {"versions": [{"price": "x"}]}
    found = made(program, document=wrong)
    assert (found.status_code, found.json()["code"]) == (422, "bad_document")
    assert "/versions/0/price" in found.json()["fields"]


@pytest.mark.parametrize("name", ["P\u0000", "\ud800"])
def test_letters_that_no_database_keeps_are_refused(program: Program, name: str) -> None:
    assert made(program, document=LADDER | {"name": name}).status_code in {400, 422}


def test_a_past_moment_is_refused(program: Program) -> None:
    assert made(program, effective_from="2020-01-01T00:00:00").json()["code"] == "in_the_past"


def test_five_prices_do_not_replace_a_ladder_by_accident(program: Program) -> None:
    plan = made(program).json()["plan_id"]
    changed = program.send(f"/plans/{plan}", {"price_flat_e4": 9000}, method="PATCH")
    assert changed.json()["code"] == "only_by_versions"
    assert program.send(f"/plans/{plan}", {"note": "x"}, method="PATCH").status_code == 200
