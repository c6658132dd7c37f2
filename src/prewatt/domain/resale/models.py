"""The grid company's bill of a month, and 清退: what was given back of what was charged above it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from prewatt.domain.tariff.models import BANDS

ENERGY_NAMES = tuple(f"energy_{band}_wh" for band in BANDS)
AMOUNT_NAMES = tuple(f"amount_{band}_fen" for band in BANDS)


class PurchaseBill(models.Model):
    """What a building (none: the whole site) bought in a month. A bill that does not tell periods stands in `flat`.

    `shared_fen` is what the site puts on its tenants for common use beside the price of energy; null: nothing, which
    is how it begins. It never enters a price.
    """

    building = models.ForeignKey("estate.Building", on_delete=models.PROTECT, null=True, related_name="+")
    month = models.DateField(_("month"))  # its first day
    number = models.CharField(_("number of the bill"), max_length=64, blank=True)
    energy_sharp_wh = models.BigIntegerField(default=0)
    energy_peak_wh = models.BigIntegerField(default=0)
    energy_flat_wh = models.BigIntegerField(default=0)
    energy_valley_wh = models.BigIntegerField(default=0)
    energy_deep_wh = models.BigIntegerField(default=0)
    amount_sharp_fen = models.BigIntegerField(default=0)
    amount_peak_fen = models.BigIntegerField(default=0)
    amount_flat_fen = models.BigIntegerField(default=0)
    amount_valley_fen = models.BigIntegerField(default=0)
    amount_deep_fen = models.BigIntegerField(default=0)
    markup_permille = models.IntegerField(default=0)  # what this site may add; the law allows nothing in general
    shared_fen = models.BigIntegerField(null=True)
    shared_basis = models.CharField(max_length=400, blank=True)
    contact = models.CharField(max_length=120, blank=True, default="")  # whom to ask, on the public sheet
    note = models.CharField(max_length=400, blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-month", "building"]
        constraints: ClassVar = [
            models.UniqueConstraint("month", Coalesce("building", Value(0)), name="resale_bill_once"),
            models.CheckConstraint(
                condition=Q(**{f"{name}__gte": 0 for name in (*ENERGY_NAMES, *AMOUNT_NAMES, "markup_permille")}),
                name="resale_bill_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(shared_fen=None) | (Q(shared_fen__gt=0) & ~Q(shared_basis="")),
                name="resale_shared_has_a_basis",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.building_id or 'site'}"


class BillItem(models.Model):
    """Another line of the bill: capacity, funds, power factor (which may be below zero)."""

    bill = models.ForeignKey(PurchaseBill, on_delete=models.CASCADE, related_name="items")
    name = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.name}: {self.amount_fen}"


class ClearBack(models.Model):
    """One run: of these months, what was charged above the purchase price goes back to the tenants' wallets."""

    id = models.CharField(max_length=40, primary_key=True)  # made when the form was drawn
    building = models.ForeignKey("estate.Building", on_delete=models.PROTECT, null=True, related_name="+")
    first_month = models.DateField()
    last_month = models.DateField()
    reason = models.CharField(max_length=400)
    total_fen = models.BigIntegerField()
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(operator=F("second_person")), name="resale_two_persons"),
            models.CheckConstraint(condition=Q(total_fen__gt=0), name="resale_clear_back_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.first_month:%Y-%m}–{self.last_month:%Y-%m}: {self.total_fen} fen"


class ClearBackLine(models.Model):
    """Of one account and month: charged, allowed, given back before, and given back by this run.

    The database keeps that no more goes back than was charged: `before_fen` grows with each run of the same account and
    month, so that two runs that did not see one another cannot both stand.
    """

    run = models.ForeignKey(ClearBack, on_delete=models.PROTECT, related_name="lines")
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="+")
    month = models.DateField()
    energy_wh = models.BigIntegerField()
    charged_fen = models.BigIntegerField()
    allowed_fen = models.BigIntegerField()
    before_fen = models.BigIntegerField()
    fen = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["run", "opening", "month"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["opening", "month", "before_fen"], name="resale_clear_back_once"),
            models.CheckConstraint(condition=Q(fen__gt=0, before_fen__gte=0), name="resale_clear_back_line_positive"),
            models.CheckConstraint(
                condition=Q(charged_fen__gte=F("allowed_fen") + F("before_fen") + F("fen")) & Q(allowed_fen__gte=0),
                name="resale_clear_back_never_more",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opening_id} {self.month:%Y-%m}: {self.fen} fen"
