"""Is everything all right? What the dashboard shows, put together from the domain's reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from prewatt.domain.audit.glance import Glance, glance
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import board, site
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.board import Line, Stated
from prewatt.domain.metering.queries import Standing
from prewatt.domain.metering.site import GatewayLine, RunsOut, Vitals
from prewatt.domain.metering.states import State
from prewatt.domain.tariff.bands import Span, bands_of
from prewatt.domain.vending import queries as vending
from prewatt.domain.vending.queries import Figures
from prewatt.web.parts import formats, words
from prewatt.web.parts.plan_words import BANDS

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

ATTENTION_ROWS = 6
RUNS_OUT_ROWS = 8
RUNS_OUT_DAYS = 3
GATEWAYS_ROWS = 8
HOURS = [f"{hour:02d}:00" for hour in range(24)]
QUARTER_MINUTES = 15
QUARTERS = [f"{at // 4:02d}:{at % 4 * 15:02d}" for at in range(96)]
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
    income: Figures
    ways: list[tuple[words.Text, int]]
    energy_wh: int
    energy_before_wh: int  # yesterday until the same minute
    load_peak: tuple[int, str] | None  # the strongest moment of today: W, its time
    vitals: Vitals
    books: Glance
    shares: list[Share]
    needs: list[Need]
    needs_count: int
    runs_out: RunsOut
    gateways: list[GatewayLine]
    load_today: list[int | None]
    load_yesterday: list[int | None]
    bands: tuple[Span, ...]  # of today, behind the load

    @property
    def meters(self) -> int:
        return self.vitals.meters

    @property
    def gateways_online(self) -> int:
        return sum(line.online for line in self.gateways)

    @property
    def gateways_shown(self) -> list[GatewayLine]:
        return self.gateways[:GATEWAYS_ROWS]

    @property
    def has_load(self) -> bool:
        return any(value is not None for value in (*self.load_today, *self.load_yesterday))

    @property
    def energy_change(self) -> str:
        if not self.energy_before_wh:
            return ""
        change = (self.energy_wh - self.energy_before_wh) / self.energy_before_wh * 100
        return f"{'↑' if change >= 0 else '↓'} {abs(change):.1f}%"


def overview(*, operator: Operator, now: datetime) -> Overview:
    """Every figure is a query of its own, and none grows with the number of meters on the way here."""
    meters = board.board(operator=operator)
    day = metering.today(now)
    yesterday = day - timedelta(days=1)
    money = vending.figures(operator=operator, first_day=day, last_day=day)
    vitals, counted = site.vitals(operator=operator, now=now), board.counts(meters)
    hours_today, hours_yesterday = (site.hours(operator=operator, day=one) for one in (day, yesterday))
    load_today = _until_now(site.load(operator=operator, day=day, now=now), now)
    return Overview(
        income=vending.total(money),
        ways=_ways(money),
        energy_wh=sum(hours_today),
        energy_before_wh=_until(hours_yesterday, _known_until(vitals, now)),
        load_peak=_peak(load_today),
        vitals=vitals,
        books=glance(operator=operator),
        shares=_shares(counted),
        needs=attention(meters, now=now),
        needs_count=sum(counted[state] for state in URGENT),
        runs_out=site.runs_out(meters, days=RUNS_OUT_DAYS, rows=RUNS_OUT_ROWS, now=now),
        gateways=site.gateway_lines(operator=operator, now=now),
        load_today=load_today,
        load_yesterday=site.load(operator=operator, day=yesterday, now=now),
        bands=bands_of(Meter.objects.for_operator(operator), day=day, now=now),
    )


def _known_until(vitals: Vitals, now: datetime) -> datetime:
    """When registers were last read: today's energy is known so far, and yesterday's is compared as far."""
    at = vitals.full_at
    return at if at is not None and metering.today(at) == metering.today(now) else now


def _until_now(load: list[int | None], now: datetime) -> list[int | None]:
    """The running quarter is not over: the line ends in the load of this moment instead."""
    return load[: _quarter(now)]


def _quarter(at: datetime) -> int:
    local = formats.local(at)
    return local.hour * 4 + local.minute // 15


def _until(hours: list[int], at: datetime) -> int:
    """Yesterday until the same minute: whole hours and the running hour's part."""
    local = formats.local(at)
    part = hours[local.hour] * local.minute // 60 if local.hour < len(hours) else 0
    return sum(hours[: local.hour]) + part


