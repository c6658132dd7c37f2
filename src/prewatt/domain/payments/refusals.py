"""What is not done with a payment, and why. The first sentence says what it means for the money."""

from __future__ import annotations

from typing import ClassVar

from prewatt.domain.staff.refusals import Refused


class PaymentRefused(Refused):
    code: ClassVar[str] = "payment"


class ChannelOff(PaymentRefused):
    code: ClassVar[str] = "channel_off"


class WayUnknown(PaymentRefused):
    code: ClassVar[str] = "way_unknown"


class OrderIdTaken(PaymentRefused):
    code: ClassVar[str] = "order_id_taken"


class TooManyTries(PaymentRefused):
    code: ClassVar[str] = "too_many_tries"
    retry: ClassVar[bool] = True


class ChannelSilent(PaymentRefused):
    code: ClassVar[str] = "channel_silent"
    retry: ClassVar[bool] = True


class ChannelRefused(PaymentRefused):
    code: ClassVar[str] = "channel_refused"


class AccountOver(PaymentRefused):
    code: ClassVar[str] = "account_closed"


class NotPaid(PaymentRefused):
    code: ClassVar[str] = "not_paid"


class MoreThanPaid(PaymentRefused):
    code: ClassVar[str] = "more_than_paid"

    def __init__(self, text: str, fits_fen: int) -> None:
        self.fits_fen = fits_fen
        super().__init__(text)


class StillOnItsWay(PaymentRefused):
    code: ClassVar[str] = "still_on_its_way"
    retry: ClassVar[bool] = True


class NotKept(PaymentRefused):
    code: ClassVar[str] = "not_in_wallet"


class NotClosable(PaymentRefused):
    code: ClassVar[str] = "not_closable"
