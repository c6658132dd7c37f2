"""The dialog of an order: who it concerns, why it is refused, and that a form is one order."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def counter() -> Counter:
    from prewatt.domain.control.models import SwitchRules

    SwitchRules.objects.create(protect=False)  # whatever hour this runs at
    one = Counter()
    one.opened(balance_fen=yuan("50"))
    one.read(one.meters[0], relay_closed=1, power_w=1500)
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def path(counter: Counter, kind: str) -> str:
    return f"/meters/{counter.meters[0].pk}/{kind}/"


def orders() -> list[Any]:
    from prewatt.domain.dispatch.models import MeterOrder

    return list(MeterOrder.objects.order_by("placed_at"))


def test_the_dialog_shows_who_goes_dark(counter: Counter, admin: Any) -> None:
    text = admin.get(path(counter, "switch_off"), headers=PART).content.decode()
    assert text.lstrip().startswith("<dialog")
    assert all(word in text for word in ("101", "张三", "50.00", "1.50", 'name="confirmed"'))


def test_an_order_is_placed_once_and_the_dialog_goes(counter: Counter, admin: Any) -> None:
    given = {"order_id": ID, "reason": "work", "note": "meter room", "confirmed": "101"}
    for _time in range(2):
        response = admin.post(path(counter, "switch_off"), given, headers=PART)
        assert (response.status_code, response.content, response.headers["HX-Trigger"]) == (200, b"", "ordered")
    assert [(order.pk, order.kind) for order in orders()] == [(ID, "switch_off")]


def test_a_refused_order_stays_open_with_its_reason_and_what_was_typed(counter: Counter, admin: Any) -> None:
    given = {"order_id": ID, "reason": "work", "note": "meter room", "confirmed": "102"}
    response = admin.post(path(counter, "switch_off"), given, headers=PART)
    assert response.status_code == 422
    assert "The number typed is not 101" in response.content.decode()
    assert '<option value="work" selected>' in response.content.decode()
    assert 'value="meter room"' in response.content.decode()
    assert orders() == []


def test_it_works_without_scripts(counter: Counter, admin: Any) -> None:
    page = admin.get(path(counter, "hold")).content.decode()
    assert "<html" in page
    assert admin.post(path(counter, "hold"), {"order_id": ID}).status_code == 302
    assert orders()[0].kind == "hold"


def test_what_is_no_order_is_not_found(counter: Counter, admin: Any) -> None:
    assert admin.get(path(counter, "recharge"), headers=PART).status_code == 404
    assert admin.post(path(counter, "recharge"), {"order_id": ID}, headers=PART).status_code == 404


def test_the_card_asks_often_while_an_order_is_on_its_way(counter: Counter, admin: Any) -> None:
    admin.post(path(counter, "read"), {"order_id": ID}, headers=PART)
    events = f"/meters/{counter.meters[0].pk}/orders/"
    assert "every 1s" in admin.get(events).content.decode()
    counter.lease()
    counter.settle(ID, Outcome.DONE)
    text = admin.get(events).content.decode()
    assert "every 15s" in text
    assert "Done" in text


def test_an_old_value_is_grey_and_says_its_age(counter: Counter, admin: Any) -> None:
    text = admin.get(f"/meters/{counter.meters[0].pk}/card/?part=live", headers=PART).content.decode()
    assert 'class="card-l old"' in text
    assert "ago" in text


def test_a_lost_meter_says_since_when_and_what_becomes_of_money(counter: Counter, admin: Any) -> None:
    counter.read(counter.meters[0], lost=True, lost_since=counter.now)
    text = admin.get(f"/meters/{counter.meters[0].pk}/").content.decode()
    assert "No answer for" in text
    assert "arrives once" in text


def test_only_the_card_beside_the_tower_can_be_closed_and_its_refresh_remembers_which_it_is(
    counter: Counter, admin: Any
) -> None:
    meter = f"/meters/{counter.meters[0].pk}/"
    own_page = admin.get(meter).content.decode()
    assert "?part=live&amp;alone=1" in own_page
    refreshed = admin.get(f"{meter}card/?part=live&alone=1", headers=PART).content.decode()
    beside = admin.get(f"{meter}card/?part=live", headers=PART).content.decode()
    assert ("data-close" in own_page, "data-close" in refreshed, "data-close" in beside) == (False, False, True)
