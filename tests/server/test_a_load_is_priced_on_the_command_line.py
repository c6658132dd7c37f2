"""`prewatt tariff` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prewatt.domain.tariff.rules.plan import FORMAT
from prewatt.server.commands.tariff import EXIT_FAULT, EXIT_USAGE, app
from tariffs import DOCUMENTS

SLOTS = [{"at": "00:00", "band": "valley"}, {"at": "08:00", "band": "peak"}, {"at": "22:00", "band": "valley"}]
NIGHT = {"prices": {"peak": "1.00", "valley": "0.50"}, "tables": {"usual": SLOTS}}


def _run(folder: Path, plan: Any, load: str | None, *more: str) -> Any:
    path = folder / "plan.json"
    path.write_text(plan if isinstance(plan, str) else json.dumps(plan))
    words = ["check", "--plan", str(path)]
    if load is not None:
        (folder / "load.csv").write_text(load)
        words = ["price", "--plan", str(path), "--load", str(folder / "load.csv")]
    return CliRunner().invoke(app, [*words, *more])


def _told(folder: Path, plan: Any, load: str, *more: str) -> Any:
    done = _run(folder, plan, load, "--json", *more)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def _plan(*versions: Any, **more: Any) -> dict[str, Any]:
    return {"format": FORMAT, "name": "test", "versions": list(versions)} | more


def test_an_interval_across_a_change_of_band_is_cut(tmp_path: Path) -> None:
    told = _told(tmp_path, _plan(NIGHT), "start,end,kwh\n2026-01-01T07:00,2026-01-01T11:00,4.0\n")
    assert told["total"] == "3.50"
    assert [(line["band"], line["kwh"], line["amount"]) for line in told["statements"][0]["lines"]] == [
        ("peak", "3.000", "3.00"),
        ("valley", "1.000", "0.50"),
    ]


@pytest.mark.parametrize(
    ("heading", "row", "more"),
    [
        ("start,end,kwh", "2026-01-01T08:00,2026-01-01T09:00,1.5", ()),
        ("start,end,wh", "2026-01-01T08:00+08:00,2026-01-01T01:00Z,1500", ()),
        ("kwh,minutes,start", "1.5,60,2026-01-01 08:00", ()),
        ("start,wh", "2026-01-01T08:00:00,1500", ("--minutes", "60")),
        ("band,start,end,kwh", "peak,2026-01-01T00:00,2026-01-02T00:00,1.5", ()),
    ],
)
def test_a_load_may_be_written_in_several_ways(tmp_path: Path, heading: str, row: str, more: tuple[str, ...]) -> None:
    assert _told(tmp_path, _plan(NIGHT), f"\ufeff{heading}\r\n{row}\r\n", *more)["total"] == "1.50"


@pytest.mark.parametrize(
    ("load", "line", "says"),
    [
        ("", 1, "columns"),
        ("start,end,power\n", 1, "power"),
        ("start,end\n", 1, "kwh and wh"),
        ("start,kwh\n", 1, "interval ends"),
        ("start,end,kwh\n2026-01-01T00:00,2026-01-01T01:00\n", 2, "cells"),
        ("start,end,kwh\n\n2026-01-01,then,1\n", 3, "no time"),
        ("start,end,kwh\n2026-01-01T01:00,2026-01-01T01:00,1\n", 2, "no time"),
        ("start,end,kwh\n2026-01-01T01:00,2026-01-01T02:00,1.2345\n", 2, "three decimals"),
        ("start,end,kwh\n2026-01-01T01:00,2026-01-01T02:00,-1\n", 2, "below zero"),
        ("start,end,wh\n2026-01-01T01:00,2026-01-01T02:00,1e3\n", 2, "whole Wh"),
        ("start,minutes,wh\n2026-01-01T01:00,0,1\n", 2, "minutes"),
        ("start,end,wh\n0001-01-01T01:00,2026-01-01T02:00,1\n", 2, "year"),
        ("start,end,kwh\n" + "x" * 3000 + "\n", 2, "longer"),
        ('start,end,kwh\n"2026-01-01T01:00,2026-01-01T02:00,1\n', 2, "CSV"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, load: str, line: int, says: str) -> None:
    done = _run(tmp_path, _plan(NIGHT), load, "--json")
    assert done.exit_code == EXIT_FAULT
    told = json.loads(done.stdout)
    assert (told["ok"], told["where"]) == (False, "load")
    assert told["faults"][0]["line"] == line
    assert says in told["faults"][0]["text"]


@pytest.mark.parametrize("hour", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_an_hour_that_summer_time_makes_doubtful_needs_its_offset(tmp_path: Path, hour: str) -> None:
    plan = _plan({"price": "1"}, zone="Europe/Berlin")
    assert "offset" in _run(tmp_path, plan, f"start,minutes,wh\n{hour},30,1000\n").output
    assert _told(tmp_path, plan, f"start,minutes,wh\n{hour}+02:00,30,1000\n")["total"] == "1.00"


def test_use_without_a_price_is_refused(tmp_path: Path) -> None:
    twice = "start,minutes,wh\n2026-01-01T00:00,60,1\n2026-01-01T00:30,60,1\n"
    assert "over each other" in _run(tmp_path, _plan(NIGHT), twice).output
    ended = _plan({"from": "2026-01-02", "until": "2026-02-01", "price": "1"})
    early = "start,minutes,wh\n2026-01-01T23:30,60,1\n"
    assert "no version of the plan holds at 2026-01-01 23:30" in _run(tmp_path, ended, early).output
    assert _told(tmp_path, ended, "start,minutes,wh\n2026-01-31T23:00,60,1000\n")["total"] == "1.00"
    done = _run(tmp_path, ended, early, "--json")
    assert (done.exit_code, json.loads(done.stdout)["where"]) == (EXIT_FAULT, "price")


def test_demand_is_charged_for_the_quantity_that_was_contracted(tmp_path: Path) -> None:
    plan, load = DOCUMENTS["cn_hb_2026-01_4"], "start,end,kwh\n2026-01-05T10:00,2026-01-05T11:00,100\n"
    told = _told(tmp_path, plan, load)
    assert told["not_given"] == ["capacity_kva", "demand_kw"]
    assert told["total"] == "65.19"
    assert _told(tmp_path, plan, load, "--quantity", "demand_kw=120.5")["total"] == "5126.19"
    assert _run(tmp_path, plan, load, "--quantity", "demand_kw").exit_code == EXIT_USAGE


def test_a_sound_plan_is_said_to_be_sound(tmp_path: Path) -> None:
    done = _run(tmp_path, _plan(NIGHT), None, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "ok": True, "faults": [], "name": "test", "currency": "CNY", "settlement": "month",
        "bands": ["peak", "valley"], "versions": [None],
    }  # fmt: skip


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    slots = [{"at": "01:00", "band": "valley"}, {"at": "00:30", "band": "noon"}]
    wrong = _plan({"prices": {"peak": "1.x", "valley": "1"}, "tables": {"a/b": slots}}, {"price": "1"}, more=1)
    done = _run(tmp_path, wrong, None, "--json")
    assert done.exit_code == EXIT_FAULT
    assert [fault["pointer"] for fault in json.loads(done.stdout)["faults"]] == [
        "/more",
        "/versions/0/prices/peak",
        "/versions/0/tables/a~1b/0/at",
        "/versions/0/tables/a~1b/1/band",
        "/versions/0/tables/a~1b/1/at",
        "/versions/1",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": NaN}', '{"format": 1, "format": 1}', "[" * 100_000])
def test_what_is_no_plan_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    done = _run(tmp_path, text, None)
    assert done.exit_code == EXIT_FAULT
    assert done.stdout.startswith("/")


def test_a_file_that_is_not_there_is_a_wrong_use(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", "--plan", str(tmp_path / "none.json")])
    assert done.exit_code == EXIT_USAGE
    assert "No such file" in done.output
