"""Every address of the tenant's site, with every id there is: what is another's is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from counter import Counter

PASSWORD = "246810"
OPEN = {"login", "login-phone", "login-code", "logout", "language", "manifest", "worker", "offline"}
THEIRS = ("李四", "K0002", "0399000000", "9902")


def pages(app: str, resolver: Any = None) -> Iterator[URLPattern]:
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            if resolver is not None or one.app_name == app:
                yield from pages(app, one)
        elif resolver is not None:
            yield one


PAGES = {str(one.name): one for one in pages("tenant")}
PRIVATE = sorted(set(PAGES) - OPEN)


class Two:
    """A tenant with a sale, and his neighbour with everything that he has."""

    def __init__(self, counter: Counter) -> None:
        from prewatt.domain.cutoff.models import Notice
        from prewatt.domain.dispatch.models import MeterOrder
        from prewatt.domain.estate.models import Floor, Opening, Room
        from prewatt.domain.metering.models import UsageDay, UsageHour

        self.counter = counter
        for one in (counter.customer, counter.other_customer()):
            one.password = make_password(PASSWORD)
            one.save()
        self.mine = counter.opened(balance_fen=5000)
        room = Room.objects.create(floor=Floor.objects.create(building=counter.building, number=9), number="9902")
        theirs = counter.meter("0399000000")
        theirs.room = room
        theirs.save()
        self.theirs = Opening.objects.create(
            meter=theirs, customer=counter.other_customer(), opened_at=counter.now, bought_base_fen=0
        )
        counter.read(theirs, balance_fen=777_77)
        self.sale = counter.sell("s1")
        self.their_sale = counter.sell("s2", meter=theirs)
        self.payment, self.their_payment = (self._payment(one) for one in (self.mine, self.theirs))
        for opening in (self.mine, self.theirs):
            MeterOrder.objects.create(
                id=f"o{opening.pk}",
                meter=opening.meter,
                kind="switch_on",
                cause_kind="tenant",
                cause_id=str(opening.pk),
                placed_at=counter.now,
                expires_at=counter.now,
            )
            Notice.objects.create(opening=opening, word="first", at=counter.now, money_fen=opening.pk)
            ms = int(counter.now.timestamp() * 1000)
            UsageHour.objects.create(meter=opening.meter, start_ms=ms // 3_600_000 * 3_600_000 + 3_600_000, energy_wh=9)
            UsageDay.objects.create(
                meter=opening.meter,
                day=(counter.now + timedelta(days=1)).date(),
                energy_wh=9000,
                first_ms=0,
                last_ms=1,
                closed_at=counter.now,
            )

    def _payment(self, opening: Any) -> Any:
        from prewatt.domain.payments.models import Attempt

        at = self.counter.now
        return Attempt.objects.create(
            order_no=f"no{opening.pk}",
            order_id=f"order{opening.pk}",
            opening=opening,
            meter=opening.meter,
            customer=opening.customer,
            amount_fen=10_00,
            channel="alipay",
            way="phone",
            created_at=at,
            expires_at=at,
            state_at=at,
        )

    def logged_in(self, number: str = "K0001") -> Client:
        client = Client()
        answer = client.post("/my/login/", {"number": number, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()
        return client


@pytest.fixture
def two(counter: Counter) -> Two:
    return Two(counter)


def arguments(name: str, two: Two, *, theirs: bool) -> list[Any]:
    """What stands in the address. A new page that this does not know fails the test."""
    known: dict[str, Any] = {
        "pk": (two.theirs if theirs else two.mine).pk,
        "receipt": (two.their_sale if theirs else two.sale).receipt,
        "way": "on",
        "order_id": (two.their_payment if theirs else two.payment).order_id,
    }
    return [known[one] for one in PAGES[name].pattern.converters]


def methods(name: str) -> list[str]:
    return sorted(set(getattr(PAGES[name].callback, "methods", ("GET",))) - {"HEAD"})


def test_every_page_that_is_not_open_asks_who_it_is() -> None:
    assert [name for name in PRIVATE if not getattr(PAGES[name].callback, "tenants", False)] == []
    assert PRIVATE


def test_a_tenant_opens_all_of_his_own_pages(two: Two) -> None:
    client = two.logged_in()
    for name in PRIVATE:
        if "GET" in methods(name):
            answer = client.get(reverse(f"tenant:{name}", args=arguments(name, two, theirs=False)))
            assert answer.status_code in {200, 302}, (name, answer.status_code)


def test_what_is_anothers_is_not_there_and_nowhere_shown(two: Two) -> None:
    client = two.logged_in()
    for name in PRIVATE:
        for method in methods(name):
            if PAGES[name].pattern.converters:
                address = reverse(f"tenant:{name}", args=arguments(name, two, theirs=True))
                call = client.post if method == "POST" else client.get
                assert call(address).status_code == 404, (name, method)
        if "GET" in methods(name):
            answer = client.get(reverse(f"tenant:{name}", args=arguments(name, two, theirs=False)))
            said = answer.content.decode(errors="replace")
            assert [one for one in (*THEIRS, "777.77") if one in said] == [], name


def test_every_number_there_is_opens_only_his_own(two: Two) -> None:
    """Not only the neighbour's: whatever is typed into the address."""
    client = two.logged_in()
    opened = [pk for pk in range(max(two.mine.pk, two.theirs.pk) + 20) if client.get(f"/my/{pk}/").status_code == 200]
    assert opened == [two.mine.pk]


