"""`prewatt import` and `prewatt user` as a person runs them: own processes, own database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

PASSWORD = "korrektes Pferd 17"


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREWATT_", "DJANGO_"))
        } | {"PREWATT_DATA": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}

    def prewatt(self, *arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "prewatt.server.cli", *arguments],
            env=self._environment | environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    assert made.prewatt("migrate").returncode == 0
    return made


def test_a_template_is_filled_in_checked_and_imported(site: Site) -> None:
    file = str(site.folder / "estate.xlsx")
    assert site.prewatt("import", "template", file).returncode == 0
    assert site.prewatt("import", "template", file).returncode == 2  # it does not write over what was filled in

    book = openpyxl.load_workbook(file)
    book["仪表"]["D2"] = 300
    book.save(file)
    refused = site.prewatt("import", "estate", file, "--json")
    facts = json.loads(refused.stdout)
    assert (refused.returncode, facts["ok"], facts["imported"]) == (1, False, False)
    assert [(one["sheet"], one["cell"]) for one in facts["problems"]] == [("仪表", "D2")]
    assert "仪表!D2" in site.prewatt("import", "estate", file).stdout

    book["仪表"]["D2"] = 10
    book.save(file)
    looked = site.prewatt("import", "estate", file, "--check", "--json")
    assert (looked.returncode, json.loads(looked.stdout)["imported"]) == (0, False)
    done = json.loads(site.prewatt("import", "estate", file, "--json").stdout)
    assert (done["imported"], done["new"]["meters"], done["unchanged"]["meters"]) == (True, 1, 0)
    again = json.loads(site.prewatt("import", "estate", file, "--json").stdout)
    assert (again["new"]["meters"], again["unchanged"]["meters"]) == (0, 1)
    assert site.prewatt("import", "estate", str(site.folder / "none.xlsx")).returncode == 2
    openpyxl.Workbook().save(site.folder / "own.xlsx")
    own = site.prewatt("import", "estate", str(site.folder / "own.xlsx"))
    assert (own.returncode, "prewatt import template" in own.stderr) == (2, True)


def test_there_is_no_operator_until_somebody_adds_one(site: Site) -> None:
    assert json.loads(site.prewatt("user", "list", "--json").stdout) == []
    add = ("user", "add", "lin", "--role", "cashier", "--name", "林晓岚")
    assert site.prewatt(*add, "--all-buildings").returncode == 2  # no password, nobody to ask
    assert site.prewatt(*add, PREWATT_PASSWORD=PASSWORD).returncode == 2  # no scope
    weak = site.prewatt(*add, "--all-buildings", "--password-stdin", typed="short\n")
    assert (weak.returncode, "too short" in weak.stderr) == (1, True)
    assert site.prewatt(*add, "--all-buildings", "--password-stdin", typed=PASSWORD + "\n").returncode == 0
    taken = site.prewatt(*add, "--all-buildings", PREWATT_PASSWORD=PASSWORD)
    assert (taken.returncode, "is taken" in taken.stderr) == (1, True)
    assert json.loads(site.prewatt("user", "list", "--json").stdout) == [
        {"username": "lin", "name": "林晓岚", "role": "cashier", "active": True, "all_buildings": True, "buildings": []}
    ]
    assert site.prewatt("user", "password", "lin", PREWATT_PASSWORD=PASSWORD + "!").returncode == 0
    assert site.prewatt("user", "password", "nobody", PREWATT_PASSWORD=PASSWORD).returncode == 2
