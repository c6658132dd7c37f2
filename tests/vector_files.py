"""Published vectors as test cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "vectors"


def entries(name: str, *kinds: str) -> list[Any]:
    """The vectors of a file (of these kinds, or all), each with its id.

    Never none: a file that went missing must not pass.
    """
    vectors = json.loads((FOLDER / name).read_text())["vectors"]
    found = [pytest.param(item, id=item["id"]) for item in vectors if not kinds or item["kind"] in kinds]
    assert found
    return found


def group(name: str, key: str, *kinds: str) -> list[Any]:
    """The same for files that hold groups of named entries."""
    items = json.loads((FOLDER / name).read_text())[key]
    found = [
        pytest.param(item, id=f"{index}-{item['name']}")
        for index, item in enumerate(items)
        if not kinds or item["kind"] in kinds
    ]
    assert found
    return found