def test_who_is_not_logged_in_sees_the_log_in_alone(two: Two, client: Client) -> None:
    for name in PRIVATE:
        for method in methods(name):
            address = reverse(f"tenant:{name}", args=arguments(name, two, theirs=False))
            answer = (client.post if method == "POST" else client.get)(address)
            assert (answer.status_code, answer["Location"]) == (302, "/my/login/"), name


def test_an_operator_is_nobody_here_and_a_tenant_nobody_there(two: Two, client: Client) -> None:
    client.force_login(two.counter.admin)
    for name in PRIVATE:
        if "GET" in methods(name):
            answer = client.get(reverse(f"tenant:{name}", args=arguments(name, two, theirs=False)))
            assert (answer.status_code, answer["Location"]) == (302, "/my/login/"), name
    tenant = two.logged_in()
    for one in pages("console"):
        if not one.pattern.converters and getattr(one.callback, "rights", None) is not None:
            answer = tenant.get(reverse(f"console:{one.name}"))
            assert answer.status_code in {302, 405}, one.name
            if answer.status_code == 302:
                assert answer["Location"].startswith("/login/"), one.name


def test_the_word_of_one_door_opens_no_other(two: Two, client: Client) -> None:
    word = two.logged_in().cookies["prewatt_tenant"].value
    client.cookies["sessionid"] = word
    assert client.get("/").status_code == 302
    client.cookies["prewatt_tenant"] = word + "x"
    assert client.get("/my/").status_code == 302


def test_leaving_closes_the_door_for_the_old_word_too(two: Two, client: Client) -> None:
    inside = two.logged_in()
    word = inside.cookies["prewatt_tenant"].value
    inside.post("/my/logout/")
    client.cookies["prewatt_tenant"] = word
    assert client.get(f"/my/{two.mine.pk}/").status_code == 302


def test_the_cookie_is_for_these_pages_alone_and_no_script_reads_it(two: Two) -> None:
    cookie = two.logged_in().cookies["prewatt_tenant"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/my/", True, "Lax")


def test_nobodys_figures_are_kept_by_the_browser(two: Two) -> None:
    client = two.logged_in()
    assert "no-store" in client.get(f"/my/{two.mine.pk}/")["Cache-Control"]


def test_what_the_tenant_before_used_is_his(two: Two) -> None:
    """A new account on the same meter begins with nothing to see."""
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.tenants import queries

    at = two.counter.later(days=3)
    day = (at - timedelta(days=2)).date()
    assert queries.days(opening=two.mine, first=day, last=at.date()) != []
    Opening.objects.filter(pk=two.mine.pk).update(closed_at=at)
    new = Opening.objects.create(meter=two.mine.meter, customer=two.counter.other_customer(), opened_at=at)
    assert queries.days(opening=new, first=day, last=at.date()) == []
    assert queries.months(opening=new, last=at.date()) == []
    assert queries.hours(opening=new, day=day) == []


def test_known_and_unknown_hear_the_same_page(two: Two, client: Client) -> None:
    import re

    said = set()
    for number in ("K0001", "K7777"):
        answer = client.post("/my/login/", {"number": number, "password": "wrong1"})
        text = re.sub(r'value="[^"]*"', "", answer.content.decode())
        said.add((answer.status_code, text))
    assert len(said) == 1
    assert said.pop()[0] == 422


def test_too_many_tries_are_told_so(two: Two, client: Client) -> None:
    for _n in range(6):
        client.post("/my/login/", {"number": "K0001", "password": "wrong1"})
    assert client.post("/my/login/", {"number": "K0001", "password": PASSWORD}).status_code == 429


def test_a_form_from_before_another_log_in_leads_to_the_tenants_own_page(two: Two) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/my/login/", {"number": "K0001", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/my/")
    assert client.post("/kiosk/login/pay/", {"number": "K0001"})["Location"] == "/kiosk/"


