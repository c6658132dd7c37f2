"""What happens next to one account that runs out of money, when, and why not sooner. Pure: plain facts in, a step out.

fine → warned (alarm 1) → warned again (alarm 2) → reminded (runs out soon) → due (nothing left) → last notice → off.
A word counts from when somebody told it. Between the first word and the cut lie the days of notice, before the cut the
last notice; a payment ends all of it. What is not known is never taken for a reason to cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from prewatt.domain.cutoff.hours import Hours


class Stage(StrEnum):
    FINE = "fine"
    WARNED = "warned"
    AGAIN = "again"  # warned again
    REMINDED = "reminded"
    DUE = "due"
    GRACE = "grace"
    OFF = "off"


class Word(StrEnum):
    """What a tenant is told, in this order."""

    FIRST = "first"  # alarm 1
    AGAIN = "again"  # alarm 2
    REMINDER = "reminder"
    LAST = "last"  # shortly before the cut


class Act(StrEnum):
    SAY_FIRST = "say_first"
    SAY_AGAIN = "say_again"
    SAY_REMINDER = "say_reminder"
    SAY_LAST = "say_last"
    CUT = "cut"


SAYS = {
    Word.FIRST: Act.SAY_FIRST,
    Word.AGAIN: Act.SAY_AGAIN,
    Word.REMINDER: Act.SAY_REMINDER,
    Word.LAST: Act.SAY_LAST,
}


class Why(StrEnum):
    """Why this is the next step; for an account that owes, why it still has power."""

    ENOUGH = "enough"  # money
    UNKNOWN = "unknown"  # money
    MONEY_LEFT = "money_left"
    LOW = "low"
    RUNS_OUT = "runs_out"
    NOTHING_LEFT = "nothing_left"
    METER_CUTS = "meter_cuts"  # meter billing: it switches off by itself
    KEPT = "kept"  # meter billing: held through protected time or a grace
    GRACE = "grace"
    POST_PAID = "post_paid"
    NEVER = "never"
    HELD = "held"
    OFF = "off"
    ON_ITS_WAY = "on_its_way"
    BY_HAND = "by_hand"  # the site cuts by hand only
    NOT_TOLD = "not_told"
    PERIOD = "period"
    GAP = "gap"
    LAST_NOTICE = "last_notice"
    PROTECTED = "protected"
    STALE = "stale"
    STOPPED = "stopped"
    LIMIT = "limit"
    NOTHING_STOPS = "nothing_stops"


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of one account. `money_fen`: what may still be used; negative is owed. None: nobody knows."""

    money_fen: int | None
    alarm1_fen: int
    alarm2_fen: int
    read_at: datetime | None
    overdraft_fen: int = 0  # may be owed without being due: agreed with the account
    runs_out_at: datetime | None = None  # by the forecast, the earlier end of its interval
    platform: bool = True  # switched by our order; False: the meter counts down and switches by itself
    dwelling: bool = False
    post_paid: bool = False
    never_cut: bool = False
    held: bool = False
    kept: bool = False
    is_off: bool = False
    lost: bool = False
    trip_on_its_way: bool = False

    @property
    def usable_fen(self) -> int | None:
        return None if self.money_fen is None else self.money_fen + self.overdraft_fen