def _peak(load: list[int | None]) -> tuple[int, str] | None:
    known = [(value, at) for at, value in enumerate(load) if value]
    if not known:
        return None
    value, at = max(known, key=lambda one: one[0])
    return value, QUARTERS[at % len(QUARTERS)]


def _ways(money: list[Figures]) -> list[tuple[words.Text, int]]:
    """What came in today by each way of paying, most first."""
    sums: dict[str, int] = {}
    for row in money:
        sums[row.tender] = sums.get(row.tender, 0) + row.income_fen
    return [(words.TENDERS.get(way, way), fen) for way, fen in sorted(sums.items(), key=lambda item: -item[1])]


def _shares(counted: dict[State, int]) -> list[Share]:
    total, most = max(1, sum(counted.values())), max(1, *counted.values())
    return [
        Share(
            state,
            counted[state],
            100 * counted[state] / total,
            max(1.5, 100 * counted[state] / most) * bool(counted[state]),
        )
        for state in words.LEGEND
    ]


def attention(meters: Stated, *, now: datetime) -> list[Need]:
    """The first rooms that need a person, the most urgent first; among equals the poorest."""
    found = board.first(meters, URGENT, rows=ATTENTION_ROWS, now=now)
    return [Need(line.standing, _said(line, now)) for line in found]


def _said(line: Line, now: datetime) -> str:
    one = line.standing
    if one.state is State.LOST:
        since = one.latest.lost_since if one.latest else None
        gone = _("no answer for %(span)s") % {"span": formats.duration(now - since)} if since else _("never answered")
        return _joined(gone, _("%(bus)s, address %(unit)s") % {"bus": one.meter.bus.code, "unit": one.meter.unit})
    balance = _("balance %(yuan)s yuan") % {"yuan": formats.yuan(one.balance_fen)}
    if one.state is State.HOLD:
        return _joined(_("keeps its power whatever the balance"), balance)
    if one.state is State.OFF:
        return _joined(_("no power"), balance)
    if one.state is State.AL2 and line.days_left is not None:
        days = _("lasts about %(days)s") % {"days": formats.days(line.days_left)}
        return _joined(balance, formats.lasts_about(line.left) if line.left else days)
    return balance


def _joined(*parts: str) -> str:
    return " · ".join(parts)


def load_chart(seen: Overview, *, now: datetime) -> dict[str, Any]:
    """kW in quarters of an hour, and the load of this moment where the line ends."""
    at, load = _quarter(now), round(seen.vitals.load_w / 1000, 1)
    return {
        "kind": "load",
        "labels": QUARTERS,
        "unit": "kW",
        "today_name": _("Today"),
        "yesterday_name": _("Yesterday"),
        "today": [*_kw(seen.load_today), load],
        "yesterday": _kw(seen.load_yesterday),
        "now": {"at": at, "value": load, "text": f"{load:,.1f} kW"},
        "bands": [_band(span) for span in seen.bands],
    }


def _band(span: Span) -> dict[str, str]:
    """Where it stands on the axis; the last quarter is the end of the day there."""
    first, end = (QUARTERS[min(minute // QUARTER_MINUTES, len(QUARTERS) - 1)] for minute in (span.first, span.end))
    return {"band": span.band, "word": str(BANDS.get(span.band, span.band)), "from": first, "to": end}


def ways_chart(seen: Overview) -> dict[str, Any]:
    return {
        "kind": "ways",
        "labels": [str(way) for way, _fen in seen.ways],
        "values": [fen / 100 for _way, fen in seen.ways],
        "texts": [formats.yuan(fen) for _way, fen in seen.ways],
    }


def _kw(load: list[int | None]) -> list[float | None]:
    return [None if watts is None else round(watts / 1000, 2) for watts in load]


def load_rows(seen: Overview) -> list[tuple[str, int | None, int | None]]:
    """The same figures as a table, one row an hour."""
    today, yesterday = seen.load_today[::4], seen.load_yesterday[::4]
    return hour_rows(today, yesterday)


def hour_rows(today: Sequence[int | None], yesterday: Sequence[int | None]) -> list[tuple[str, int | None, int | None]]:
    """The same figures as a table."""
    return [
        (HOURS[hour], today[hour] if hour < len(today) else None, yesterday[hour] if hour < len(yesterday) else None)
        for hour in range(24)
    ]