def test_what_is_said_to_a_tenant_stands_there_without_his_codes(two: Two) -> None:
    from prewatt.domain.notices.operations import say

    counter = two.counter
    fields = {"balance": "12.30", "alarm": "50.00", "code": "135791", "minutes": "5"}
    for kind, meter in (("low1", two.mine.meter), ("code", two.mine.meter), ("low1", two.theirs.meter)):
        opening = two.mine if meter == two.mine.meter else two.theirs
        said = say(
            kind=kind,
            phone="13800000001",
            fields=fields,
            key=f"{kind}{meter.pk}",
            language="zh",
            now=counter.now,
            customer=opening.customer,
            meter=meter,
        )
        assert said is not None
    text = two.logged_in().get(f"/my/{two.mine.pk}/messages/").content.decode()
    assert "12.30" in text
    assert "135791" not in text
    assert "9902" not in text


def test_a_paid_order_shows_two_facts_and_a_refused_one_what_to_do(two: Two) -> None:
    client = two.logged_in()
    page = client.get(f"/my/paid/{two.payment.order_id}/").content.decode()
    assert f"/my/paid/{two.payment.order_id}/progress/" in page
    form = {"order_id": "n1", "amount": "50", "channel": "alipay"}
    answer = client.post(f"/my/{two.mine.pk}/pay/", form)
    assert answer.status_code == 422
    assert client.post(f"/my/{two.mine.pk}/pay/", form | {"amount": "own", "own": "1.234"}).status_code == 422


def test_a_receipt_is_a_file_marked_as_a_copy(two: Two) -> None:
    import pypdfium2

    answer = two.logged_in().get(f"/my/receipts/{two.sale.receipt}/")
    assert answer["Content-Type"] == "application/pdf"
    page = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_bounded()
    assert two.sale.receipt in page
    assert "副本" in page.replace("\r", "").replace("\n", "")


def test_a_providers_own_form_is_let_through_on_its_page_alone(two: Two) -> None:
    client = two.logged_in()
    two.payment.lead_facts = {"opens": "post", "url": "https://gateway.example.cn/pay", "fields": {"a": "1"}}
    two.payment.save()
    address = f"/my/paid/{two.payment.order_id}/"
    policy = client.get(address)["Content-Security-Policy"]
    assert "form-action 'self' https://gateway.example.cn;" in policy + ";"
    assert "gateway" not in client.get(f"/my/{two.mine.pk}/")["Content-Security-Policy"]
    assert "data-leave" in client.get(address + "?go=1").content.decode()
    assert "data-leave" not in client.get(address + "progress/").content.decode()


def test_who_has_paid_by_the_providers_word_is_not_sent_to_pay_again(two: Two) -> None:
    """A notification is not money yet; but the button to pay once more must not stand there meanwhile."""
    client = two.logged_in()
    two.payment.lead_facts = {"opens": "visit", "url": "https://gateway.example.cn/pay"}
    two.payment.save()
    address = f"/my/paid/{two.payment.order_id}/progress/"
    assert "gateway.example.cn" in client.get(address).content.decode()
    two.payment.told_at = two.counter.now
    two.payment.save()
    page = client.get(address).content.decode()
    assert "gateway.example.cn" not in page
    assert "data-poll" in page
