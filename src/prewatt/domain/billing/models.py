"""Which accounts the platform bills, on which terms, and what their use has cost so far."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Billing(models.TextChoices):
    """Who counts the money. An account without terms is billed by its meter 仪表计费."""

    PLATFORM = "platform", _("platform billing")  # 平台计费
    POSTPAID = "postpaid", _("paid afterwards")  # 后付费


class Terms(models.Model):
    """An account that the platform bills. Without a row the meter itself counts the money down."""

    opening = models.OneToOneField(
        "estate.Opening", on_delete=models.PROTECT, primary_key=True, related_name="platform_terms"
    )
    asked = models.CharField(max_length=64, unique=True)  # the form that opened it, made when it was drawn
    billing = models.CharField(max_length=8, choices=Billing.choices)
    overdraft_fen = models.BigIntegerField(default=0)  # how far below zero is tolerated
    switch_on_min_fen = models.BigIntegerField(default=0)  # a payment must bring the balance here to switch on

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(billing__in=Billing.values), name="billing_terms_known"),
            models.CheckConstraint(condition=Q(overdraft_fen__gte=0), name="billing_overdraft_positive"),
        )

    def __str__(self) -> str:
        return f"{self.opening_id} {self.billing}"


class Standing(models.Model):
    """What an account's use has cost from its opening to `rated_until`. Days of it may not be posted yet.

    `put_fen` is what the ledger put on the account, less what went back: kept beside, so that lists can be sorted by
    what is left (put less rated) without adding up transfers. Each booking writes it anew, and the audit holds it
    against the ledger.
    """

    opening = models.OneToOneField(
        "estate.Opening", on_delete=models.PROTECT, primary_key=True, related_name="standing"
    )
    put_fen = models.BigIntegerField(default=0)
    rated_fen = models.BigIntegerField(default=0)
    rated_until = models.DateTimeField(null=True)  # the end of the last priced stretch
    at = models.DateTimeField(null=True)  # when it was priced
    refused = models.CharField(max_length=200, blank=True)  # why the use could not be priced

    def __str__(self) -> str:
        return f"{self.opening_id} {self.rated_fen}"


class Statement(models.Model):
    """后付费: what one account used in one month, and what was open when the month was over. Never changed.

    Days that are closed again later are corrected on the next statement. Amounts add up over statements: what an
    account was billed is `billed_fen` of its last one, what it paid comes from the ledger.
    """

    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="statements")
    month = models.DateField()  # its first day
    first_day = models.DateField()  # of the account within the month
    last_day = models.DateField()
    read_from_wh = models.BigIntegerField(null=True)  # the meter's register, as it showed it
    read_from_at = models.DateTimeField(null=True)
    read_to_wh = models.BigIntegerField(null=True)
    read_to_at = models.DateTimeField(null=True)
    energy_wh = models.BigIntegerField()
    used_fen = models.BigIntegerField()  # booked for days of this month
    corrected_fen = models.BigIntegerField()  # booked since for days that earlier statements had
    brought_fen = models.BigIntegerField()  # open on the statement before; negative: paid ahead
    paid_fen = models.BigIntegerField()  # put on the account in the month, less what went back
    billed_fen = models.BigIntegerField()  # used and corrected, of this statement and all before it
    days = models.JSONField()  # [day, Wh, fen] of each
    made_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["opening", "month"], name="billing_statement_once"),)
        indexes = (models.Index(fields=["month"], name="billing_statement_month"),)

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"ZD{self.month:%Y%m}-{self.opening_id:06d}"

    @property
    def amount_fen(self) -> int:
        return self.used_fen + self.corrected_fen

    @property
    def open_fen(self) -> int:
        """When it was made."""
        return self.brought_fen + self.amount_fen - self.paid_fen
