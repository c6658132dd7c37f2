"""短信费用: characters and parts of what carriers took, and what it cost, by month, kind, building and carrier."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse
from python_calamine import CalamineWorkbook

from counter import Counter
from prewatt.domain.notices import costs
from prewatt.domain.notices.models import Carrier, Message
from prewatt.domain.notices.queries import Wanted

pytestmark = pytest.mark.django_db
DAYS = {"from": "2026-05-01", "to": "2026-06-30"}


@pytest.fixture
def carrier(counter: Counter) -> Carrier:
    return Carrier.objects.create(name="云", kind="aliyun", door="text", form_id="c1", created_at=counter.now)


def message(counter: Counter, carrier: Carrier | None, at: datetime, text: str = "12345", **changes: Any) -> Message:
    facts: dict[str, Any] = {"kind": "low1", "language": "zh", "made_at": at, "not_before": at, "expires_at": at}
    facts |= {"meter": counter.meters[0], "building": counter.building, "to": "13800138000", "carrier": carrier}
    facts |= {"state": "sent", "sent_at": at, "parts": 1, "cost_e4": 450, "text": text} | changes
    return Message.objects.create(key=f"m{Message.objects.count()}", **facts)


@pytest.fixture
def sent(counter: Counter, carrier: Carrier) -> None:
    june, may = datetime(2026, 6, 3, 2, tzinfo=UTC), datetime(2026, 5, 31, 15, 59, tzinfo=UTC)  # the last minute of May
    message(counter, carrier, june)
    message(counter, carrier, june, "1" * 100, state="delivered", parts=2, cost_e4=900)
    message(counter, carrier, june, state="unknown", sent_at=None)
    message(counter, carrier, june, state="failed", sent_at=None, cost_e4=0)  # refused: nobody charges it
    message(counter, carrier, june, state="failed", why="not_arrived")  # taken, and charged
    message(counter, None, june, kind="low2", state="waiting", sent_at=None, parts=0, cost_e4=0)
    message(counter, carrier, may)
    message(counter, carrier, datetime(2026, 5, 31, 16, 0, tzinfo=UTC), kind="sold", meter=None, building=None)


def lines(counter: Counter, who: Any, **wanted: Any) -> list[tuple[Any, ...]]:
    found = costs.costs(operator=who, wanted=Wanted(**wanted))
    names = ("messages", "sent", "arrived", "failed", "characters", "parts", "cost_e4")
    return [(f"{one.month:%Y-%m}", one.kind, *(getattr(one, name) for name in names)) for one in found]


def test_what_was_taken_is_counted_and_what_was_refused_is_not(counter: Counter, sent: None) -> None:
    assert lines(counter, counter.admin) == [
        ("2026-06", "low1", 5, 4, 1, 2, 115, 5, 2250),
        ("2026-06", "low2", 1, 0, 0, 0, 0, 0, 0),
        ("2026-06", "sold", 1, 1, 0, 0, 5, 1, 450),  # midnight is the site's
        ("2026-05", "low1", 1, 1, 0, 0, 5, 1, 450),
    ]


def test_the_sums_are_those_of_the_messages(counter: Counter, sent: None) -> None:
    whole = sum(one.cost_e4 for one in costs.costs(operator=counter.admin, wanted=Wanted()))
    assert whole == sum(one.cost_e4 for one in Message.objects.all())


def test_only_ones_own_buildings_count(counter: Counter, sent: None) -> None:
    assert lines(counter, counter.stranger) == []
    counter.stranger.buildings.add(counter.building)
    assert [line[:2] for line in lines(counter, counter.stranger)] == [
        ("2026-06", "low1"),
        ("2026-06", "low2"),
        ("2026-05", "low1"),
    ]


def test_the_page_shows_them_with_their_sums_and_filters(client: Any, counter: Counter, sent: None) -> None:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    where = reverse("console:notice-costs")
    text = client.get(where, DAYS).content.decode()
    for shown in ("2026-06", "2026-05", "0.225", "0.315", "kind=low1&amp;from=2026-05-01&amp;to=2026-05-31"):
        assert shown in text, shown
    assert "0.225" not in client.get(where, DAYS | {"kind": "sold"}).content.decode()
    assert "0.225" not in client.get(where, {"from": "2026-05-01", "to": "2026-05-31"}).content.decode()
    assert "2026-06" in client.get(where, DAYS | {"building": "A"}).content.decode()


def test_the_file_is_what_is_shown(client: Any, counter: Counter, sent: None) -> None:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    answer = client.get(reverse("console:notice-costs"), DAYS | {"export": "xlsx"})
    content = b"".join(answer.streaming_content)
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    june = next(row for row in rows if row[:1] == ["2026-06"] and 2250 / 10_000 in row)
    assert [cell for cell in june if isinstance(cell, float | int)] == [5, 4, 1, 2, 115, 5, 0.225]


@pytest.mark.parametrize(("rights", "status"), [(["read", "reports"], 200), (["read"], 403)])
def test_it_is_a_report(client: Any, counter: Counter, rights: list[str], status: int) -> None:
    counter.reader.role.rights = rights
    counter.reader.role.save()
    client.force_login(counter.reader)
    assert client.get(reverse("console:notice-costs")).status_code == status
