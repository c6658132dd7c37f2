from __future__ import annotations

import json

from typer.testing import CliRunner

from counter import Counter
from prewatt.domain.ledger.sealing import seal
from prewatt.server.commands.audit import EXIT_FOUND, app
from tamper import run, tampering


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *arguments])
    return done.exit_code, done.stdout


def sold(counter: Counter) -> Counter:
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    seal()
    return counter


def test_clean_books_exit_with_zero_and_say_what_was_looked_at(counter: Counter) -> None:
    sold(counter)
    code, text = call()
    assert code == 0
    assert text.startswith("Clean. Looked at 3 seals")
    code, text = call("--json")
    report = json.loads(text)
    assert (code, report["ok"], report["first"], report["findings"]) == (0, True, None, [])
    assert report["checked"]["transfers"] == 3


def test_a_changed_row_exits_with_one_and_is_named_first(counter: Counter) -> None:
    sold(counter)
    with tampering():
        run("UPDATE ledger_transfer SET amount_fen = 1 WHERE key = 'sale:s1:paid'")
        code, text = call()
        report = json.loads(call("--json")[1])
    assert code == EXIT_FOUND
    assert text.startswith("NOT CLEAN")
    assert report["first"]["kind"] == "changed"
    assert report["first"]["row"].startswith("transfer ")
    assert report["first"]["row"] in text.splitlines()[0]
