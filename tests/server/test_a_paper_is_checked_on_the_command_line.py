"""`prewatt audit receipt` with the text of a code or a number."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from counter import Counter
from prewatt.domain.vending.models import ReceiptKey
from prewatt.domain.vending.receipt_code import code
from prewatt.server.commands.audit import EXIT_FOUND, app


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["receipt", *arguments])
    return done.exit_code, done.output


def paper(counter: Counter) -> str:
    counter.opened()
    return code([counter.sell("s1", "140.50")])


def test_a_genuine_paper_exits_with_zero_and_says_what_the_books_know(counter: Counter) -> None:
    text = paper(counter)
    status, told = call(text)
    assert status == 0
    for said in ("GENUINE", "S2026-000001", "140.50", "张三", "cashier", "never printed", "not laid yet"):
        assert said in told


def test_a_number_alone_exits_with_zero_only_where_the_books_have_it(counter: Counter) -> None:
    paper(counter)
    assert call("S2026-000001")[0] == 0
    assert call("S2026-000002")[0] == EXIT_FOUND


def test_a_forged_paper_exits_with_one(counter: Counter) -> None:
    status, told = call(paper(counter).replace("/14050/", "/94050/"))
    assert status == EXIT_FOUND
    assert told.startswith("FORGED")


def test_json_carries_both_sides_and_never_the_key(counter: Counter) -> None:
    told = json.loads(call(paper(counter), "--json")[1])
    assert (told["good"], told["verdict"]) == (True, "genuine")
    assert told["said"]["amount_fen"] == told["books"]["amount_fen"] == 14050
    assert bytes(ReceiptKey.objects.get(pk=1).secret).hex() not in json.dumps(told)