@dataclass(frozen=True, slots=True)
class Said:
    """When a word was written down, and when somebody (or something) told it to the tenant."""

    at: datetime
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The words of this episode. A payment begins a new one."""

    first: Said | None = None
    again: Said | None = None
    reminder: Said | None = None
    last: Said | None = None


@dataclass(frozen=True, slots=True)
class Grace:
    """宽限额度: so much may be owed until then."""

    amount_fen: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    automatic: bool = True
    must_be_told: bool = True  # a word that nobody told does not count
    notice_days: int = 3
    notice_days_dwelling: int = 7
    gap_hours: int = 24  # between the second word and the cut
    last_minutes: int = 60
    last_valid_hours: int = 24  # a last notice older than this is said again
    remind_hours: int = 48
    stale_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Site:
    """What holds for everybody at this moment."""

    hours: Hours
    rules: Rules
    stopped: bool = False
    room_for_a_cut: bool = True  # within the limit per minutes


@dataclass(frozen=True, slots=True)
class Next:
    """`act` is to be done now; None: wait, until `at` where that is known."""

    stage: Stage
    why: Why
    act: Act | None = None
    at: datetime | None = None
    cut_at: datetime | None = None  # the earliest, as things stand


def is_over(step: Next, *, was_due: bool, usable_fen: int | None) -> bool:
    """Whether the episode has ended: out of the alarm, or, once it was due, out of the debt. Unknown ends nothing."""
    if usable_fen is None:
        return False
    return step.stage == Stage.FINE or (was_due and usable_fen > 0)


def next_step(one: Account, told: Told, site: Site, *, now: datetime, grace: Grace | None = None) -> Next:
    if one.money_fen is None:
        return Next(Stage.FINE, Why.UNKNOWN)
    usable_fen = one.money_fen + one.overdraft_fen
    if usable_fen > 0:
        return _running(one, one.money_fen, told, site, now)
    granted_fen = grace.amount_fen if grace is not None and now < grace.until else 0
    found = _due(one, told, site, now, spared=usable_fen + granted_fen > 0)
    return replace(found, at=grace.until) if grace is not None and found.stage == Stage.GRACE else found


def _running(one: Account, money_fen: int, told: Told, site: Site, now: datetime) -> Next:
    """Money is left: the three words, each at its own mark."""
    soon = _runs_out_within(one, site.rules.remind_hours, now)
    # Who was warned for the forecast's sake stays so until it is clearly better: it moves a little with every reading.
    low = money_fen <= one.alarm1_fen or soon
    if not (low or (told.first is not None and _runs_out_within(one, 2 * site.rules.remind_hours, now))):
        return Next(Stage.FINE, Why.ENOUGH)
    if one.post_paid:
        return Next(Stage.FINE, Why.POST_PAID)
    stage = _stage_of(told)
    if told.first is None:
        return Next(Stage.WARNED, Why.RUNS_OUT if soon else Why.LOW, Act.SAY_FIRST, now)
    if told.again is None and (money_fen <= one.alarm2_fen or soon):
        return _second(stage, Why.RUNS_OUT if soon else Why.LOW, told.first, site, now)
    if told.again is not None and told.reminder is None and soon:
        return Next(Stage.REMINDED, Why.RUNS_OUT, Act.SAY_REMINDER, now)
    return Next(stage, Why.MONEY_LEFT, at=one.runs_out_at)


def _runs_out_within(one: Account, hours: int, now: datetime) -> bool:
    return one.runs_out_at is not None and one.runs_out_at <= now + timedelta(hours=hours)


def _stage_of(told: Told) -> Stage:
    if told.reminder is not None:
        return Stage.REMINDED
    return Stage.AGAIN if told.again is not None else Stage.WARNED


def _second(stage: Stage, why: Why, first: Said, site: Site, now: datetime) -> Next:
    """The second word is no echo of the first: some of the gap lies between the two."""
    at = first.at + timedelta(hours=site.rules.gap_hours) / 2
    return Next(Stage.AGAIN, why, Act.SAY_AGAIN, now) if now >= at else Next(stage, why, at=at)


def _due(one: Account, told: Told, site: Site, now: datetime, *, spared: bool) -> Next:
    """Nothing is left. `spared`: what is owed lies within a grace that goes on."""
    if one.post_paid:
        return Next(Stage.FINE, Why.POST_PAID)
    if one.is_off:  # nobody is warned of what has happened
        return Next(Stage.OFF, Why.OFF)
    if (word := _missing(told, site, now)) is not None:
        return word
    if not one.platform:
        return Next(Stage.DUE, Why.KEPT if one.kept else Why.HELD if one.held else Why.METER_CUTS)
    if one.never_cut:
        return Next(Stage.DUE, Why.NEVER)
    if one.held:
        return Next(Stage.DUE, Why.HELD)
    if spared:
        return Next(Stage.GRACE, Why.GRACE)
    if one.trip_on_its_way:
        return Next(Stage.DUE, Why.ON_ITS_WAY)
    return _cutting(one, told, site, now)


def _missing(told: Told, site: Site, now: datetime) -> Next | None:
    """The words that come before everything else, also for who has power by right or by grace."""
    if told.first is None:
        return Next(Stage.DUE, Why.NOTHING_LEFT, Act.SAY_FIRST, now)
    if told.again is None:
        return _second(Stage.DUE, Why.NOTHING_LEFT, told.first, site, now)
    if told.reminder is None:
        return Next(Stage.DUE, Why.NOTHING_LEFT, Act.SAY_REMINDER, now)
    return None


def _cutting(one: Account, told: Told, site: Site, now: datetime) -> Next:
    """All three words were said: when may it be cut, and what is still in the way?"""
    assert told.first is not None
    assert told.again is not None
    first, again = _counts_from(told.first, site.rules), _counts_from(told.again, site.rules)
    if first is None or again is None or _counts_from(told.reminder, site.rules) is None:
        return Next(Stage.DUE, Why.NOT_TOLD)
    days = site.rules.notice_days_dwelling if one.dwelling else site.rules.notice_days
    period_ends, gap_ends = first + timedelta(days=days), again + timedelta(hours=site.rules.gap_hours)
    earliest = max(period_ends, gap_ends)
    last_notice = timedelta(minutes=site.rules.last_minutes)
    cut_at = site.hours.free_from(max(now, earliest))
    if not site.rules.automatic:
        return Next(Stage.DUE, Why.BY_HAND, cut_at=cut_at)
    if cut_at is None:
        return Next(Stage.DUE, Why.PROTECTED)
    last = _last_that_counts(told, site.rules, now)
    if last is None and now < cut_at - last_notice:
        why = Why.PROTECTED if earliest <= now else Why.PERIOD if period_ends >= gap_ends else Why.GAP
        return Next(Stage.DUE, why, at=cut_at - last_notice, cut_at=cut_at)
    return _last_hour(one, told, site, now, cut_at)


def _counts_from(said: Said | None, rules: Rules) -> datetime | None:
    if said is None:
        return None
    return said.told_at if rules.must_be_told else said.at


def _last_that_counts(told: Told, rules: Rules, now: datetime) -> Said | None:
    """A last notice is for one cut: a day later it is not remembered any more."""
    if told.last is None or now >= told.last.at + timedelta(hours=rules.last_valid_hours):
        return None
    return told.last


def _last_hour(one: Account, told: Told, site: Site, now: datetime, cut_at: datetime) -> Next:
    """The time is near: the last notice, and then the cut itself, if nothing is in its way."""
    last = _last_that_counts(told, site.rules, now)
    if last is None:
        return Next(Stage.DUE, Why.LAST_NOTICE, Act.SAY_LAST, now, cut_at)
    counts = _counts_from(last, site.rules)
    if counts is None:
        return Next(Stage.DUE, Why.NOT_TOLD, cut_at=cut_at)
    cut_at = site.hours.free_from(max(cut_at, counts + timedelta(minutes=site.rules.last_minutes))) or cut_at
    if now < cut_at:
        return Next(Stage.DUE, _why_later(site, now), at=cut_at, cut_at=cut_at)
    if (why := _in_the_way(one, site, now)) is not None:
        return Next(Stage.DUE, why, cut_at=cut_at)
    return Next(Stage.DUE, Why.NOTHING_STOPS, Act.CUT, now, cut_at)


def _why_later(site: Site, now: datetime) -> Why:
    return Why.PROTECTED if site.hours.protected(now) else Why.LAST_NOTICE


def _in_the_way(one: Account, site: Site, now: datetime) -> Why | None:
    """What stops a cut at the very moment. Asked again just before the order is placed."""
    if site.hours.protected(now):
        return Why.PROTECTED
    old = one.read_at is None or now - one.read_at > timedelta(minutes=site.rules.stale_minutes)
    if old or one.lost:
        return Why.STALE
    if site.stopped:
        return Why.STOPPED
    return None if site.room_for_a_cut else Why.LIMIT
