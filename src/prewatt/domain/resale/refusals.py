"""What is refused of bills and of giving back: first what it means, then what to do."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused


class NoRight(Refused):
    code = "no_right"

    def __init__(self, who: Operator) -> None:
        super().__init__(
            _("%(who)s may not do this, or not for this building. Nothing was changed. Ask an administrator.")
            % {"who": who.username}
        )


class BadBill(Refused):
    code = "bad_bill"

    def __init__(self, text: str) -> None:
        super().__init__(text)


class NoBills(Refused):
    code = "no_bills"

    def __init__(self, month: date) -> None:
        super().__init__(
            _("There is no purchase bill of %(month)s for this building. Nothing was given back. Enter the bill first.")
            % {"month": f"{month:%Y-%m}"}
        )


class NothingOver(Refused):
    code = "nothing_over"

    def __init__(self) -> None:
        super().__init__(_("Nobody was charged above the purchase price in these months. Nothing was given back."))


class MonthNotOver(Refused):
    code = "month_not_over"

    def __init__(self, month: date) -> None:
        super().__init__(
            _("%(month)s is not over, or its days are not closed yet. Nothing was changed. Wait for its last day.")
            % {"month": f"{month:%Y-%m}"}
        )


class WhyNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(
            _("Giving back needs its reason in words. Nothing was given back. Say why, such as the decision's number.")
        )


class SecondPersonNeeded(Refused):
    code = "second_person_needed"

    def __init__(self) -> None:
        super().__init__(
            _("A second person who may refund has to confirm. Nothing was given back. Let somebody else type.")
        )


class OtherFigures(Refused):
    code = "other_figures"

    def __init__(self) -> None:
        super().__init__(
            _("A bill or a day changed since these figures were shown. Nothing was given back. Look at them again.")
        )


class RunIdTaken(Refused):
    code = "run_id_taken"

    def __init__(self) -> None:
        super().__init__(_("This form was used for another run. Nothing was given back this time. Open a new form."))


class NothingToPay(Refused):
    code = "nothing_to_pay"

    def __init__(self) -> None:
        super().__init__(
            _("The wallet does not hold this money any more. Nothing was paid. Look at the customer's wallet.")
        )
