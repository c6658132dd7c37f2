"""The days of one account, each opened to its lines and held against what was charged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext_lazy as _

from prewatt.domain.control.models import Reported
from prewatt.domain.estate.models import Opening
from prewatt.domain.explaining import charged
from prewatt.domain.explaining.use import bands, intervals, start_s
from prewatt.domain.metering.closing import HOUR_MS
from prewatt.domain.metering.models import UsageDay, UsageHour
from prewatt.domain.metering.queries import zone
from prewatt.domain.tariff.history import whole_second
from prewatt.domain.tariff.models import BANDS, PRICE_NAMES
from prewatt.domain.tariff.pricing import Rules, Source, rules_of
from prewatt.domain.tariff.rules import explaining
from prewatt.domain.tariff.rules.timeline import CannotPrice, settlement_start, split
from prewatt.units.values import RATE_WH_PER_FEN, Energy, Price, charge

REGISTER_STEP_WH = 10  # two decimals of a kWh
ROUNDING_FEN = 2  # a meter cuts its own fractions of a fen, at the beginning and at the end of a day


class Why:
    """Why a day was charged otherwise than the plan says. The words are for the tenant too."""

    ROUNDING = _("Rounding: the meter cuts fractions of a fen in its own way.")
    STEPS = _("The register counts in steps behind its transformer; the meter's own money is finer.")
    BORDER = _("The meter's money was read some minutes beside midnight: a little counts to another day.")
    OTHER_PRICE = _("The meter showed another price than the plan: it charged by its own.")
    CHANGED = _("The price changed on this day, and the meter took it at another minute.")
    GAP = _("Readings are missing: the use of these hours was spread evenly over the gap.")
    FIRST = _("The account began on this day: what was used before is not charged to it.")
    LAST = _("The account ended on this day: the rest stands in its closing record.")
    UNKNOWN = _("No known reason. The property office can look at the meter and at its books.")
    NOT_CHARGED = _("The meter did not tell what it deducted on this day.")


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a day, and which version of which plan it comes from."""

    part: explaining.Part
    source: Source


@dataclass(frozen=True, slots=True)
class Told:
    """A day. `fen` is what the plan makes of it; None where no plan was known, and `refused` says so."""

    day: date
    wh: int
    lines: tuple[Line, ...]
    fen: int | None
    rest: Fraction
    charged_fen: int | None
    filled_hours: int
    why: tuple[Any, ...]
    refused: str = ""

    @property
    def difference_fen(self) -> int | None:
        return None if self.fen is None or self.charged_fen is None else self.charged_fen - self.fen


@dataclass(frozen=True, slots=True)
class Month:
    """The days of an account in one month, oldest first."""

    opening: Opening
    first: date
    days: tuple[Told, ...]

    @property
    def wh(self) -> int:
        return sum(one.wh for one in self.days)

    @property
    def fen(self) -> int:
        return sum(one.fen or 0 for one in self.days)

    @property
    def charged_fen(self) -> int:
        return sum(one.charged_fen or 0 for one in self.days)

    @property
    def difference_fen(self) -> int:
        return sum(one.difference_fen or 0 for one in self.days)


def month(*, opening: Opening, first: date) -> Month:
    """`first` is the first of a month. `opening` with its meter."""
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    begun, ended = _life(opening)
    return Month(opening, first, tuple(_told(opening, max(first, begun), min(last, ended))))


def _life(opening: Opening) -> tuple[date, date]:
    begun = opening.opened_at.astimezone(zone()).date()
    return begun, opening.closed_at.astimezone(zone()).date() if opening.closed_at else date.max


def _told(opening: Opening, first: date, last: date) -> Iterable[Told]:
    begun, _ended = _life(opening)
    rules = rules_of(opening.meter_id)
    since = max(begun, min([first, *(_span_start(one, first) for one in rules)]))
    closed = {one.day: one for one in _closed(opening.meter_id, since, last)}
    told = _explained(opening, rules, closed, first)
    facts = _Facts(opening, rules, first, last)
    for day, row in closed.items():
        if day >= first:
            yield facts.told(row, told.get(day))


