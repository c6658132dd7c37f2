"""失联表, 失联通讯管理机: since when, why in words, and what waits; the longest gone first."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from counter import NOW, Counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None) -> Counter:
    """Three of four meters are lost: two on this line, one on a line of the other building."""
    from prewatt.domain.estate.models import Building, Bus, Floor, Room

    one = Counter(meters=4)
    other = Building.objects.create(code="B", name="B座")
    foreign = one.meters[3]
    foreign.room = Room.objects.create(floor=Floor.objects.create(building=other, number=2), number="B201")
    foreign.bus = Bus.objects.create(gateway=one.other_gateway, code="bus-9")
    foreign.save()
    one.stranger.buildings.add(other)
    for meter in one.meters:
        one.opened(meter, balance_fen=5000)
    one.read(one.meters[0])
    for hours, meter in ((1, one.meters[1]), (30, one.meters[2]), (5, foreign)):
        since = NOW - timedelta(hours=hours)
        one.read(meter, lost=True, lost_since=since, last_answer_at=since, last_error="no_answer")
    one.gateway.last_seen_at = NOW + timedelta(days=9999)
    one.gateway.save()
    return one


def body(client: Any, who: Any, name: str, **query: str) -> str:
    client.force_login(who)
    found = client.get(reverse(f"console:{name}"), query)
    assert found.status_code == 200
    return str(found.content.decode()).partition("<tbody>")[2].partition("</tbody>")[0]


def numbers(text: str) -> list[str]:
    return re.findall(r"0300\d{6}", text)


def test_the_longest_gone_stands_first_and_who_answers_does_not(client: Any, counter: Counter) -> None:
    text = body(client, counter.admin, "lost")
    assert numbers(text) == [counter.meters[n].number for n in (2, 3, 1)]


def test_a_stranger_sees_his_own_only(client: Any, counter: Counter) -> None:
    assert numbers(body(client, counter.stranger, "lost")) == [counter.meters[3].number]


def test_orders_that_wait_are_counted_with_their_money(client: Any, counter: Counter) -> None:
    from prewatt.domain.alarms import lost

    counter.sell("s1", "100", meter=counter.meters[1])
    counter.sell("s2", "20", meter=counter.meters[1])
    found = lost.meters(operator=counter.admin, wanted=lost.Wanted(waits=True))
    assert [(one.number, one.waiting, one.waiting_fen) for one in found] == [(counter.meters[1].number, 2, 12_000)]
    assert lost.sums(operator=counter.admin, wanted=lost.Wanted()) == (2, 12_000)
    assert lost.sums(operator=counter.stranger, wanted=lost.Wanted()) == (0, 0)
    client.force_login(counter.admin)
    page = client.get(reverse("console:lost")).content.decode()
    assert "120.00" in page.partition("<tfoot>")[2]


def test_a_floor_a_building_and_a_bus_narrow(client: Any, counter: Counter) -> None:
    assert numbers(body(client, counter.admin, "lost", floor="2")) == [counter.meters[3].number]
    assert numbers(body(client, counter.admin, "lost", building="B")) == [counter.meters[3].number]
    assert len(numbers(body(client, counter.admin, "lost", bus="bus-1"))) == 2


def test_a_gateway_that_never_reported_stands_before_one_that_fell_silent(client: Any, counter: Counter) -> None:
    from prewatt.domain.alarms import lost

    now = NOW + timedelta(hours=1)
    counter.gateway.last_seen_at = now - timedelta(seconds=121)
    counter.gateway.save()
    counter.sell("s1", "100", meter=counter.meters[3])
    found = lost.gateways(operator=counter.admin, now=now)
    assert [(one.gateway.code, one.meters, one.lost, one.waiting) for one in found] == [
        ("gw-2", 1, 1, 1),
        ("gw-1", 3, 2, 0),
    ]
    assert [one.gateway.code for one in lost.gateways(operator=counter.stranger, now=now)] == ["gw-2"]
    assert len(lost.gateways(operator=counter.admin, now=now - timedelta(seconds=1))) == 1


def test_the_page_of_gateways_lists_them(client: Any, counter: Counter) -> None:
    assert "gw-2" in body(client, counter.admin, "lost-gateways")
    assert "gw-1" not in body(client, counter.admin, "lost-gateways")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_error_that_a_line_knows_is_a_sentence(language: str) -> None:
    """Codes are for technicians; a list is for people."""
    from prewatt.field.line import line
    from prewatt.field.wire import errors
    from prewatt.web.parts import words

    codes = {
        one.code
        for module in (line, errors)
        for one in vars(module).values()
        if isinstance(one, type) and isinstance(getattr(one, "code", None), str) and one.__module__ == module.__name__
    } - {"unencodable"}
    codes |= {f"exception_{name}" for name in errors.ExceptionAnswer.NAMES.values()}
    with translation.override(language):
        said = {code: str(words.line_error(code)) for code in codes if code}
    assert {code for code, text in said.items() if text[-1] not in ".。" or code == text} == set()
    assert "no_answer" in said
    assert [code for code in said if code in words.LINE_ERRORS and code in said[code]] == []
