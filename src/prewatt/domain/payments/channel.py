"""What every payment channel does for the rest of the house, whatever it says on the wire.

A channel signs, asks, verifies and translates; it touches no database and decides nothing about money. Whatever it
hands on was signed by the provider and names our own merchant and app: all else is `Forged`. Amounts are whole fen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Way(StrEnum):
    """How the payer comes to the provider's page."""

    PAGE = "page"  # a browser on a desk: 电脑网站, 网关支付
    PHONE = "phone"  # a browser on a phone: 手机网站, H5, 手机支付
    CODE = "code"  # a QR code scanned from a screen: 当面付, Native
    INSIDE = "inside"  # a page inside the provider's own app: JSAPI


class Standing(StrEnum):
    """What the provider says of an order or of a refund."""

    WAITING = "waiting"  # known, not paid (not refunded) yet
    PAID = "paid"  # for a refund: the money went back
    CLOSED = "closed"  # can no longer be paid; for a refund: refused for good
    ABSENT = "absent"  # the provider knows no such order
    UNKNOWN = "unknown"  # it does not say: ask again


@dataclass(frozen=True, slots=True)
class Ask:
    """One attempt to pay. `order_no` is ours, never used twice at any channel: 6 to 32 letters and digits."""

    order_no: str
    amount_fen: int
    subject: str
    way: Way
    created_at: datetime
    expires_at: datetime
    notify_url: str
    return_url: str
    payer: str = ""  # the openid, for INSIDE
    address: str = ""  # the payer's IP address


class Opens(StrEnum):
    """What the payer's browser does with a Lead."""

    VISIT = "visit"  # go to `url`
    POST = "post"  # send `fields` as a form to `url`
    SCAN = "scan"  # show `url` as a QR code
    BRIDGE = "bridge"  # hand `fields` to the app's own script


@dataclass(frozen=True, slots=True)
class Lead:
    opens: Opens
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """What the provider has signed about an order. `channel_no` is its own number; amounts only where it says them."""

    order_no: str
    standing: Standing
    amount_fen: int | None = None
    channel_no: str = ""
    paid_at: datetime | None = None
    raw: str = ""  # its own words, secrets left out: for the operator's screen


@dataclass(frozen=True, slots=True)
class BackAsk:
    """A refund on the original way. `back_no` is ours and makes repeating safe. `total_fen` is what was paid."""

    back_no: str
    order_no: str
    channel_no: str
    amount_fen: int
    total_fen: int
    reason: str
    asked_at: datetime
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class BackFact:
    back_no: str
    order_no: str
    standing: Standing
    amount_fen: int | None = None
    channel_no: str = ""
    raw: str = ""


class Line(StrEnum):
    PAID = "paid"
    BACK = "back"
    FEE = "fee"  # of the provider, on its own line
    OTHER = "other"  # charge-backs and what else the provider books by itself


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of the provider's daily bill. `order_no` and `back_no` are ours, as the bill shows them."""

    kind: Line
    order_no: str
    channel_no: str
    amount_fen: int
    fee_fen: int
    at: datetime
    back_no: str = ""
    raw: str = ""


class Forged(Exception):
    """Not signed by the provider, not for our merchant or app, too old, or not to be understood. Nothing moved."""


class Unreachable(Exception):
    """No answer, or one that cannot be believed: nothing is known; ask again later."""


class NotTaken(Exception):
    """The provider refused in so many words (`code`, its own); asking the same again does not help."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(f"{code}: {says}")
        self.code = code
        self.says = says


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider wants to hear to a notification."""

    status: int
    content_type: str
    body: bytes


class Channel(Protocol):
    """`now` is passed in and held against the times that are signed. No network call runs inside a transaction."""

    @property
    def name(self) -> str: ...  # alipay, wechat, unionpay

    @property
    def ways(self) -> frozenset[Way]: ...

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        """Raises NotTaken, Unreachable. Asking twice for one order is safe."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Fact | BackFact:
        """Verified before it is parsed. Header names in lower case. Raises Forged."""
        ...

    def reply(self, *, taken: bool) -> Reply:
        """`taken` false: the provider shall say it again."""
        ...

    def query(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:
        """Raises Unreachable, Forged."""
        ...

    def close(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:
        """CLOSED, PAID when it was too late, UNKNOWN where the provider knows no closing. Raises Unreachable."""
        ...

    def refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        """Raises NotTaken, Unreachable. Repeating with the same `back_no` is safe."""
        ...

    def query_refund(self, ask: BackAsk, *, now: datetime) -> BackFact: ...

    def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """Of a day that is over. Raises Unreachable while it is not ready (`NotTaken` where there is none for good)."""
        ...
