"""The text that money has arrived: once, when the meter has it, and not before."""

from __future__ import annotations

import pytest

from counter import Counter
from prewatt.domain.estate.models import Customer
from prewatt.domain.notices.models import Carrier, Message, Rules
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(counter: Counter) -> Counter:
    Customer.objects.update(phone="138 0013 8000", name="海风西餐厅")
    Carrier.objects.create(name="modem", kind="modem", door="text", form_id="m", created_at=counter.now)
    counter.opened()
    return counter


def test_it_goes_out_when_the_meter_has_the_money(told: Counter) -> None:
    sale = told.sell("s1", "100")
    assert not Message.objects.exists()
    told.arrive("s1")
    (message,) = Message.objects.all()
    assert (message.kind, message.to, message.key) == ("sold", "13800138000", "sale:s1:credited")
    assert "购电 100.00 元已到账" in message.text
    assert sale.receipt in message.text


def test_the_same_answer_again_is_one_message(told: Counter) -> None:
    told.sell("s1", "100")
    told.arrive("s1")
    told.sell("s2", "100")
    told.arrive("s2")
    assert list(Message.objects.order_by("pk").values_list("key", flat=True)) == [
        "sale:s1:credited",
        "sale:s2:credited",
    ]


def test_what_did_not_arrive_is_not_said_to_have(told: Counter) -> None:
    told.sell("s1", "100")
    told.lease()
    told.settle("s1", Outcome.REFUSED, reason="closed")
    assert not Message.objects.exists()


def test_without_a_carrier_a_number_or_the_sites_wish_nothing_is_written(told: Counter) -> None:
    Rules.objects.create(pk=1, muted=["sold"])
    told.sell("s1", "1")
    told.arrive("s1")
    Rules.objects.all().delete()
    Customer.objects.update(phone="")
    told.sell("s2", "1")
    told.arrive("s2")
    Customer.objects.update(phone="13800138000")
    Carrier.objects.update(on=False)
    told.sell("s3", "1")
    told.arrive("s3")
    assert not Message.objects.exists()
