"""How this site's counters work: which methods are offered, in which order, and whether a shift must be open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.ledger.accounts import TENDERS
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks
from prewatt.domain.vending.checks import NoRight, Refused
from prewatt.domain.vending.models import CounterSettings

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

AS_DELIVERED = ("cash", "wechat", "alipay", "card", "transfer", "unionpay")


class NoMethodLeft(Refused):
    code = "no_method_left"


class MethodNotOffered(Refused):
    code = "method_not_offered"


@dataclass(frozen=True, slots=True)
class Counters:
    methods: tuple[str, ...] = AS_DELIVERED
    default_method: str = "cash"
    shift_needed: bool = False
    payee: str = ""


def settings() -> Counters:
    """As the site chose, or as delivered."""
    row = CounterSettings.objects.filter(pk=1).first()
    if row is None:
        return Counters()
    return Counters(tuple(row.methods), row.default_method, row.shift_needed, row.payee)


@transaction.atomic
def change_settings(
    *,
    methods: Sequence[str],
    default_method: str,
    shift_needed: bool,
    payee: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Counters:
    """Set how the counters work. Raises UnknownTender, NoMethodLeft, MethodNotOffered, NoRight."""
    if not (operator.may(Right.SETTINGS) and operator.all_buildings):  # they hold for every building
        raise NoRight(
            _("%(who)s may not change settings. Nothing was changed. Ask an administrator.")
            % {"who": operator.username}
        )
    offered = tuple(dict.fromkeys(checks.check_tender(one) for one in methods))
    if not offered:
        raise NoMethodLeft(_("No method of payment is left. Nothing was changed. Offer at least one."))
    if default_method not in offered:
        raise MethodNotOffered(
            _("The method chosen as the first one is not offered. Nothing was changed. Choose one that is offered.")
        )
    before = settings()
    wanted = Counters(offered, default_method, shift_needed, payee.strip()[:64])
    if wanted != before:
        CounterSettings.objects.update_or_create(pk=1, defaults=_facts(wanted))
        staff.log(
            operator=operator,
            action="counter.settings",
            target="counter",
            before=_facts(before),
            after=_facts(wanted),
            address=address,
            now=now,
        )
    return wanted


def _facts(one: Counters) -> dict[str, Any]:
    return {
        "methods": list(one.methods),
        "default_method": one.default_method,
        "shift_needed": one.shift_needed,
        "payee": one.payee,
    }


def check_offered(tender: str, at_counter: Counters) -> None:
    """A way of paying that the ledger knows, and that this site takes at its counters."""
    checks.check_tender(tender)
    if tender not in at_counter.methods:
        raise MethodNotOffered(
            _("“%(tender)s” is not taken at this site's counters. Nothing was booked. Choose another method.")
            % {"tender": tender}
        )


__all__ = ["TENDERS", "Counters", "change_settings", "check_offered", "settings"]
