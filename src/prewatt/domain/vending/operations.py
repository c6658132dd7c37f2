"""The counter's verbs. Each is one call and one transaction; each raises a named `Refused` or books everything."""

from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.counters import change_settings
from prewatt.domain.vending.opening import open_account
from prewatt.domain.vending.paying import sell_many
from prewatt.domain.vending.printing import print_receipt
from prewatt.domain.vending.returning import pay_out, refund, reverse
from prewatt.domain.vending.selling import resend, sell
from prewatt.domain.vending.shifts import close_shift, open_shift

__all__ = [
    "Refused",
    "change_settings",
    "close_shift",
    "open_account",
    "open_shift",
    "pay_out",
    "print_receipt",
    "refund",
    "resend",
    "reverse",
    "sell",
    "sell_many",
]
