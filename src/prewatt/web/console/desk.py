"""What the sale page shows of one tenant and of a cashier's day. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import Standing
from prewatt.domain.vending import movements
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Sale, SaleState
from prewatt.domain.vending.movements import Sums, Wanted
from prewatt.web.console.moving import Word, standing
from prewatt.web.parts.formats import masked

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CANDIDATES_MAX = 8
TODAY_ROWS = 18
RECENT_SALES = 3
USAGE_DAYS = 30
QUICK_YUAN = (100, 200, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class Candidate:
    standing: Standing
    parts: tuple[tuple[str, bool], ...]  # the tenant's name in pieces; True: what was looked for

    @property
    def phone(self) -> str:
        return masked(self.standing.opening.customer.phone) if self.standing.opening else ""


def candidates(*, text: str, operator: Operator) -> list[Candidate]:
    """Whom the one field means, best first, each with its state and balance."""
    ids = [meter.pk for meter in estate.search(text=text, operator=operator, limit=CANDIDATES_MAX)]
    found = {one.meter.pk: one for one in metering.standings(Meter.objects.filter(pk__in=ids))}
    return [Candidate(found[pk], _parts(found[pk], text.strip())) for pk in ids if pk in found]


def _parts(standing: Standing, text: str) -> tuple[tuple[str, bool], ...]:
    name = standing.tenant
    at, length = name.lower().find(text.lower()), len(text)
    if at < 0 and standing.opening and standing.opening.customer.pinyin.startswith(text.lower()):
        at = 0
    if at < 0 or not text:
        return ((name, False),)
    pieces = ((name[:at], False), (name[at : at + length], True), (name[at + length :], False))
    return tuple(piece for piece in pieces if piece[0])


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of usage as the rectangle of a 300 by 60 drawing."""

    x: int
    y: int
    height: int
    day: date
    energy_wh: int


@dataclass(frozen=True, slots=True)
class Tenant:
    """Everything the cashier may want to know before money is taken."""

    standing: Standing
    seen: Look
    mean_fen: int | None  # deducted a day, lately
    recent: list[Sale]
    waiting: list[Sale]  # money of this tenant that waits in the wallet
    bars: list[Bar]

    @property
    def room_fen(self) -> int | None:
        """What the meter's ceiling leaves; None without a ceiling."""
        ceiling_fen = self.standing.meter.ceiling_fen
        return max(0, ceiling_fen - self.seen.balance_fen - self.seen.arriving_fen) if ceiling_fen else None

    @property
    def phone(self) -> str:
        return masked(self.standing.opening.customer.phone) if self.standing.opening else ""


def tenant(*, meter: Meter, now: datetime) -> Tenant:
    standing = metering.standing(meter)
    sales = Sale.objects.filter(meter=meter, opening=standing.opening) if standing.opening else Sale.objects.none()
    return Tenant(
        standing=standing,
        seen=look(meter.pk),
        mean_fen=metering.daily_mean_fen([meter.pk]).get(meter.pk),
        recent=list(sales.order_by("-sold_at")[:RECENT_SALES]),
        waiting=list(sales.filter(state=SaleState.WAITING).order_by("sold_at")),
        bars=_bars(metering.daily(meter, days=USAGE_DAYS, now=now)),
    )


def _bars(days: list[tuple[date, int]]) -> list[Bar]:
    most = max((energy_wh for _day, energy_wh in days), default=0)
    if most <= 0:
        return []
    heights = [max(1, energy_wh * 60 // most) for _day, energy_wh in days]
    return [
        Bar(at * 10, 60 - height, height, day, energy_wh)
        for at, ((day, energy_wh), height) in enumerate(zip(days, heights, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """One movement in the short list."""

    sale_key: str
    at: datetime
    room: str
    way: str
    signed_fen: int
    word: Word
    moving: bool
    void: bool  # turned round since


@dataclass(frozen=True, slots=True)
class Today:
    """A cashier's own day: what he took, gave back, and must have in his drawer."""

    lines: list[Line]
    all: Sums
    cash: Sums
    need: int  # sales that wait for a hand: to resend, or unclear

    @property
    def moving(self) -> bool:
        """Something may still change by itself."""
        return any(line.moving for line in self.lines)


def today(*, operator: Operator, now: datetime) -> Today:
    day = metering.today(now)
    wanted = Wanted(first_day=day, last_day=day, seller_id=operator.pk)
    rows = list(movements.movements(operator=operator, wanted=wanted).order_by("-at", "key")[:TODAY_ROWS])
    mine = Sale.objects.filter(operator=operator, business_day=day)
    return Today(
        lines=[_line(row) for row in rows],
        all=movements.sums(operator=operator, wanted=wanted),
        cash=movements.sums(operator=operator, wanted=Wanted(**{**_fields(wanted), "tender": "cash"})),
        need=mine.filter(state__in=(SaleState.WAITING, SaleState.UNCLEAR)).count(),
    )


def _line(row: dict[str, Any]) -> Line:
    return Line(
        sale_key=row["sale_key"] or row["key"],
        at=row["at"],
        room=row["room_number"] or row["meter_number"],
        way=row["way"],
        signed_fen=row["signed_fen"],
        word=standing(row["what"], row["standing"]),
        moving=row["standing"] in ("paid", "sending"),
        void=row["standing"] in ("reversed", "returned", "refused", "cancelled"),
    )


def _fields(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


def last_sale(*, operator: Operator, now: datetime) -> Sale | None:
    """The newest sale this cashier made today: its way to the meter stays in sight."""
    return Sale.objects.filter(operator=operator, business_day=metering.today(now)).order_by("-sold_at").first()
