"""A real receiver on a real port. Time is passed in: a day down takes no time here."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import transaction

from counter import Counter
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.staff.models import LogEntry
from prewatt.domain.vending.models import Sale
from prewatt.domain.webhooks import delivering, operations, queries, sending
from prewatt.domain.webhooks.delivering import deliver, sweep
from prewatt.domain.webhooks.models import Delivery, DeliveryState, Endpoint, Event
from prewatt.domain.webhooks.refusals import BadAddress, NotYours, WebhookRefused
from prewatt.domain.webhooks.sending import check_url, may_reach, send
from prewatt.link.messages import Kind, Outcome


class Receiver:
    """Keeps what it is told. `answer` may be swapped: a status, or something that misbehaves."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: Any = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if callable(outer.answer):
                    outer.answer(self)
                    return
                if 200 <= outer.answer < 300:
                    outer.got.append((dict(self.headers), body))
                self.send_response(outer.answer)
                self.end_headers()
                self.wfile.write(b"heard")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?site=7"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self) -> list[str]:
        return [json.loads(body)["id"] for _headers, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def listening(counter: Counter, receiver: Receiver, **changes: Any) -> tuple[Endpoint, str]:
    asked: dict[str, Any] = {
        "form_id": "f1",
        "name": "物业平台",
        "url": receiver.url,
        "events": ["sale", "credit", "refund", "reversal", "alarm", "switch"],
        "private": True,
        "operator": counter.admin,
        "now": counter.now,
    }
    return operations.add(**asked | changes)


def test_a_sale_and_its_credit_are_told_and_signed(counter: Counter, receiver: Receiver) -> None:
    _endpoint, secret = listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    at = counter.now
    assert deliver(at) == 2
    assert receiver.events() == ["sale:s1", "credit:s1"]
    headers, body = receiver.got[0]
    said = dict(part.split("=", 1) for part in headers["Prewatt-Signature"].split(","))
    again = hmac.new(secret.encode(), said["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert said["v1"] == again
    assert abs(int(said["t"]) - at.timestamp()) < 5
    assert headers["Prewatt-Id"] == "sale:s1"
    data = json.loads(body)["data"]
    sale = Sale.objects.get()
    assert (data["receipt"], data["amount_fen"], data["meter"], data["room"], data["building"]) == (
        sale.receipt,
        10_000,
        counter.meters[0].number,
        "101",
        "A",
    )
    assert json.loads(receiver.got[1][1])["data"]["purchase_count"] == 1
    assert deliver(counter.now) == 0


def test_what_did_not_happen_is_not_told(counter: Counter, receiver: Receiver) -> None:
    """The message stands in the transaction of what it tells."""
    listening(counter, receiver)
    counter.opened()
    with transaction.atomic():
        counter.sell("s1", "100")
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    counter.sell("s1", "100")
    counter.sell("s1", "100")  # the same form again
    assert Delivery.objects.count() == 1


def test_money_that_goes_back_and_power_that_goes_off_are_told(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    from prewatt.domain.dispatch.operations import place
    from prewatt.domain.vending import operations as vending

    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    vending.reverse(reversal_id="c1", sale_id="s1", operator=counter.second, now=counter.now)
    counter.arrive(MeterOrder.objects.get(cause_kind="reversal").pk)
    place(order_id="o1", meter=counter.meters[0], kind=Kind.SWITCH_OFF, now=counter.now, operator=counter.admin)
    counter.lease()
    counter.settle("o1", Outcome.DONE, relay_closed=0)
    deliver(counter.now)
    assert receiver.events() == ["sale:s1", "credit:s1", "reversal:c1", "switch:o1"]
    assert json.loads(receiver.got[2][1])["data"]["receipt"].startswith("C2026-")


def test_an_alarm_is_told_once_when_it_begins(counter: Counter, receiver: Receiver) -> None:
    from prewatt.domain.alarms.operations import watch

    listening(counter, receiver)
    counter.opened()
    counter.read(counter.meters[0], lost=True)
    at = counter.later(hours=1)
    watch(now=at)
    watch(now=at)
    told = [json.loads(one.body) for one in Delivery.objects.filter(event=Event.ALARM)]
    assert [one["data"]["kind"] for one in told].count("lost") == 1


def test_the_end_of_an_alarm_is_told_once_and_so_is_its_return(counter: Counter, receiver: Receiver) -> None:
    from prewatt.domain.alarms.operations import watch

    listening(counter, receiver, events=["alarm", "alarm_end"])
    counter.opened(balance_fen=90_000)
    meter = counter.meters[0]
    for lost in (True, False, False, True, False):
        counter.read(meter, lost=lost, lost_since=counter._now if lost else None)
        watch(now=counter.now)
        watch(now=counter.now)
    deliver(counter.now)
    told = [json.loads(body) for _headers, body in receiver.got]
    said = [(one["event"], one["data"]["times"]) for one in told if one["data"]["kind"] == "lost"]
    assert said == [("alarm", 1), ("alarm_end", 1), ("alarm", 2), ("alarm_end", 2)]
    assert len({one["id"] for one in told}) == len(told)
    assert len({one["data"]["alarm"] for one in told if one["data"]["kind"] == "lost"}) == 1
    ended = next(one for one in told if one["event"] == "alarm_end")
    assert (ended["data"]["meter"], ended["data"]["room"]) == (meter.number, "101")


def test_the_end_of_a_money_alarm_says_how_bad_it_was(counter: Counter, receiver: Receiver) -> None:
    from prewatt.domain.alarms.operations import watch

    listening(counter, receiver, events=["alarm_end"])
    counter.opened()
    for fen in (1_500, 800, 90_000):
        counter.read(counter.meters[0], balance_fen=fen)
        watch(now=counter.now)
    [told] = [json.loads(one.body) for one in Delivery.objects.all()]
    facts = told["data"]
    assert (told["event"], facts["kind"], facts["value"], facts["worst"]) == ("alarm_end", "al2", 1_500, 800)


def test_down_for_a_day_and_back_everything_comes_once_in_order(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    counter.opened()
    counter.meters[0].ceiling_fen = 0
    counter.meters[0].save()
    receiver.answer = 503
    began = counter.now
    for nth in range(6):
        counter.sell(f"s{nth}", "10")
    tries = walk(began, hours=24)
    assert receiver.got == []
    assert tries < 60  # backed off to an hour
    assert Endpoint.objects.get().failing_since is not None
    receiver.answer = 200
    counter.sell("s6", "10", now=began + timedelta(hours=24))
    walk(began + timedelta(hours=24), hours=2)
    assert receiver.events() == [f"sale:s{nth}" for nth in range(7)]
    endpoint = Endpoint.objects.get()
    assert (endpoint.failures, endpoint.failing_since, endpoint.paused_for) == (0, None, "")


def walk(since: datetime, *, hours: int) -> int:
    """The worker's turns over so many hours. Returns the tries at the head of the queue."""
    for minute in range(0, hours * 60, 5):
        deliver(since + timedelta(minutes=minute))
    return max(Delivery.objects.values_list("tries", flat=True))


def test_after_three_days_of_silence_it_is_paused_and_nothing_is_lost(counter: Counter, receiver: Receiver) -> None:
    endpoint, _secret = listening(counter, receiver)
    counter.opened()
    receiver.answer = 500
    began = counter.now
    counter.sell("s1", "10", now=began)
    for hour in range(75):
        deliver(began + timedelta(hours=hour, minutes=hour))
    endpoint.refresh_from_db()
    assert endpoint.paused_for == "silent"
    assert LogEntry.objects.filter(action="webhook.paused").count() == 1
    receiver.answer = 200
    assert deliver(began + timedelta(days=5)) == 0
    counter.sell("s2", "10", now=began + timedelta(days=5))
    on(counter, endpoint)
    deliver(began + timedelta(days=5))
    assert receiver.events() == ["sale:s1", "sale:s2"]


def on(counter: Counter, endpoint: Endpoint, **changes: Any) -> None:
    asked = {"name": endpoint.name, "url": endpoint.url, "events": endpoint.events, "private": True, "on": True}
    operations.change(endpoint=endpoint, **asked | changes, operator=counter.admin, now=counter.now)


def test_a_replay_carries_the_same_id_and_text(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "10")
    deliver(counter.now)
    one = Delivery.objects.get()
    again = operations.replay(delivery=one, operator=counter.admin, now=counter.now)
    assert operations.replay(delivery=one, operator=counter.admin, now=counter.now) == again  # a double click
    deliver(counter.now)
    assert receiver.events() == ["sale:s1", "sale:s1"]
    assert receiver.got[0][1] == receiver.got[1][1]


def test_one_that_nobody_takes_can_be_left_out(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    counter.opened()
    receiver.answer = 400
    counter.sell("s1", "10")
    counter.sell("s2", "10")
    deliver(counter.now)
    assert operations.skip(delivery=Delivery.objects.get(event_id="sale:s1"), operator=counter.admin, now=counter.now)
    receiver.answer = 200
    deliver(counter.now)
    assert receiver.events() == ["sale:s2"]


def test_only_what_was_chosen_and_only_while_it_is_on(counter: Counter, receiver: Receiver) -> None:
    endpoint, _secret = listening(counter, receiver, events=["credit"])
    counter.opened()
    counter.sell("s1", "10")
    assert not Delivery.objects.exists()
    counter.arrive("s1")
    assert [one.event_id for one in Delivery.objects.all()] == ["credit:s1"]
    on(counter, endpoint, on=False)
    assert deliver(counter.now) == 0
    counter.sell("s2", "10")
    counter.arrive("s2")
    assert Delivery.objects.count() == 1


def test_the_secret_is_shown_once_and_is_nowhere_in_the_database(counter: Counter, receiver: Receiver) -> None:
    endpoint, secret = listening(counter, receiver)
    assert listening(counter, receiver)[1] == ""  # the same form again
    kept = json.dumps([*Endpoint.objects.values(), *LogEntry.objects.values()], default=str)
    assert secret not in kept
    assert secret.removeprefix("whsec_") not in kept
    renewed = operations.renew(endpoint=endpoint, operator=counter.admin, now=counter.now)
    assert renewed != secret


def test_a_site_with_another_key_signs_nothing_wrong(counter: Counter, receiver: Receiver, settings: Any) -> None:
    endpoint, _secret = listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "10")
    settings.SECRET_KEY = "restored elsewhere without its key"
    assert deliver(counter.now) == 0
    endpoint.refresh_from_db()
    assert (endpoint.paused_for, receiver.got) == ("secret", [])
    operations.renew(endpoint=endpoint, operator=counter.admin, now=counter.now)
    assert deliver(counter.now) == 1


def test_two_workers_do_not_tell_the_same_twice(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "10")
    at = counter.now
    inside: list[int] = []
    real = delivering.send

    def meanwhile(*asked: Any, **more: Any) -> Any:
        inside.append(deliver(at))
        return real(*asked, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering, "send", meanwhile)
        assert deliver(at) == 1
    assert inside == [0]
    assert receiver.events() == ["sale:s1"]


# --- the other side misbehaves ----------------------------------------------------------------------------------------


def test_a_redirect_is_not_followed(counter: Counter, receiver: Receiver) -> None:
    def elsewhere(handler: Any) -> None:
        handler.send_response(307)
        handler.send_header("Location", receiver.url)
        handler.end_headers()

    receiver.answer = elsewhere
    answer = send(receiver.url, b"{}", {}, private=True)
    assert (answer.status, answer.heard) == (307, False)


def test_an_answer_without_an_end_is_cut(receiver: Receiver) -> None:
    sent = []

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(2000):
                handler.wfile.write(b"x" * 65536)
                sent.append(1)
        except OSError:
            pass

    receiver.answer = endless
    began = time.monotonic()
    answer = send(receiver.url, b"{}", {}, private=True)
    assert answer.heard
    assert len(answer.said) == sending.SAID_MAX
    assert time.monotonic() - began < 5
    assert len(sent) < 2000


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_answer_that_drips_is_given_up(receiver: Receiver, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TOTAL_S_MAX", 0.5)
    stop = threading.Event()

    def drip(handler: Any) -> None:
        if where == "body":
            handler.send_response(200)
            handler.end_headers()
        while not stop.wait(0.05):
            try:
                handler.wfile.write(b"H")
                handler.wfile.flush()
            except OSError:
                return

    receiver.answer = drip
    began = time.monotonic()
    answer = send(receiver.url, b"{}", {}, private=True)
    stop.set()
    assert answer.status is None
    assert "no answer within" in answer.said
    assert time.monotonic() - began < 5


def test_nobody_there_is_an_answer_too() -> None:
    answer = send("http://127.0.0.1:9/", b"{}", {}, private=True)
    assert (answer.status, answer.heard) == (None, False)
    assert answer.said


# --- where it may go --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "open_", "own"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("192.168.1.9", False, True),
        ("10.0.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:192.168.1.9", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("224.0.0.1", False, False),
        ("0.0.0.0", False, False),
    ],
)
def test_the_own_network_only_when_allowed_and_some_places_never(address: str, open_: bool, own: bool) -> None:
    import ipaddress

    found = ipaddress.ip_address(address)
    assert (may_reach(found, private=False), may_reach(found, private=True)) == (open_, own)


def test_the_guard_looks_at_where_the_name_leads(receiver: Receiver) -> None:
    answer = send(receiver.url.replace("127.0.0.1", "localhost"), b"{}", {}, private=False)
    assert answer.status is None
    assert "own network" in answer.said
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com",
        "https://",
        "example.com",
        "https://user:word@example.com/",
        "https://example.com:port/",
        "file:///etc/passwd",
        "https://" + "x" * 600,
    ],
)
def test_an_address_that_will_not_do_is_refused_by_name(url: str) -> None:
    with pytest.raises(BadAddress):
        check_url(url)


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_stranger_sees_and_changes_nothing(counter: Counter, receiver: Receiver) -> None:
    endpoint, _secret = listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "10")
    for who in (counter.stranger, counter.cashier):
        assert not queries.endpoints(operator=who).exists()
        assert not queries.deliveries(operator=who).exists()
        one = Delivery.objects.get()
        for call in (
            lambda who=who: listening(counter, receiver, form_id="f2", operator=who),
            lambda who=who: operations.renew(endpoint=endpoint, operator=who, now=counter.now),
            lambda who=who, one=one: operations.replay(delivery=one, operator=who, now=counter.now),
            lambda who=who, one=one: operations.skip(delivery=one, operator=who, now=counter.now),
        ):
            with pytest.raises(NotYours):
                call()
    assert Delivery.objects.filter(state=DeliveryState.WAITING).count() == 1


@pytest.mark.parametrize(
    "changes", [{"name": " "}, {"events": []}, {"events": ["test"]}, {"url": "http://far.example"}]
)
def test_half_an_endpoint_is_refused(counter: Counter, receiver: Receiver, changes: dict[str, Any]) -> None:
    with pytest.raises(WebhookRefused):
        listening(counter, receiver, **changes)
    assert not Endpoint.objects.exists()


def test_what_was_delivered_a_month_ago_is_swept_and_what_waits_stays(counter: Counter, receiver: Receiver) -> None:
    listening(counter, receiver)
    counter.opened()
    counter.sell("s1", "10")
    deliver(counter.now)
    counter.sell("s2", "10")
    assert sweep(counter.now + timedelta(days=29)) == 0
    assert sweep(counter.now + timedelta(days=31)) == 1
    assert [one.event_id for one in Delivery.objects.all()] == ["sale:s2"]
