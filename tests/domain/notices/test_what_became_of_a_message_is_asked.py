"""Delivery reports of the clouds: asked for, by number and reference; and what nobody knew is found out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from counter import Counter
from domain.notices.test_carriers_of_the_cloud_are_spoken_to import Provider, ali, provider, ten
from prewatt.domain.notices import asking, operations, sealing, sending
from prewatt.domain.notices.carrying import Asked, Fate
from prewatt.domain.notices.models import Carrier, CarrierKind, Door, Message, State, Why
from prewatt.domain.notices.refusals import CarrierRefused, NotKnown

__all__ = ["provider"]
AT = datetime(2026, 6, 1, 16, 30, tzinfo=UTC)  # the second of June in China
KNOWN = Asked(7, "+8613800138000", ("900619746936498440^0",), AT)
UNKNOWN = Asked(7, "13800138000", (), AT)


def details(*rows: dict[str, Any], total: int | None = None) -> tuple[int, dict[str, Any]]:
    """As Aliyun documents it."""
    count = str(len(rows) if total is None else total)
    return 200, {"Code": "OK", "Message": "OK", "TotalCount": count, "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}


def detail(status: int, out_id: str = "7") -> dict[str, Any]:
    facts = {"PhoneNum": "13800138000", "TemplateCode": "SMS_1", "SendDate": "2026-06-02 00:30:00", "Content": "x"}
    return facts | {"SendStatus": status, "OutId": out_id, "ErrCode": "DELIVERED", "ReceiveDate": "2026-06-02 00:30:04"}


def statuses(*rows: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """As Tencent documents it."""
    return 200, {"Response": {"PullSmsSendStatusSet": rows, "RequestId": "f1"}}


def status(report: str, serial: str = "900619746936498440^0", context: str = "7") -> dict[str, Any]:
    facts = {"UserReceiveTime": 1620734188, "CountryCode": "86", "SubscriberNumber": "13800138000"}
    facts |= {"PhoneNumber": "+8613800138000", "Description": "DELIVRD"}
    return facts | {"ReportStatus": report, "SerialNo": serial, "SessionContext": context}


def test_aliyun_is_asked_for_its_own_day_and_reference(provider: Provider) -> None:
    provider.answers = [details(detail(3))]
    assert ali(provider).fate(KNOWN) is Fate.ARRIVED
    path, headers, _body = provider.asked[0]
    assert parse_qs(urlsplit(path).query) == {
        "PhoneNumber": ["13800138000"],
        "SendDate": ["20260602"],
        "PageSize": ["50"],
        "CurrentPage": ["1"],
        "BizId": ["900619746936498440^0"],
    }
    assert headers["x-acs-action"] == "QuerySendDetails"


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (details(detail(1)), Fate.TAKEN),
        (details(detail(2)), Fate.NOT_ARRIVED),
        (details(detail(3, "8"), detail(2)), Fate.NOT_ARRIVED),
        (details(detail(3, "8")), Fate.NOT_THERE),  # another message to this number, and not ours
        (details(), Fate.NOT_THERE),
        (details(total=2), Fate.SILENT),  # it counts and does not list
        (details(*[detail(3, "8")] * 50, total=60), Fate.SILENT),  # ours may be on the next page
    ],
)
def test_what_aliyun_says_of_a_message(provider: Provider, answer: Any, fate: Fate) -> None:
    provider.answers = [answer]
    assert ali(provider).fate(UNKNOWN) is fate


def test_tencent_is_asked_by_number_and_time(provider: Provider) -> None:
    provider.answers = [statuses(status("SUCCESS", serial="other"), status("FAIL"))]
    assert ten(provider).fate(KNOWN) is Fate.NOT_ARRIVED
    _path, headers, body = provider.asked[0]
    asked = json.loads(body)
    assert headers["x-tc-action"] == "PullSmsSendStatusByPhoneNumber"
    assert (asked["PhoneNumber"], asked["SmsSdkAppId"]) == ("+8613800138000", "1400006666")
    assert asked["BeginTime"] <= AT.timestamp() <= asked["EndTime"]
    assert (asked["Offset"], asked["Limit"]) == (0, 100)


@pytest.mark.parametrize(
    ("rows", "fate"),
    [
        ([status("SUCCESS", serial="any")], Fate.ARRIVED),  # found by what we gave it
        ([status("SUCCESS", context="8")], Fate.SILENT),
        ([], Fate.SILENT),  # it lists what was reported: nothing proves nothing
    ],
)
def test_what_tencent_says_of_what_it_may_have_taken(provider: Provider, rows: Any, fate: Fate) -> None:
    provider.answers = [statuses(*rows)]
    assert ten(provider).fate(UNKNOWN) is fate


def test_a_refusal_or_nonsense_is_no_word_of_the_message(provider: Provider) -> None:
    provider.answers = [
        (403, {"Code": "Forbidden.RAM", "Message": "no"}),
        (200, {"Code": "OK", "SmsSendDetailDTOs": "?"}),
        (200, {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "no"}}}),
        (200, {"Response": {}}),
    ]
    for line, error in ((ali, CarrierRefused), (ali, NotKnown), (ten, CarrierRefused), (ten, NotKnown)):
        with pytest.raises(error):
            line(provider).fate(KNOWN)


# --- what our list makes of it ----------------------------------------------------------------------------------------


@pytest.fixture
def cloud(db: None, counter: Counter, provider: Provider) -> Iterator[Carrier]:
    settings = {"key_id": "id", "sign": "物业", "templates": "low1 = SMS_1: room", "endpoint": provider.url}
    facts: dict[str, Any] = {"settings": settings, "sealed": sealing.seal({"key_secret": "s3cret"})}
    kind = {"kind": CarrierKind.ALIYUN, "door": Door.TEXT}
    yield Carrier.objects.create(name="云", form_id="c1", created_at=counter.now, **kind, **facts)
    sending.close()


def message(counter: Counter, cloud: Carrier, state: State = State.SENT, **changes: Any) -> Message:
    at = counter.now
    facts: dict[str, Any] = {"kind": "low1", "language": "zh", "text": "x", "made_at": at, "not_before": at}
    facts |= {"leased_at": at, "sent_at": at, "handed": ["b1"], "parts": 1, "cost_e4": 450, "expires_at": at}
    if state == State.UNKNOWN:
        facts |= {"sent_at": None, "handed": [], "why": Why.SILENCE, "done_at": at}
    facts |= {"state": state, "carrier": cloud, "ask_at": at + timedelta(minutes=1), "to": "13800138000"}
    return Message.objects.create(key=f"m{Message.objects.count()}", **facts | changes)


def asked(counter: Counter, **later: int) -> int:
    return asking.ask(counter.later(**later))


def fresh(one: Message) -> Message:
    return Message.objects.get(pk=one.pk)


def test_a_message_that_arrived_is_asked_about_once(counter: Counter, cloud: Carrier, provider: Provider) -> None:
    one = message(counter, cloud)
    provider.answers = [details(detail(3, str(one.pk)))]
    assert asked(counter, seconds=50) == 0
    assert asked(counter, minutes=1) == 1
    assert (fresh(one).state, fresh(one).arrived) == (State.DELIVERED, ["b1"])
    assert asked(counter, days=1) == 0


def test_what_did_not_arrive_is_said(counter: Counter, cloud: Carrier, provider: Provider) -> None:
    one = message(counter, cloud)
    provider.answers = [details(detail(2, str(one.pk)))]
    asked(counter, minutes=2)
    assert (fresh(one).state, fresh(one).why, fresh(one).cost_e4) == (State.FAILED, Why.NOT_ARRIVED, 450)


def test_while_it_is_under_way_it_is_asked_ever_more_rarely(
    counter: Counter, cloud: Carrier, provider: Provider
) -> None:
    one = message(counter, cloud)
    provider.answers = [details(detail(1, str(one.pk)))] * 30
    times = sum(asked(counter, minutes=10) for _turn in range(6 * 24 * 4))  # four days
    assert 10 < times < 25
    assert (fresh(one).state, fresh(one).ask_at) == (State.SENT, None)


def test_a_provider_that_is_out_costs_the_message_nothing(counter: Counter, cloud: Carrier, provider: Provider) -> None:
    one = message(counter, cloud)
    provider.answers = [(0, {}), (503, {}), details(detail(3, str(one.pk)))]
    for _turn in range(6):
        asked(counter, minutes=30)
    assert fresh(one).state == State.DELIVERED
    cloud.refresh_from_db()
    assert cloud.failing_since is None  # sending is another matter


def test_what_nobody_knew_was_sent_if_the_provider_has_it(counter: Counter, cloud: Carrier, provider: Provider) -> None:
    one = message(counter, cloud, State.UNKNOWN)
    provider.answers = [details(detail(1, str(one.pk))), details(detail(3, str(one.pk)))]
    asked(counter, minutes=2)
    found = fresh(one)
    assert (found.state, found.why, found.sent_at, found.done_at) == (State.SENT, "", one.leased_at, None)
    asked(counter, minutes=10)
    assert fresh(one).state == State.DELIVERED


def test_what_the_provider_never_had_was_not_sent_and_costs_nothing(
    counter: Counter, cloud: Carrier, provider: Provider
) -> None:
    one = message(counter, cloud, State.UNKNOWN)
    provider.answers = [details()] * 9
    asked(counter, minutes=2)
    assert fresh(one).state == State.UNKNOWN  # its list may lag behind
    asked(counter, minutes=10)
    assert (fresh(one).state, fresh(one).why, fresh(one).cost_e4) == (State.FAILED, Why.NOT_THERE, 0)


def test_what_it_took_is_not_forgotten_because_it_lists_it_late(
    counter: Counter, cloud: Carrier, provider: Provider
) -> None:
    one = message(counter, cloud)
    provider.answers = [details()] * 9
    for _turn in range(4):
        asked(counter, hours=1)
    assert fresh(one).state == State.SENT


@pytest.mark.parametrize("reports", [True, False])
def test_what_a_carrier_that_reports_never_reported_is_not_known(
    counter: Counter, cloud: Carrier, reports: bool
) -> None:
    if reports:
        message(counter, cloud, State.DELIVERED, ask_at=None)
    one = message(counter, cloud)
    assert asking.forget(counter.later(days=2)) == 0
    assert asking.forget(counter.later(days=1)) == int(reports)
    assert fresh(one).state == (State.UNKNOWN if reports else State.SENT)
    assert fresh(one).why == (Why.NO_REPORT if reports else "")


def test_a_message_that_is_taken_is_asked_about_from_its_first_minute(
    counter: Counter, cloud: Carrier, provider: Provider
) -> None:
    said = {"kind": "low1", "phone": "13800138000", "fields": {"room": "0306"}, "key": "k", "language": "zh"}
    one = operations.say(**said, now=counter.now)  # type: ignore[arg-type]
    assert one is not None
    provider.answers = [(200, {"Code": "OK", "BizId": "b1"}), details(detail(3, str(one.pk)))]
    sending.work(counter.later(seconds=5))
    assert fresh(one).state == State.SENT
    assert asked(counter, minutes=2) == 1
    assert fresh(one).state == State.DELIVERED
