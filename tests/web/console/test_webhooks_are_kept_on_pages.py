from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.webhooks import secrets
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Endpoint
from workbooks import opened

INDEX = "/settings/webhooks/"


@pytest.fixture
def admin(client: Any, counter: Counter) -> Any:
    client.force_login(counter.admin)
    return client


def make(client: Any, **changes: str) -> Any:
    given = {"form_id": "f1", "name": "物业平台", "url": "https://example.com/hook", "event_sale": "1"}
    return client.post(INDEX, {name: value for name, value in (given | changes).items() if value})


def test_the_secret_stands_on_one_answer_only(admin: Any) -> None:
    answer = make(admin)
    one = Endpoint.objects.get()
    secret = secrets.secret(one.nonce)
    assert secret in answer.content.decode()
    assert make(admin).status_code == 302  # the same form again
    assert Endpoint.objects.count() == 1
    for url in (INDEX, f"{INDEX}{one.pk}/"):
        page = admin.get(url).content.decode()
        assert "物业平台" in page
        assert secret not in page
    assert (one.events, one.private, one.on) == (["sale"], False, True)


@pytest.mark.parametrize(
    "changes", [{"name": ""}, {"event_sale": ""}, {"url": "http://example.com/"}, {"url": "javascript:alert(1)"}]
)
def test_a_refused_form_keeps_what_was_typed(admin: Any, changes: dict[str, str]) -> None:
    answer = make(admin, **changes)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert (changes.get("url") or "https://example.com/hook") in page
    assert not Endpoint.objects.exists()


def test_a_new_secret_asks_first(admin: Any) -> None:
    make(admin)
    one = Endpoint.objects.get()
    url = reverse("console:webhook-renew", args=[one.pk])
    assert admin.post(url).status_code == 302
    assert Endpoint.objects.get().nonce == one.nonce
    answer = admin.post(url, {"sure": "1"})
    assert secrets.secret(Endpoint.objects.get().nonce) in answer.content.decode()
    assert Endpoint.objects.get().nonce != one.nonce


def test_a_test_message_waits_once_and_can_be_told_again(admin: Any) -> None:
    make(admin)
    one = Endpoint.objects.get()
    for _ in range(2):
        admin.post(reverse("console:webhook-test", args=[one.pk]), {"form_id": "t1"})
    told = Delivery.objects.get()
    assert told.event_id == "test:t1"
    page = admin.get(reverse("console:webhook-live", args=[one.pk])).content.decode()
    assert "test:t1" in page
    assert "every 3s" in page
    told.state = DeliveryState.DONE
    told.save()
    assert "every 3s" not in admin.get(reverse("console:webhook-live", args=[one.pk])).content.decode()
    admin.post(reverse("console:delivery-replay", args=[told.pk]))
    again = Delivery.objects.get(replay=True)
    assert (again.event_id, again.body) == (told.event_id, told.body)
    admin.post(reverse("console:delivery-skip", args=[again.pk]))
    again.refresh_from_db()
    assert again.state == DeliveryState.SKIPPED


def test_what_the_receiver_answers_is_text_and_nothing_else(admin: Any) -> None:
    make(admin)
    one = Endpoint.objects.get()
    Delivery.objects.create(
        endpoint=one, event="sale", event_id="sale:1", at=one.created_at, body="{}", said="<script>alert(1)</script>"
    )
    assert "<script>alert" not in admin.get(f"{INDEX}{one.pk}/").content.decode()


def test_a_pause_says_why_and_keeping_the_form_ends_it(admin: Any) -> None:
    make(admin)
    one = Endpoint.objects.get()
    Endpoint.objects.update(paused_for="silent", failures=9)
    url = f"{INDEX}{one.pk}/"
    assert 'role="alert"' in admin.get(url).content.decode()
    given = {"name": "B", "url": one.url, "event_credit": "1", "on": "1", "private": "1"}
    assert admin.post(url, given).status_code == 302
    kept = Endpoint.objects.get()
    assert (kept.name, kept.paused_for, kept.failures, kept.events, kept.private) == ("B", "", 0, ["credit"], True)


