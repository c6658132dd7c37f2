"""退电 from a tenant's card, its red receipt, money that waits for a lost meter, and reprints: each on its page."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan

pytestmark = pytest.mark.django_db
ID, SALE = "0123456789abcdef0123456789abcdef", "f" * 32


@pytest.fixture
def counter() -> Counter:
    from django.utils import timezone

    one = Counter()
    one._now = timezone.now()
    one.opened(balance_fen=0)
    one.sell(SALE, "100")
    one.arrive(SALE)
    return one


@pytest.fixture
def finance(counter: Counter, client: Any) -> Any:
    client.force_login(counter.person("money", "finance"))
    return client


def asked(counter: Counter, **changes: str) -> dict[str, str]:
    given = {"form_id": ID, "meter": counter.meters[0].number, "amount": "30", "tender": "cash", "note": "搬走"}
    return given | changes


def refunds() -> list[Any]:
    from prewatt.domain.vending.models import Refund

    return list(Refund.objects.all())


def test_a_refund_from_the_tenants_card(counter: Counter, finance: Any) -> None:
    page = finance.get("/refund/", {"meter": counter.meters[0].number})
    assert page.context["most_fen"] == yuan("100")
    first = finance.post("/refund/", asked(counter))
    again = finance.post("/refund/", asked(counter))
    assert first.url == again.url == f"/back/refund/{ID}/"
    assert finance.get(first.url).context["may_cancel"]
    counter.arrive(ID)
    done = finance.get(first.url)
    assert "T2026-000001" in done.content.decode()
    assert not done.context["may_cancel"]
    assert [one.amount_fen for one in refunds()] == [yuan("30")]


@pytest.mark.parametrize(
    "wrong", [{"amount": "100.01"}, {"amount": "0"}, {"amount": "x"}, {"note": " "}, {"form_id": "1"}, {"tender": "z"}]
)
def test_a_refused_refund_keeps_what_was_typed(counter: Counter, finance: Any, wrong: dict[str, str]) -> None:
    response = finance.post("/refund/", asked(counter, **wrong))
    assert response.status_code == 422
    assert response.context["refused"]["head"]
    assert response.context["amount"] == asked(counter, **wrong)["amount"]
    assert refunds() == []


def test_an_old_reading_is_renewed_before_money_is_taken_off(counter: Counter, finance: Any) -> None:
    from datetime import timedelta

    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.metering.models import MeterState

    old = counter.now - timedelta(hours=1)
    MeterState.objects.update(taken_at=old)
    MeterOrder.objects.update(answered_at=old)
    meter = counter.meters[0]
    assert not finance.get("/refund/", {"meter": meter.number}).context["fresh"]
    assert finance.post("/refund/", asked(counter)).status_code == 422
    following = finance.post(f"/refund/{meter.pk}/read/", {"form_id": ID})
    assert MeterOrder.objects.get(pk=ID).kind == "read"
    assert "hx-trigger" in finance.get(following.url).content.decode()
    counter.read(meter, balance_fen=yuan("100"))
    assert finance.get(f"/refund/{meter.pk}/balance/?asked=1").context["fresh"]
    assert finance.post("/refund/", asked(counter, form_id=ID[::-1])).status_code == 302


def test_who_may_not_refund_sees_no_form_and_stops_no_refund(counter: Counter, finance: Any, client: Any) -> None:
    finance.post("/refund/", asked(counter))
    client.force_login(counter.cashier)
    assert client.get("/refund/").status_code == 403
    assert client.post("/refund/", asked(counter, form_id=ID[::-1])).status_code == 403
    assert client.get(f"/back/refund/{ID}/").status_code == 200
    assert client.post(f"/back/refund/{ID}/cancel/").status_code == 403
    client.force_login(counter.stranger)
    meter = counter.meters[0]
    for address in (f"/refund/?meter={meter.number}", f"/refund/{meter.pk}/balance/", f"/back/refund/{ID}/"):
        assert client.get(address).status_code == 404
    assert client.post(f"/back/refund/{ID}/cancel/").status_code == 404
    assert refunds()[0].state == "sending"
    assert client.get("/back/nonsense/1/").status_code == 404


def test_who_asked_takes_it_back_while_the_meter_holds_it(counter: Counter, finance: Any) -> None:
    finance.post("/refund/", asked(counter))
    assert finance.post(f"/back/refund/{ID}/cancel/").status_code == 302
    assert refunds()[0].state == "cancelled"


def test_a_receipt_is_printed_and_printed_again(counter: Counter, client: Any) -> None:
    client.force_login(counter.cashier)
    first = client.post("/receipts/S2026-000001/print/", {"form_id": ID})
    paper = client.get(first.url)
    text = paper.content.decode()
    for said in ("预付电费收款票", "S2026-000001", "人民币壹佰元整", "存根联", "客户联", "记账联"):
        assert said in text
    assert "补打" not in text
    client.get(first.url)
    second = client.post("/receipts/S2026-000001/print/", {"form_id": ID[::-1]})
    assert "补打 第 1 次" in client.get(second.url).content.decode()
    for who in (counter.stranger,):
        client.force_login(who)
        assert client.post("/receipts/S2026-000001/print/", {"form_id": "a" * 32}).status_code == 404
        assert client.get(first.url).status_code == 404
    client.force_login(counter.reader)
    assert client.post("/receipts/S2026-000001/print/", {"form_id": "a" * 32}).status_code == 403


def test_money_for_a_lost_meter_has_its_own_list_and_goes_back(counter: Counter, finance: Any, client: Any) -> None:
    lost = "e" * 32
    counter.read(counter.meters[0], lost=True, balance_fen=yuan("100"))
    counter.sell(lost, "40")
    page = finance.get("/orders/waiting/")
    assert page.context["table"].page.paginator.count == 1
    assert page.context["table"].ask is not None
    assert finance.get(f"/orders/waiting/{lost}/").context["where"] == "centre"
    counter.lease()
    assert finance.get(f"/orders/waiting/{lost}/").context["where"] == "gateway"
    given = {"form_id": ID, "tender": "cash", "note": "不等了"}
    assert finance.post(f"/orders/waiting/{lost}/pay-back/", given).url == f"/orders/waiting/{lost}/"
    assert finance.get(f"/orders/waiting/{lost}/").context["where"] == "asked"
    from prewatt.link.messages import Outcome

    counter.settle(lost, Outcome.CANCELLED, reason="cancelled")
    assert finance.get(f"/orders/waiting/{lost}/").context["where"] == "wallet"
    assert finance.post(f"/orders/waiting/{lost}/pay-back/", given).url == f"/back/refund/{ID}/"
    assert finance.get("/orders/waiting/").context["table"].page.paginator.count == 0
    client.force_login(counter.stranger)
    assert client.get(f"/orders/waiting/{lost}/").status_code == 404
    assert client.post(f"/orders/waiting/{lost}/pay-back/", given).status_code == 404


def test_every_filter_narrows_rows_and_sums_alike(counter: Counter, finance: Any) -> None:
    from prewatt.domain.vending.operations import open_shift

    open_shift(shift_id="h1", float_amount="0", operator=counter.cashier, now=counter.now)
    counter.sell("s2", "40", tender="card")
    everything = {"from": "", "to": ""}

    def amounts(**asked: str) -> tuple[int, int]:
        context = finance.get("/sales/", everything | asked).context
        return context["table"].page.paginator.count, context["sums"].sold_fen

    both, first, second = (2, yuan("140")), (1, yuan("100")), (1, yuan("40"))
    assert amounts() == both
    assert amounts(tender="card") == amounts(shift="h1") == amounts(most="99.99") == amounts(receipt="2") == second
    assert amounts(least="40.01") == amounts(receipt="S2026-000001") == first
    assert amounts(building=str(counter.building.pk)) == amounts(meter="0300") == amounts(least="x") == both
    assert amounts(meter="9999") == amounts(receipt="S2025-000001") == (0, 0)
