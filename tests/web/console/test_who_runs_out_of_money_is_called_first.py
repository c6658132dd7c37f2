"""催费与停电 as pages: the list, one account, telling, grace, and the rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from counter import Counter
from prewatt.domain.cutoff.models import FairRules, Grace, Notice, Standing
from prewatt.domain.cutoff.rule import Stage, Why
from prewatt.domain.metering.queries import today
from prewatt.domain.staff.models import LogEntry
from prewatt.web.parts import cutoff as words

pytestmark = pytest.mark.django_db
RULES = {
    "notice_days": "4",
    "notice_days_dwelling": "8",
    "dwelling_uses": "住宅 公寓",
    "gap_hours": "12",
    "last_minutes": "90",
    "remind_hours": "24",
    "stale_minutes": "30",
    "keep": "1",
    "keep_max_fen": "100.00",
    "grace_max_fen": "300.00",
    "grace_days_max": "5",
}


@pytest.fixture
def counter(db: None) -> Counter:
    return Counter()


@pytest.fixture
def admin(client: Any, counter: Counter) -> Any:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def owing(counter: Counter) -> Any:
    """An account that owes, with a notice that nobody has told yet."""
    now = timezone.now()
    opening = counter.opened()
    Standing.objects.create(
        opening=opening, stage="due", why="not_told", platform=True, money_fen=-1_234, since=now, due_since=now
    )
    Notice.objects.create(opening=opening, word="first", at=now, money_fen=-1_234)
    return opening


def test_the_list_says_who_how_much_and_what_comes_next(owing: Any, admin: Any) -> None:
    page = admin.get("/cutoff/").content.decode()
    assert "张三" in page
    assert "12.34" in page
    assert "Somebody has to tell the tenant first." in page
    assert "1 tenant to tell" in page
    assert "张三" in admin.get("/cutoff/?told=untold").content.decode()
    assert "张三" not in admin.get("/cutoff/?stage=off").content.decode().split("<tbody>")[-1].split("</table>")[0]


def test_the_list_is_an_excel_file(owing: Any, admin: Any) -> None:
    assert admin.get("/cutoff/?export=xlsx").getvalue()[:2] == b"PK"


def test_nobody_on_the_list_is_said_as_good_news(counter: Counter, admin: Any) -> None:
    assert "Nobody runs out of money" in admin.get("/cutoff/").content.decode()
    opening = counter.opened()
    assert "There is money." in admin.get(f"/cutoff/{opening.pk}/").content.decode()


def test_a_tenant_is_told_once_and_by_whom(owing: Any, admin: Any) -> None:
    notice = Notice.objects.get()
    sent = {"notice": str(notice.pk), "door": "phone", "note": "pays tomorrow"}
    assert admin.post(f"/cutoff/{owing.pk}/told/", sent).status_code == 302
    notice.refresh_from_db()
    assert (notice.door, notice.note, notice.told_by.username) == ("phone", "pays tomorrow", "admin")
    told_at = notice.told_at
    assert admin.post(f"/cutoff/{owing.pk}/told/", sent).status_code == 302  # the same again changes nothing
    notice.refresh_from_db()
    assert notice.told_at == told_at
    assert LogEntry.objects.filter(action="cutoff.told").count() == 1


def test_grace_is_given_within_the_rules_and_once(owing: Any, admin: Any) -> None:
    day = today(timezone.now()) + timedelta(days=3)
    sent = {"form_id": "f1", "amount": "50", "until": day.isoformat(), "reason": "pays on Friday"}
    address = f"/cutoff/{owing.pk}/grace/"
    for wrong in ({"amount": "500.01"}, {"amount": "x"}, {"until": "soon"}, {"until": "2099-01-01"}, {"reason": " "}):
        page = admin.post(address, sent | wrong)
        assert page.status_code == 422
        assert "Nothing was saved" in page.content.decode()
    assert not Grace.objects.exists()
    assert [admin.post(address, sent).status_code for _twice in range(2)] == [302, 302]
    grace = Grace.objects.get()
    assert (grace.amount_fen, grace.reason, grace.by.username) == (5_000, "pays on Friday", "admin")
    assert LogEntry.objects.filter(action="cutoff.grace").count() == 1


def test_grace_is_ended_by_hand_with_a_reason_and_once(owing: Any, admin: Any) -> None:
    day = today(timezone.now()) + timedelta(days=3)
    admin.post(
        f"/cutoff/{owing.pk}/grace/", {"form_id": "f1", "amount": "50", "until": day.isoformat(), "reason": "pays"}
    )
    assert "May owe up to 50.00 yuan until" in admin.get(f"/cutoff/{owing.pk}/").content.decode()
    address = f"/cutoff/{owing.pk}/grace/end/"
    page = admin.post(address, {"grace": "f1", "end_reason": " "})
    assert (page.status_code, "Nothing was changed" in page.content.decode()) == (422, True)
    assert Grace.objects.get().ended_at is None
    assert [admin.post(address, {"grace": "f1", "end_reason": "has moved out"}).status_code for _ in "12"] == [302] * 2
    assert Grace.objects.get().ended_at is not None
    entry = LogEntry.objects.get(action="cutoff.end_grace")
    assert (entry.before["amount_fen"], entry.after) == (5_000, {"reason": "has moved out"})
    assert "End the grace" not in admin.get(f"/cutoff/{owing.pk}/").content.decode()
    assert admin.post(address, {"end_reason": "again"}).status_code == 422


def test_the_rules_are_kept_and_wrong_ones_come_back_as_typed(counter: Counter, admin: Any) -> None:
    address = "/settings/switching/fair/"
    assert admin.get(address).status_code == 200
    page = admin.post(address, RULES | {"notice_days": "61"})
    assert (page.status_code, 'value="61"' in page.content.decode()) == (422, True)
    assert admin.post(address, RULES | {"keep_max_fen": "much"}).status_code == 422
    assert not FairRules.objects.filter(notice_days=4).exists()
    assert admin.post(address, RULES).status_code == 302
    held = FairRules.objects.get()
    assert (held.notice_days, held.keep, held.automatic, held.keep_max_fen) == (4, True, False, 10_000)
    assert held.dwelling_uses == ["住宅", "公寓"] or set(held.dwelling_uses) == {"住宅", "公寓"}


def test_a_stranger_and_the_wrong_role_get_nothing(owing: Any, counter: Counter, client: Any, settings: Any) -> None:
    client.force_login(counter.stranger)
    assert "张三" not in client.get("/cutoff/").content.decode()
    for address in (f"/cutoff/{owing.pk}/", f"/cutoff/{owing.pk}/told/", f"/cutoff/{owing.pk}/grace/"):
        found = client.get(address) if address.endswith(f"{owing.pk}/") else client.post(address)
        assert found.status_code == 404
    client.force_login(counter.cashier)
    assert client.post(f"/cutoff/{owing.pk}/grace/").status_code == 403
    client.force_login(counter.reader)
    assert client.post(f"/cutoff/{owing.pk}/told/").status_code == 403
    assert client.get("/settings/switching/fair/").status_code == 403
    assert not Grace.objects.exists()


def test_every_stage_and_every_reason_has_its_words() -> None:
    assert set(words.WHYS) == {one.value for one in Why}
    assert set(words.STAGES) == {one.value for one in Stage} - {"fine"}
