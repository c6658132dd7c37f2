"""批量开户: a sheet goes in, each bad cell is named, the good rows open one by one, and nothing opens twice."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"
HEAD = ("用户编号*", "用户名字*", "表号*", "首次充值(元)", "允许金额上限(元)", "平电价", "自动发送报警短信")


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=4)


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "开户"
    page.append(HEAD)
    for row in rows:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def upload(client: Any, *rows: tuple[Any, ...], content: bytes | None = None) -> Any:
    file = SimpleUploadedFile("开户.xlsx", sheet(*rows) if content is None else content)
    return client.post("/customers/batch/", {"form_id": FORM, "file": file})


def turn(counter: Counter) -> int:
    from prewatt.domain.vending.presetting import open_waiting

    return open_waiting(now=counter.now)


def states() -> list[str]:
    from prewatt.domain.vending.presets import PresetRow

    return list(PresetRow.objects.order_by("number").values_list("state", flat=True))


def good(counter: Counter, n: int, number: str = "K0101", name: str = "同舟茶饮") -> tuple[Any, ...]:
    return (number, name, counter.meters[n].number, 200, "", 0.85, "否")


def test_the_good_rows_open_and_the_bad_cells_are_named(counter: Counter, client: Any) -> None:
    counter.opened(counter.meters[3])
    client.force_login(counter.cashier)
    bad = ("K0102", "", counter.meters[1].number, "two hundred", "", "", "")
    response = upload(client, good(counter, 0), bad, good(counter, 3, "K0103"), ("K0104", "x", "999"))
    assert response.url == f"/customers/batch/{FORM}/"
    page = client.get(response.url)
    problems = {row["row"].number: [cell for cell, _c, _t in row["row"].problems] for row in page.context["rows"]}
    assert problems == {3: ["B3", "D3"], 4: ["C4"], 5: ["C5"], 2: []}
    assert turn(counter) == 0  # nothing opens before somebody says so
    assert client.post(f"{response.url}start/", {"tender": "cash"}).status_code == 302
    assert turn(counter) == 1
    assert states() == ["opened", "bad", "bad", "bad"]
    opening = counter.meters[0].openings.get()
    assert (opening.customer.name, opening.texts, counter.drawer_fen()) == ("同舟茶饮", False, yuan("200"))
    opening.meter.refresh_from_db()
    assert opening.meter.price_flat_e4 == 8500


def test_rows_with_one_number_are_one_tenant(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    at = upload(client, good(counter, 0), good(counter, 1), good(counter, 2, name="别人")).url
    assert states() == ["ready", "ready", "bad"]
    client.post(f"{at}start/", {"tender": "cash"})
    turn(counter)
    assert counter.meters[0].openings.get().customer == counter.meters[1].openings.get().customer


def test_the_same_upload_and_the_same_start_happen_once(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    at = upload(client, good(counter, 0)).url
    assert upload(client, good(counter, 0), good(counter, 1)).url == at
    for _time in range(2):
        client.post(f"{at}start/", {"tender": "cash"})
        turn(counter)
    assert states() == ["opened"]
    assert counter.drawer_fen() == yuan("200")


def test_a_turn_that_died_goes_on_and_opens_nothing_twice(counter: Counter, client: Any) -> None:
    from prewatt.domain.vending.presets import PresetRow

    client.force_login(counter.cashier)
    at = upload(client, good(counter, 0)).url
    client.post(f"{at}start/", {"tender": "cash"})
    turn(counter)
    PresetRow.objects.update(state="waiting", opening=None)  # as if the row's own note had been lost
    turn(counter)
    assert states() == ["opened"]
    assert counter.drawer_fen() == yuan("200")


def test_a_refused_row_says_why_and_is_tried_again(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    at = upload(client, good(counter, 0), good(counter, 1, "K0102", "b")).url
    client.post(f"{at}start/", {"tender": "cash"})
    counter.meters[0].active = False
    counter.meters[0].save()
    turn(counter)
    assert states() == ["refused", "opened"]
    page = client.get(at)
    assert page.context["rows"][0]["row"].reason
    counter.meters[0].active = True
    counter.meters[0].save()
    client.post(f"{at}retry/")
    turn(counter)
    assert states() == ["opened", "opened"]
    assert client.get(f"{at}live/").context["percent"] == 100


@pytest.mark.parametrize("content", [b"no workbook", b"", sheet()[:200]])
def test_a_file_that_is_no_sheet_is_refused_in_words(counter: Counter, client: Any, content: bytes) -> None:
    client.force_login(counter.cashier)
    response = upload(client, content=content)
    assert response.status_code == 422
    assert response.context["refused"]["head"]


def test_a_meter_twice_and_an_amount_above_the_ceiling_are_named(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    above = ("K0105", "y", counter.meters[1].number, 2000, 1000, "", "")
    upload(client, good(counter, 0), good(counter, 0), above)
    assert states() == ["ready", "bad", "bad"]


def test_the_template_is_read_back_without_a_word(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    content = client.get("/customers/batch/template/").content
    upload(client, content=content)
    (row,) = client.get(f"/customers/batch/{FORM}/").context["rows"]
    assert [column for _cell, column, _text in row["row"].problems] == ["表号"]  # the example's meter is not there


def test_strangers_and_readers_prepare_nothing(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    at = upload(client, good(counter, 0)).url
    client.force_login(counter.stranger)
    assert [client.get(at).status_code, client.get(f"{at}live/").status_code] == [404, 404]
    assert client.post(f"{at}start/", {"tender": "cash"}).status_code == 404
    assert client.get("/customers/batch/").context["presets"] == []
    client.force_login(counter.reader)
    assert client.get("/customers/batch/").status_code == client.get(at).status_code == 403
    assert client.post(f"{at}start/", {"tender": "cash"}).status_code == 403
    assert states() == ["ready"]


def test_a_stranger_finds_none_of_these_meters(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    upload(client, good(counter, 0))
    assert states() == ["bad"]
