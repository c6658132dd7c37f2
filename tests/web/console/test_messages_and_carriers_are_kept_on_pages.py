"""The register of messages, sending one again, carriers with secrets that nobody sees, and the rules of sending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.notices import operations, sealing
from prewatt.domain.notices.models import Carrier, Message, Rules, State
from prewatt.domain.staff.models import LogEntry

NEW = "/settings/carriers/new/aliyun/"
GIVEN = {
    "form_id": "f1",
    "name": "阿里云",
    "key_id": "LTAI5t",
    "key_secret": "s3cret-s3cret",
    "sign": "物业",
    "templates": "low1 = SMS_1: room, balance",
    "per_minute": "60",
    "price_e4": "450",
    "sort": "1",
}


@pytest.fixture
def admin(client: Any, counter: Counter) -> Any:
    client.force_login(counter.admin)
    return client


def said(counter: Counter, **changes: Any) -> Message:
    counter.customer.phone = "13800138000"
    counter.customer.save()
    asked: dict[str, Any] = {
        "kind": "low1",
        "phone": "13800138000",
        "fields": {"balance": "9.85", "alarm": "10.00"},
        "key": "1",
        "language": "zh",
        "now": counter.now,
        "customer": counter.customer,
        "meter": counter.meters[0],
    }
    found = operations.say(**asked | changes)
    assert found is not None
    return found


def test_a_secret_goes_in_and_never_comes_out(admin: Any, counter: Counter) -> None:
    answer = admin.post(NEW, GIVEN)
    assert answer.status_code == 302
    assert admin.post(NEW, GIVEN).status_code == 302  # the same form again
    one = Carrier.objects.get()
    assert sealing.opened(one.sealed) == {"key_secret": "s3cret-s3cret"}
    seen = [admin.get(reverse("console:carrier", args=[one.pk])), admin.get(reverse("console:carriers")), answer]
    seen.append(admin.get(reverse("console:log")))
    for page in seen:
        assert "s3cret-s3cret" not in page.content.decode()
    assert "s3cret" not in str(list(LogEntry.objects.values())) + str(one.settings) + str(bytes(one.sealed))


def test_an_empty_secret_stays_and_a_new_one_takes_its_place(admin: Any) -> None:
    admin.post(NEW, GIVEN)
    one = Carrier.objects.get()
    url = reverse("console:carrier", args=[one.pk])
    admin.post(url, GIVEN | {"key_secret": "", "sign": "新物业", "on": "1"})
    one.refresh_from_db()
    assert (one.settings["sign"], sealing.opened(one.sealed)["key_secret"]) == ("新物业", "s3cret-s3cret")
    assert (one.on, one.version) == (True, 2)
    admin.post(url, GIVEN | {"key_secret": "another"})
    one.refresh_from_db()
    assert (sealing.opened(one.sealed)["key_secret"], one.on) == ("another", False)
    change = LogEntry.objects.filter(action="carrier.change").latest("pk")
    assert change.after["secrets"] == ["key_secret"]


@pytest.mark.parametrize(
    "changes",
    [{"name": ""}, {"key_secret": ""}, {"templates": "low1 SMS_1"}, {"per_minute": "0"}, {"price_e4": "-1"}],
)
def test_a_refused_form_keeps_what_was_typed(admin: Any, changes: dict[str, str]) -> None:
    answer = admin.post(NEW, GIVEN | {"sign": "好物业"} | changes)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert "好物业" in page
    assert not Carrier.objects.exists()


def test_a_modem_is_a_serial_port_and_nothing_else(admin: Any) -> None:
    given = {"form_id": "m", "name": "短信猫", "baud": "115200", "per_minute": "8", "sort": "0", "price_e4": "0"}
    for path in ("/etc/passwd", "/dev/sda", "/dev/../etc/passwd", ""):
        assert admin.post("/settings/carriers/new/modem/", given | {"path": path}).status_code == 422
    assert admin.post("/settings/carriers/new/modem/", given | {"path": "/dev/ttyUSB0"}).status_code == 302


def test_a_test_goes_through_this_carrier_and_no_other(admin: Any) -> None:
    admin.post(NEW, GIVEN)
    one = Carrier.objects.get()
    url = reverse("console:carrier-test", args=[one.pk])
    assert admin.post(url, {"form_id": "t", "to": "ask me"}).status_code == 422
    for _ in range(2):
        assert admin.post(url, {"form_id": "t", "to": "138 0013 8000"}).status_code == 302
    made = Message.objects.get()
    assert (made.to, made.only, made.kind, made.state) == ("13800138000", one, "test", State.WAITING)


def test_a_message_goes_again_with_a_reason_and_once(admin: Any, counter: Counter) -> None:
    first = said(counter)
    Message.objects.update(state=State.UNKNOWN)
    assert admin.get(reverse("console:notice", args=[first.pk])).status_code == 200
    again = reverse("console:notice-again", args=[first.pk])
    assert admin.post(again, {"form_id": "a", "reason": " "}).status_code == 422
    counter.customer.phone = "13900139000"
    counter.customer.save()
    for _ in range(2):
        assert admin.post(again, {"form_id": "a", "reason": "没有收到"}).status_code == 302
    made = Message.objects.get(again_of=first)
    assert (made.to, made.text, made.state, made.reason) == ("13900139000", first.text, State.WAITING, "没有收到")
    assert LogEntry.objects.get(action="message.again").after["again"] == made.pk


def test_what_waits_and_what_is_secret_does_not_go_again(admin: Any, counter: Counter) -> None:
    waits = said(counter)
    code = said(counter, kind="code", fields={"code": "482913", "minutes": "5"}, key="c", urgent=True)
    Message.objects.filter(pk=code.pk).update(state=State.SENT, sealed=None)
    for one in (waits, code):
        answer = admin.post(reverse("console:notice-again", args=[one.pk]), {"form_id": f"{one.pk}", "reason": "x"})
        assert answer.status_code == 422
    assert Message.objects.count() == 2


def test_no_page_shows_a_code(admin: Any, counter: Counter) -> None:
    code = said(counter, kind="code", fields={"code": "482913", "minutes": "5"}, key="c", urgent=True)
    for url in (reverse("console:notices"), reverse("console:notice", args=[code.pk])):
        assert "482913" not in admin.get(url).content.decode()
    assert b"482913" not in b"".join(admin.get("/messages/?export=xlsx"))


def test_the_register_is_filtered_and_costs_are_there(admin: Any, counter: Counter) -> None:
    said(counter)
    Message.objects.update(state=State.SENT, parts=2, cost_e4=900, sent_at=counter.now + timedelta(seconds=1))
    page = admin.get("/messages/?state=sent").content.decode()
    assert "13800138000" in page
    assert "0.0900" in page
    assert "13800138000" not in admin.get("/messages/?state=failed").content.decode()


def test_a_stranger_sees_no_message_and_no_carrier(client: Any, counter: Counter) -> None:
    one = said(counter)
    client.force_login(counter.stranger)
    assert client.get(reverse("console:notice", args=[one.pk])).status_code == 404
    assert "13800138000" not in client.get("/messages/").content.decode()
    for url in ("/settings/carriers/", NEW, "/settings/carriers/rules/"):
        assert client.get(url).status_code == 404
    client.force_login(counter.reader)
    assert client.get(reverse("console:notice", args=[one.pk])).status_code == 200
    assert client.post(reverse("console:notice-again", args=[one.pk]), {"reason": "x"}).status_code == 403
    assert client.get("/settings/carriers/").status_code == 403


def test_the_rules_of_sending_are_kept_and_refused(admin: Any) -> None:
    url = "/settings/carriers/rules/"
    given = {"quiet_from": "22:00", "quiet_until": "07:30", "per_hour": "3", "per_day": "9", "valid_hours": "12"}
    assert admin.post(url, given | {"mute_sold": "1", "language": "en"}).status_code == 302
    held = Rules.objects.get()
    assert (f"{held.quiet_from:%H:%M}", held.per_hour, held.muted, held.language) == ("22:00", 3, ["sold"], "en")
    assert admin.post(url, given | {"quiet_from": "late"}).status_code == 422
    assert admin.post(url, given | {"per_day": "0"}).status_code == 422
    assert Rules.objects.get().per_day == 9


def test_a_carrier_that_fails_says_why_on_its_page(client: Any, counter: Counter) -> None:
    now = counter.now
    facts: dict[str, Any] = {"kind": "modem", "door": "text", "settings": {"path": "/dev/ttyUSB0", "baud": "115200"}}
    one = Carrier.objects.create(name="猫", form_id="failing", created_at=now, said="the modem is gone", **facts)
    where = reverse("console:carrier", args=[one.pk])
    client.force_login(counter.admin)
    assert "the modem is gone" not in client.get(where).content.decode()
    Carrier.objects.update(failing_since=now)
    assert "the modem is gone" in client.get(where).content.decode()