def test_strangers_and_the_wrong_role_find_nothing(client: Any, counter: Counter, admin: Any) -> None:
    make(admin)
    one = Endpoint.objects.get()
    counter.stranger.buildings.add(counter.building)
    for who, status in ((counter.stranger, 404), (counter.cashier, 403)):
        client.force_login(who)
        for url in (INDEX, f"{INDEX}{one.pk}/", f"{INDEX}{one.pk}/live/"):
            assert client.get(url).status_code == status
        for name in ("webhook-renew", "webhook-test"):
            assert client.post(reverse(f"console:{name}", args=[one.pk]), {"sure": "1"}).status_code == status
    assert Endpoint.objects.get().nonce == one.nonce
    assert not Delivery.objects.exists()


def told(endpoint: Endpoint, event: str, key: str, **facts: Any) -> Delivery:
    given = {"at": endpoint.created_at, "body": f'{{"id":"{event}:{key}"}}'} | facts
    return Delivery.objects.create(endpoint=endpoint, event=event, event_id=f"{event}:{key}", **given)


@pytest.fixture
def log(admin: Any) -> Endpoint:
    make(admin)
    make(admin, form_id="f2", name="数据中心")
    first, second = Endpoint.objects.order_by("pk")
    for nth in range(60):
        told(first, "sale", f"s{nth:02d}", state=DeliveryState.DONE, done_at=first.created_at, status=200, said="ok")
    told(first, "alarm_end", "lost:7", tries=3, status=503, said="=cmd|calc")
    told(second, "sale", "x1")
    return first


def listed(client: Any, query: str) -> list[str]:
    page = client.get(f"{INDEX}told/?{query}").content.decode()
    return re.findall(r">((?:sale|alarm_end):[^<]+)</a>", page)


def test_all_that_was_told_is_a_list_with_filters_order_and_pages(admin: Any, log: Endpoint) -> None:
    assert len(listed(admin, "")) == 50
    assert len(listed(admin, "page=2")) == 12
    assert listed(admin, "event=alarm_end") == ["alarm_end:lost:7"]
    assert listed(admin, "state=waiting&sort=-id") == ["sale:x1", "alarm_end:lost:7"]
    assert listed(admin, f"endpoint={log.pk}&text=s59") == ["sale:s59"]
    assert listed(admin, "from=2999-01-01") == []
    assert listed(admin, "sort=id&size=25")[:2] == ["alarm_end:lost:7", "sale:s00"]


def test_the_list_goes_into_a_file_as_it_is_shown(admin: Any, log: Endpoint) -> None:
    answer = admin.get(f"{INDEX}told/?state=waiting&sort=id&export=xlsx")
    found = opened(answer)
    assert [row[3] for row in found.values][:2] == ["alarm_end:lost:7", "sale:x1"]
    assert [cell.data_type for row in found.rows for cell in row if "=cmd" in str(cell.value)] == ["s"]


def test_the_endpoints_page_shows_the_last_ones_and_leads_to_all(admin: Any, log: Endpoint) -> None:
    page = admin.get(f"{INDEX}{log.pk}/").content.decode()
    assert page.count("/again/") + page.count("/leave-out/") == 10
    assert f"/settings/webhooks/told/?endpoint={log.pk}" in page


def test_one_message_is_shown_as_it_went_out_and_can_be_told_again(admin: Any, log: Endpoint) -> None:
    one = Delivery.objects.get(event_id="sale:s07")
    Delivery.objects.filter(pk=one.pk).update(body='{"room":"<b>101</b>"}')
    page = admin.get(reverse("console:delivery", args=[one.pk])).content.decode()
    assert "&lt;b&gt;101&lt;/b&gt;" in page
    assert "<b>101" not in page
    assert reverse("console:delivery-replay", args=[one.pk]) in page


def test_only_the_message_that_holds_up_the_others_can_be_left_out(admin: Any, log: Endpoint) -> None:
    head = Delivery.objects.get(event_id="alarm_end:lost:7")
    behind = told(log, "sale", "late", tries=1)
    assert "/leave-out/" in admin.get(reverse("console:delivery", args=[head.pk])).content.decode()
    assert "/leave-out/" not in admin.get(reverse("console:delivery", args=[behind.pk])).content.decode()
