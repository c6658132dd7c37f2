"""Is everything all right? What the dashboard shows, put together from the domain's reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from prewatt.domain.audit.glance import Glance, glance
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import GatewayLine, Reach, RunsOut, Standing
from prewatt.domain.metering.states import State
from prewatt.domain.vending import queries as vending
from prewatt.domain.vending.queries import Figures
from prewatt.web.parts import formats, words

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

ATTENTION_ROWS = 6
RUNS_OUT_ROWS = 8
RUNS_OUT_DAYS = 3.0
HOURS = [f"{hour:02d}:00" for hour in range(24)]
# What needs a person, the most urgent first.
URGENT = (State.OWE, State.AL2, State.LOST, State.OFF, State.HOLD)


@dataclass(frozen=True, slots=True)
class Share:
    state: State
    count: int
    percent: float
    width: float  # of its bar, of 100


@dataclass(frozen=True, slots=True)
class Need:
    """One room that wants somebody's attention, and what is said about it."""

    standing: Standing
    text: str


@dataclass(frozen=True, slots=True)
class Overview:
    meters: int
    income: Figures
    ways: list[tuple[words.Text, int]]
    energy_wh: int
    energy_before_wh: int  # yesterday until the same hour
    load_w: int
    load_peak: tuple[int, str] | None  # the strongest hour of today: mean W, its name
    reach: Reach
    books: Glance
    shares: list[Share]
    needs: list[Need]
    needs_count: int
    runs_out: list[RunsOut]
    runs_out_count: int
    gateways: list[GatewayLine]
    hours_today: list[int]
    hours_yesterday: list[int]

    @property
    def gateways_online(self) -> int:
        return sum(line.online for line in self.gateways)

    @property
    def energy_change(self) -> str:
        if not self.energy_before_wh:
            return ""
        change = (self.energy_wh - self.energy_before_wh) / self.energy_before_wh * 100
        return f"{'↑' if change >= 0 else '↓'} {abs(change):.1f}%"


def overview(*, operator: Operator, now: datetime) -> Overview:
    mine = metering.visible(operator)
    found = metering.standings(mine)
    day = metering.today(now)
    money = vending.figures(operator=operator, first_day=day, last_day=day)
    hours_today, hours_yesterday = metering.hours(mine, day=day), metering.hours(mine, day=day - timedelta(days=1))
    needs = attention(found, now=now)
    short = metering.runs_out(found, now=now, days=RUNS_OUT_DAYS)
    return Overview(
        meters=len(found),
        income=vending.total(money),
        ways=_ways(money),
        energy_wh=sum(hours_today),
        energy_before_wh=_until(hours_yesterday, _known_until(found, now)),
        load_w=metering.load_now_w(found),
        load_peak=_peak(hours_today),
        reach=metering.reach(found, now=now),
        books=glance(found),
        shares=_shares(found),
        needs=needs[:ATTENTION_ROWS],
        needs_count=len(needs),
        runs_out=short[:RUNS_OUT_ROWS],
        runs_out_count=len(short),
        gateways=metering.gateway_lines(found, now=now),
        hours_today=hours_today,
        hours_yesterday=hours_yesterday,
    )


def _known_until(found: list[Standing], now: datetime) -> datetime:
    """When registers were last read: today's energy is known so far, and yesterday's is compared as far."""
    local_day = metering.today(now)
    looks = [one.latest.energy_at for one in found if one.latest is not None and one.latest.energy_at is not None]
    return max((at for at in looks if at <= now and metering.today(at) == local_day), default=now)


def _until(hours: list[int], at: datetime) -> int:
    """Yesterday until the same minute: whole hours and the running hour's part."""
    local = formats.local(at)
    part = hours[local.hour] * local.minute // 60 if local.hour < len(hours) else 0
    return sum(hours[: local.hour]) + part


def _peak(hours: list[int]) -> tuple[int, str] | None:
    if not hours or not max(hours):
        return None
    at = hours.index(max(hours))
    return hours[at], HOURS[at % 24]


def _ways(money: list[Figures]) -> list[tuple[words.Text, int]]:
    """What came in today by each way of paying, most first."""
    sums: dict[str, int] = {}
    for row in money:
        sums[row.tender] = sums.get(row.tender, 0) + row.income_fen
    return [(words.TENDERS.get(way, way), fen) for way, fen in sorted(sums.items(), key=lambda item: -item[1])]


def _shares(found: list[Standing]) -> list[Share]:
    counted = metering.counts(found)
    total, most = max(1, len(found)), max(1, *counted.values())
    return [
        Share(
            state,
            counted[state],
            100 * counted[state] / total,
            max(1.5, 100 * counted[state] / most) * bool(counted[state]),
        )
        for state in words.LEGEND
    ]


def attention(found: list[Standing], *, now: datetime) -> list[Need]:
    """Rooms that need a person, the most urgent first; among equals the poorest."""
    urgent = [one for one in found if one.state in URGENT]
    urgent.sort(key=lambda one: (URGENT.index(one.state), one.balance_fen if one.balance_fen is not None else 0))
    means = metering.daily_mean_fen([one.meter.pk for one in urgent if one.state is State.AL2])
    return [Need(one, _said(one, means.get(one.meter.pk), now)) for one in urgent]


def _said(one: Standing, mean_fen: int | None, now: datetime) -> str:
    if one.state is State.LOST:
        since = one.latest.lost_since if one.latest else None
        gone = _("no answer for %(span)s") % {"span": formats.duration(now - since)} if since else _("never answered")
        return _joined(gone, _("%(bus)s, address %(unit)s") % {"bus": one.meter.bus.code, "unit": one.meter.unit})
    balance = _("balance %(yuan)s yuan") % {"yuan": formats.yuan(one.balance_fen)}
    if one.state is State.HOLD:
        return _joined(_("keeps its power whatever the balance"), balance)
    if one.state is State.OFF:
        return _joined(_("no power"), balance)
    if mean_fen and one.balance_fen and one.balance_fen > 0:
        lasts = formats.days(one.balance_fen / mean_fen)
        return _joined(balance, _("lasts about %(days)s") % {"days": lasts})
    return balance


def _joined(*parts: str) -> str:
    return " · ".join(parts)


def load_chart(seen: Overview, *, now: datetime) -> dict[str, Any]:
    """Mean power of each full hour in kW, and the load of this moment where the line ends."""
    hour, load = formats.local(now).hour, round(seen.load_w / 1000, 1)
    return {
        "kind": "load",
        "labels": HOURS,
        "unit": "kW",
        "today_name": _("Today"),
        "yesterday_name": _("Yesterday"),
        "today": [*_kw(seen.hours_today[:hour]), load],
        "yesterday": _kw(seen.hours_yesterday),
        "now": {"at": min(hour, len(seen.hours_today[:hour])), "value": load, "text": f"{load:,.1f} kW"},
    }


def ways_chart(seen: Overview) -> dict[str, Any]:
    return {
        "kind": "ways",
        "labels": [str(way) for way, _fen in seen.ways],
        "values": [fen / 100 for _way, fen in seen.ways],
        "texts": [formats.yuan(fen) for _way, fen in seen.ways],
    }


def _kw(hours: list[int]) -> list[float]:
    return [round(wh / 1000, 2) for wh in hours]


def hour_rows(today: list[int], yesterday: list[int]) -> list[tuple[str, int | None, int | None]]:
    """The same figures as a table."""
    return [
        (HOURS[hour], today[hour] if hour < len(today) else None, yesterday[hour] if hour < len(yesterday) else None)
        for hour in range(24)
    ]
