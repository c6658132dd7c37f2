"""Every curl line of docs/api.md is sent, and the page for people needs nothing from elsewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from counter import Counter
from web.api.door import ROOT, Program
from web.api.test_every_operation_keeps_its_right_and_its_building import OPERATIONS

TEXT = (Path(__file__).resolve().parents[3] / "docs/api.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl")]


def test_there_are_examples_of_reading_and_writing() -> None:
    assert len([one for one in EXAMPLES if "Idempotency-Key" in one]) >= 3
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_works(counter: Counter, client: Any, example: str) -> None:
    counter.opened()
    program = Program(counter.admin)
    text, _hash, expected = example.partition("  # ")
    words = shlex.split(
        text.replace("$TOKEN", program.secret)
        .replace("$BASE", ROOT)
        .replace("/meters/1", f"/meters/{counter.meters[0].pk}")
        .replace('"meter_id": 1', f'"meter_id": {counter.meters[0].pk}')
        .replace("/customers/1", f"/customers/{counter.customer.pk}")
    )
    method, headers, body, url = "GET", {}, "", ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-H":
            name, _colon, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body, method = next(rest), "POST" if method == "GET" else method
        elif word == "-X":
            method = next(rest)
        else:
            url = word
    answer = client.generic(method, url, body, content_type="application/json", headers=headers)
    assert answer.status_code == int(expected or 200), answer.content


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_for_people_names_every_operation_and_loads_nothing_from_elsewhere(
    client: Any, db: None, language: str
) -> None:
    answer = client.get(f"{ROOT}/", headers={"Accept-Language": language})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.count("<article") == len(OPERATIONS)
    assert re.findall(r"<script|style=|(?:src|href)=\"(?:https?:)?//", page) == []
    assert ("开始之前" in page) == (language == "zh")


def test_what_is_not_there_is_refused_as_json(client: Any, db: None) -> None:
    answer = client.get(f"{ROOT}/nothing/here", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get(f"{ROOT}/openapi.json").json()["openapi"].startswith("3.")
