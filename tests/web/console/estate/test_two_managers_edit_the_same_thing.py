"""The second one is told what the first one changed, and nothing that he typed is lost."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=1)
    one.bus.url = "tcp://127.0.0.1:1"
    one.bus.save()
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    return client


def form(client: Any, path: str) -> dict[str, str]:
    """What a browser would send back untouched."""
    text = client.get(path).content.decode()
    text = text[text.index('name="drawn"') - 400 :]
    given = {
        name: html.unescape(value)
        for tag in re.findall(r"<input[^>]*>", text)
        for name, value in [(_of(tag, "name"), _of(tag, "value"))]
        if name and 'type="checkbox"' not in tag
    }
    given |= {_of(tag, "name"): "1" for tag in re.findall(r"<input[^>]* checked[^>]*>", text)}
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        given[name] = html.unescape(chosen.group(1)) if chosen else ""
    return given


def _of(tag: str, name: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', tag)
    return found.group(1) if found else ""


def things(counter: Counter) -> dict[str, tuple[str, Any, str]]:
    """Address, the thing, and a field of free text."""
    meter = counter.meters[0]
    return {
        "building": (f"/settings/buildings/{counter.building.pk}/", counter.building, "name"),
        "floor": (f"/settings/floors/{counter.room.floor.pk}/", counter.room.floor, "name"),
        "meter": (f"/settings/meters/{meter.pk}/", meter, "remark"),
        "gateway": (f"/settings/gateways/{counter.gateway.pk}/edit/", counter.gateway, "name"),
        "bus": (f"/settings/buses/{counter.bus.pk}/", counter.bus, "code"),
        "customer": (f"/customers/{counter.customer.pk}/edit/", counter.customer, "contact"),
    }


@pytest.mark.parametrize("kind", ["building", "floor", "meter", "gateway", "bus", "customer"])
def test_the_second_is_refused_with_what_the_first_wrote_and_what_he_typed(
    counter: Counter, admin: Any, kind: str
) -> None:
    path, thing, field = things(counter)[kind]
    second = form(admin, path)
    first = form(admin, path)
    assert field in first
    assert admin.post(path, first | {field: "first1"}).status_code == 302
    refused = admin.post(path, second | {field: "second2"})
    assert refused.status_code == 422
    thing.refresh_from_db()
    assert getattr(thing, field) == "first1"
    text = refused.content.decode()
    assert "changed meanwhile by somebody else to “first1”" in text
    assert 'value="second2"' in text
    again = re.search(r'name="drawn" value="([^"]*)"', text)
    assert again is not None
    assert admin.post(path, second | {field: "second2", "drawn": html.unescape(again.group(1))}).status_code == 302
    thing.refresh_from_db()
    assert getattr(thing, field) == "second2"


def test_what_the_second_left_alone_takes_the_firsts_value(counter: Counter, admin: Any) -> None:
    path, meter, _field = things(counter)["meter"]
    second = form(admin, path)
    assert admin.post(path, form(admin, path) | {"remark": "first1"}).status_code == 302
    refused = admin.post(path, second | {"circuit": "1-104"})
    assert refused.status_code == 422
    text = refused.content.decode()
    assert 'value="first1"' in text
    assert 'value="1-104"' in text
    meter.refresh_from_db()
    assert (meter.remark, meter.circuit) == ("first1", "")


def test_the_same_change_twice_is_no_quarrel(counter: Counter, admin: Any) -> None:
    path, _meter, _field = things(counter)["meter"]
    both = form(admin, path) | {"remark": "the same"}
    assert admin.post(path, both).status_code == 302
    assert admin.post(path, both).status_code == 302


def test_nonsense_in_the_hidden_field_stops_nobody(counter: Counter, admin: Any) -> None:
    path, _meter, _field = things(counter)["meter"]
    for nonsense in ("", "[1]", "{", "x" * 70_000):
        assert admin.post(path, form(admin, path) | {"drawn": nonsense, "remark": nonsense[:9]}).status_code == 302
