"""What the sale page shows of one tenant and of a cashier's day. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from prewatt.domain.estate import queries as estate
from prewatt.domain.estate.models import Meter
from prewatt.domain.forecast import queries as forecast
from prewatt.domain.metering import queries as metering
from prewatt.domain.metering.queries import Standing
from prewatt.domain.vending import counters, movements, shifts
from prewatt.domain.vending.look import Look, look
from prewatt.domain.vending.models import Sale, SaleState, Shift
from prewatt.domain.vending.movements import Sums, Wanted
from prewatt.domain.vending.paying import LINES_MAX
from prewatt.domain.vending.shifts import Drawer
from prewatt.web.console.moving import Word, standing
from prewatt.web.parts.formats import lasts_about, masked

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


def room_fen(meter: Meter, seen: Look) -> int | None:
    """What the meter's ceiling leaves; None without a ceiling, and where the meter holds no money."""
    if seen.platform:
        return None
    return max(0, meter.ceiling_fen - seen.balance_fen - seen.arriving_fen) if meter.ceiling_fen else None


@dataclass(frozen=True, slots=True)
class Beside:
    """Another meter of the same tenant, ready to be paid for in the same payment."""

    standing: Standing
    seen: Look

    @property
    def room_fen(self) -> int | None:
        return room_fen(self.standing.meter, self.seen)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Everything the cashier may want to know before money is taken."""

    standing: Standing
    seen: Look
    meters: list[Beside]  # all of this tenant's meters, the chosen one first; one alone for most
    recent: list[Sale]
    waiting: list[Sale]  # money of this tenant that waits in the wallet
    bars: list[Bar]

    @property
    def room_fen(self) -> int | None:
        return room_fen(self.standing.meter, self.seen)

    @property
    def phone(self) -> str:
        return masked(self.standing.opening.customer.phone) if self.standing.opening else ""


def tenant(*, meter: Meter, operator: Operator, now: datetime) -> Tenant:
    standing, seen = metering.standing(meter), look(meter.pk)
    sales = Sale.objects.filter(meter=meter, opening=standing.opening) if standing.opening else Sale.objects.none()
    return Tenant(
        standing=standing,
        seen=seen,
        meters=[Beside(standing, seen), *_beside(standing, operator)],
        recent=list(sales.order_by("-sold_at")[:RECENT_SALES]),
        waiting=list(sales.filter(state=SaleState.WAITING).order_by("sold_at")),
        bars=_bars(metering.daily(meter, days=USAGE_DAYS, now=now)),
    )


def lasts(*, meter: Meter, added_fen: int, now: datetime) -> str:
    """How long the balance will last with so much more, in the words of the meter's card; empty: nobody can say."""
    seen = look(meter.pk)
    ahead = forecast.ahead([meter.pk]).get(meter.pk)
    if ahead is None or seen.known_at is None:
        return ""
    if ahead.idle:
        return _("no use lately")
    left = ahead.left(seen.balance_fen + seen.arriving_fen + added_fen, now=now)
    return lasts_about(left) if left else ""


def _beside(standing: Standing, operator: Operator) -> list[Beside]:
    """The tenant's other meters that this cashier may sell to, by room."""
    if standing.opening is None:
        return []
    same = {"openings__customer": standing.opening.customer_id, "openings__closed_at__isnull": True}
    others = Meter.objects.for_operator(operator).filter(active=True, **same).exclude(pk=standing.meter.pk)
    ids = list(others.order_by("room__number", "number").values_list("pk", flat=True)[: LINES_MAX - 1])
    found = metering.standings(Meter.objects.filter(pk__in=ids).order_by("room__number", "number")) if ids else []
    return [Beside(one, look(one.meter.pk)) for one in found]


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

    link: str
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
    shift: Shift | None = None
    drawer: Drawer | None = None  # of the open shift
    shift_needed: bool = False

    @property
    def cash_back_fen(self) -> int:
        """Cash paid back within the open shift."""
        cash = self.drawer.cash if self.drawer else None
        return cash.refunded_fen + cash.reversed_fen if cash else 0

    @property
    def moving(self) -> bool:
        """Something may still change by itself."""
        return any(line.moving for line in self.lines)


def today(*, operator: Operator, now: datetime) -> Today:
    day = metering.today(now)
    wanted = Wanted(first_day=day, last_day=day, seller_id=operator.pk)
    rows = list(movements.movements(operator=operator, wanted=wanted).order_by("-at", "key")[:TODAY_ROWS])
    mine = Sale.objects.filter(operator=operator, business_day=day)
    shift = shifts.current(operator)
    return Today(
        lines=[_line(row) for row in rows],
        all=movements.sums(operator=operator, wanted=wanted),
        cash=movements.sums(operator=operator, wanted=Wanted(**{**_fields(wanted), "tender": "cash"})),
        need=mine.filter(state__in=(SaleState.WAITING, SaleState.UNCLEAR)).count(),
        shift=shift,
        drawer=shifts.drawer(shift) if shift else None,
        shift_needed=counters.settings().shift_needed,
    )


def _line(row: dict[str, Any]) -> Line:
    return Line(
        link=own_page(row),
        at=row["at"],
        room=row["room_number"] or row["meter_number"],
        way=row["way"],
        signed_fen=row["signed_fen"],
        word=standing(row["what"], row["standing"]),
        moving=row["standing"] in ("paid", "sending"),
        void=row["standing"] in ("reversed", "returned", "refused", "cancelled"),
    )


def own_page(row: Mapping[str, Any]) -> str:
    """The page of a movement: a sale's own, or that of money on its way back."""
    if row["what"] == "sale":
        return reverse("console:sale-show", args=[row["key"]])
    return reverse("console:back", args=[row["what"], row["key"]])


def _fields(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


def last_sale(*, operator: Operator, now: datetime) -> Sale | None:
    """The newest sale this cashier made today: its way to the meter stays in sight."""
    return Sale.objects.filter(operator=operator, business_day=metering.today(now)).order_by("-sold_at").first()
