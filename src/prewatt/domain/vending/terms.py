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
from prewatt.domain.metering.prices import cap_of
from prewatt.domain.staff import operations as staff
from prewatt.domain.vending.checks import Refused
from prewatt.link.messages import Kind
from prewatt.units.values import Money, Price, UnitError

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter
    from prewatt.domain.staff.models import Operator
    from prewatt.domain.tariff.cap import Cap

GROUND_MAX = 400
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


class AboveCap(Refused):
    code = "above_cap"
    field = "ground"

    def __init__(self, meter: Meter, found: Cap) -> None:
        super().__init__(
            _(
                "The prices of meter %(meter)s (%(asked)s yuan/kWh, blended) lie above what the site pays and may add "
                "(%(allowed)s). Nothing was booked. Resold electricity may not cost more; if there is a ground for it, "
                "write it down."
            )
            % {"meter": meter.number, "asked": Price(found.asked_e4), "allowed": Price(found.allowed_e4)}
        )


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


def check_cap(*, meter: Meter, terms: Terms, ground: str, operator: Operator, now: datetime, address: str = "") -> None:
    """New prices against what the site itself pays. Above it a ground is needed, and is logged. Raises AboveCap.

    Prices that the meter has already were decided when it got them.
    """
    asked = {name: value for name, value in terms.named().items() if name in PRICES and value}
    if all(getattr(meter, name) == value for name, value in asked.items()):
        return
    prices = _in_every_band({name: int(getattr(meter, name)) for name in PRICES} | asked)
    found = cap_of(prices, now=now)
    if found is None or not found.above:
        return
    if not ground.strip():
        raise AboveCap(meter, found)
    staff.log(
        operator=operator,
        action="tariff.above_cap",
        target=f"meter {meter.number}",
        after={**prices, "reason": ground.strip()[:GROUND_MAX]},
        address=address,
        now=now,
    )


def _in_every_band(prices: Mapping[str, int]) -> dict[str, int]:
    """A band without a price of its own is counted as the next one."""
    flat = prices["price_flat_e4"]
    peak, valley = prices["price_peak_e4"] or flat, prices["price_valley_e4"] or flat
    whole = {
        "price_sharp_e4": prices["price_sharp_e4"] or peak,
        "price_peak_e4": peak,
        "price_flat_e4": flat,
        "price_valley_e4": valley,
        "price_deep_e4": prices["price_deep_e4"] or valley,
    }
    return {name: value for name, value in whole.items() if value}


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
