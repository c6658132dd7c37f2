"""The rule of fair cut-off, walked by chance: whatever happens, a cut is told before, and never at the wrong time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain import workdays
from prewatt.domain.cutoff.hours import Hours
from prewatt.domain.cutoff.rule import Account, Act, Grace, Rules, Said, Site, Stage, Told, Why, is_over, next_step

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 6, 1, 2, tzinfo=UTC)  # ten in the morning in Shanghai
HOURS = Hours(ZONE, True, time(18), time(8), workdays.rests)
ALWAYS_FREE = replace(HOURS, protect=False)
SITE = Site(HOURS, Rules())
POOR = Account(money_fen=-100, alarm1_fen=5000, alarm2_fen=2000, read_at=MONDAY)
LONG_AGO = MONDAY - timedelta(days=10)
JUST_ENOUGH_AGO = MONDAY - timedelta(hours=1)
WORD = Said(LONG_AGO, LONG_AGO)
ALL_TOLD = Told(WORD, WORD, WORD, Said(JUST_ENOUGH_AGO, JUST_ENOUGH_AGO))
SAYS = {Act.SAY_FIRST: "first", Act.SAY_AGAIN: "again", Act.SAY_REMINDER: "reminder", Act.SAY_LAST: "last"}


def step(account: Account = POOR, told: Told = ALL_TOLD, site: Site = SITE, **more: Any) -> Any:
    return next_step(account, told, site, now=more.pop("now", MONDAY), **more)


def test_who_was_told_in_time_and_owes_is_cut() -> None:
    assert step().act == Act.CUT


@pytest.mark.parametrize(
    ("why", "changed", "site"),
    [
        (Why.NEVER, {"never_cut": True}, {}),
        (Why.HELD, {"held": True}, {}),
        (Why.POST_PAID, {"post_paid": True}, {}),
        (Why.OFF, {"is_off": True}, {}),
        (Why.METER_CUTS, {"platform": False}, {}),
        (Why.KEPT, {"platform": False, "kept": True, "held": True}, {}),
        (Why.ON_ITS_WAY, {"trip_on_its_way": True}, {}),
        (Why.STALE, {"read_at": MONDAY - timedelta(minutes=61)}, {}),
        (Why.STALE, {"read_at": None}, {}),
        (Why.STALE, {"lost": True}, {}),
        (Why.UNKNOWN, {"money_fen": None}, {}),
        (Why.STOPPED, {}, {"stopped": True}),
        (Why.LIMIT, {}, {"room_for_a_cut": False}),
        (Why.BY_HAND, {}, {"rules": Rules(automatic=False)}),
    ],
)
def test_each_reason_alone_keeps_the_power_on(why: Why, changed: dict[str, Any], site: dict[str, Any]) -> None:
    found = step(replace(POOR, **changed), site=replace(SITE, **site))
    assert (found.act, found.why) == (None, why)


@pytest.mark.parametrize("at", ["2026-06-01T19:00", "2026-06-02T07:59", "2026-06-06T10:00", "2026-10-05T10:00"])
def test_night_weekend_and_holiday_keep_the_power_on(at: str) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=ZONE)
    soon = Said(now - timedelta(hours=2), now - timedelta(hours=2))
    found = step(replace(POOR, read_at=now), replace(ALL_TOLD, last=soon), now=now)
    assert (found.act, found.why) == (None, Why.PROTECTED)


def test_a_make_up_workday_is_a_workday() -> None:
    now = datetime(2026, 10, 10, 10, tzinfo=ZONE)  # a Saturday that is worked for the National Day
    soon = Said(now - timedelta(hours=2), now - timedelta(hours=2))
    assert step(replace(POOR, read_at=now), replace(ALL_TOLD, last=soon), now=now).act == Act.CUT


def test_a_grace_keeps_the_power_on_until_it_is_over_or_used_up() -> None:
    grace = Grace(200, MONDAY + timedelta(days=1))
    found = step(grace=grace)
    assert (found.stage, found.act, found.at) == (Stage.GRACE, None, grace.until)
    assert step(replace(POOR, money_fen=-200), grace=grace).act == Act.CUT
    assert step(grace=replace(grace, until=MONDAY)).act == Act.CUT


@pytest.mark.parametrize("missing", ["first", "again", "reminder", "last"])
def test_a_word_that_nobody_told_does_not_count(missing: str) -> None:
    untold = Said(getattr(ALL_TOLD, missing).at)
    found = step(told=replace(ALL_TOLD, **{missing: untold}))
    assert (found.act, found.why) == (None, Why.NOT_TOLD)
    assert step(told=replace(ALL_TOLD, **{missing: untold}), site=replace(SITE, rules=Rules(must_be_told=False))).act


def test_dwellings_have_seven_days_and_others_three() -> None:
    four_days = Said(MONDAY - timedelta(days=4), MONDAY - timedelta(days=4))
    told = Told(four_days, four_days, four_days, ALL_TOLD.last)
    assert step(told=told).act == Act.CUT
    waits = step(replace(POOR, dwelling=True), replace(told, last=None))
    assert (waits.act, waits.why) == (None, Why.PERIOD)
    assert waits.cut_at == MONDAY + timedelta(days=3)


def test_the_last_notice_is_said_an_hour_before_and_again_when_it_has_grown_old() -> None:
    assert step(told=replace(ALL_TOLD, last=None)).act == Act.SAY_LAST
    old = Said(MONDAY - timedelta(hours=24), MONDAY - timedelta(hours=24))
    assert step(told=replace(ALL_TOLD, last=old)).act == Act.SAY_LAST
    fresh = Said(MONDAY - timedelta(minutes=59), MONDAY - timedelta(minutes=59))
    waits = step(told=replace(ALL_TOLD, last=fresh))
    assert (waits.act, waits.why, waits.at) == (None, Why.LAST_NOTICE, MONDAY + timedelta(minutes=1))


def test_the_second_word_is_no_echo_of_the_first() -> None:
    now = Said(MONDAY, MONDAY)
    assert step(told=Told(first=now)).act is None
    assert step(told=Told(first=now), now=MONDAY + timedelta(hours=12)).act == Act.SAY_AGAIN


def test_whoever_runs_out_soon_is_reminded_while_there_is_money_left() -> None:
    soon = replace(POOR, money_fen=1500, runs_out_at=MONDAY + timedelta(hours=40))
    found = step(soon, replace(ALL_TOLD, reminder=None, last=None))
    assert (found.act, found.why) == (Act.SAY_REMINDER, Why.RUNS_OUT)
    assert step(soon, Told()).act == Act.SAY_FIRST


def test_the_forecast_does_not_warn_again_and_again_at_its_edge() -> None:
    rich = replace(POOR, money_fen=50_000)
    edge = replace(rich, runs_out_at=MONDAY + timedelta(hours=49))
    assert step(edge, Told()).stage == Stage.FINE
    assert step(edge, Told(first=WORD)).stage == Stage.WARNED
    assert step(replace(rich, runs_out_at=MONDAY + timedelta(hours=97)), Told(first=WORD)).stage == Stage.FINE


def test_a_payment_ends_it_and_not_knowing_does_not() -> None:
    paid, unknown = replace(POOR, money_fen=1), replace(POOR, money_fen=None)
    assert is_over(step(paid), was_due=True, usable_fen=1)
    assert not is_over(step(paid), was_due=False, usable_fen=1)  # still low: the warning stands
    assert is_over(step(replace(POOR, money_fen=5001)), was_due=False, usable_fen=5001)
    assert not is_over(step(unknown), was_due=True, usable_fen=None)


def test_an_agreed_overdraft_is_no_debt() -> None:
    assert step(replace(POOR, overdraft_fen=101)).act is None
    assert step(replace(POOR, overdraft_fen=100)).act == Act.CUT


def test_who_protects_every_hour_is_never_cut() -> None:
    every_day = replace(HOURS, rests=lambda _day: True)
    found = step(site=replace(SITE, hours=every_day))
    assert (found.act, found.why) == (None, Why.PROTECTED)


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from([7, 31, 59, 61, 90, 240, 600, 1441]),  # minutes later
        st.sampled_from(["use"] * 12 + ["pay", "stop", "lift", "lift", "mark", "unmark", "unmark"]),
        st.integers(1, 1500),
        st.sampled_from([True] * 4 + [False]),  # whoever is to be told is told
        st.sampled_from([True] * 6 + [False]),  # the meter is read
    ),
    min_size=10,
    max_size=80,
)
RULES = st.builds(
    Rules,
    must_be_told=st.booleans(),
    notice_days=st.integers(0, 5),
    notice_days_dwelling=st.integers(0, 9),
    gap_hours=st.integers(0, 48),
    last_minutes=st.integers(0, 180),
    stale_minutes=st.integers(10, 600),
)


@given(happenings=HAPPENINGS, rules=RULES, dwelling=st.booleans())
def test_whatever_happens_every_cut_is_fair(happenings: list[Any], rules: Rules, dwelling: bool) -> None:
    now, site, told, due = MONDAY, Site(HOURS, rules), Told(), False
    one = replace(POOR, money_fen=3000, dwelling=dwelling)
    for minutes, what, amount, tells, reads in happenings:
        now += timedelta(minutes=minutes)
        one, site = _happen(one, site, what, amount)
        one = replace(one, read_at=now) if reads else one
        told = _tell(told, now) if tells else told
        found = next_step(one, told, site, now=now)
        if is_over(found, was_due=due, usable_fen=one.money_fen):
            told, due = Told(), False
            assert (one.money_fen or 0) > 0
            found = next_step(one, told, site, now=now)
        if (one.money_fen or 0) > 0:
            assert found.act != Act.CUT
        due = due or found.stage in (Stage.DUE, Stage.GRACE, Stage.OFF)
        if found.act in SAYS:
            told = replace(told, **{SAYS[found.act]: Said(now)})
        if found.act == Act.CUT:
            _check(one, told, site, now)


def _happen(one: Account, site: Site, what: str, amount: int) -> tuple[Account, Site]:
    money = one.money_fen or 0
    match what:
        case "use":
            return replace(one, money_fen=money - amount), site
        case "pay":
            return replace(one, money_fen=money + 3 * amount), site
        case "stop" | "lift":
            return one, replace(site, stopped=what == "stop")
        case _:
            return replace(one, never_cut=what == "mark"), site


def _tell(told: Told, now: datetime) -> Told:
    names = ("first", "again", "reminder", "last")
    words = {name: word for name in names if (word := getattr(told, name)) is not None and not word.told_at}
    return replace(told, **{name: replace(word, told_at=now) for name, word in words.items()})


def _check(one: Account, told: Told, site: Site, now: datetime) -> None:
    rules = site.rules
    local = now.astimezone(ZONE)
    assert 8 <= local.hour < 18
    assert not workdays.rests(local.date())
    assert one.money_fen is not None
    assert one.money_fen <= 0
    assert not one.never_cut
    assert not site.stopped
    assert one.read_at is not None
    assert now - one.read_at <= timedelta(minutes=rules.stale_minutes)
    words = [told.first, told.again, told.reminder, told.last]
    known = [word for word in words if word is not None]
    assert len(known) == 4
    counted = [word.told_at if rules.must_be_told else word.at for word in known]
    first, again, _reminder, last = counted
    assert first is not None
    assert again is not None
    assert last is not None
    days = rules.notice_days_dwelling if one.dwelling else rules.notice_days
    assert now - first >= timedelta(days=days)
    assert now - again >= timedelta(hours=rules.gap_hours)
    assert now - last >= timedelta(minutes=rules.last_minutes)


TIMES = st.times(timezones=st.none()).map(lambda one: one.replace(second=0, microsecond=0))


@given(
    minutes=st.integers(0, 300 * 24 * 60),
    begins=TIMES,
    ends=TIMES,
    off=st.sets(st.dates()),
)
def test_the_first_free_moment_is_free_and_none_before_it_is(
    minutes: int, begins: time, ends: time, off: set[date]
) -> None:
    now = MONDAY + timedelta(minutes=minutes)
    hours = Hours(ZONE, True, begins, ends, lambda day: workdays.rests(day, off=off))
    free = hours.free_from(now)
    assert free is not None
    assert not hours.protected(free)
    if free > now:
        assert hours.protected(now)
        for part in range(20):
            assert hours.protected(now + (free - now) * part / 20)
