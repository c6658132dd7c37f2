"""保电 with an end, for meters that count their money down by themselves: held through protected hours and through a
grace, released when the time is over.

A held meter goes on counting, below zero too; the next purchase pays that first. A hold also silences the meter's own
overload trip, so it lasts no longer than it must: it begins when the money would not last, and ends when somebody paid.
What ends it at night is only its bound: at so much debt the meter gets its own will back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q

from prewatt import profiles
from prewatt.domain.control import cutting
from prewatt.domain.control.models import Reason
from prewatt.domain.cutoff import facts
from prewatt.domain.cutoff.hours import Hours
from prewatt.domain.cutoff.models import FairRules, Grace, Keep
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.forecast.queries import Ahead
from prewatt.domain.metering import board
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.staff import operations as staff
from prewatt.domain.turns import give_way
from prewatt.link.messages import MONEY_KINDS, SWITCH_KINDS, Kind
from prewatt.profiles import NotAllowed, ProfileError

KEEP = "keep"  # the cause of our own holds and releases
LEAD = timedelta(minutes=20)  # a hold is on the meter before the protected hours begin
AGAIN_AFTER = timedelta(minutes=30)  # a meter that could not be held is not asked again sooner
DAY_S = 86_400


class _Row(NamedTuple):
    opening: int
    meter: int
    profile: str
    allow: list[str]
    net_fen: int
    alarm2_fen: int
    taken_at: datetime
    per_day_fen: int | None


_COLUMNS = (
    *("current__pk", "pk", "profile", "allow", "net_fen", "alarm2_fen"),
    *("state__taken_at", "state__per_day_fen"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A meter that is to be held."""

    opening: int
    meter: int
    until: datetime
    most_fen: int
    likely_fen: int
    for_grace: bool = False


def tend(*, now: datetime) -> int:
    """One pass: hold what would run dry, release what need not be held any more. Returns how many orders it placed."""
    fair = facts.rules()
    hours = facts.hours(cutting.rules())
    done = 0
    for keep in Keep.objects.filter(ended_at__isnull=True).order_by("began_at").values_list("pk", flat=True):
        done += _look_after(keep, fair, hours, now)
        give_way()
    for wish in wishes(fair, hours, now=now):
        done += _hold(wish, now)
        give_way()
    return done


def wishes(fair: FairRules, hours: Hours, *, now: datetime) -> list[Wish]:
    """Who would go dark by the meter's own counting while nobody should."""
    until = _protected_until(hours, now) if fair.keep else None
    graces = {one.opening_id: one for one in Grace.objects.filter(ended_at__isnull=True, until__gt=now)}
    if until is None and not graces:
        return []
    rows = _rows(fair, until, now, None if until is not None else list(graces))
    ahead = forecast.ahead([row.meter for row in rows])
    found: list[Wish | None] = []
    for row in rows:
        grace = graces.get(row.opening)
        wish = _for_grace(row, ahead.get(row.meter), grace, now) if grace is not None else None
        if wish is None and until is not None:
            wish = _for_hours(row, ahead.get(row.meter), until, fair, now)
        found.append(wish)
    return [one for one in found if one is not None]


def _protected_until(hours: Hours, now: datetime) -> datetime | None:
    """When the protected hours end in which we are, or which begin very soon; None: they are far, or never end."""
    begins = hours.protected_from(now)
    return None if begins is None or begins > now + LEAD else hours.free_from(begins)


def _rows(fair: FairRules, until: datetime | None, now: datetime, only: list[int] | None) -> list[_Row]:
    """Meters that answer, are on and follow their own counting; whoever may not last, by a generous guess."""
    fresh = now - timedelta(minutes=fair.stale_minutes)
    found = board.accounts().filter(active=True, state__lost=False, state__taken_at__gte=fresh, net_fen__isnull=False)
    found = found.filter(state__relay_closed=1).exclude(state__forced=FORCED_ON).exclude(pk__in=_busy(now))
    if only is not None:
        found = found.filter(current__in=only)
    elif until is not None:
        hours_ahead = 3 * (until - now) // timedelta(hours=1) + 24
        graced = Grace.objects.filter(ended_at__isnull=True, until__gt=now).values("opening")
        low = Q(net_fen__lte=F("alarm2_fen")) | Q(lasts__lte=hours_ahead) | Q(current__in=graced)
        found = found.annotate(lasts=board.LASTS).filter(low)
    billed = set(facts.credits_of())
    rows = found.order_by("pk").values_list(*_COLUMNS)
    return [row for one in rows if (row := _Row(*one)).opening not in billed and may_hold(row.profile, *row.allow)]


