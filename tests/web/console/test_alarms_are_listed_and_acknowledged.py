"""实时报警, 历史报警: what stands there, for whom, and the note that somebody writes."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.alarms import operations
from prewatt.domain.alarms.models import Alarm

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None) -> Counter:
    """One meter in arrears, another that was once and is paid, a silent line."""
    one = Counter(meters=3)
    one.opened(one.meters[0], balance_fen=-1234)
    one.opened(one.meters[1], balance_fen=-5600)
    one.opened(one.meters[2], balance_fen=90_000)
    one.read(one.meters[2], lost=True, lost_since=one.now, last_error="no_answer")
    operations.watch(now=one.now)
    one.read(one.meters[1], balance_fen=90_000)
    operations.watch(now=one.now)
    return one


def page(client: Any, who: Any, name: str, *args: Any, **query: str) -> str:
    client.force_login(who)
    found = client.get(reverse(f"console:{name}", args=args), query)
    assert found.status_code == 200
    text: str = found.content.decode()
    return text


def main(text: str) -> str:
    return text.partition("<main")[2].partition("</main>")[0]


def test_what_goes_on_stands_in_the_list_and_what_is_over_does_not(client: Any, counter: Counter) -> None:
    text = main(page(client, counter.admin, "alarms"))
    assert "\u221212.34" in text
    assert "\u221256.00" not in text
    assert str(_sentence("no_answer")) in text
    past = main(page(client, counter.admin, "alarm-history", **{"from": "2026-06-01", "to": "2026-06-01"}))
    assert "\u221212.34" in past
    assert "\u221256.00" in past


def _sentence(code: str) -> Any:
    from prewatt.web.parts import words

    return words.line_error(code)


def test_a_filter_narrows_to_its_kind(client: Any, counter: Counter) -> None:
    text = main(page(client, counter.admin, "alarms", kind="lost"))
    assert "\u221212.34" not in text
    assert str(_sentence("no_answer")) in text


@pytest.mark.parametrize(("floor", "there"), [("1", True), ("1-3", True), ("2", False), ("none such", True)])
def test_floors_are_a_number_or_a_span(client: Any, counter: Counter, floor: str, there: bool) -> None:
    assert ("\u221212.34" in main(page(client, counter.admin, "alarms", floor=floor))) is there


def test_days_count_where_the_episode_overlaps_them(client: Any, counter: Counter) -> None:
    before = main(page(client, counter.admin, "alarm-history", **{"from": "2026-05-01", "to": "2026-05-31"}))
    assert "\u221256.00" not in before
    after = main(page(client, counter.admin, "alarm-history", **{"from": "2026-06-02", "to": "2026-06-09"}))
    assert "\u221256.00" not in after
    assert "\u221212.34" in after


def test_a_stranger_sees_nothing(client: Any, counter: Counter) -> None:
    assert "\u221212.34" not in page(client, counter.stranger, "alarms")
    assert client.get(reverse("console:alarm", args=[Alarm.objects.earliest("pk").pk])).status_code == 404


def test_a_note_is_written_and_the_number_in_the_side_bar_falls(client: Any, counter: Counter) -> None:
    from prewatt.domain.alarms import queries

    one = Alarm.objects.get(meter=counter.meters[0])
    assert queries.open_count(operator=counter.admin) == 2
    client.force_login(counter.cashier)
    sent = client.post(reverse("console:alarm-acknowledge", args=[one.pk]), {"note": "called, pays at noon"})
    assert sent.status_code == 302
    assert queries.open_count(operator=counter.admin) == 1
    assert "called, pays at noon" in page(client, counter.reader, "alarm", one.pk)


def test_an_empty_note_is_refused_in_words_and_another_keeps_what_was_typed(client: Any, counter: Counter) -> None:
    one = Alarm.objects.get(meter=counter.meters[0])
    address = reverse("console:alarm-acknowledge", args=[one.pk])
    client.force_login(counter.cashier)
    assert client.post(address, {"note": " "}).status_code == 422
    client.force_login(counter.reader)
    assert client.post(address, {"note": "I only read"}).status_code == 403
    assert Alarm.objects.get(pk=one.pk).acknowledged_at is None


def test_the_workbook_has_numbers_where_the_page_has_amounts(client: Any, counter: Counter) -> None:
    from io import BytesIO

    from python_calamine import CalamineWorkbook

    from prewatt.domain.estate.models import Room

    client.force_login(counter.admin)
    found = client.get(reverse("console:alarms"), {"export": "xlsx", "cols": "kind,room,worst", "sort": "since"})
    content = b"".join(found.streaming_content)
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    rooms = {room.number for room in Room.objects.all()}
    assert [row[2] for row in rows if row[1] in rooms] == [-12.34, ""]


def note_all(client: Any, counter: Counter, **changes: str) -> int:
    asked = {"newest": str(Alarm.objects.latest("pk").pk), "note": "gateway down, on the way", "kind": ""}
    status: int = client.post(reverse("console:alarms-acknowledge"), asked | changes).status_code
    return status


def acknowledged() -> set[str]:
    return set(Alarm.objects.filter(acknowledged_at__isnull=False).values_list("kind", flat=True))


def test_one_note_for_all_that_is_listed_and_no_more(client: Any, counter: Counter) -> None:
    from prewatt.domain.staff.models import LogEntry

    client.force_login(counter.cashier)
    assert note_all(client, counter, kind="lost") == 302
    assert acknowledged() == {"lost"}
    assert note_all(client, counter, kind="lost") == 302
    assert LogEntry.objects.filter(action="alarm.acknowledge").count() == 1
    assert "gateway down, on the way" not in page(client, counter.cashier, "alarm", Alarm.objects.earliest("pk").pk)


def test_what_came_after_the_form_was_drawn_is_not_noted(client: Any, counter: Counter) -> None:
    client.force_login(counter.cashier)
    note_all(client, counter, newest=str(Alarm.objects.earliest("pk").pk))
    assert Alarm.objects.filter(acknowledged_at__isnull=False).count() == 1
    note_all(client, counter, newest="not a number")
    assert Alarm.objects.filter(acknowledged_at__isnull=False).count() == 1


def test_a_stranger_or_an_empty_word_notes_nothing(client: Any, counter: Counter) -> None:
    client.force_login(counter.stranger)
    note_all(client, counter)
    client.force_login(counter.cashier)
    note_all(client, counter, note=" ")
    client.force_login(counter.reader)
    assert note_all(client, counter) == 403
    assert acknowledged() == set()
