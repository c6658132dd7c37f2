"""楼宇: a building as floors of tiles, and one room's card. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import OPEN
from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Building, Floor, Meter
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.forecast.rule import Left
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import MeterDay, Standing
from prewatt.domain.metering.states import State
from prewatt.domain.vending.models import Sale
from prewatt.web.console.overview import HOURS, hour_rows
from prewatt.web.parts import formats, words

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

SHOWS = ("balance", "power", "today")
COLUMNS_MAX = 12
RECENT_ROWS = 6
FULL_OLD = timedelta(minutes=40)  # the full sweep comes every half hour: older voltages and powers are greyed
FOUND_MAX = 50


@dataclass(frozen=True, slots=True)
class Tile:
    standing: Standing
    text: str
    title: str
    dim: bool  # not among what was searched for


@dataclass(frozen=True, slots=True)
class FloorRow:
    floor: Floor
    tiles: list[Tile]
    load_w: int | None  # None: nobody knows

    @property
    def columns(self) -> int:
        return min(COLUMNS_MAX, max(1, len(self.tiles)))


@dataclass(frozen=True, slots=True)
class LegendKey:
    state: State
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of a building."""

    show: str = "balance"
    text: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Tower:
    building: Building
    rows: list[FloorRow]
    legend: list[LegendKey]
    asked: Asked

    @property
    def total(self) -> int:
        return sum(key.count for key in self.legend)

    @property
    def floors(self) -> int:
        return len(self.rows)

    @property
    def shown(self) -> int:
        """How many tiles the filters leave bright."""
        tiles = [tile for row in self.rows for tile in row.tiles]
        return sum(1 for tile in tiles if not tile.dim and self.asked.state in ("", tile.standing.state.value))


def asked(given: Any, operator: Operator) -> Asked:
    """From the address; whatever is not known there counts as not said."""
    del operator
    show, state = given.get("show", ""), given.get("state", "")
    return Asked(
        show=show if show in SHOWS else SHOWS[0],
        text=given.get("q", "").strip()[: estate.SEARCH_TEXT_MAX],
        state=state if state in State.values else "",
    )


def choose(operator: Operator, code: str) -> tuple[list[Building], Building | None]:
    """The buildings he may see and the one that is meant; the first where none is named."""
    mine = estate.buildings(operator=operator)
    return mine, next((one for one in mine if one.code == code), mine[0] if mine else None)


def tower(*, building: Building, operator: Operator, wanted: Asked, now: datetime) -> Tower:
    mine = metering.visible(operator).filter(room__floor__building=building)
    found = metering.standings(mine.order_by("room__number", "circuit", "number"))
    bright = _bright(wanted.text, operator)
    energy = metering.energy_today(mine, now=now) if wanted.show == "today" else {}
    tiles: dict[int, list[Tile]] = {}
    for one in found:
        room = one.meter.room
        if room is not None:
            tiles.setdefault(room.floor_id, []).append(_tile(one, wanted, energy, bright, now))
    floors = building.floors.order_by("-number")
    rows = [FloorRow(floor, tiles[floor.pk], _floor_load(tiles[floor.pk])) for floor in floors if floor.pk in tiles]
    counted = metering.counts(found)
    return Tower(building, rows, [LegendKey(state, counted[state]) for state in words.LEGEND], wanted)


def _bright(text: str, operator: Operator) -> set[int] | None:
    return {meter.pk for meter in estate.search(text=text, operator=operator, limit=FOUND_MAX)} if text else None


def _tile(one: Standing, wanted: Asked, energy: dict[int, int], bright: set[int] | None, now: datetime) -> Tile:
    text = str(words.TILES[one.state]) if one.state in words.TILES else _figure(one, wanted.show, energy)
    parts = [one.room, one.tenant, str(words.STATES[one.state])]
    if one.opening:
        parts.append(_("balance %(yuan)s yuan") % {"yuan": formats.yuan(one.balance_fen)})
    if one.latest and one.latest.taken_at:
        parts.append(formats.age(one.latest.taken_at, now=now))
    return Tile(
        one, text, " · ".join(part for part in parts if part), bright is not None and one.meter.pk not in bright
    )


def _figure(one: Standing, show: str, energy: dict[int, int]) -> str:
    if show == "power":
        watts = one.latest.power_w if one.latest else None
        return formats.thousandth(None if watts is None else watts * one.meter.ratio, 1)
    if show == "today":
        return formats.thousandth(energy.get(one.meter.pk), 1)
    return formats.tile_yuan(one.balance_fen)


def _floor_load(tiles: list[Tile]) -> int | None:
    known = [tile.standing for tile in tiles if tile.standing.latest and tile.standing.latest.power_w is not None]
    return metering.load_now_w(known) if known else None