def _busy(now: datetime) -> set[int]:
    """Meters that we hold already, could not hold just now, or that some order switches at this moment."""
    lately = Keep.objects.filter(Q(ended_at__isnull=True) | Q(ended_why="failed", ended_at__gt=now - AGAIN_AFTER))
    orders = MeterOrder.objects.filter(kind__in=sorted(SWITCH_KINDS), state__in=OPEN)
    return {*lately.values_list("meter", flat=True), *orders.values_list("meter", flat=True)}


@lru_cache(maxsize=256)
def may_hold(profile: str, *allow: str) -> bool:
    """Whether this model can be held and released at this site; a model that only the gateways know may be asked."""
    try:
        known = profiles.load(profile).allowed(allow)
        known.command(Kind.HOLD.value)
        known.command(Kind.RELEASE.value)
    except NotAllowed:
        return False
    except ProfileError:
        return True
    return True


def _for_grace(row: _Row, ahead: Ahead | None, grace: Grace, now: datetime) -> Wish | None:
    if row.net_fen > row.alarm2_fen or -row.net_fen >= grace.amount_fen:
        return None
    owed_fen = max(0, _use_fen(row, ahead, grace.until, now) - row.net_fen)
    return Wish(row.opening, row.meter, grace.until, grace.amount_fen, owed_fen, for_grace=True)


def _for_hours(row: _Row, ahead: Ahead | None, until: datetime, fair: FairRules, now: datetime) -> Wish | None:
    """Where nothing is known of the use, the second alarm's amount stands for a night."""
    if -row.net_fen >= fair.keep_max_fen:
        return None
    use_fen = _use_fen(row, ahead, until, now)
    known = ahead is not None or row.per_day_fen is not None
    lasts = use_fen < row.net_fen if known else row.net_fen > row.alarm2_fen
    return None if lasts else Wish(row.opening, row.meter, until, fair.keep_max_fen, max(0, use_fen - row.net_fen))


def _use_fen(row: _Row, ahead: Ahead | None, until: datetime, now: datetime) -> int:
    """What will hardly be used more than until then: the forecast's upper end, else twice the usual."""
    days = (until - now).total_seconds() / DAY_S
    if ahead is not None:
        return ahead.at_most(days, now=now)
    return round(2 * days * max(0, row.per_day_fen or 0))


@transaction.atomic
def _hold(wish: Wish, now: datetime) -> bool:
    meter = dispatch.lock_meter(wish.meter)
    if Keep.objects.filter(meter=meter, ended_at__isnull=True).exists():
        return False
    order = _place(meter, Kind.HOLD, now)
    Keep.objects.create(
        meter=meter,
        opening_id=wish.opening,
        for_grace=wish.for_grace,
        hold=order,
        began_at=now,
        until=wish.until,
        most_fen=wish.most_fen,
        likely_fen=wish.likely_fen,
    )
    after = {"order": order.pk, "until": wish.until.isoformat(), "most_fen": wish.most_fen}
    staff.log(operator=None, action="cutoff.keep", target=f"meter {meter.number}", after=after, now=now)
    return True


def _place(meter: Meter, kind: Kind, now: datetime) -> MeterOrder:
    return dispatch.place_held(order_id=uuid4().hex, meter=meter, kind=kind, now=now, cause=(KEEP, ""))


