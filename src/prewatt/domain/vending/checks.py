"""What every money operation checks first.

Each refusal has a name, says what it means for the money, and what to do.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.estate.models import Meter
from prewatt.domain.ledger.accounts import TENDERS
from prewatt.domain.staff.refusals import Refused as Refused  # noqa: PLC0414 - known from here too
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.look import Look
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

FRESH = timedelta(minutes=15)
AMOUNT_FEN_MAX = 10_000_000_00  # ten million yuan: a slip of the finger, not a sale


class FloatAmount(Refused):
    code = "float_amount"


class TooManyDecimals(Refused):
    code = "too_many_decimals"


class NotAnAmount(Refused):
    code = "not_an_amount"


class ZeroAmount(Refused):
    code = "zero_amount"


class NegativeAmount(Refused):
    code = "negative_amount"


class AmountTooLarge(Refused):
    code = "amount_too_large"


def parse_amount(amount: object) -> Money:
    """Money, or yuan as text, whole number or Decimal.

    Refuses floats, a third decimal, zero, negative and absurd amounts.
    """
    money = amount if isinstance(amount, Money) else _parse(amount)
    if money.fen == 0:
        raise ZeroAmount(_("The amount is zero. Nothing was booked. Enter what was paid."))
    if money.fen < 0:
        raise NegativeAmount(_("The amount is negative. Nothing was booked. To pay money back use refund or reversal."))
    if money.fen > AMOUNT_FEN_MAX:
        raise AmountTooLarge(_("The amount is above ten million yuan. Nothing was booked. Check the digits."))
    return money


def _parse(amount: object) -> Money:
    if isinstance(amount, float):
        raise FloatAmount(_("A floating-point number cannot carry an exact amount. Nothing was booked. Give text."))
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise NotAnAmount(_("This is not an amount. Nothing was booked. Enter yuan, such as 100 or 100.50."))
    try:
        return Money.parse(amount)
    except ValueError as error:
        whole, _dot, decimals = str(amount).strip().lstrip("+-").partition(".")
        if whole.isdigit() and decimals.isdigit() and len(decimals) > 2:
            raise TooManyDecimals(
                _("The amount has more than two decimals. Nothing was booked. A fen is the smallest amount.")
            ) from error
        raise NotAnAmount(_("This is not an amount. Nothing was booked. Enter yuan, such as 100 or 100.50.")) from error


class UnknownTender(Refused):
    code = "unknown_tender"


def check_tender(tender: str) -> str:
    if tender not in TENDERS:
        raise UnknownTender(
            _("“%(tender)s” is not a way of paying. Nothing was booked. Choose one of: %(known)s.")
            % {"tender": tender, "known": ", ".join(TENDERS)}
        )
    return tender


class NoRight(Refused):
    code = "no_right"


class OutOfScope(Refused):
    code = "out_of_scope"


def check_operator(operator: Operator, right: Right, meter: Meter) -> None:
    """The right itself, then the building that the meter stands in."""
    if not operator.is_active or not operator.may(right):
        raise NoRight(
            _("%(who)s may not do this. Nothing was booked. Ask an administrator for the right “%(right)s”.")
            % {"who": operator.username, "right": right.label}
        )
    if not operator.all_buildings and not Meter.objects.for_operator(operator).filter(pk=meter.pk).exists():
        raise OutOfScope(
            _("Meter %(meter)s stands outside the buildings of %(who)s. Nothing was booked.")
            % {"meter": meter.number, "who": operator.username}
        )


class MeterInactive(Refused):
    code = "meter_inactive"


class MeterNotOpened(Refused):
    code = "meter_not_opened"


class AccountClosed(Refused):
    code = "account_closed"


class AccountEnding(Refused):
    code = "account_ending"


def check_account(meter: Meter, seen: Look) -> tuple[int, int]:
    """The open account's id and its customer's. Refuses meters out of use, never opened, or closed."""
    if not meter.active:
        raise MeterInactive(
            _("Meter %(meter)s is out of use. Nothing was booked; give the money back. Put the meter into use first.")
            % {"meter": meter.number}
        )
    if seen.opening_id is None or seen.customer_id is None:
        raise MeterNotOpened(
            _("Meter %(meter)s has no account yet. Nothing was booked; give the money back. Open an account first.")
            % {"meter": meter.number}
        )
    if seen.closed:
        raise AccountClosed(
            _(
                "The account on meter %(meter)s is closed. Nothing was booked; give the money back. "
                "Open a new account first."
            )
            % {"meter": meter.number}
        )
    if seen.ending:
        raise AccountEnding(
            _(
                "The account on meter %(meter)s is being closed, changed or handed over. Nothing was booked; give the "
                "money back. Wait until that is done, or withdraw it first."
            )
            % {"meter": meter.number}
        )
    return seen.opening_id, seen.customer_id


class AccountInactive(Refused):
    code = "account_inactive"


def check_in_force(meter: Meter, seen: Look) -> None:
    """失效: nothing more is sold to such an account. What it holds can still be refunded, and it can be closed."""
    if seen.inactive:
        raise AccountInactive(
            _(
                "The account on meter %(meter)s is marked inactive. Nothing was booked; give the money back. Take the "
                "mark off first."
            )
            % {"meter": meter.number}
        )


class ReadingTooOld(Refused):
    code = "reading_too_old"
    retry = True


def check_fresh(seen: Look, meter: Meter, now: datetime) -> None:
    """Money may be taken off a meter only against a fresh look at it."""
    if seen.known_at is None or seen.lost or now - seen.known_at > FRESH:
        raise ReadingTooOld(
            _(
                "The last reading of meter %(meter)s is older than %(minutes)d minutes, so nobody knows what it "
                "still holds. "
                "Nothing was booked. Read the meter now and try again."
            )
            % {"meter": meter.number, "minutes": FRESH.total_seconds() // 60}
        )


def business_day(now: datetime) -> date:
    """The site's local day."""
    return timezone.localdate(now)
