"""What is wrong with a plan's document, in the reader's language. The rules that find it know no language but English.

A test walks the rules and fails on a sentence that is not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    from prewatt.domain.tariff.rules.faults import Fault

# Sentences, with their places; then what stands in a place and is a word itself.
SENTENCES = (
    _("must be an object"),
    _("needs '%(key)s'"),
    _("needs exactly one of %(keys)s"),
    _("must be a list of %(least)s to %(limit)s"),
    _("must be an object with %(least)s to %(limit)s members"),
    _("must be text of at most %(longest)s characters"),
    _("must be one of %(choices)s"),
    _("must be a whole number from %(low)s to %(high)s"),
    _("must be true or false"),
    _("must be %(what)s, written as text"),
    _("must be a time from 00:00 to 23:59"),
    _("must be a local date and time such as 2026-01-01T00:00, without an offset"),
    _("is not known here; known are %(known)s"),
    _("%(given)s is not %(what)s"),
    _("must be a date such as 2026-01-31"),
    _("must be a day of the year such as 02-28"),
    _("is longer than %(most)s bytes"),
    _("is not JSON: %(error)s"),
    _("no season holds %(day)s, nor %(more)s days more"),
    _("no rule fits a %(kind)s (%(name)s) on %(day)s; end with a rule that names only a table"),
    _("belongs to a yearly settlement"),
    _("must be above zero"),
    _("is above 10000 a kWh: is it a slip of the finger?"),
    _("must not be below zero"),
    _("has both price and prices: give one"),
    _("needs both from and to, or neither"),
    _("has both months and from: give one"),
    _("rounds what per_days makes of the limits: give per_days too"),
    _("every step must have prices for the same bands"),
    _("slabs have one price for all hours: prices by band are not known for them"),
    _("the version has its own price: use add here, or leave that price away"),
    _("free money counts over the span of the settlement: leave it away, or settle monthly"),
    _("belongs to a rate of energy"),
    _("does not go with slabs: which slab applies would depend on what is free"),
    _("%(day)s is a holiday too"),
    _("has several tables and no calendar that says which day has which"),
    _("is not the name of a time zone such as Asia/Shanghai"),
    _("needs 'from': only the first version may hold since ever"),
    _("must be later than 'from'"),
    _("is not a name for a band: small letters, such as sharp, peak, flat, valley, deep"),
    _("is no band of the prices; they are %(bands)s"),
    _("the first slot of a day begins at 00:00"),
    _("must be later than the slot before"),
    _("needs up_to_kwh: only the last step goes on without end"),
    _("must be above that of the step before"),
    _("is added to a price: give the version a price or prices"),
    _("makes a price that is below zero"),
    _("needs %(key)s: only the last slab goes on without end"),
    _("must be above that of the slab before"),
    _("must be above that of the one before"),
    _("belongs to a fee with %(of)s"),
    _("must be where a step of the ladder begins"),
    _("is none of the tables; they are %(tables)s"),
    _("must be later than that of the version before"),
    _("must not be later than the next version's 'from'"),
    _("needs a price, prices, or a ladder with prices"),
    _("needs tables"),
    _("is said beside the document here: leave it away"),
    _("has several: give the document of one, versions are kept one by one here"),
    _("has letters in it that are none"),
)
PHRASES = (
    _("a price per kWh with at most eight decimals"),
    _("an amount with at most two decimals"),
    _("kWh with at most three decimals"),
    _("a part such as 0.08 for 8 %"),
    _("an amount such as 0.01 or 1"),
    _("weekday"),
    _("weekend"),
    _("holiday"),
)


def in_words(fault: Fault) -> str:
    """What the fault says, without its place."""
    values = {name: gettext(one) if one in PHRASES else one for name, one in fault.values}
    sentence = gettext(fault.said) if fault.said in SENTENCES else fault.said
    return sentence % values if values else sentence
