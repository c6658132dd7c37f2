"""The accounts there are: a code and an owner. Money moves from one to another and is never made or lost."""

from __future__ import annotations

from typing import NamedTuple

TENDERS = ("cash", "card", "transfer", "alipay", "wechat", "unionpay")


class Ref(NamedTuple):
    """An account by name. It need not exist yet: the first transfer makes it."""

    code: str
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.code}:{self.owner}" if self.owner else self.code


def tender(method: str) -> Ref:
    """What came in by one way of paying: cash in the drawer, a card terminal. Its balance is that sum, negative."""
    return Ref("tender", method)


def wallet(customer_id: int) -> Ref:
    """Paid, not yet on a meter."""
    return Ref("wallet", str(customer_id))


def meter(opening_id: int) -> Ref:
    """Credit standing on a meter during one opening (one account period 开户..销户)."""
    return Ref("meter", str(opening_id))


def carried(code: str) -> Ref:
    """Credit between two meters: taken off the old one, not yet on the new one. `code` names the change (换表)."""
    return Ref("carried", code)


REVENUE = Ref("revenue")
GRANT = Ref("grant")
CARRIED_IN = Ref("carried-in")
ADJUSTMENT = Ref("adjustment")
