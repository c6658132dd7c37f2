"""A list that is too long to wait for: asked for on its page, written by the worker, and handed to its owner alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages

from counter import Counter, yuan
from prewatt.domain.lists import exports
from prewatt.domain.lists.models import Export, ExportState, SavedFilter
from prewatt.domain.staff.models import Operator
from prewatt.web.parts import exporting, registers
from prewatt.web.parts.exporting import NotAList, list_of
from workbooks import opened

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
ID = "0123456789abcdef0123456789abcdef"
TENANT = "=cmd|' /C calc'!A0"
LIST = "from=&to=&sort=amount&cols=customer,amount,tender"


@pytest.fixture
def counter(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(registers, "DIRECT_MAX", 2)
    one = Counter()
    one.customer.name = TENANT
    one.customer.save()
    one.opened(balance_fen=yuan("50"))
    for number, amount in enumerate(("100", "20.05", "3")):
        one.sell(f"{number:032x}", amount, tender="wechat" if number == 1 else "cash")
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def ask(client: Any, query: str = LIST, **changes: str) -> Any:
    return client.post("/exports/new/", {"export_id": ID, "path": "/sales/", "query": f"?{query}"} | changes)


def written(client: Any, query: str = LIST) -> Any:
    ask(client, query)
    assert exporting.work(NOW) == 1
    return client.get(f"/exports/{ID}/file/")


def test_a_short_list_comes_at_once_and_a_long_one_offers_its_button(admin: Any) -> None:
    assert admin.get("/sales/?from=&tender=cash&export=xlsx").headers["Content-Type"].endswith("sheet")
    page = admin.get(f"/sales/?{LIST}&export=xlsx")
    assert page.context["too_long_to_wait"]
    assert page.content.decode().count('action="/exports/new/"') == 2
    assert not Export.objects.exists()


def test_the_file_holds_the_lists_rows_in_the_askers_language(admin: Any, counter: Counter) -> None:
    assert ask(admin).url == "/exports/"
    assert "in the queue" in admin.get("/exports/").content.decode()
    assert exporting.work(NOW) == 1
    found = opened(admin.get(f"/exports/{ID}/file/"))
    assert found.about[:3] == [
        "Sales, refunds and reversals",
        "Filters: none",
        "Sorted by: Amount, rising",
    ]
    assert found.about[3].endswith("by admin")
    assert found.values == [
        [TENANT, "Cash", 3],
        [TENANT, "WeChat Pay", 20.05],
        [TENANT, "Cash", 100],
        ["Total", None, 123.05],
    ]
    one = Export.objects.get()
    assert (one.state, one.rows_done, one.rows_total, one.operator) == (ExportState.READY, 3, 3, counter.admin)
    assert (exports.folder() / one.file).stat().st_mode & 0o777 == 0o600


def test_filters_and_defaults_travel_with_it(admin: Any) -> None:
    found = opened(written(admin, LIST.replace("from=", "from=2026-06-01") + "&tender=wechat"))
    assert found.about[1] == "Filters: From: 2026-06-01; Method: WeChat Pay"
    assert [row[2] for row in found.values] == [20.05, 20.05]


def test_the_same_form_twice_is_one_file(admin: Any) -> None:
    ask(admin)
    ask(admin)
    assert Export.objects.count() == 1
    assert exporting.work(NOW) == 1
    assert exporting.work(NOW) == 0


def test_nobody_else_sees_downloads_or_stops_it(admin: Any, counter: Counter) -> None:
    written(admin)
    for who in (counter.second, counter.stranger):
        admin.force_login(who)
        assert admin.get("/exports/").context["exports"] == []
        assert admin.get(f"/exports/{ID}/file/").status_code == 404
        assert admin.post(f"/exports/{ID}/cancel/").status_code == 404


def test_a_stranger_gets_a_file_of_his_own_buildings_only(admin: Any, counter: Counter) -> None:
    admin.force_login(counter.stranger)
    assert opened(written(admin)).values == []


@pytest.mark.parametrize(("path", "who"), [("/log/", "cashier"), ("/operators/", "reader"), ("/nowhere/", "admin")])
def test_what_one_may_not_see_is_not_written(admin: Any, counter: Counter, path: str, who: str) -> None:
    admin.force_login(Operator.objects.get(username=who))
    assert ask(admin, path=path).status_code == 422
    with pytest.raises(NotAList):
        list_of(path=path, query="", operator=Operator.objects.get(username=who))
    assert not Export.objects.exists()


@pytest.mark.parametrize("path", ["/exports/", "/sale/", "//evil.example/", "/static/x.css", "/login/", ""])
def test_an_address_that_is_no_list_is_refused(admin: Any, path: str) -> None:
    assert ask(admin, path=path).status_code == 422


def test_rights_are_asked_again_when_it_is_written_and_when_it_is_fetched(admin: Any, counter: Counter) -> None:
    written(admin)
    ask(admin, export_id=ID[::-1])
    counter.admin.role = counter.reader.role
    counter.admin.save()
    counter.admin.role.rights = []
    counter.admin.role.save()
    assert admin.get(f"/exports/{ID}/file/").status_code == 422
    assert exporting.work(NOW) == 1
    assert Export.objects.get(pk=ID[::-1]).state == ExportState.FAILED


def test_a_file_of_other_buildings_than_today_is_not_handed_out(admin: Any, counter: Counter) -> None:
    written(admin)
    counter.admin.all_buildings = False
    counter.admin.save()
    answer = admin.get(f"/exports/{ID}/file/")
    assert answer.status_code == 422
    assert "Export again" in answer.content.decode()


def test_cancelled_while_it_is_written_leaves_no_file(
    admin: Any, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(admin)

    def tell(self: Any, done: int, total: int) -> None:
        admin.post(f"/exports/{ID}/cancel/")
        if not exports.advance(self.one, rows_done=done, rows_total=total, now=NOW):
            raise exporting.Stopped

    monkeypatch.setattr(exporting._Beat, "tell", tell)
    assert exporting.work(NOW) == 1
    assert (Export.objects.get().state, list(exports.folder().iterdir())) == (ExportState.CANCELLED, [])


def test_a_fault_of_the_program_is_said_and_does_not_come_again(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(admin)

    def broken(*_given: Any, **_named: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(exporting, "write", broken)
    with pytest.raises(ZeroDivisionError):
        exporting.work(NOW)
    assert exporting.work(NOW + timedelta(days=1)) == 0
    assert "ZeroDivisionError" in admin.get("/exports/").content.decode()
    assert list(exports.folder().iterdir()) == []


def test_the_beat_renews_the_lease_until_the_file_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    said, third = threading.Event(), threading.Event()

    def advance(_one: Export, *, rows_done: int, rows_total: int, now: datetime) -> bool:
        assert said.wait(10)
        told.append((rows_done, rows_total))
        if len(told) == 3:
            third.set()
        return len(told) < 3

    monkeypatch.setattr(exports, "advance", advance)
    with exporting.beating(Export(pk="e", rows_total=9), every_s=0.001) as tell:
        tell(4, 9)
        said.set()
        assert third.wait(10)
        for thread in threading.enumerate():
            if thread.daemon and thread.name.endswith("(until)"):
                thread.join(10)
        with pytest.raises(exporting.Stopped):
            tell(5, 9)
    assert len(told) == 3
    assert told[1:] == [(4, 9), (4, 9)]


def save(client: Any, name: str, query: str = "from=&tender=cash&sort=-amount", path: str = "/sales/") -> Any:
    return client.post("/saved/new/", {"path": path, "query": query, "name": name})


def test_a_filter_is_saved_found_again_and_deleted(admin: Any) -> None:
    assert save(admin, " 微信 \t日报 ").url == "/sales/?from=&tender=cash&sort=-amount"
    page = admin.get("/sales/?from=&tender=cash&sort=-amount")
    one = SavedFilter.objects.get()
    assert (one.name, one.query) == ("微信 日报", "from=&tender=cash&sort=-amount")
    assert 'class="on" aria-current="true">微信 日报</a>' in page.content.decode()
    assert 'href="/sales/?from=&amp;tender=cash&amp;sort=-amount"' in page.content.decode()
    assert admin.get("/customers/").context["saved"].count() == 0
    assert admin.post(f"/saved/{one.pk}/delete/").url == "/sales/"
    assert not SavedFilter.objects.exists()


def test_the_same_name_again_takes_the_new_filters(admin: Any) -> None:
    save(admin, "a", "tender=cash")
    save(admin, "a", "tender=wechat")
    assert [one.query for one in SavedFilter.objects.all()] == ["tender=wechat"]


def test_a_name_is_text_on_the_page(admin: Any) -> None:
    save(admin, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in admin.get("/sales/").content.decode()
    assert "&lt;script&gt;alert(1)" in admin.get("/sales/").content.decode()


def test_saved_filters_are_ones_own_and_bounded(admin: Any, counter: Counter) -> None:
    for number in range(25):
        save(admin, f"n{number:02d}")
    assert SavedFilter.objects.count() == 20
    one = SavedFilter.objects.first()
    assert one is not None
    admin.force_login(counter.second)
    assert admin.get("/sales/").context["saved"].count() == 0
    assert admin.post(f"/saved/{one.pk}/delete/").status_code == 404
    assert SavedFilter.objects.count() == 20


def test_a_filter_without_a_name_or_far_too_long_says_so(admin: Any) -> None:
    for name, query in (("  ", "tender=cash"), ("x", "text=" + "x" * 3000)):
        answer = save(admin, name, query)
        assert [str(one) for one in get_messages(answer.wsgi_request)]
    assert not SavedFilter.objects.exists()


def test_a_filter_of_no_list_is_not_saved(admin: Any) -> None:
    assert save(admin, "x", path="//evil.example/").status_code == 422
    assert save(admin, "x", path="/exports/").status_code == 422
