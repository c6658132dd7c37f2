"""余额低于 50 元时短信提醒: said only where a text would really go."""

from __future__ import annotations

import pytest

from counter import Counter
from prewatt.domain.estate.models import Opening
from prewatt.domain.notices.models import Carrier, Door, Rules
from prewatt.domain.tenants import queries


@pytest.fixture
def home(counter: Counter) -> Opening:
    counter.customer.phone = "13800000001"
    counter.customer.save()
    opening = counter.opened(balance_fen=5000)
    opening.meter.alarm1_fen = 50_00
    Carrier.objects.create(door=Door.TEXT, on=True, name="modem", kind="modem", created_at=counter.now)
    return opening


def test_the_meters_first_level_is_named(home: Opening) -> None:
    assert queries.told_below(home) == 50_00


@pytest.mark.parametrize("name", ["texts", "alarm1_notify"])
def test_an_account_that_wants_no_texts_is_promised_none(home: Opening, name: str) -> None:
    setattr(home, name, False)
    assert queries.told_below(home) is None


def test_without_a_phone_a_carrier_or_the_kind_nothing_is_promised(home: Opening) -> None:
    home.customer.phone = ""
    assert queries.told_below(home) is None
    home.customer.phone = "13800000001"
    Rules.objects.update_or_create(pk=1, defaults={"muted": ["low1"]})
    assert queries.told_below(home) is None
    Rules.objects.update(muted=[])
    assert queries.told_below(home) == 50_00
    Carrier.objects.update(on=False)
    assert queries.told_below(home) is None


def test_a_level_of_nothing_is_none(home: Opening) -> None:
    home.meter.alarm1_fen = 0
    assert queries.told_below(home) is None
