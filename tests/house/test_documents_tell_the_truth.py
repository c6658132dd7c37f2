"""The documents' lists are checked against the program, and nothing of a machine is committed."""

from __future__ import annotations

import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from prewatt.server.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
COMMANDS_PAGE = (ROOT / "docs/commands.md").read_text()
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
OF_EVERY_COMMAND = {"--help", "--install-completion", "--show-completion"}
HEADINGS = ["## Chosen", "## Against", "## Why", "## Reconsider when"]
# Written in pieces, so that this file does not find itself.
OF_A_MACHINE = re.compile(
    "|".join(
        (
            r"(?<![\w.])/(?:work|root|farm)/",
            r"/opt/" + "pypi",
            r"pythonhosted" + r"\.org",
            r"pypi" + r"\.org/simple",
            r"registry\.npm" + r"js",
            r"deb\.debian" + r"\.org",
        )
    )
)


def _sections() -> dict[str, str]:
    parts = re.split(r"(?m)^## prewatt (\S+).*$", COMMANDS_PAGE.partition("\n# Settings")[0])
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def _command(name: str) -> Any:
    """A typer command. Typer carries a click of its own, so its kinds are told by what they have."""
    module, attribute, _, _ = COMMANDS[name]
    return typer.main.get_command(getattr(importlib.import_module(module), attribute))


def _subcommands(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


def _options(command: Any) -> set[str]:
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    own = {name for option in options for name in option.opts if name.startswith("--")}
    return (own - OF_EVERY_COMMAND).union(*(_options(one) for one in _subcommands(command).values()))


def test_every_command_has_its_section_and_no_section_is_of_a_command_that_is_not() -> None:
    assert list(_sections()) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_subcommand_is_described(name: str) -> None:
    command, section = _command(name), _sections()[name]
    assert not {option for option in _options(command) if f"`{option}" not in section}
    assert not {one for one in _subcommands(command) if f"### prewatt {name} {one}\n" not in section}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_described_is_there(name: str) -> None:
    assert not set(re.findall(r"`(--[a-z][a-z0-9-]*)", _sections()[name])) - _options(_command(name))


def test_every_setting_is_described_and_every_description_is_of_a_setting() -> None:
    read = {
        name for path in (ROOT / "src").rglob("*.py") for name in re.findall(r"\bPREWATT_[A-Z0-9_]+", path.read_text())
    }
    described = set(re.findall(r"(?m)^\| `(PREWATT_[A-Z0-9_]+)`", COMMANDS_PAGE))
    assert described == read


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_what_against_what_why_and_when_to_reconsider(page: Path) -> None:
    text = page.read_text()
    number = int(page.name[:4])
    assert text.startswith(f"# {number}. ")
    assert re.findall(r"(?m)^## .*$", text) == HEADINGS


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_nothing_of_a_machine_is_committed() -> None:
    guilty = []
    for path in _committed():
        try:
            text = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        guilty += [
            f"{path.relative_to(ROOT)}: {line.strip()[:120]}" for line in text.splitlines() if OF_A_MACHINE.search(line)
        ]
    assert not guilty


@pytest.mark.parametrize("lock", ["requirements/demo.txt", "requirements/dev.txt"])
def test_python_locks_pin_every_package_by_hash_and_name_no_address(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("-")]
    pinned = [line for line in lines if not line.startswith(" ")]
    assert pinned
    assert all(re.match(r"[a-z0-9._-]+==\S+.*\\$", line) for line in pinned)


def test_the_front_end_lock_names_no_address_but_every_hash() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    packages = re.findall(r'"(node_modules/[^"]+)": \{\s*"version": "[^"]+",\s*"integrity": "sha512-', text)
    assert len(packages) == text.count('"node_modules/')


def test_relative_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} -> {target}"


def test_the_page_of_the_house_names_the_rooms_that_are_there() -> None:
    """In the order in which they may know each other, as the contract has it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["name"] == "Inside the domain")
    drawn = (ROOT / "ARCHITECTURE.md").read_text().partition("domain     ")[2].partition("\nfield ")[0]
    assert [" ".join(one.split()) for one in drawn.split("→")] == layers
