"""The counter's verbs. Each is one call and one transaction; each raises a named `Refused` or books everything."""

from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.opening import open_account
from prewatt.domain.vending.returning import pay_out, refund, reverse
from prewatt.domain.vending.selling import resend, sell

__all__ = ["Refused", "open_account", "pay_out", "refund", "resend", "reverse", "sell"]
