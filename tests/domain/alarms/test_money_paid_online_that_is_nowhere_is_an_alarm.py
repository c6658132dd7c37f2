"""线上付款异常: paid and not credited, kept in a wallet unseen, a provider that is silent or whose bill differs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paying import Paying
from prewatt.domain.alarms import queries
from prewatt.domain.alarms.models import Alarm
from prewatt.domain.payments.models import Attempt, Bill, Difference
from watching import Watching


def details() -> list[tuple[str, int | None]]:
    return [(one.detail, one.value) for one in Alarm.objects.order_by("pk")]


def test_money_on_its_way_is_an_alarm_after_a_quarter_of_an_hour_and_until_it_arrives(
    watching: Watching, paying: Paying
) -> None:
    attempt = paying.paid(paying.begin())
    watching.counter.later(minutes=14)
    watching.look()
    assert watching.episodes() == []
    watching.counter.later(minutes=1)
    watching.look()
    assert watching.episodes() == [("payment", "0", True)]
    assert details() == [("late", 100_00)]
    assert watching.look() == 0
    watching.counter.arrive(attempt.order_no)
    watching.look()
    assert watching.episodes() == [("payment", "0", False)]


def test_behind_a_silent_gateway_only_the_gateway_is_an_alarm(watching: Watching, paying: Paying) -> None:
    watching.look()
    for n in range(3):
        opening = watching.counter.meters[n].openings.get()
        paying.paid(paying.begin(f"o{n}", opening=opening))
    watching.counter.later(hours=2)
    watching.look(heard=False)
    assert watching.episodes() == [("gateway", "gw-1", True)]
    watching.look()
    assert [kind for kind, _about, on in watching.episodes() if on] == ["payment"] * 3


def test_an_alarm_that_began_goes_on_while_the_gateway_is_silent(watching: Watching, paying: Paying) -> None:
    paying.paid(paying.begin())
    watching.counter.later(minutes=20)
    watching.look()
    watching.counter.later(hours=2)
    watching.look(heard=False)
    assert watching.episodes() == [("payment", "0", True), ("gateway", "gw-1", True)]


def test_money_kept_in_a_wallet_is_an_alarm_until_somebody_takes_note(watching: Watching, paying: Paying) -> None:
    paying.paid(paying.begin(), amount_fen=50_00)
    watching.look()
    assert watching.episodes() == [("payment", "0", True)]
    assert details() == [("amount", 50_00)]
    Attempt.objects.update(seen_at=watching.counter.now, seen_by=watching.counter.admin)
    watching.look()
    assert watching.episodes() == [("payment", "0", False)]


@pytest.fixture
def differing(watching: Watching) -> list[Difference]:
    now = watching.counter.now
    bill = Bill.objects.create(channel="wechat", day=now.date(), next_try_at=now)
    return [
        Difference.objects.create(bill=bill, key=f"k{n}", kind="not_ours", since=now + timedelta(seconds=n))
        for n in range(19)
    ]


def test_all_differences_of_a_provider_are_one_alarm_until_the_last_is_explained(
    watching: Watching, differing: list[Difference]
) -> None:
    watching.counter.later(minutes=1)
    watching.look()
    assert watching.episodes() == [("payment", "wechat", True)]
    assert details() == [("bill", 19)]
    Difference.objects.exclude(pk=differing[0].pk).update(ended_at=watching.counter.now)
    watching.look()
    assert watching.episodes() == [("payment", "wechat", True)]
    Difference.objects.update(ended_at=watching.counter.now)
    watching.look()
    assert watching.episodes() == [("payment", "wechat", False)]


def test_a_provider_that_says_nothing_of_payments_is_an_alarm_after_half_an_hour(
    watching: Watching, paying: Paying
) -> None:
    attempt = paying.begin(channel="wechat")
    Attempt.objects.filter(pk=attempt.pk).update(state="unknown", state_at=watching.counter.now)
    watching.counter.later(minutes=29)
    watching.look()
    assert watching.episodes() == []
    watching.counter.later(minutes=1)
    watching.look()
    assert watching.episodes() == [("payment", "wechat", True)]
    assert details() == [("silent", 1)]


def test_who_sees_one_building_sees_no_providers_alarm(watching: Watching, differing: list[Difference]) -> None:
    watching.counter.later(minutes=1)
    watching.look()
    counter = watching.counter
    counter.stranger.buildings.add(counter.building)
    assert queries.open_count(operator=counter.stranger) == 0
    assert queries.open_count(operator=counter.admin) == 1
