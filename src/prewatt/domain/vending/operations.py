"""The counter's verbs. Each is one call and one transaction; each raises a named `Refused` or books everything."""

from prewatt.domain.vending.changing import carry_again, change_meter, in_place, pay_back_carried
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.closing import (
    advance,
    close_account,
    collect_arrears,
    try_again,
    type_reading,
    withdraw,
)
from prewatt.domain.vending.counters import change_settings
from prewatt.domain.vending.handing import hand_over
from prewatt.domain.vending.opening import open_account
from prewatt.domain.vending.paying import sell_many
from prewatt.domain.vending.printing import print_receipt
from prewatt.domain.vending.rebilling import change_billing
from prewatt.domain.vending.returning import ask_reading, pay_out, refund, reverse
from prewatt.domain.vending.selling import resend, sell
from prewatt.domain.vending.shifts import close_shift, open_shift

__all__ = [
    "Refused",
    "advance",
    "ask_reading",
    "carry_again",
    "change_billing",
    "change_meter",
    "change_settings",
    "close_account",
    "close_shift",
    "collect_arrears",
    "hand_over",
    "in_place",
    "open_account",
    "open_shift",
    "pay_back_carried",
    "pay_out",
    "print_receipt",
    "refund",
    "resend",
    "reverse",
    "sell",
    "sell_many",
    "try_again",
    "type_reading",
    "withdraw",
]
