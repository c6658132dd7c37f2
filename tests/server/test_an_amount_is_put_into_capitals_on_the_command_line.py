"""`prewatt receipt amount` as a person types it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from prewatt.server.commands.receipt import EXIT_NO_AMOUNT, app


@pytest.mark.parametrize("typed", ["1409.50", "1409.5", "¥1,409.50", " 1409.50 "])
def test_figures_become_capitals(typed: str) -> None:
    assert CliRunner().invoke(app, ["amount", typed]).output == "人民币壹仟肆佰零玖元伍角\n"


def test_json_carries_fen_figures_and_capitals() -> None:
    told = json.loads(CliRunner().invoke(app, ["amount", "107000.53", "--json"]).output)
    assert told == {"fen": 10700053, "figures": "¥107,000.53", "capitals": "人民币壹拾万柒仟元零伍角叁分"}


@pytest.mark.parametrize("typed", ["1.005", "-1", "1e3", "twelve", "9" * 13])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    done = CliRunner().invoke(app, ["amount", "--", typed])
    assert done.exit_code == EXIT_NO_AMOUNT
    assert "no amount" in done.output
