"""What an account is opened with: limits and prices, kept with the meter and sent to it where its model takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.control.models import Reported
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.estate import operations as estate
from prewatt.domain.vending.checks import Refused
from prewatt.link.messages import Kind
from prewatt.units.values import Money, Price, UnitError

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator

LIMIT_FEN_MAX = 10_000_000_00
OVERLOAD_W_MAX = 10_000_000
PRICE_E4_MAX = 10_0000  # ten yuan a kWh: a slip of the decimal point, not a price
MONEY = ("ceiling_fen", "alarm1_fen", "alarm2_fen")
PRICES = ("price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4", "price_deep_e4")
LIMITS = (*MONEY, "overload_limit_w")


class BadTerm(Refused):
    """`field` is the one to mend."""

    code = "bad_term"

    def __init__(self, text: str, *, field: str) -> None:
        self.field = field
        super().__init__(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """None: as the meter has it. Amounts in fen (a ceiling of 0: none), power in W (0: none), prices in 1e-4 yuan."""

    ceiling_fen: int | None = None
    alarm1_fen: int | None = None
    alarm2_fen: int | None = None
    overload_limit_w: int | None = None
    price_sharp_e4: int | None = None
    price_peak_e4: int | None = None
    price_flat_e4: int | None = None
    price_valley_e4: int | None = None
    price_deep_e4: int | None = None

    def named(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if value is not None}


UNCHANGED = Terms()


def read(texts: Mapping[str, str]) -> Terms:
    """Terms as typed, by field: yuan, W, yuan per kWh. An empty text leaves the meter's own. Raises BadTerm."""
    found: dict[str, int] = {}
    for name, text in texts.items():
        typed = text.strip().replace(",", "").replace("，", "")
        if typed:
            found[name] = _price(name, typed) if name in PRICES else _limit(name, typed)
    return Terms(**found)


def _price(name: str, typed: str) -> int:
    try:
        e4 = Price.parse(typed).e4
    except UnitError as error:
        raise BadTerm(
            _("“%(text)s” is not a price. Nothing was booked. Type yuan per kWh with at most four decimals.")
            % {"text": typed[:20]},
            field=name,
        ) from error
    if e4 > PRICE_E4_MAX:
        raise BadTerm(
            _("A price of %(price)s yuan per kWh is above ten yuan. Nothing was booked. Check the decimal point.")
            % {"price": typed[:20]},
            field=name,
        )
    return e4


def _limit(name: str, typed: str) -> int:
    try:
        value = Money.parse(typed).fen if name in MONEY else int(typed) if typed.isdecimal() else -1
    except UnitError:
        value = -1
    if not 0 <= value <= (LIMIT_FEN_MAX if name in MONEY else OVERLOAD_W_MAX):
        raise BadTerm(
            _("“%(text)s” does not fit here. Nothing was booked. Type yuan with two decimals, or whole watts.")
            % {"text": typed[:20]},
            field=name,
        )
    return value


def apply(*, meter: Meter, terms: Terms, operator: Operator, now: datetime, address: str = "") -> Meter:
    """Keep the terms with the meter, whose row the caller holds. Raises BadTerm."""
    changed = {name: value for name, value in terms.named().items() if getattr(meter, name) != value}
    alarm1_fen, alarm2_fen = (changed.get(name, getattr(meter, name)) for name in ("alarm1_fen", "alarm2_fen"))
    if alarm2_fen > alarm1_fen:
        raise BadTerm(
            _("Alarm 2 (%(two)s yuan) is above alarm 1 (%(one)s yuan). Nothing was booked. Alarm 1 comes first.")
            % {"one": Money(alarm1_fen), "two": Money(alarm2_fen)},
            field="alarm2_fen",
        )
    if changed:
        fields: dict[str, Any] = dict(changed)
        estate.change_meter(meter=meter, operator=operator, now=now, address=address, **fields)
    return meter


def ceilings_fen(meter: Meter) -> set[int]:
    """What the meter may go by now: the ceiling in the books and the one that it showed last, where there is one."""
    shown = Reported.objects.filter(meter=meter).values_list("ceiling_fen", flat=True).first()
    return {int(one) for one in (meter.ceiling_fen, shown) if one}


def send(
    *,
    order_id: str,
    meter: Meter,
    operator: Operator,
    now: datetime,
    first_fen: int = 0,
    ceilings_fen: Collection[int] = (),
) -> list[MeterOrder]:
    """One order for the limits and one for the prices, as far as the meter's model takes them from afar.

    The caller is in a transaction. `order_id` names both; the same again are the same orders. Where the account opens
    with more (`first_fen`) than one of the `ceilings_fen` that the meter had, the limits go before the money.
    """
    wanted = ((Kind.LIMITS, LIMITS), (Kind.PRICES, PRICES))
    values = {kind: sendable(meter, kind, names) for kind, names in wanted}
    before = "ceiling_fen" in values[Kind.LIMITS] and any(one < first_fen for one in ceilings_fen)
    return [
        dispatch.place(
            order_id=order_id + (dispatch.BEFORE if before and kind is Kind.LIMITS else f"-{kind.value}"),
            meter=meter,
            kind=kind,
            values=named,
            operator=operator,
            cause=("opening", order_id),
            now=now,
        )
        for kind, named in values.items()
        if named
    ]


def sendable(meter: Meter, kind: Kind, names: tuple[str, ...]) -> dict[str, int]:
    """The values that this model, with what its site allows, takes by such an order. A price of zero was never set."""
    command = profiles.load(meter.profile).allowed(meter.allow).commands.get(kind.value)
    taken = {field.name for field in command.fields} if command else set()
    found = {name: int(getattr(meter, name)) for name in names if name in taken}
    return {name: value for name, value in found.items() if value or kind is not Kind.PRICES}
