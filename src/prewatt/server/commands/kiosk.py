"""`prewatt kiosk`: the lobby's terminal, full screen in the browser that is there. Needs nothing of the centre."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
OUTSIDE = 75

app = typer.Typer(add_completion=False)


@app.command()
def kiosk(
    url: Annotated[str, typer.Option(help="Address of the centre")] = "http://127.0.0.1:8000/",
    browser: Annotated[str, typer.Option(help="Program to open; otherwise the first Chromium found")] = "",
    printing: Annotated[
        bool, typer.Option("--printing", help="Print receipts without asking, on the default printer")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only say what would be started")] = False,
) -> None:
    """Open the self-service terminal full screen. 用户查询机

    The browser gets a folder of its own, which is thrown away at the end: nothing of a customer stays behind.
    """
    program = browser or next((found for name in BROWSERS if (found := shutil.which(name))), "")
    if not program:
        typer.echo("No Chromium was found. Install one (apt install chromium), or name it: --browser PROGRAM", err=True)
        raise typer.Exit(OUTSIDE)
    with tempfile.TemporaryDirectory(prefix="prewatt-kiosk-") as folder:
        line = command(program, url, Path(folder), printing=printing)
        if show:
            typer.echo(" ".join(line))
            return
        sys.exit(subprocess.run(line, check=False).returncode)  # noqa: S603 - the browser that the site chose


def command(program: str, url: str, folder: Path, *, printing: bool) -> list[str]:
    line = [
        program,
        "--kiosk",
        "--incognito",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-pinch",
        "--overscroll-history-navigation=0",
        "--disable-features=Translate",
        f"--user-data-dir={folder}",
    ]
    return [*line, *(["--kiosk-printing"] if printing else []), f"{url.rstrip('/')}/kiosk/"]