def _closed(meter_id: int, first: date, last: date) -> Any:
    return UsageDay.objects.filter(meter=meter_id, day__gte=first, day__lte=last).order_by("day")


def _span_start(one: Rules, day: date) -> date:
    """The day from which use counts for the ladder on this day."""
    settlement = one.plan.settlement
    if settlement.every == "bill":
        return day
    local = datetime.combine(day, time())
    return settlement_start(settlement, local, monthly=settlement.every == "month").date()


Found = tuple[list[Line], int, Fraction] | str


def _explained(
    opening: Opening, rules: Sequence[Rules], closed: Mapping[date, UsageDay], first: date
) -> dict[date, Found]:
    """By day: lines, fen and the carried fraction; or why there is no price."""
    found: dict[date, Found] = {}
    for one in rules:
        begins, ends = (
            one.since.astimezone(zone()).date(),
            one.until.astimezone(zone()).date() if one.until else date.max,
        )
        mine = {day: row for day, row in closed.items() if begins <= day <= ends}
        try:
            cuts = _ends(opening, one)
            use = _within(intervals(meter_id=opening.meter_id, plan=one.plan, days=mine, cuts=cuts), *cuts)
            for day in explaining.by_day(one.plan, use):
                if day.day >= first:
                    _add(found, day, one)
        except CannotPrice as error:
            found |= {day: str(error) for day in mine if day >= first}
    return found


def _ends(opening: Opening, one: Rules) -> tuple[int, int]:
    """What these rules price of the account, in seconds."""
    ends = [int(at.timestamp()) for at in (one.until, opening.closed_at) if at]
    return int(max(one.since, whole_second(opening.opened_at)).timestamp()), min(ends, default=2**62)


def _within(use: Iterable[Any], from_s: int, to_s: int) -> list[Any]:
    """An interval across a border is cut there."""
    found = []
    for piece in use:
        if piece.start_s < from_s < piece.end_s:
            piece = split(piece, from_s)[1]  # noqa: PLW2901
        if piece.start_s < to_s < piece.end_s:
            piece = split(piece, to_s)[0]  # noqa: PLW2901
        if from_s <= piece.start_s and piece.end_s <= to_s:
            found.append(piece)
    return found


def _place(part: explaining.Part) -> tuple[int, int, int]:
    """Energy first, its bands in the order of the day's prices: a database may keep a document's in another."""
    if part.kind != "energy":
        return (1, 0, 0)
    return (0, part.version, BANDS.index(part.band) if part.band in BANDS else len(BANDS))


def _add(found: dict[date, Found], day: explaining.Day, rules: Rules) -> None:
    lines = [Line(part, rules.sources[part.version]) for part in sorted(day.parts, key=_place)]
    known = found.get(day.day)
    if known is None or isinstance(known, str):
        found[day.day] = (lines, day.fen, day.rest)
    else:
        found[day.day] = (known[0] + lines, known[1] + day.fen, known[2] + day.rest)