def since_ms(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 15 else 0


def changed(seen: Tower, *, since: int) -> list[Tile]:
    """Tiles whose meter was heard of since then; all of them for the beginning of time."""
    limit = datetime.fromtimestamp(since / 1000, UTC)
    every = [tile for row in seen.rows for tile in row.tiles]
    return [tile for tile in every if not since or _heard_at(tile.standing) >= limit]


def _heard_at(one: Standing) -> datetime:
    known = one.latest.taken_at if one.latest else None
    return known or datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    voltage: str
    current: str
    power: str


@dataclass(frozen=True, slots=True)
class Card:
    """One meter: everything that a room's card says."""

    standing: Standing
    phases: list[Phase]
    day: MeterDay
    mean_fen: int | None
    electric_old: bool  # voltages, currents and powers come with the full sweep only
    ahead: forecast.Ahead | None = None
    left: Left | None = None

    @property
    def meter(self) -> Meter:
        return self.standing.meter

    @property
    def others(self) -> tuple[State, ...]:
        return self.standing.states[1:]

    @property
    def power_w(self) -> int | None:
        latest = self.standing.latest
        return None if latest is None or latest.power_w is None else latest.power_w * self.meter.ratio

    @property
    def lasts(self) -> str:
        """How long the money lasts, in words; empty where nobody can say."""
        if self.ahead is not None and self.ahead.idle:
            return _("no use lately")
        if self.left is not None:
            return formats.lasts_about(self.left)
        return _("lasts about %(days)s") % {"days": formats.days(self.days_left)} if self.days_left else ""

    @property
    def days_left(self) -> float | None:
        balance = self.standing.balance_fen
        return balance / self.mean_fen if self.mean_fen and balance is not None and balance > 0 else None

    @property
    def closed(self) -> int | None:
        return self.standing.latest.relay_closed if self.standing.latest else None

    @property
    def held(self) -> bool:
        return State.HOLD in self.standing.states

    @property
    def lost(self) -> bool:
        return self.standing.latest is not None and self.standing.latest.lost

    @property
    def forced(self) -> int | None:
        return self.standing.latest.forced if self.standing.latest else None


def card(meter: Meter, *, now: datetime) -> Card:
    one = metering.standing(meter)
    ahead = forecast.ahead([meter.pk]).get(meter.pk)
    return Card(
        standing=one,
        phases=_phases(one),
        day=metering.meter_day(meter, now=now),
        mean_fen=None if one.balance.here else metering.daily_mean_fen([meter.pk]).get(meter.pk),
        ahead=ahead,
        left=ahead.left(one.balance_fen, now=now) if ahead else None,
        electric_old=one.latest is None or one.latest.energy_at is None or now - one.latest.energy_at > FULL_OLD,
    )


def _phases(one: Standing) -> list[Phase]:
    """Values at the meter; behind transformers they are those of the circuit (互感器倍率 applied)."""
    latest, meter = one.latest, one.meter
    if latest is None:
        return []
    found = []
    for name in ("a", "b", "c"):
        volts, amps, watts = (
            getattr(latest, f"{what}_{name}_{unit}")
            for what, unit in (("voltage", "dv"), ("current", "ma"), ("power", "w"))
        )
        if volts is None and amps is None and watts is None:
            continue
        found.append(
            Phase(
                name.upper(),
                formats.scaled(None if volts is None else volts * meter.pt_ratio, 10),
                formats.thousandth(None if amps is None else amps * meter.ct_ratio),
                formats.thousandth(None if watts is None else watts * meter.ratio),
            )
        )
    return found


def day_chart(day: MeterDay) -> dict[str, Any]:
    return {
        "kind": "day",
        "labels": HOURS,
        "unit": "kWh",
        "today_name": _("Today"),
        "yesterday_name": _("Yesterday"),
        "today": [round(wh / 1000, 2) for wh in day.hours_today],
        "yesterday": [round(wh / 1000, 2) for wh in day.hours_yesterday],
    }


def day_rows(day: MeterDay) -> list[tuple[str, int | None, int | None]]:
    return hour_rows(day.hours_today, day.hours_yesterday)


def month(meter: Meter, *, now: datetime) -> dict[str, Any]:
    """The last closed days as a chart and as rows; nothing where no day is closed yet."""
    days = metering.daily(meter, days=30, now=now)
    return {"month": _month_chart(days), "month_rows": list(reversed(days))} if days else {}


def _month_chart(days: list[tuple[date, int]]) -> dict[str, Any]:
    return {
        "kind": "days",
        "unit": "kWh",
        "name": _("Energy"),
        "labels": [f"{day:%m-%d}" for day, _wh in days],
        "values": [round(wh / 1000, 2) for _day, wh in days],
    }


@dataclass(frozen=True, slots=True)
class Event:
    """One line of what happened to a meter lately: an order or a sale."""

    at: datetime
    order: MeterOrder | None
    sale: Sale | None


def recent(meter: Meter, *, rows: int = RECENT_ROWS) -> list[Event]:
    """Sales under their own name; orders that are no sale's."""
    sales = Sale.objects.filter(meter=meter).order_by("-sold_at")[:rows]
    orders = MeterOrder.objects.filter(meter=meter).exclude(kind="recharge").select_related("placed_by")
    events = [
        *(Event(sale.sold_at, None, sale) for sale in sales),
        *(Event(order.placed_at, order, None) for order in orders.order_by("-placed_at")[:rows]),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)[:rows]


def is_moving(meter: Meter) -> bool:
    """Is any order to it still on its way?"""
    return MeterOrder.objects.filter(meter=meter, state__in=OPEN).exclude(state="unclear").exists()
