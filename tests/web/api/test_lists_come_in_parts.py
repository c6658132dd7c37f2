"""A cursor says where the last part ended: nothing is skipped, nothing comes twice."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import Program


def walk(program: Program, path: str, limit: int) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        part = program.get(path, limit=limit, cursor=cursor).json()
        assert len(part["items"]) <= limit
        found += [one["id"] for one in part["items"]]
        cursor = part["next"]
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_the_parts_together_are_the_list(counter: Counter, limit: int) -> None:
    for n in range(10, 15):
        counter.meter(f"0300{n:06d}")
    program = Program(counter.reader)
    every = [one["id"] for one in program.get("/meters").json()["items"]]
    assert len(every) == 6
    assert walk(program, "/meters", limit) == every


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_sales_of_one_moment_come_once_each(counter: Counter, limit: int) -> None:
    counter.opened()
    at = counter.now
    for n in range(5):
        counter.sell(f"s{n}", "1", now=at)
    found = walk(Program(counter.reader), "/sales", limit)
    assert sorted(found) == [f"s{n}" for n in range(5)]


def test_what_is_new_meanwhile_moves_no_part(counter: Counter) -> None:
    counter.opened()
    for n in range(4):
        counter.sell(f"s{n}", "1")
    program = Program(counter.reader)
    first = program.get("/sales", limit=2).json()
    counter.sell("new", "1")
    second = program.get("/sales", limit=2, cursor=first["next"]).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ["s3", "s2", "s1", "s0"]


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "WzEsMl0", "WyJhIiwgMWUzMDBd", "////", "中"])
def test_a_cursor_of_somebody_elses_is_refused(counter: Counter, cursor: str) -> None:
    answer = Program(counter.reader).get("/sales", cursor=cursor)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["cursor"])


def test_a_limit_has_a_limit(counter: Counter) -> None:
    assert Program(counter.reader).get("/meters", limit=501).status_code == 422
