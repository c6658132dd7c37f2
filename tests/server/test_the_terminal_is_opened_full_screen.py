"""`prewatt kiosk`: which browser, with what, and what it says where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from prewatt.server.commands import kiosk

RUN = CliRunner()


def test_the_browser_is_full_screen_and_keeps_nothing() -> None:
    said = RUN.invoke(
        kiosk.app, ["--browser", "chromium", "--url", "https://power.example.cn/", "--show"]
    ).output.split()
    assert said[0] == "chromium"
    assert {"--kiosk", "--incognito"} <= set(said)
    assert said[-1] == "https://power.example.cn/kiosk/"
    folder = next(one for one in said if one.startswith("--user-data-dir=")).partition("=")[2]
    assert not Path(folder).exists()


def test_printing_without_a_question_is_asked_for() -> None:
    assert "--kiosk-printing" not in kiosk.command("c", "http://x", Path("f"), printing=False)
    assert "--kiosk-printing" in kiosk.command("c", "http://x", Path("f"), printing=True)


def test_where_there_is_no_browser_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiosk.shutil, "which", lambda _name: None)
    answer = RUN.invoke(kiosk.app, [])
    assert answer.exit_code == 75
    assert "apt install chromium" in answer.output


def test_the_browser_that_was_started_says_how_it_ended(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\nexit 3\n')
    program.chmod(0o755)
    assert RUN.invoke(kiosk.app, ["--browser", str(program)]).exit_code == 3
    assert "--kiosk" in (tmp_path / "said").read_text()
