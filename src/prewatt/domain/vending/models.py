"""Sales, refunds and reversals, each with its receipt number. What was sold is never edited; only its state changes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Series(models.Model):
    """Receipt numbers of one series, without gaps: the counter moves in the transaction that uses the number."""

    code = models.CharField(max_length=8, primary_key=True)
    last = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.code}-{self.last:06d}"


class CounterSettings(models.Model):
    """How this site's counters work: one row, or none while everything is as delivered."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    methods = models.JSONField(default=list)  # tenders in the order in which they are offered
    default_method = models.CharField(max_length=16, default="cash")
    shift_needed = models.BooleanField(default=False)
    payee = models.CharField(max_length=64, blank=True)  # 开票单位, at the foot of a receipt

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="vending_counter_settings_one"),)

    def __str__(self) -> str:
        return ", ".join(self.methods)


class Shift(models.Model):
    """交接班: one cashier's drawer from its opening float to the count at the end. A closed one is never edited."""

    id = models.CharField(max_length=64, primary_key=True)  # made when the form was drawn
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="shifts")
    opened_at = models.DateTimeField()
    float_fen = models.BigIntegerField()
    business_day = models.DateField()
    # What follows is written once, when it is closed.
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    expected_fen = models.BigIntegerField(null=True)  # cash that should be in the drawer
    counted_fen = models.BigIntegerField(null=True)
    pieces = models.JSONField(default=dict, blank=True)  # notes and coins counted, by their fen
    figures = models.JSONField(default=list, blank=True)  # the sheet as it was handed over, a row per method
    reason = models.CharField(max_length=400, blank=True)  # why counted and expected differ
    handed_to = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["operator"], condition=Q(closed_at__isnull=True), name="vending_one_open_shift"
            ),
            models.CheckConstraint(condition=Q(float_fen__gte=0), name="vending_shift_float"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True)
                | Q(expected_fen__isnull=False, counted_fen__gte=0, closed_by__isnull=False),
                name="vending_shift_closed_whole",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(counted_fen=models.F("expected_fen")) | ~Q(reason=""),
                name="vending_shift_difference_explained",
            ),
        )
        indexes = (models.Index(fields=["business_day", "operator"], name="vending_shift_day"),)

    def __str__(self) -> str:
        return f"{self.operator} {timezone.localtime(self.opened_at):%m-%d %H:%M}"

    @property
    def difference_fen(self) -> int | None:
        """More than expected is positive."""
        if self.counted_fen is None or self.expected_fen is None:
            return None
        return self.counted_fen - self.expected_fen


class Payment(models.Model):
    """Several meters of one tenant, paid in one go. Each line is a sale with a receipt of its own."""

    id = models.CharField(max_length=64, primary_key=True)  # made when the form was drawn
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, related_name="payments")
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+", db_index=False)
    tender = models.CharField(max_length=16)
    amount_fen = models.BigIntegerField()
    paid_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(amount_fen__gt=0), name="vending_payment_positive"),)

    def __str__(self) -> str:
        return self.id


class Print(models.Model):
    """A receipt went onto paper. The first is number one; every later one is a reprint 补打 of the same number."""

    id = models.CharField(max_length=64, primary_key=True)  # made when the button was drawn
    series = models.CharField(max_length=8)
    number = models.IntegerField()
    nth = models.IntegerField()
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["series", "number", "nth"], name="vending_print_counted"),
            models.CheckConstraint(condition=Q(nth__gt=0, number__gt=0), name="vending_print_positive"),
        )

    def __str__(self) -> str:
        return f"{self.series}-{self.number:06d} ({self.nth})"


