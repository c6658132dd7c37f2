"""The preview: which meters change from what to what, and who would go dark or warn at once."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from prewatt.domain.fleet.preview import Danger, Preview
from prewatt.link.messages import Kind


@pytest.fixture
def counter(db: None) -> Counter:
    from prewatt.domain.estate.models import Meter

    one = Counter(meters=3)
    Meter.objects.update(allow=["manual", "observed", "unverified", "simulated"])
    one.meters = list(Meter.objects.order_by("number"))
    for meter, balance in zip(one.meters, (1500, 5000, 50_000), strict=True):
        one.opened(meter, balance_fen=balance)
        one.read(meter, relay_closed=1, forced=0, power_w=900)
    return one


def preview(kind: Kind, **values: int) -> Preview:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.fleet.preview import what_would_change

    return what_would_change(kind=kind, meters=Meter.objects.order_by("number"), values=values)


def who(found: Preview, danger: Danger) -> list[int]:
    return [one.balance_fen or 0 for one in found.dangers.get(danger, [])]


def test_old_and_new_stand_side_by_side_and_the_same_is_left_out(counter: Counter) -> None:
    from prewatt.domain.control import values

    first, second, third = counter.meters
    values.shown([(first.pk, {"alarm1_fen": 3000}), (second.pk, {"alarm1_fen": 4000})], now=counter.now)
    found = preview(Kind.LIMITS, alarm1_fen=4000)
    assert {one.meter.pk: dict(one.values) for one in found.changes} == {
        first.pk: {"alarm1_fen": (3000, 4000)},
        third.pk: {"alarm1_fen": (5000, 4000)},  # never shown: what the books say
    }
    assert found.skips == {"same": 1}


@pytest.mark.parametrize(
    ("values", "danger", "balances"),
    [
        ({"alarm2_fen": 2000}, Danger.TRIP_ALARM2, [1500]),
        ({"alarm2_fen": 1500}, Danger.TRIP_ALARM2, [1500]),
        ({"alarm2_fen": 1499}, Danger.TRIP_ALARM2, []),
        ({"alarm1_fen": 5000}, Danger.ALARM1, [1500, 5000]),
        ({"overload_limit_w": 899}, Danger.TRIP_OVERLOAD, [1500, 5000, 50_000]),
        ({"overload_limit_w": 900}, Danger.TRIP_OVERLOAD, []),
        ({"overload_limit_w": 0}, Danger.TRIP_OVERLOAD, []),
        ({"ceiling_fen": 10_000}, Danger.CEILING, [50_000]),
        ({"ceiling_fen": 0}, Danger.CEILING, []),
    ],
)
def test_who_is_hit_at_once_is_named(
    counter: Counter, values: dict[str, int], danger: Danger, balances: list[int]
) -> None:
    assert who(preview(Kind.LIMITS, **values), danger) == balances


def test_a_meter_on_hold_does_not_trip(counter: Counter) -> None:
    counter.read(counter.meters[0], forced=2)
    assert who(preview(Kind.LIMITS, alarm2_fen=2000), Danger.TRIP_ALARM2) == []


def test_where_the_platform_bills_its_balance_counts_and_no_meter_trips_by_it(counter: Counter) -> None:
    """The first meter shows 15 yuan of its own, the ledger has 40."""
    from prewatt.domain.billing.models import Billing, Standing, Terms

    (opening,) = counter.meters[0].openings.all()
    Terms.objects.create(opening=opening, asked="o", billing=Billing.PLATFORM)
    Standing.objects.create(opening=opening, put_fen=5_000, rated_fen=1_000)
    assert who(preview(Kind.LIMITS, alarm1_fen=4_000), Danger.ALARM1) == [4_000]
    assert who(preview(Kind.LIMITS, alarm1_fen=3_999), Danger.ALARM1) == []
    assert preview(Kind.LIMITS, alarm2_fen=4_000, ceiling_fen=1_000).dangers.get(Danger.TRIP_ALARM2) is None
    assert who(preview(Kind.LIMITS, ceiling_fen=1_000), Danger.CEILING) == [5_000, 50_000]


def test_releasing_a_meter_in_arrears_switches_it_off(counter: Counter) -> None:
    counter.read(counter.meters[0], forced=2, balance_fen=0, overdraft_fen=300)
    counter.read(counter.meters[1], forced=2)
    found = preview(Kind.RELEASE)
    assert (who(found, Danger.TRIP_ARREARS), len(found.changes), len(found.trips)) == ([-300], 2, 1)


def test_switching_off_makes_dark_whom_it_reaches(counter: Counter) -> None:
    counter.read(counter.meters[0], relay_closed=0)
    found = preview(Kind.SWITCH_OFF)
    assert who(found, Danger.DARK) == [5000, 50_000]
    assert {one.tenant for one in found.changes} == {"张三"}


def test_questions_do_not_grow_with_the_meters(counter: Counter, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(7):
        preview(Kind.LIMITS, alarm1_fen=1)
    for number in range(20):
        counter.meter(f"0400{number:06d}")
    with django_assert_max_num_queries(7):
        preview(Kind.LIMITS, alarm1_fen=1)
