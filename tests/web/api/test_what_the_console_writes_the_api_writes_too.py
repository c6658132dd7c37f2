"""The table in docs/api.md: every page of the console that writes, with what does the same here or why nothing does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from web.api.test_every_operation_keeps_its_right_and_its_building import OPERATIONS
from web.console.test_every_page_keeps_its_right_and_its_building import PAGES

TEXT = (Path(__file__).resolve().parents[3] / "docs/api.md").read_text()
ROWS = re.findall(r"^\| (`[^|]+`) \| (.+) \|$", TEXT.partition("## 控制台与接口")[2], re.MULTILINE)
NAME = re.compile(r"`([a-z][a-z_-]*)`")
NOTHING, NOT_YET = "—", "not yet"


def writes(view: Any) -> bool:
    """Pages before the log-in do not say: they count."""
    return "POST" in getattr(view, "methods", ("POST",))


WRITING = {name for name, page in PAGES.items() if writes(page.callback)}
LISTED = [page for pages, _said in ROWS for page in NAME.findall(pages)]
NAMED = {name for _pages, said in ROWS for name in NAME.findall(said.partition(NOTHING)[0])}


def test_every_page_that_writes_stands_in_the_table_once() -> None:
    assert sorted(LISTED) == sorted(WRITING)


def test_the_table_names_only_operations_that_there_are() -> None:
    assert set(OPERATIONS) >= NAMED


def test_every_operation_that_writes_stands_in_the_table() -> None:
    assert {name for name, (method, _rights) in OPERATIONS.items() if method != "GET"} - NAMED == set()


@pytest.mark.parametrize(("pages", "said"), ROWS)
def test_what_is_nothing_here_says_why(pages: str, said: str) -> None:
    reason = said.partition(NOTHING)[2]
    assert NAME.findall(said.partition(NOTHING)[0]) or NOT_YET in said or len(reason.split()) >= 4, pages
