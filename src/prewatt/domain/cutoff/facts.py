"""What the rule is asked about: every account whose money is low, and those that stand on the list already.

A handful of queries for any number of accounts; who has plenty is left to the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import F, Q

from prewatt.domain import workdays
from prewatt.domain.billing import queries as billing
from prewatt.domain.billing.queries import Stand
from prewatt.domain.control import cutting
from prewatt.domain.control.models import NeverCut, SwitchRules
from prewatt.domain.cutoff import rule
from prewatt.domain.cutoff.hours import Hours
from prewatt.domain.cutoff.models import FairRules, Grace, Keep, Notice, Standing
from prewatt.domain.dispatch.models import Kind, MeterOrder
from prewatt.domain.dispatch.states import OPEN, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.metering import board
from prewatt.domain.metering.queries import zone
from prewatt.domain.metering.states import FORCED_ON
from prewatt.domain.vending import platform

AGAIN_AFTER = timedelta(minutes=30)  # a trip that came to nothing is not tried again sooner


# The price of use comes hours after it, for some plans a day: what is owed can only have grown since. Later than this
# the books are as stale as a meter that does not answer.
PRICED_WITHIN = timedelta(hours=36)


def credits_of(openings: Collection[int] | None = None) -> Mapping[int, Stand]:
    """The accounts that the platform bills, by opening; None asks for all of them."""
    return billing.standings(openings)


def _read_at(credit: Stand) -> datetime | None:
    if credit.read_at is None or credit.known_at is None:
        return None
    return min(credit.read_at, credit.known_at + PRICED_WITHIN)


def rules() -> FairRules:
    return FairRules.objects.filter(pk=1).first() or FairRules()


def hours(switching: SwitchRules) -> Hours:
    """The protected hours of the switching rules, ready to be asked."""
    own = frozenset(date.fromisoformat(day) for day in switching.protected_days)

    def rests(day: date) -> bool:
        return day in own or (switching.protect_weekends and workdays.rests(day))

    return Hours(zone(), switching.protect, switching.protected_from, switching.protected_until, rests)


def plain(fair: FairRules) -> rule.Rules:
    names = "automatic must_be_told notice_days notice_days_dwelling gap_hours last_minutes remind_hours stale_minutes"
    return rule.Rules(**{name: getattr(fair, name) for name in names.split()})


def site(fair: FairRules, *, now: datetime) -> rule.Site:
    switching = cutting.rules()
    room = cutting.alone_lately(switching, now=now) < switching.limit_count
    return rule.Site(hours(switching), plain(fair), stopped=cutting.stop() is not None, room_for_a_cut=room)


@dataclass(frozen=True, slots=True)
class Known:
    """One account, what was said to it, and where it stood."""

    opening: int
    meter: int
    account: rule.Account
    told: rule.Told
    grace: rule.Grace | None
    standing: Standing | None


class _Row(NamedTuple):
    opening: int
    meter: int
    use: str
    room_use: str | None
    alarm1_fen: int
    alarm2_fen: int
    net_fen: int | None
    taken_at: datetime | None
    lost: bool | None
    forced: int | None
    relay_closed: int | None


_COLUMNS = (
    *("current__pk", "pk", "current__use", "room__use", "alarm1_fen", "alarm2_fen", "net_fen"),
    *("state__taken_at", "state__lost", "state__forced", "state__relay_closed"),
)


def accounts(fair: FairRules, *, now: datetime, only: Collection[int] | None = None) -> Iterator[Known]:
    """`only` these openings, fine or not; else whoever may be concerned."""
    credits = credits_of(only)
    found = board.accounts().filter(active=True, current__inactive=False)
    if only is None:
        hours_ahead = 2 * fair.remind_hours
        low = Q(net_fen__lte=F("alarm1_fen")) | Q(lasts__lte=hours_ahead) | Q(current__cutoff__isnull=False)
        found = found.annotate(lasts=board.LASTS).filter(low | Q(current__in=list(credits)))
    else:
        found = found.filter(current__in=only)
    rows = [_Row(*row) for row in found.order_by().values_list(*_COLUMNS)]
    yield from _known(rows, credits, fair, now)


def _known(rows: list[_Row], credits: Mapping[int, Stand], fair: FairRules, now: datetime) -> Iterator[Known]:
    openings, meters = [row.opening for row in rows], [row.meter for row in rows]
    told, graces, standings = _told(openings), _graces(openings, now), _standings(openings)
    never, kept, trips = _never(meters), _kept(meters), _trips(meters, now)
    ours = platform.held_by_us(Meter.objects.filter(pk__in=[row.meter for row in rows if row.opening in credits]))
    ahead = forecast.ahead(meters)
    homes = frozenset(fair.dwelling_uses)
    for row in rows:
        credit = credits.get(row.opening)
        money_fen = row.net_fen if credit is None else credit.available_fen
        left = ahead[row.meter].left(money_fen, now=now) if row.meter in ahead else None
        account = rule.Account(
            money_fen=money_fen,
            alarm1_fen=row.alarm1_fen,
            alarm2_fen=row.alarm2_fen,
            read_at=row.taken_at if credit is None else _read_at(credit),
            runs_out_at=None if left is None else now + timedelta(days=left.low),
            platform=credit is not None,
            dwelling=bool({row.use, row.room_use or ""} & homes),
            post_paid=credit is not None and credit.postpaid,
            overdraft_fen=credit.overdraft_fen if credit is not None else 0,
            never_cut=row.meter in never,
            held=row.forced == FORCED_ON and row.meter not in ours,
            kept=row.meter in kept,
            is_off=row.relay_closed == 0,
            lost=row.lost is not False,
            trip_on_its_way=row.meter in trips,
        )
        mine = told.get(row.opening, rule.Told())
        yield Known(row.opening, row.meter, account, mine, graces.get(row.opening), standings.get(row.opening))


def _told(openings: list[int]) -> dict[int, rule.Told]:
    found: dict[int, dict[str, rule.Said]] = {}
    rows = Notice.objects.filter(opening__in=openings, open=True).order_by("at")
    for opening, word, at, told_at in rows.values_list("opening", "word", "at", "told_at"):
        found.setdefault(opening, {})[word] = rule.Said(at, told_at)
    return {opening: rule.Told(**words) for opening, words in found.items()}


def _graces(openings: list[int], now: datetime) -> dict[int, rule.Grace]:
    rows = Grace.objects.filter(opening__in=openings, ended_at__isnull=True, until__gt=now)
    return {one: rule.Grace(fen, until) for one, fen, until in rows.values_list("opening", "amount_fen", "until")}


def _standings(openings: list[int]) -> dict[int, Standing]:
    return {one.pk: one for one in Standing.objects.filter(pk__in=openings).select_related("trip")}


def _never(meters: list[int]) -> set[int]:
    own = set(NeverCut.objects.filter(meter__in=meters).values_list("meter", flat=True))
    return own | set(NeverCut.objects.filter(room__meters__in=meters).values_list("room__meters", flat=True))


def _kept(meters: list[int]) -> set[int]:
    return set(Keep.objects.filter(meter__in=meters, ended_at__isnull=True).values_list("meter", flat=True))


def _trips(meters: list[int], now: datetime) -> set[int]:
    """Meters to which an order to switch off is on its way, or one for arrears ended just now, however it ended."""
    lately = Q(cause_kind="arrears", ended_at__gt=now - AGAIN_AFTER) & ~Q(state=State.CANCELLED)
    rows = MeterOrder.objects.filter(Q(state__in=OPEN) | lately, meter__in=meters, kind=Kind.SWITCH_OFF)
    return set(rows.values_list("meter", flat=True))
