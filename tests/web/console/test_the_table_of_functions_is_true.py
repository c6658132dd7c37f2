"""docs/functions.md against the program: functions, pages, rights and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from prewatt.domain.staff.rights import Right
from web.console.test_every_page_keeps_its_right_and_its_building import PAGES, PUBLIC, asks

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs/functions.md").read_text()
NUMBERS = [*map(str, range(1, 15)), *(f"15.{n}" for n in range(1, 7)), *map(str, range(16, 26))]
NUMBERS += [str(n) for n in range(30, 43)]
REPORTS = {"20", "21", "22", "23", "24"}  # read, not done; shown by tests of their figures
ADDRESSED = re.compile(r"<(?:\w+:)?(\w+)>")


def section(title: str) -> list[list[str]]:
    """The rows of a section's table, head left out."""
    part = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0] if title else TEXT.partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def pages_as_documented() -> list[list[str]]:
    """What the table of pages has to say."""
    return [
        [f"`{name}`", f"`/{_path(name)}`", _rights(name)]
        for name in sorted(PAGES, key=lambda name: (_path(name), name))
    ]


def _path(name: str) -> str:
    return ADDRESSED.sub(r"{\1}", str(PAGES[name].pattern))


def _rights(name: str) -> str:
    if name in PUBLIC:
        return "public"
    return ", ".join(right.value for right in asks(name)) or "any"


def settings_in_the_code() -> set[str]:
    from prewatt.domain.backups.models import Plan
    from prewatt.domain.control.models import SwitchRules
    from prewatt.domain.cutoff.models import FairRules
    from prewatt.domain.estate.models import Defaults
    from prewatt.domain.staff.models import Site
    from prewatt.domain.vending.models import CounterSettings

    models: list[Any] = [Site, Defaults, CounterSettings, SwitchRules, FairRules, Plan]
    return {
        f"{model.__name__}.{field.name}"
        for model in models
        for field in model._meta.get_fields()
        if field.name not in {"id", "building", "logo_type", "logo_digest"}
    }


def test_every_numbered_function_is_in_the_table_once() -> None:
    assert [row[0] for row in section("")] == NUMBERS


@pytest.mark.parametrize("row", section(""), ids=lambda row: row[0])
def test_a_functions_pages_and_tests_are_there(row: list[str]) -> None:
    assert not set(named(row[3])) - set(PAGES)
    assert [one for one in row[4].split(", ") if not (ROOT / "tests" / one).exists()] == []


@pytest.mark.parametrize("row", [row for row in section("") if row[0] not in REPORTS], ids=lambda row: row[0])
def test_what_an_operator_does_is_done_in_the_living_tower(row: list[str]) -> None:
    """Against the demo's meters, whose memory says what reached them, and not against fixtures."""
    assert [one for one in row[4].split(", ") if one.startswith("browser/living/test_")]


def test_every_page_stands_in_the_table_with_its_right() -> None:
    assert section("Pages") == pages_as_documented()


def test_every_right_is_described() -> None:
    assert [named(row[0]) for row in section("Rights")] == [[right.value] for right in Right]


def test_every_setting_is_described_with_a_page_that_is_there() -> None:
    rows = section("Settings")
    assert {name for row in rows for name in named(row[0])} == settings_in_the_code()
    assert not {name for row in rows for name in named(row[2])} - set(PAGES)
