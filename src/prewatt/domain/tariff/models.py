"""A plan is a name; its versions say what a kWh costs from when. The five prices of a plan are those that hold now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

BANDS = ("sharp", "peak", "flat", "valley", "deep")
PRICE_NAMES = tuple(f"price_{band}_e4" for band in BANDS)


class PlanKind(models.TextChoices):
    FLAT = "flat", _("one price")  # 单一电价
    TOU = "tou", _("by time of use")  # 尖峰平谷
    FULL = "full", _("ladder, fees or more")  # 阶梯, 费用 …: more than five prices can say


class Plan(models.Model):
    """电价方案. Prices are whole 1e-4 yuan per kWh; a flat plan has the same price in every band.

    They are what the version that holds now would tell a meter (`version` is its number); of a plan of more than five
    prices they are those of the first step, and no meter takes them.
    """

    name = models.CharField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=4, choices=PlanKind.choices, default=PlanKind.FLAT)
    price_sharp_e4 = models.IntegerField()
    price_peak_e4 = models.IntegerField()
    price_flat_e4 = models.IntegerField()
    price_valley_e4 = models.IntegerField()
    price_deep_e4 = models.IntegerField()
    note = models.CharField(_("note"), max_length=400, blank=True)
    active = models.BooleanField(_("in use"), default=True)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=PlanKind.values), name="tariff_plan_kind_known"),
            models.CheckConstraint(
                condition=Q(**{f"{name}__gt": 0 for name in PRICE_NAMES}), name="tariff_plan_prices_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def prices(self) -> dict[str, int]:
        """The values of an order to a meter: {"price_sharp_e4": 7200, …}."""
        return {name: int(getattr(self, name)) for name in PRICE_NAMES}


class PlanVersion(models.Model):
    """What a plan charges from an instant on, until the next version of it that was not withdrawn. Never changed:
    the database lets it only be withdrawn, and only before it holds. None begins before it was made.

    `document` is a whole plan document (`rules.reading`) with one version in it, without `from` and `until`.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateTimeField()  # whole seconds
    document = models.JSONField()
    note = models.CharField(max_length=400, blank=True)
    key = models.CharField(max_length=40, unique=True, null=True)  # of the form it was typed in: twice is once
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    # In whose name its prices go to the plan's meters when it takes effect; null: it is offered to people.
    send_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["plan", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="tariff_version_number"),
            models.UniqueConstraint(
                fields=["plan", "effective_from"], condition=Q(withdrawn_at=None), name="tariff_version_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(effective_from__gte=F("created_at")), name="tariff_version_not_before"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__lt=F("effective_from")),
                name="tariff_version_withdrawn_before",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} v{self.number}: {self.effective_from}"


class PurchasePrice(models.Model):
    """What the site itself pays for a kWh from a day on, and what it may put on top: by default nothing."""

    from_day = models.DateField(unique=True)
    price_sharp_e4 = models.IntegerField()
    price_peak_e4 = models.IntegerField()
    price_flat_e4 = models.IntegerField()
    price_valley_e4 = models.IntegerField()
    price_deep_e4 = models.IntegerField()
    markup_permille = models.IntegerField(default=0)
    note = models.CharField(max_length=400, blank=True)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-from_day"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(**{f"{name}__gt": 0 for name in PRICE_NAMES}, markup_permille__gte=0),
                name="tariff_purchase_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_day}: {self.price_flat_e4}"

    @property
    def prices(self) -> dict[str, int]:
        return {name: int(getattr(self, name)) for name in PRICE_NAMES}


class PlanUse(models.Model):
    """Which plan a meter uses now. What the meter itself shows is another fact (`control.Desired`, `.Reported`)."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="plan_use")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="uses")
    since = models.DateTimeField()
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.meter_id}: {self.plan_id}"


class PlanChange(models.Model):
    """From an instant on a meter uses a plan: the whole history, never changed; `PlanUse` is its newest row."""

    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="plan_changes")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["meter", "since", "pk"]
        indexes: ClassVar = [models.Index(fields=["meter", "since"], name="tariff_change_of_meter")]

    def __str__(self) -> str:
        return f"{self.meter_id}: {self.plan_id} since {self.since}"