class _Facts:
    """What is known beside the price: what was charged, where readings were missing, when prices changed."""

    def __init__(self, opening: Opening, rules: Sequence[Rules], first: date, last: date) -> None:
        self._opening, self._begun, self._ended = opening, *_life(opening)
        self._booked = charged.by_day(opening_id=opening.pk, first=first, last=min(last, first + timedelta(days=31)))
        self._filled = _filled(opening.meter_id, first, last)
        self._changes = _changes(rules)
        reported = Reported.objects.filter(meter=opening.meter_id).first()
        self._shown = reported.known() if reported else {}

    def told(self, row: UsageDay, found: Found | None) -> Told:
        lines, fen, rest = ((), None, Fraction(0)) if found is None or isinstance(found, str) else found
        one = Told(
            day=row.day,
            wh=int(row.energy_wh),
            lines=tuple(lines),
            fen=fen,
            rest=rest,
            charged_fen=self._booked.get(row.day, row.deducted_fen),
            filled_hours=self._filled.get(row.day, 0),
            why=(),
            refused=found if isinstance(found, str) else "",
        )
        return replace(one, why=tuple(self._why(one, row)))

    def _why(self, one: Told, row: UsageDay) -> Iterable[Any]:
        """Every reason that is known to hold; of what is left over, that nobody knows."""
        if one.charged_fen is None:
            yield Why.NOT_CHARGED
        if not one.difference_fen:
            return
        known = list(self._known(one, row))
        yield from known
        if not known:
            yield Why.UNKNOWN

    def _known(self, one: Told, row: UsageDay) -> Iterable[Any]:
        if one.day == self._begun:
            yield Why.FIRST
        if one.day == self._ended:
            yield Why.LAST
        if one.day in self._changes:
            yield Why.CHANGED
        if one.filled_hours:
            yield Why.GAP
        off_fen = abs(one.difference_fen or 0)
        if off_fen <= ROUNDING_FEN:
            yield Why.ROUNDING
        elif self._by_its_own_price(one, row):
            yield Why.OTHER_PRICE
        elif off_fen <= self._steps_fen(one):
            yield Why.STEPS
        elif off_fen <= self._steps_fen(one) + self._border_fen(one, row):
            yield Why.BORDER

    def _by_its_own_price(self, one: Told, row: UsageDay) -> bool:
        """What the meter's own prices make of the day fits what it deducted, better than the plan's."""
        if not all(name in self._shown for name in PRICE_NAMES):
            return False
        used = bands(row)
        fen = sum(
            charge(Price(self._shown[f"price_{band}_e4"]), Energy(used[band])).fen for band in BANDS if band in used
        )
        off_fen = abs((one.charged_fen or 0) - fen)
        return off_fen <= ROUNDING_FEN + self._border_fen(one, row) and off_fen < abs(one.difference_fen or 0)

    def _steps_fen(self, one: Told) -> int:
        """A step of the register at either end of the day, for each price: what its figures cannot tell."""
        step_wh = REGISTER_STEP_WH * self._opening.meter.ratio
        rates_e8 = sum(line.part.rate_e8 or 0 for line in one.lines)
        return ROUNDING_FEN + 2 * step_wh * rates_e8 // RATE_WH_PER_FEN

    def _border_fen(self, one: Told, row: UsageDay) -> int:
        """What may have been used while the meter's money was read beside midnight, at four times the day's mean."""
        from_ms, to_ms = start_s(row.day) * 1000, start_s(row.day + timedelta(days=1)) * 1000
        off_ms = abs(row.first_ms - from_ms) + abs(row.last_ms - to_ms)
        return ROUNDING_FEN + 4 * (one.fen or 0) * off_ms // (24 * HOUR_MS)


def _filled(meter_id: int, first: date, last: date) -> dict[date, int]:
    """Hours of each day that were bridged by rule."""
    from_ms, to_ms = start_s(first) * 1000, start_s(min(last, first + timedelta(days=31)) + timedelta(days=1)) * 1000
    rows = UsageHour.objects.filter(meter=meter_id, start_ms__gte=from_ms, start_ms__lt=to_ms, filled=True)
    found: dict[date, int] = {}
    for at in rows.values_list("start_ms", flat=True):
        day = datetime.fromtimestamp(at / 1000, zone()).date()
        found[day] = found.get(day, 0) + 1
    return found


def _changes(rules: Sequence[Rules]) -> set[date]:
    """The days, and those after, on which another plan or another version began to hold for the meter."""
    since = {source.since.astimezone(zone()).date() for one in rules for source in one.sources}
    return {day + timedelta(days=more) for day in since for more in (0, 1)}
