"""Sums of past days, and the days that a person has signed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class SalesDay(models.Model):
    """What one seller took and paid back by one method in one building on one business day.

    Made from the sales, refunds and reversals themselves and made again from them when they differ: nobody writes here.
    """

    day = models.DateField()
    building = models.ForeignKey("estate.Building", on_delete=models.PROTECT, null=True, related_name="+")
    seller = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+", db_index=False)
    tender = models.CharField(max_length=16)
    sold_fen = models.BigIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0)
    reversed_fen = models.BigIntegerField(default=0)
    sold_count = models.IntegerField(default=0)
    refunded_count = models.IntegerField(default=0)
    reversed_count = models.IntegerField(default=0)

    class Meta:
        indexes = (models.Index(fields=["day"], name="reports_sales_day"),)

    def __str__(self) -> str:
        return f"{self.day} {self.seller_id} {self.tender}: {self.sold_fen}"


class SummedDay(models.Model):
    """This day's sums stand in `SalesDay`, also when nothing was sold. `moved` counts what they were made from."""

    day = models.DateField(primary_key=True)
    moved = models.IntegerField(default=0)
    summed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day}: {self.moved}"


class DayClose(models.Model):
    """日结: a business day as it was signed. Never edited: what comes later belongs to a later day and says so."""

    day = models.DateField(primary_key=True)
    form_id = models.CharField(max_length=64, unique=True)  # made when the form was drawn
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=400, blank=True)
    figures = models.JSONField()  # the sheet as it was signed
    seal_seq = models.BigIntegerField()  # the ledger's chain up to here
    seal_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)  # over day, figures, signature and the ledger's seal

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(sha256="") & ~Q(form_id=""), name="reports_day_close_sealed"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.closed_by_id}"
