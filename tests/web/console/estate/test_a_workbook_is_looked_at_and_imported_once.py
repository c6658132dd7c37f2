"""导入: each bad cell is named beside the good rows; the same file is imported once, whatever is clicked."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from counter import Counter

pytestmark = pytest.mark.django_db


def workbook(rooms: list[tuple[Any, ...]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = "房间"
    page.append(["楼号", "层号", "户号", "区域"])
    for row in rooms:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


GOOD = [("A", 2, "201", "东区"), ("A", 2, "202", "东区")]


def send(client: Any, content: bytes, *, name: str = "estate.xlsx", key: str = "u1") -> Any:
    return client.post("/settings/import/", {"form_id": key, "file": SimpleUploadedFile(name, content)})


def test_a_good_file_is_shown_then_imported_once(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Room
    from prewatt.domain.staff.models import LogEntry

    page = send(engineer, workbook(GOOD))
    assert page.url == "/settings/import/u1/"
    text = engineer.get(page.url).content.decode()
    assert "Import all 2 rows" in text
    assert Room.objects.count() == 1  # looking writes nothing
    for _click in range(2):
        assert engineer.post(page.url).url == page.url
    assert sorted(Room.objects.values_list("number", "area__name")) == [("101", None), ("201", "东区"), ("202", "东区")]
    line = LogEntry.objects.get(action="estate.import")
    assert (line.operator_name, line.target, line.after["rooms"]) == ("engineer", "file estate.xlsx", 2)
    assert "Opening this page again imports nothing more." in engineer.get(page.url).content.decode()


def test_each_bad_cell_is_named_and_all_is_refused_until_somebody_leaves_them_out(
    counter: Counter, engineer: Any
) -> None:
    from prewatt.domain.estate.models import Room

    send(engineer, workbook([*GOOD, ("A", "x", "203", ""), ("Z", 1, "204", "")]))
    text = engineer.get("/settings/import/u1/").content.decode()
    assert "B4: “x” is not a whole number" in text
    assert "A5: “Z” is no building." in text
    assert "Import only the 2 good rows" in text
    refused = engineer.post("/settings/import/u1/")
    assert refused.status_code == 422
    assert "2 row(s) are bad" in refused.content.decode()
    assert Room.objects.count() == 1
    engineer.post("/settings/import/u1/", {"only_good": "1"})
    assert Room.objects.count() == 3


def test_what_is_no_workbook_is_refused_by_its_content(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Upload

    page = send(engineer, b"number,room\n1,2\n", name="meters.xlsx")
    assert page.status_code == 422
    assert "meters.xlsx is not an .xlsx file" in page.content.decode()
    assert send(engineer, workbook(GOOD), name="meters.csv").status_code == 302
    assert Upload.objects.count() == 1


def test_a_large_file_is_refused(counter: Counter, engineer: Any) -> None:
    page = send(engineer, b"x" * (5 * 1024 * 1024 + 1))
    assert page.status_code == 422
    assert "larger than 5 MB" in page.content.decode()


def test_the_template_from_the_page_previews_as_all_new(counter: Counter, engineer: Any) -> None:
    type(counter.building).objects.update(code="X")
    type(counter.customer).objects.update(number="X")
    content = engineer.get("/settings/import/template/").content
    send(engineer, content)
    found = engineer.get("/settings/import/u1/").context["found"]
    assert found.plan.problems == []
    assert (found.new, found.unchanged) == (6, 0)


def test_a_changed_estate_is_judged_again_at_the_import(counter: Counter, engineer: Any) -> None:
    """Somebody else was faster: what was good in the preview is there already."""
    from prewatt.domain.estate.models import Floor, Room

    send(engineer, workbook(GOOD))
    engineer.get("/settings/import/u1/")
    floor = Floor.objects.create(building=counter.building, number=2)
    Room.objects.create(floor=floor, number="201")
    page = engineer.post("/settings/import/u1/")
    assert page.status_code == 422
    assert Room.objects.count() == 2


def test_somebodys_own_list_is_answered_with_what_to_do_on_the_page(engineer: Any) -> None:
    own = io.BytesIO()
    openpyxl.Workbook().save(own)
    engineer.cookies["django_language"] = "en"
    page = send(engineer, own.getvalue()).content.decode()
    assert "Fill in the template and bring that." in page
    assert "prewatt import" not in page  # a command line is no page


def test_nobody_else_sees_the_preview(counter: Counter, engineer: Any, client: Any) -> None:
    send(engineer, workbook(GOOD))
    client.force_login(counter.admin)
    assert client.get("/settings/import/u1/").url == "/settings/import/"
    client.force_login(counter.reader)
    assert client.get("/settings/import/").status_code == 403
    assert client.post("/settings/import/u1/").status_code == 403


def test_who_sees_only_some_buildings_imports_nothing(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    page = send(client, workbook(GOOD))
    assert page.status_code == 422
    assert "concerns every building" in page.content.decode()