class ReceiptKey(models.Model):
    """What the codes on this site's papers are sealed with: one row, made with the table, kept with every backup."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    secret = models.BinaryField(max_length=32)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="vending_receipt_key_one"),)

    def __str__(self) -> str:
        return "receipt key"  # the secret is never put into words


class SaleState(models.TextChoices):
    PAID = "paid", _("paid, on its way to the meter")  # 已收款, 下发中
    ARRIVED = "arrived", _("on the meter")  # 已到账
    UNCLEAR = "unclear", _("unclear: a person decides")
    WAITING = "waiting", _("the money waits in the wallet")
    REVERSED = "reversed", _("reversed")
    RETURNED = "returned", _("paid back from the wallet")


class Sale(models.Model):
    id = models.CharField(max_length=64, primary_key=True)  # made when the form was drawn
    series = models.CharField(max_length=8)
    number = models.IntegerField()
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="sales")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="sales")
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, related_name="sales")
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+", db_index=False)
    amount_fen = models.BigIntegerField()
    tender = models.CharField(max_length=16)
    first = models.BooleanField(default=False)  # the first recharge, carried by the order that opens the account
    balance_before_fen = models.BigIntegerField(null=True)  # as last read when sold; for the receipt
    sold_at = models.DateTimeField()
    business_day = models.DateField()
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="sales")
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="sales")
    # What follows may change.
    # none: the platform bills this account, and no meter took part
    order = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, choices=SaleState.choices, default=SaleState.PAID)
    state_at = models.DateTimeField()
    reason = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["series", "number"], name="vending_sale_receipt_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0, number__gt=0), name="vending_sale_positive"),
            models.CheckConstraint(condition=Q(state__in=SaleState.values), name="vending_sale_state_known"),
        )
        indexes = (
            models.Index(fields=["business_day", "operator"], name="vending_sale_day"),
            models.Index(fields=["sold_at"], name="vending_sale_at"),
        )

    def __str__(self) -> str:
        return self.receipt

    @property
    def receipt(self) -> str:
        return f"{self.series}-{self.number:06d}"


class BackState(models.TextChoices):
    SENDING = "sending", _("on its way to the meter")
    DONE = "done", _("paid back")
    REFUSED = "refused", _("refused by the meter")
    UNCLEAR = "unclear", _("unclear: a person decides")
    CANCELLED = "cancelled", _("cancelled")


class MoneyBack(models.Model):
    """Money on its way back. Its red receipt is numbered when the money is paid back, so a refusal wastes no number."""

    id = models.CharField(max_length=64, primary_key=True)
    series = models.CharField(max_length=8, blank=True)
    number = models.IntegerField(null=True)
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="+")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="%(class)ss")
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, related_name="%(class)ss")
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+", db_index=False)
    amount_fen = models.BigIntegerField()
    tender = models.CharField(max_length=16)
    from_wallet = models.BooleanField(default=False)  # paid out of the wallet: no meter took part
    note = models.CharField(max_length=400, blank=True)
    asked_at = models.DateTimeField()
    # What follows may change.
    order = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=9, choices=BackState.choices, default=BackState.SENDING)
    state_at = models.DateTimeField()
    business_day = models.DateField(null=True)  # the day the money left the drawer
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="%(class)ss")  # which drawer
    reason = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(fields=["series", "number"], name="vending_%(class)s_receipt_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="vending_%(class)s_positive"),
            models.CheckConstraint(condition=Q(state__in=BackState.values), name="vending_%(class)s_state_known"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(number__gt=0, business_day__isnull=False),
                name="vending_%(class)s_numbered",
            ),
        )
        indexes = (models.Index(fields=["business_day", "operator"], name="vending_%(class)s_day"),)

    def __str__(self) -> str:
        return self.receipt or self.id

    @property
    def receipt(self) -> str:
        return f"{self.series}-{self.number:06d}" if self.number else ""


class Refund(MoneyBack):
    """退电: credit taken off a meter and paid back; or, with `sale`, a sale's money that waited in the wallet."""

    sale = models.OneToOneField(Sale, on_delete=models.PROTECT, null=True, related_name="refund")


class Reversal(MoneyBack):
    """冲正: a wrong sale turned round, whole, and linked to it."""

    sale = models.ForeignKey(Sale, on_delete=models.PROTECT, related_name="reversals")

    class Meta(MoneyBack.Meta):
        constraints = (  # type: ignore[assignment]  # one more than the parent has
            *MoneyBack.Meta.constraints,
            models.UniqueConstraint(
                fields=["sale"],
                condition=Q(state__in=("sending", "unclear", "done")),
                name="vending_reversal_one_a_sale",
            ),
        )


from prewatt.domain.vending.presets import Preset, PresetRow  # noqa: E402, F401 - Django looks for models here
from prewatt.domain.vending.records import Closing, ClosingLine  # noqa: E402, F401 - Django looks for models here
