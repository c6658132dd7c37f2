"""对账, kept day by day: the ledger against what each meter showed, and the sums of each building."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from prewatt.domain.reconciliation.classify import Cause


class Verdict(models.TextChoices):
    DIFFERS = "differs", _("unexplained")
    UNCLEAR = "unclear", _("waits for a decision")
    SURPLUS = "surplus", _("holds more than was sold")
    MOVING = "moving", _("on its way")
    UNREAD = "unread", _("not read yet")
    EQUAL = "equal", _("agrees")


CAUSES = [
    (Cause.ROUNDING.value, _("rounding")),
    (Cause.PRICE.value, _("price not on the meter")),
    (Cause.RATIO.value, _("wrong current transformer")),
    (Cause.MISSED.value, _("missed order")),
    (Cause.FOREIGN.value, _("foreign recharge")),
    (Cause.COUNT.value, _("count differs, money does not")),
    (Cause.CHANGED.value, _("meter changed or reset")),
    (Cause.TAMPER.value, _("tampering suspected")),
    (Cause.NOT_READ.value, _("reading missing")),
    (Cause.UNEXPLAINED.value, _("not explained")),
]


class Run(models.Model):
    """One comparison of a business day. Compared again, it is done anew and keeps the last result."""

    day = models.DateField(primary_key=True)
    at = models.DateTimeField(null=True)  # null: begun and not written
    by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.day}"


class Line(models.Model):
    """One account. Of past days only what differed stays. Null: not known.

    Books less meter = unbooked + unexplained - surplus - moving: what was used and is not booked yet, what nobody can
    explain, what the meter holds beyond all that it was given (it held it before the account, or somebody set it), and
    what it shows already while its order is not confirmed.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="lines", db_index=False)
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="+")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="+")
    building = models.ForeignKey("estate.Building", on_delete=models.SET_NULL, null=True, related_name="+")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    purchases = models.IntegerField()  # confirmed orders that moved money
    count_books = models.IntegerField()
    count_meter = models.IntegerField(null=True)
    bought_books_fen = models.BigIntegerField(null=True)
    bought_meter_fen = models.BigIntegerField(null=True)
    books_fen = models.BigIntegerField()
    meter_fen = models.BigIntegerField(null=True)
    unbooked_fen = models.BigIntegerField(null=True)
    moving_fen = models.BigIntegerField(default=0)
    surplus_fen = models.BigIntegerField(null=True)
    unexplained_fen = models.BigIntegerField(null=True)
    read_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=12, choices=CAUSES, blank=True, default="")  # empty: nothing to look at
    drift_fen = models.BigIntegerField(null=True)  # shown less predicted, from the days that were looked at
    since = models.DateField(null=True)  # it has differed without a break since this comparison

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "opening"], name="reconciliation_line_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["run", "verdict"], name="reconciliation_verdict")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.opening_id}: {self.verdict}"


class Total(models.Model):
    """A building's sums of one day. `building` null: meters that hang in no room."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="totals")
    building = models.ForeignKey("estate.Building", on_delete=models.CASCADE, null=True, related_name="+")
    accounts = models.IntegerField()
    equal = models.IntegerField()
    surplus = models.IntegerField()
    moving = models.IntegerField()
    unclear = models.IntegerField()
    unread = models.IntegerField()
    differs = models.IntegerField()
    books_fen = models.BigIntegerField()
    meters_fen = models.BigIntegerField()
    unbooked_fen = models.BigIntegerField()
    moving_fen = models.BigIntegerField()
    surplus_fen = models.BigIntegerField()
    unexplained_fen = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("run", Coalesce("building", Value(0)), name="reconciliation_total_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.building_id}: {self.differs} differ"


class Acceptance(models.Model):
    """A difference that two people took into the books, with what they saw. Never changed: another one turns it round.

    `amount_fen`: what the meter account was given (negative: what was taken off it). `count_delta`: by how much the
    expected purchase count moved. The asker makes `id`; the ledger's transfer is `difference:<id>`.
    """

    id = models.CharField(max_length=64, primary_key=True)
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="+")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=12, choices=CAUSES)
    amount_fen = models.BigIntegerField()
    count_delta = models.IntegerField()
    reason = models.CharField(max_length=400)
    evidence = models.JSONField()
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount_fen=0, count_delta=0), name="reconciliation_accepted_something"),
            models.CheckConstraint(condition=~Q(operator=F("second_person")), name="reconciliation_two_people"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.amount_fen} fen, {self.count_delta:+d}"
