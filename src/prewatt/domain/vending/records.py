"""What remains of an account that ended (销户, 换表, 过户, 计费方式变更), one line a meter.

Written by itself, never edited.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ClosingKind(models.TextChoices):
    CLOSE = "close", _("account closed")  # 销户
    CHANGE = "change", _("meter changed")  # 换表
    HAND_OVER = "hand_over", _("handed over")  # 过户
    REBILL = "rebill", _("billing changed")  # 计费方式变更: 仪表计费 <-> 平台计费


class ClosingState(models.TextChoices):
    OPEN = "open", _("under way")
    DONE = "done", _("done")
    WITHDRAWN = "withdrawn", _("withdrawn")


class LineState(models.TextChoices):
    READING = "reading", _("the meter is switched off and read")
    TAKING = "taking", _("the credit is taken off the meter")
    UNCLEAR = "unclear", _("unclear: a person decides")
    OWES = "owes", _("arrears are to be paid")
    STUCK = "stuck", _("the meter does not do it: enter its reading by hand, or try again")
    SWAP = "swap", _("the new meter is to be put in place")
    CARRYING = "carrying", _("the balance goes to the new meter")
    NOT_CARRIED = "not_carried", _("the new meter did not take the balance: it waits")
    DONE = "done", _("done")
    WITHDRAWN = "withdrawn", _("withdrawn")


ENDED = (LineState.DONE, LineState.WITHDRAWN)


class How(models.TextChoices):
    METER = "meter", _("read from the meter")
    TYPED = "typed", _("entered by hand")


class Settle(models.TextChoices):
    CARRY = "carry", _("the balance goes along")
    PAY_BACK = "pay_back", _("the balance is paid back")


class Closing(models.Model):
    """One act at the counter. Its lines say meter by meter how far it is and, in the end, what it came to."""

    id = models.CharField(max_length=40, primary_key=True)  # made when the form was drawn
    kind = models.CharField(max_length=9, choices=ClosingKind.choices)
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, related_name="closings")
    to_customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, null=True, related_name="+")
    settle = models.CharField(max_length=8, choices=Settle.choices, default=Settle.PAY_BACK)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    tender = models.CharField(max_length=16, blank=True)  # how money is paid back
    note = models.CharField(max_length=400, blank=True)
    asked_at = models.DateTimeField()
    # What follows is written as it goes on, and stays once it has ended.
    state = models.CharField(max_length=9, choices=ClosingState.choices, default=ClosingState.OPEN)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True) | ~Q(state="open") & Q(ended_at__isnull=False),
                name="vending_closing_ends_once",
            ),
            models.CheckConstraint(
                condition=~Q(kind="hand_over") | Q(to_customer__isnull=False), name="vending_closing_to_whom"
            ),
        )
        indexes = (models.Index(fields=["kind", "asked_at"], name="vending_closing_asked"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"


class Rebilling(models.Model):
    """Who bills from then on, of a `REBILL`. Empty: the meter. Never changed."""

    closing = models.OneToOneField(Closing, on_delete=models.PROTECT, primary_key=True, related_name="rebilling")
    billing = models.CharField(max_length=8, blank=True)  # of `billing.Billing`
    overdraft_fen = models.BigIntegerField(default=0)
    switch_on_min_fen = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.closing_id} {self.billing or 'meter'}"


class ClosingLine(models.Model):
    """One account of it. `code` begins the ids of everything it orders, sells and pays back."""

    code = models.CharField(max_length=48, primary_key=True)
    closing = models.ForeignKey(Closing, on_delete=models.PROTECT, related_name="lines")
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="closing_lines")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="closing_lines")
    # What follows is written as it goes on, and stays once it has ended.
    state = models.CharField(max_length=11, choices=LineState.choices, default=LineState.READING)
    state_at = models.DateTimeField()
    reason = models.CharField(max_length=64, blank=True)
    attempt = models.IntegerField(default=0)
    order = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="+")
    how = models.CharField(max_length=5, choices=How.choices, default=How.METER)
    typed_reason = models.CharField(max_length=400, blank=True)
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    energy_wh = models.BigIntegerField(null=True)  # the register itself, CT ratio not applied
    balance_fen = models.BigIntegerField(null=True)  # net of overdraft; negative: arrears
    read_at = models.DateTimeField(null=True)
    used_fen = models.BigIntegerField(null=True)  # booked as used when the account ended
    paid_fen = models.BigIntegerField(default=0)  # arrears, collected
    back_fen = models.BigIntegerField(default=0)  # paid back from the meter
    carried_fen = models.BigIntegerField(default=0)  # gone along to the new meter or the new customer
    new_meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, null=True, related_name="+")
    new_opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["opening"], condition=~Q(state="withdrawn"), name="vending_closing_one_an_opening"
            ),
            models.CheckConstraint(condition=Q(state__in=LineState.values), name="vending_closing_state_known"),
            models.CheckConstraint(
                condition=~Q(how="typed") | Q(second_person__isnull=False) & ~Q(typed_reason=""),
                name="vending_closing_typed_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(balance_fen__isnull=False, used_fen__isnull=False),
                name="vending_closing_line_whole",
            ),
        )
        indexes = (
            models.Index(
                fields=["state"], condition=~Q(state__in=("done", "withdrawn")), name="vending_closing_under_way"
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.state}"
