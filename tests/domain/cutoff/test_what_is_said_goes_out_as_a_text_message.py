"""Each stage sends its words once; a payment takes them back; what arrived has told the tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from prewatt.domain.cutoff.models import Door, Notice
from prewatt.domain.notices.models import Carrier, CarrierKind, Message, Rules, State, Why
from prewatt.domain.notices.models import Door as Way

if TYPE_CHECKING:
    from conftest import Tower

pytestmark = pytest.mark.django_db
PHONE = "13800138000"


@pytest.fixture(autouse=True)
def reachable(tower: Tower) -> None:
    tower.customer.phone = PHONE
    tower.customer.save()
    Rules.objects.create(quiet_from="00:00", quiet_until="00:00")


def kinds() -> list[str]:
    return list(Message.objects.order_by("made_at", "pk").values_list("kind", flat=True))


def carrier(tower: Tower, kind: CarrierKind) -> Carrier:
    return Carrier.objects.create(name=kind, kind=kind, door=Way.TEXT, form_id=kind, created_at=tower.at)


def test_each_level_is_one_message_however_often_it_is_looked_at(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 4_999)
    tower.pass_days(1, step=timedelta(hours=6))
    [first] = Message.objects.all()
    assert (first.kind, first.to, first.meter, first.customer) == ("low1", PHONE, tower.meters[0], tower.customer)
    assert "余额 49.99 元，已低于 50.00 元" in first.text
    tower.owes(opening, 1_999)
    tower.pass_days(1, step=timedelta(hours=6))
    assert kinds() == ["low1", "low2"]


def test_who_falls_into_debt_is_told_the_debt(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 1_999)
    tower.pass_days(1, step=timedelta(hours=6))
    assert kinds() == ["low1", "low2"]
    tower.owes(opening, -150)
    tower.tend(tower.at + timedelta(minutes=1))
    assert kinds()[-1] == "arrears"
    assert "已欠 1.50 元" in Message.objects.latest("pk").text
    tower.pass_days(4, step=timedelta(hours=4))
    assert "last_notice" in kinds()
    last = Message.objects.get(kind="last_notice")
    assert "停电" in last.text
    assert "{" not in last.text


def test_a_payment_takes_back_what_has_not_gone_out(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 4_999)
    tower.tend()
    tower.owes(opening, 20_000)
    tower.tend(tower.at + timedelta(minutes=1))
    [said] = Message.objects.all()
    assert (said.state, said.why) == (State.EXPIRED, Why.NOT_TRUE_ANY_MORE)


def test_a_second_episode_is_told_again(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 4_999)
    tower.tend()
    tower.owes(opening, 20_000)
    tower.tend(tower.at + timedelta(days=1))
    tower.owes(opening, 4_500)
    tower.tend(tower.at + timedelta(days=1))
    assert kinds() == ["low1", "low1"]


def test_what_arrived_has_told_the_tenant(tower: Tower) -> None:
    tower.billed(tower.meters[0], 4_999)
    tower.tend()
    arrived_at = tower.at + timedelta(minutes=2)
    sent = {"state": State.SENT, "sent_at": tower.at, "carrier": carrier(tower, CarrierKind.MODEM)}
    Message.objects.update(**sent)
    tower.tend(tower.at + timedelta(minutes=1))
    assert Notice.objects.get().told_at is None  # the network has not said that it arrived
    Message.objects.update(state=State.DELIVERED, done_at=arrived_at)
    tower.tend(tower.at + timedelta(minutes=5))
    told = Notice.objects.get()
    assert (told.told_at, told.door, told.told_by) == (arrived_at, Door.MESSAGE, None)


def test_a_carrier_without_reports_is_believed(tower: Tower) -> None:
    tower.billed(tower.meters[0], 4_999)
    tower.tend()
    Message.objects.update(state=State.SENT, sent_at=tower.at, carrier=carrier(tower, CarrierKind.WECOM))
    tower.tend(tower.at + timedelta(minutes=1))
    assert Notice.objects.get().door == Door.MESSAGE


@pytest.mark.parametrize("failed", [True, False])
def test_a_provider_is_believed_when_nothing_is_said_against_it(tower: Tower, failed: bool) -> None:
    """It is asked what became of it: what did not arrive has told nobody."""
    tower.billed(tower.meters[0], 4_999)
    tower.tend()
    sent_at = tower.at
    Message.objects.update(state=State.SENT, sent_at=sent_at, carrier=carrier(tower, CarrierKind.ALIYUN))
    tower.tend(sent_at + timedelta(minutes=14))
    assert Notice.objects.get().told_at is None
    if failed:
        Message.objects.update(state=State.FAILED, why=Why.NOT_ARRIVED)
    tower.tend(sent_at + timedelta(minutes=15))
    assert Notice.objects.get().told_at == (None if failed else sent_at)


def test_what_is_not_known_has_told_nobody(tower: Tower) -> None:
    tower.billed(tower.meters[0], 4_999)
    tower.tend()
    for state in (State.UNKNOWN, State.FAILED, State.EXPIRED):
        Message.objects.update(state=state, done_at=tower.at, carrier=carrier(tower, CarrierKind.ALIYUN))
        tower.tend(tower.at + timedelta(minutes=1))
        Message.objects.update(carrier=None)
        Carrier.objects.all().delete()
        assert Notice.objects.get().told_at is None


def test_the_accounts_own_switch_is_kept(tower: Tower) -> None:
    opening = tower.billed(tower.meters[0], 4_999)
    opening.texts = False
    opening.save()
    tower.pass_days(1, step=timedelta(hours=6))
    assert kinds() == []
    assert Notice.objects.exists()  # it is still to be told, by a person
