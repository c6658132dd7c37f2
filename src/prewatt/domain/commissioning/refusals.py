"""Why a look at a bus is not begun. No meter was touched; the text says what to do."""

from __future__ import annotations

from typing import ClassVar


class CommissioningRefused(Exception):
    """Nothing was asked. `code` is stable for programs; the text is for a person."""

    code: ClassVar[str] = "commissioning_refused"
    retry: ClassVar[bool] = False


class NotYours(CommissioningRefused):
    code = "out_of_scope"


class NoRight(CommissioningRefused):
    code = "no_right"


class WrongRange(CommissioningRefused):
    code = "wrong_range"


class UnknownModel(CommissioningRefused):
    code = "unknown_model"


class GatewayAway(CommissioningRefused):
    code = "gateway_away"
    retry = True


class BusTaken(CommissioningRefused):
    code = "bus_taken"
    retry = True


class UnknownSheet(CommissioningRefused):
    code = "unknown_sheet"


class NoLabels(CommissioningRefused):
    code = "no_labels"


class TooManyLabels(CommissioningRefused):
    code = "too_many_labels"


class NoPrinter(CommissioningRefused):
    code = "no_pdf"
