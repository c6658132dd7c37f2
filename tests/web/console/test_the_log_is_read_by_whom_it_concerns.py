"""The operation log on its pages: words for every code, scope, seal, filters, export."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from counter import Counter
from prewatt.domain.commands import RIGHTS
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.sealing import seal_log
from prewatt.web.parts import actions
from workbooks import opened

PACKAGE = Path(__file__).resolve().parents[3] / "src/prewatt"


CODE = re.compile(r"[a-z_]+(\.[a-z_]+)?")
SAID_BY_PLACE = ("log", "_log", "log_step")  # helpers of rooms that take the action as a plain argument


def logged() -> Iterator[tuple[str, str]]:
    """Every text that stands behind `action=` anywhere in the domain and the pages, also inside a choice of two."""
    for room in ("domain", "web", "server"):
        for path in PACKAGE.joinpath(room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    for one in node.args if name in SAID_BY_PLACE else ():
                        if isinstance(one, ast.Constant) and CODE.fullmatch(str(one.value)):
                            yield path.name, str(one.value)
                            break
                    for given in node.keywords:
                        if given.arg == "action":
                            values = [given.value]
                            if isinstance(given.value, ast.IfExp):
                                values = [given.value.body, given.value.orelse]
                            for one in values:
                                # A provider's own name of a call, as "SendSms", is no code of ours.
                                if isinstance(one, ast.Constant) and not str(one.value)[:1].isupper():
                                    yield path.name, str(one.value)


def test_every_action_in_the_code_has_a_word() -> None:
    found = set(logged())
    assert len(found) > 25
    assert {one for one in found if one[1] not in actions.ACTIONS} == set()
    assert [kind for kind in RIGHTS if kind.value not in actions.ACTIONS] == []
    assert [kind for kind in ("change", "hand_over") if kind not in actions.ACTIONS] == []  # by a closing's kind


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter()
    one.stranger.buildings.clear()
    for who, target in ((one.cashier, f"meter {one.meters[0].number}"), (one.admin, "role x"), (one.stranger, "site")):
        log(operator=who, action="site.door", target=target, before={"name": "a"}, after={"name": "b"}, now=one.now)
    return one


def targets(page: Any) -> list[str]:
    return sorted(row.target for row in page.context["table"].page.object_list)


def test_who_sees_all_buildings_reads_everything(counter: Counter, client: Any) -> None:
    client.force_login(counter.admin)
    assert len(targets(client.get("/log/"))) == 3


def test_who_is_limited_reads_his_own_and_what_happened_to_his_meters(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert targets(client.get("/log/")) == ["site"]
    foreign = LogEntry.objects.get(operator=counter.cashier)
    assert client.get(f"/log/{foreign.pk}/").status_code == 404
    counter.stranger.buildings.add(counter.building)
    assert targets(client.get("/log/")) == [f"meter {counter.meters[0].number}", "site"]
    assert client.get(f"/log/{foreign.pk}/").status_code == 200


def test_filters_narrow_and_the_file_holds_what_is_shown(counter: Counter, client: Any) -> None:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    assert targets(client.get("/log/", {"who": counter.cashier.pk})) == [f"meter {counter.meters[0].number}"]
    assert targets(client.get("/log/", {"text": "role"})) == ["role x"]
    assert targets(client.get("/log/", {"action": "sell"})) == []
    assert targets(client.get("/log/", {"to": "2026-05-31"})) == []
    assert len(targets(client.get("/log/", {"from": "2026-06-01", "to": "2026-06-01"}))) == 3
    made = client.get("/log/", {"text": "role", "export": "xlsx"})
    rows = opened(made).values
    assert len(rows) == 1
    assert rows[0][-1] == "name: a → b"


def test_an_entry_says_whether_its_seal_holds(counter: Counter, client: Any, without_guards: None) -> None:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    pk = LogEntry.objects.order_by("pk")[1].pk
    assert "Not sealed yet" in client.get(f"/log/{pk}/").content.decode()
    seal_log()
    assert client.get(f"/log/{pk}/").context["state"] == "sealed"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE staff_logentry SET target = 'role y' WHERE id = %s", [pk])
    assert "The seal is broken" in client.get(f"/log/{pk}/").content.decode()


@pytest.fixture
def without_guards(db: None) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what was written before waits for its checks
            cursor.execute("ALTER TABLE staff_logentry DISABLE TRIGGER USER")
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'staff_logentry'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")


def test_a_list_shows_only_what_came_and_what_went() -> None:
    (one,) = actions.changes({"rights": ["read", "sell"]}, {"rights": ["read", "hold"]})
    assert (one.before, one.after) == (str(actions.right("sell")), str(actions.right("hold")))
    assert actions.changes({"name": "a"}, {"name": "a"}) == []


def test_a_figure_stands_in_yuan_and_kwh_and_not_as_the_books_keep_it() -> None:
    typed = {"0300010401": {"energy_wh": 7_312_340, "balance_fen": -1_230, "reason": "dark"}}
    text = actions.value("typed", typed)
    assert "7,312.34 kWh" in text
    assert "\u221212.30" in text
    assert "7312340" not in text
    assert actions.value("price_peak_e4", 13_418).startswith("1.3418 ")
    assert (actions.value("overload_limit_w", 6_000), actions.value("count", 3)) == ("6000 W", "3")
    assert actions.value("switch_on_min_fen", 500).startswith("5.00 ")
    assert actions.field("switch_on_min_fen") == "switch on min"


def test_an_id_that_a_form_made_is_short_in_the_list_and_whole_on_its_page() -> None:
    one = "0123456789abcdef" * 2
    assert actions.short_target(f"order {one}").endswith(" 01234567…")
    assert actions.target(f"order {one}").endswith(one)
    assert actions.short({}, {"closing": one}).endswith(": 01234567…")