@transaction.atomic
def _look_after(keep_id: int, fair: FairRules, hours: Hours, now: datetime) -> bool:
    """One hold: has it ended, must it end?"""
    cutting.held_rules()
    keep = Keep.objects.select_related("hold", "release", "opening", "meter__state").get(pk=keep_id)
    dispatch.lock_meter(keep.meter_id)
    if keep.ended_at is not None:
        return False
    if (ended := _ended(keep)) is not None:
        keep.ended_at, keep.ended_why = now, ended
        keep.save(update_fields=["ended_at", "ended_why"])
        return True
    if keep.release is not None and keep.release.state in OPEN:
        return False
    why = _why_release(keep, hours, now)
    if why is None or (keep.release is not None and now < keep.release.placed_at + AGAIN_AFTER):
        return False
    if _goes_dark(keep) and not _may_go_dark(keep, fair, now):
        return False
    _release(keep, why, now)
    return True


def _ended(keep: Keep) -> str | None:
    """Released; or never held; or a person has taken the switch into his own hand since."""
    if keep.release is not None and keep.release.state == State.DONE:
        return keep.ended_why or "time"
    if keep.hold.state in (State.REFUSED, State.EXPIRED, State.CANCELLED) and _reads_free(keep):
        return "failed"
    since = MeterOrder.objects.filter(meter=keep.meter, kind__in=sorted(SWITCH_KINDS), placed_at__gt=keep.began_at)
    return "by_hand" if since.exclude(cause_kind=KEEP).filter(state=State.DONE).exists() else None


def _reads_free(keep: Keep) -> bool:
    """Read after the order ended, and not held: an order that came to nothing here may yet have reached the meter."""
    state = getattr(keep.meter, "state", None)
    if state is None or state.taken_at is None or keep.hold.ended_at is None:
        return False
    free: bool = state.taken_at > keep.hold.ended_at and state.forced != FORCED_ON
    return free


def _money_fen(keep: Keep) -> int | None:
    state = getattr(keep.meter, "state", None)
    if state is None or state.balance_fen is None:
        return None
    balance: int = state.balance_fen
    return balance if balance < 0 else balance - (state.overdraft_fen or 0)


def _why_release(keep: Keep, hours: Hours, now: datetime) -> str | None:
    money_fen = _money_fen(keep)
    if keep.opening.closed_at is not None:
        return "closed"
    if money_fen is not None and money_fen > keep.meter.alarm1_fen:
        return "paid"
    if money_fen is not None and -money_fen >= keep.most_fen:
        return "bound"
    over = (now >= keep.until or _grace_ended(keep, now)) and not hours.protected(now)
    return "time" if over else None


def _grace_ended(keep: Keep, now: datetime) -> bool:
    """By a person, before its time: nothing is promised any more."""
    if not keep.for_grace:
        return False
    return not Grace.objects.filter(opening=keep.opening_id, ended_at__isnull=True, until__gt=now).exists()


def _goes_dark(keep: Keep) -> bool:
    money_fen = _money_fen(keep)
    return money_fen is None or money_fen <= 0


def _may_go_dark(keep: Keep, fair: FairRules, now: datetime) -> bool:
    """Ending this hold switches somebody off: the stop, the never-cut list and the limit count as for any trip, and
    money on its way to the meter is waited for.
    """
    switching = cutting.rules()
    if cutting.stop() is not None or cutting.alone_lately(switching, now=now) >= switching.limit_count:
        return False
    if cutting.never_cut(Meter.objects.filter(pk=keep.meter_id)):
        return False
    state = getattr(keep.meter, "state", None)
    fresh = now - timedelta(minutes=fair.stale_minutes)
    if state is None or state.lost or state.taken_at is None or state.taken_at < fresh:
        return False
    money = MeterOrder.objects.filter(meter=keep.meter, kind__in=sorted(MONEY_KINDS), state__in=OPEN)
    return not money.exists()


def _release(keep: Keep, why: str, now: datetime) -> None:
    keep.release = _place(keep.meter, Kind.RELEASE, now)
    keep.ended_why = why
    keep.save(update_fields=["release", "ended_why"])
    if _goes_dark(keep):
        cutting.record([keep.release.pk], cutting.Why(Reason.ARREARS, "", "", None), operator=None, now=now)
    staff.log(
        operator=None,
        action="cutoff.unkeep",
        target=f"meter {keep.meter.number}",
        after={"order": keep.release.pk, "why": why, "money_fen": _money_fen(keep)},
        now=now,
    )
