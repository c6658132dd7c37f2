"""Every list of the console can be read here: the same rows, filters and order, by the rights of its page."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from web.api.door import Program
from web.console.halves import Half
from web.console.test_every_page_keeps_its_right_and_its_building import PAGES, PRIVATE, address


@pytest.fixture
def half(counter: Counter) -> Half:
    return Half(counter, foreign=False)


def test_every_list_of_the_console_is_one_here(counter: Counter, half: Half) -> None:
    from prewatt.web.api.lists import LISTS
    from prewatt.web.parts.exporting import NotAList, list_of

    found = set()
    for name in PRIVATE:
        if not PAGES[name].pattern.converters:
            try:
                list_of(path=address(name, half), query="", operator=counter.admin)
            except NotAList:
                continue
            found.add(name)
    assert found == set(LISTS)


def test_the_rows_are_those_of_the_page(counter: Counter, half: Half) -> None:
    program = Program(counter.admin)
    query = "cols=number,room&sort=-number"
    answer = program.get("/lists/estate-meters", query=query).json()
    numbers = [row["number"] for row in answer["rows"]]
    assert (answer["count"], answer["pages"], [one["key"] for one in answer["columns"]]) == (6, 1, ["number", "room"])
    assert numbers == sorted(numbers, reverse=True)
    some = program.get("/lists/estate-meters", query=f"{query}&text={half.meters[0].number}").json()
    assert [row["number"] for row in some["rows"]] == [half.meters[0].number]


def test_figures_are_numbers_and_the_sums_are_beside_them(counter: Counter, half: Half) -> None:
    answer = Program(counter.admin).get("/lists/waiting").json()
    assert [row["amount"] for row in answer["rows"]] == [5000]
    assert answer["totals"] == {"amount": 5000}


def test_behind_the_last_page_nothing_comes_twice(counter: Counter, half: Half) -> None:
    program = Program(counter.admin)
    for n in range(30):
        counter.meter(f"0300{n:06d}A")
    parts = [program.get("/lists/estate-meters", size=25, page=page).json()["rows"] for page in (1, 2, 3)]
    assert [len(rows) for rows in parts] == [25, 11, 0]
    assert len({row["number"] for rows in parts for row in rows}) == 36


@pytest.mark.parametrize("name", ["operators", "nothing", "sale"])
def test_a_list_that_is_not_for_him_is_not_there(counter: Counter, half: Half, name: str) -> None:
    assert Program(counter.cashier).get(f"/lists/{name}").status_code == 404
    listed = {one["name"] for one in Program(counter.cashier).get("/lists").json()["items"]}
    assert name not in listed
    assert {"fleet", "sales"} <= listed


def test_a_file_is_asked_for_written_and_fetched(counter: Counter, half: Half) -> None:
    from prewatt.web.parts.exporting import work

    program = Program(counter.admin)
    asked = program.send("/exports", {"name": "estate-meters", "query": "text=0388"}, key="one-and-the-same")
    again = program.send("/exports", {"name": "estate-meters", "query": "text=0388"}, key="one-and-the-same")
    assert (asked.status_code, asked.content) == (200, again.content), asked.content
    path = f"/exports/{asked.json()['id']}"
    early = program.get(f"{path}/file")
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    for _ in range(3):
        work(counter.now)
    assert program.get(path).json()["state"] == "ready"
    file = program.get(f"{path}/file")
    assert b"".join(file.streaming_content)[:2] == b"PK"


@pytest.mark.parametrize("how", ["rights", "buildings"])
def test_a_token_narrower_than_its_operator_gets_no_file(counter: Counter, half: Half, how: str) -> None:
    narrow: dict[str, Any] = {"rights": {"rights": ["read"]}, "buildings": {"buildings": [half.building]}}[how]
    answer = Program(counter.admin, **narrow).send("/exports", {"name": "estate-meters"})
    assert (answer.status_code, answer.json()["code"]) == (403, "narrow_token")
    whole = Program(counter.admin).send("/exports", {"name": "estate-meters"}).json()
    assert Program(counter.admin, buildings=[half.building]).get(f"/exports/{whole['id']}").status_code == 404


def test_a_filter_is_kept_under_a_name(counter: Counter, half: Half, client: Any) -> None:
    program = Program(counter.admin)
    made = program.send("/saved-filters", {"of": "estate-meters", "name": "三层", "query": "text=03"}).json()
    assert [one["name"] for one in program.get("/saved-filters").json()["items"]] == ["三层"]
    client.force_login(counter.admin)
    assert "三层" in client.get("/settings/meters/").content.decode()
    program.send(f"/saved-filters/{made['id']}/delete")
    assert program.get("/saved-filters").json()["items"] == []


@pytest.mark.parametrize("query", ["text=%00", "&" * 1500])
def test_a_query_that_is_none_is_refused(counter: Counter, query: str) -> None:
    answer = Program(counter.admin).get("/lists/estate-meters", query=query)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["query"])
