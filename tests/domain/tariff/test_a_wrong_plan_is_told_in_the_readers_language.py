"""What is wrong with a plan's document, in Chinese as in English, though the rules that find it know neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

import prewatt.domain.tariff
from prewatt.domain.tariff.fault_words import PHRASES, SENTENCES, in_words
from prewatt.domain.tariff.rules.faults import BadPlan
from prewatt.domain.tariff.rules.plan import DAY_KINDS
from prewatt.domain.tariff.rules.reading import read
from prewatt.domain.tariff.versions import BadDocument, drafted

ROOM = Path(prewatt.domain.tariff.__file__).parent
FAULTS = ("rules/faults.py", "rules/reading.py", "versions.py")
# Where a sentence stands in a call that makes a fault; a name leads to its text in the same file.
PLACES = {"fault": 0, "Fault": 1}


def sentences() -> Iterator[tuple[str, str]]:
    for name in FAULTS:
        tree = ast.parse((ROOM / name).read_text(encoding="utf-8"))
        named = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id != "said"
        }
        for node in ast.walk(tree):
            is_said = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "said"
            if is_said and isinstance(node.value, ast.Constant):
                yield name, str(node.value.value)
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = PLACES.get(called)
            if place is None or len(node.args) <= place:
                continue
            given = node.args[place]
            if isinstance(given, ast.Name) and given.id == "said":
                continue
            if not isinstance(given, ast.Attribute):
                yield name, named[given.id] if isinstance(given, ast.Name) else ast.literal_eval(given)


def phrases() -> Iterator[str]:
    """What a number must be: the third of `unit`."""
    for node in ast.walk(ast.parse((ROOM / "rules/reading.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "unit":
            yield ast.literal_eval(node.args[2])


def test_every_sentence_of_the_rules_has_its_words() -> None:
    found = set(sentences())
    assert len(found) > 50
    assert {one for one in found if one[1] not in SENTENCES} == set()
    assert set(SENTENCES) - {text for _file, text in found} == set()
    assert set(phrases()) | set(DAY_KINDS) == set(PHRASES)


WRONG = {
    "format": "prewatt-plan/1",
    "name": "x",
    "versions": [{"prices": {"peak": "much", "flat": "0.5"}, "ladder": {"steps": []}, "colour": "red"}],
}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_fault_is_told_with_its_values(language: str) -> None:
    with pytest.raises(BadPlan) as refused:
        read(WRONG)
    with translation.override(language):
        told = {fault.pointer: in_words(fault) for fault in refused.value.faults}
    if language == "en":
        assert told == {fault.pointer: fault.text for fault in refused.value.faults}
        return
    assert "'much'" in told["/versions/0/prices/peak"]
    for text in told.values():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text), text
        assert "%(" not in text


def test_the_refusal_of_a_document_is_in_one_language() -> None:
    with translation.override("zh-hans"), pytest.raises(BadDocument) as refused:
        drafted("{")
    assert "JSON" in str(refused.value)
    assert "is not JSON" not in str(refused.value)
    assert "is not JSON" not in refused.value.problems["/"]
