"""对账, kept day by day: the ledger against what each meter showed, and the sums of each building."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    DIFFERS = "differs", _("unexplained")
    UNCLEAR = "unclear", _("waits for a decision")
    SURPLUS = "surplus", _("holds more than was sold")
    MOVING = "moving", _("on its way")
    UNREAD = "unread", _("not read yet")
    EQUAL = "equal", _("agrees")


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
