"""Rules of switching off, what is never cut, every cut that a person ordered, the stop; settings sent and shown."""

from __future__ import annotations

from datetime import time
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why somebody goes dark. The list has no property fee: power may not be cut to force it."""

    ARREARS = "arrears", _("Electricity not paid, reminded twice")
    WORK = "work", _("Work on the line, announced")
    DANGER = "danger", _("Danger: fire, water, damage")
    OVERLOAD = "overload", _("Overload or forbidden appliance")
    ASKED = "asked", _("The tenant asked for it")
    EMPTY = "empty", _("The room is empty")
    TEST = "test", _("Test during commissioning")


class Vital(models.TextChoices):
    FIRE = "fire", _("fire protection")
    LIFT = "lift", _("lift")
    COOLING = "cooling", _("cooling of goods or servers")
    MEDICAL = "medical", _("medical")
    OTHER = "other", _("other")


def no_days() -> list[str]:
    return []


class SwitchRules(models.Model):
    """One row for the site, held while power is cut by hand: two people cannot pass the limit together."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    limit_count = models.IntegerField(default=5)  # so many meters …
    limit_minutes = models.IntegerField(default=10)  # … in so many minutes without a second person
    protect = models.BooleanField(default=True)
    protected_from = models.TimeField(default=time(18, 0))
    protected_until = models.TimeField(default=time(8, 0))
    protect_weekends = models.BooleanField(default=True)
    protected_days = models.JSONField(default=no_days, blank=True)  # holidays, as 2026-10-01
    # 远程控制: what tenants may do to their own supply from their own pages.
    tenant_on = models.BooleanField(default=False)  # switch it on again after paying
    tenant_off = models.BooleanField(default=False)  # switch it off, and on again

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="control_one_set_of_rules"),
            models.CheckConstraint(condition=Q(limit_count__gte=0, limit_minutes__gte=1), name="control_limit_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.limit_count} in {self.limit_minutes} min"


class NeverCut(models.Model):
    """A room or a meter that no order of ours switches off."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, null=True, related_name="never_cut")
    room = models.OneToOneField("estate.Room", on_delete=models.PROTECT, null=True, related_name="never_cut")
    kind = models.CharField(max_length=8, choices=Vital.choices)
    note = models.CharField(max_length=200, blank=True)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(meter__isnull=True, room__isnull=False) | Q(meter__isnull=False, room__isnull=True),
                name="control_never_cut_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.meter_id or ''} {self.room_id or ''}"


class Cut(models.Model):
    """Why an order to switch off was given, and who stood behind it; nobody where fair cut-off gave it by its rules."""

    order = models.OneToOneField("dispatch.MeterOrder", on_delete=models.PROTECT, primary_key=True, related_name="cut")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    note = models.CharField(max_length=200, blank=True)
    override = models.CharField(max_length=200, blank=True)  # why inside protected hours
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.order_id}: {self.reason}"


class Stop(models.Model):
    """全站停止: while one has not ended, no automatic trip and no batch of trips leaves the centre."""

    since = models.DateTimeField()
    by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    ended_why = models.CharField(max_length=200, blank=True)
    open = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["open"], condition=Q(open=True), name="control_one_stop"),
            models.CheckConstraint(
                condition=Q(open=True, ended_at__isnull=True) | Q(open=False, ended_at__isnull=False),
                name="control_stop_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.since:%F %T} {self.why}"


class Settings(models.Model):
    """The values that live in a meter and that an order can change. Null: not known."""

    alarm1_fen = models.BigIntegerField(null=True)
    alarm2_fen = models.BigIntegerField(null=True)
    ceiling_fen = models.BigIntegerField(null=True)
    overdraft_limit_fen = models.BigIntegerField(null=True)
    overload_limit_w = models.BigIntegerField(null=True)
    price_sharp_e4 = models.BigIntegerField(null=True)
    price_peak_e4 = models.BigIntegerField(null=True)
    price_flat_e4 = models.BigIntegerField(null=True)
    price_valley_e4 = models.BigIntegerField(null=True)
    price_deep_e4 = models.BigIntegerField(null=True)

    class Meta:
        abstract = True

    def known(self) -> dict[str, int]:
        """The values that are known, by the names of an order."""
        found = {name: getattr(self, name) for name in SETTING_NAMES}
        return {name: value for name, value in found.items() if value is not None}


LIMIT_NAMES = ("alarm1_fen", "alarm2_fen", "ceiling_fen", "overdraft_limit_fen", "overload_limit_w")
PRICE_NAMES = ("price_sharp_e4", "price_peak_e4", "price_flat_e4", "price_valley_e4", "price_deep_e4")
SETTING_NAMES = (*LIMIT_NAMES, *PRICE_NAMES)


class Desired(Settings):
    """What was sent to a meter last. Written when an order leaves the centre: a withdrawn one leaves no trace."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="desired")
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.meter_id}: {self.known()}"


class Reported(Settings):
    """What a meter showed last. A value that a look does not show stays."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="reported")
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.meter_id}: {self.known()}"
