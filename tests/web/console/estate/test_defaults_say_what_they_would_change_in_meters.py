"""Before a default is saved the page says which standing meters would change and who would trip; then sends it."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
TYPED = {"alarm1_fen": "80", "alarm2_fen": "60"}


@pytest.fixture
def two(counter: Counter, engineer: Any) -> list[Any]:
    from prewatt.domain.estate.models import Meter

    poor, rich = counter.meters[0], counter.meter("0300999999")
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    for meter, balance in ((poor, 5000), (rich, 90_000)):
        counter.opened(meter, balance_fen=balance)
        counter.read(meter, balance_fen=balance, relay_closed=1, forced=0, power_w=900)
    return [poor, rich]


def looks(answer: Any) -> dict[str, Any]:
    return {one["kind"]: one for one in answer.context["looks"]}


def test_nothing_is_saved_by_looking_and_who_would_trip_is_shown(
    counter: Counter, engineer: Any, two: list[Any]
) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.estate.models import Defaults

    answer = engineer.post(f"/settings/defaults/{counter.building.pk}/", TYPED | {"look": "1"})
    limits = looks(answer)["limits"]
    assert answer.status_code == 200
    assert {one.meter.pk for one in limits["seen"].changes} >= {meter.pk for meter in two}
    assert [one.meter.pk for one in limits["seen"].trips] == [two[0].pk]
    assert 'value="60"' in answer.content.decode()
    assert "fleet/orders/limits/" not in answer.content.decode()  # not saved: nothing to send
    assert not Defaults.objects.exists()
    assert not MeterOrder.objects.exists()


def test_what_was_saved_is_sent_by_one_button(counter: Counter, engineer: Any, two: list[Any]) -> None:
    from prewatt.domain.fleet.models import Batch

    saved = engineer.post(f"/settings/defaults/{counter.building.pk}/", TYPED)
    answer = engineer.get(saved["Location"])
    limits = looks(answer)["limits"]
    given = {"batch_id": limits["batch_id"], "ids": limits["ids"], **dict(limits["sent"])}
    assert all(f'name="{name}"' in answer.content.decode() for name in given)
    engineer.post("/fleet/orders/limits/", given)
    assert Batch.objects.get().values == {"alarm1_fen": 8000, "alarm2_fen": 6000}


def test_the_sites_word_leaves_out_a_building_that_says_it_itself(
    counter: Counter, engineer: Any, two: list[Any]
) -> None:
    from prewatt.domain.estate.models import Defaults

    Defaults.objects.create(building=counter.building, alarm1_fen=9000)
    answer = engineer.post("/settings/defaults/", TYPED | {"look": "1"})
    assert not looks(answer)["limits"]["seen"].changes
    answer = engineer.post("/settings/defaults/", {"overload_limit_w": "500", "look": "1"})
    assert {one.meter.pk for one in looks(answer)["limits"]["seen"].trips} == {meter.pk for meter in two}


def test_a_slip_is_said_by_its_field(counter: Counter, engineer: Any) -> None:
    assert engineer.post("/settings/defaults/", {"alarm1_fen": "x", "look": "1"}).status_code == 422
