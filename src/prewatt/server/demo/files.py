"""The demo's data folder: what is where, and small JSON files that are always whole."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from prewatt.server.demo.past import Life

MARK = "demo.json"  # its presence says that the folder is the demo's to wipe


class Files:
    """Paths under the data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = folder / MARK
        self.progress = folder / "progress.json"
        self.running = folder / "running.json"
        self.lives = folder / "lives.msgpack"
        self.history = folder / "history.json"
        self.fleet = folder / "fleet.toml"
        self.meters = folder / "meters.json"
        self.code = folder / "enrol.code"
        self.gateway = folder / "gateway"
        self.providers = folder / "providers"
        self.logs = folder / "log"
        self.lock = folder / "demo.lock"

    @classmethod
    def of_environment(cls) -> Files:
        return cls(Path(os.environ["PREWATT_DATA"]))

    def facts(self) -> dict[str, Any]:
        return read(self.mark)

    def keep_lives(self, lives: list[Life]) -> None:
        _write(self.lives, msgspec.msgpack.encode(lives))

    def read_lives(self) -> list[Life]:
        return msgspec.msgpack.decode(self.lives.read_bytes(), type=list[Life])


def read(path: Path) -> dict[str, Any]:
    """Empty if it is not there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found


def write(path: Path, facts: dict[str, Any]) -> None:
    _write(path, json.dumps(facts, ensure_ascii=False, indent=1).encode())


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def report(files: Files, stage: str, done: int, total: int) -> None:
    """How far a long piece of work is, for the screen of the supervisor."""
    write(files.progress, {"stage": stage, "done": done, "total": total})


def wipe(files: Files) -> None:
    """Everything in the folder except the lock that this process holds."""
    for path in files.folder.iterdir():
        if path == files.lock:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
