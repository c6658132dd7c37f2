"""Both languages are complete: nothing missing, nothing fuzzy, and no Chinese that a page writes past the catalogue."""

from __future__ import annotations

import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src/prewatt"
CATALOGUE = PACKAGE / "web/locale/zh_Hans/LC_MESSAGES"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENTRY = re.compile(r'^(?:msgctxt "(?P<context>.*)"\n)?msgid "(?P<id>.+)"\n', re.M)


def entries() -> list[str]:
    return (CATALOGUE / "django.po").read_text().split("\n\n")[1:]


def test_no_entry_is_missing_or_fuzzy() -> None:
    ill = [entry for entry in entries() if "fuzzy" in entry or re.search(r'^msgstr(\[0\])? ""$', entry, re.M)]
    assert ill == []
    assert len(entries()) > 300


def test_no_translation_is_still_english() -> None:
    """A few words are the same in both languages, or are no words."""
    same = {
        "%(title)s(kWh)",
        "%(building)s %(floor)s",
        "%(every)s %(kwh)s kWh",
        "、",
        "rtu+tcp://192.168.1.20:4001?baud=9600 · tcp://192.168.1.20:502 · serial:///dev/ttyS1?baud=9600&parity=E",
    }
    texts = [re.search(r'^msgstr(?:\[0\])? "(.+)"$', entry, re.M) for entry in entries()]
    english = [found.group(1) for found in texts if found and not CHINESE.search(found.group(1))]
    assert set(english) - same == set()


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="needs gettext")
def test_the_compiled_catalogue_is_the_written_one(tmp_path: Path) -> None:
    made = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", str(made), str(CATALOGUE / "django.po")], check=True)
    assert _words(made) == _words(CATALOGUE / "django.mo")


def _words(path: Path) -> dict[object, str]:
    with path.open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs gettext")
def test_every_text_of_the_program_is_in_the_catalogue(tmp_path: Path) -> None:
    from django.core.management import call_command
    from django.test import override_settings

    copy = tmp_path / "prewatt"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("vendor", "server", "*.pyc", "*.mo", "field", "sim"))
    with override_settings(LOCALE_PATHS=[str(copy / "web/locale")]), pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        call_command(
            "makemessages", locale=["zh_Hans"], no_wrap=True, no_obsolete=True, add_location="file", verbosity=0
        )
    made = (copy / "web/locale/zh_Hans/LC_MESSAGES/django.po").read_text()
    assert _ids(made) - _ids("\n\n".join(entries())) == set(), "run makemessages and translate"
    assert _ids("\n\n".join(entries())) - _ids(made) == set(), "no page says this any more: take it out"


def _ids(text: str) -> set[tuple[str, str]]:
    return {(found["context"] or "", found["id"]) for found in ENTRY.finditer(text)}


def test_no_template_writes_chinese_past_the_catalogue() -> None:
    """But the receipt: on paper it is Chinese whoever prints it."""
    paper = {"paper.html", "_slips.html"}
    pages = [path for path in PACKAGE.joinpath("web").rglob("*.html") if path.name not in paper]
    found = [path.name for path in pages if CHINESE.search(path.read_text())]
    assert found == []


def test_no_page_module_writes_chinese_past_the_catalogue() -> None:
    """Comments and docstrings may name things; strings that people see may not."""
    import ast

    found = []
    for path in PACKAGE.joinpath("web").rglob("*.py"):
        tree = ast.parse(path.read_text())
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        said = {
            id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and _is_text(node.body)
        }
        found += [
            f"{path.name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
            if CHINESE.search(node.value)
        ]
    assert found == []


def _is_text(body: list[object]) -> bool:
    import ast

    return bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def test_no_text_hides_inside_a_formatted_string() -> None:
    """xgettext does not look into f-strings: what is translated there would never reach the catalogue."""
    hidden = re.compile(r"""f["'][^"'\n]*\{_\(""")
    found = [path.name for path in PACKAGE.rglob("*.py") if hidden.search(path.read_text())]
    assert found == []
