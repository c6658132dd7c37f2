"""A batch of orders, one item a meter. What was skipped has no order; what was tried again has the newest."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from prewatt.domain.dispatch.models import Kind


class BatchState(models.TextChoices):
    RUNNING = "running", _("running")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")


class Skip(models.TextChoices):
    """Why a meter of the choice gets no order."""

    INACTIVE = "inactive", _("out of use")
    LOST = "lost", _("does not answer")
    HELD = "held", _("on hold, keeps its power")
    VITAL = "vital", _("is never cut")
    NO_COMMAND = "no_command", _("the model has no such order")
    UNVERIFIED = "unverified", _("the order is not verified for the model, and the site does not allow it")
    CANNOT = "cannot", _("the model cannot hold these values")
    SAME = "same", _("already so")
    PENDING = "pending", _("the same order is on its way")
    PLATFORM = "platform", _("uses the plan; billed on the platform, the meter is told nothing")
    OWN = "own", _("its meter counts the money itself, and cannot hold this plan")
    BILLED = "billed", _("the platform bills it and keeps it on hold")
    UNPLANNED = "no_plan", _("no values are known for it")


class Batch(models.Model):
    """The asker makes `id`; the same id again is the same batch."""

    id = models.CharField(max_length=40, primary_key=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    values = models.JSONField(default=dict, blank=True)
    plan = models.ForeignKey("tariff.Plan", on_delete=models.PROTECT, null=True, related_name="batches")
    reason = models.CharField(max_length=8, blank=True)  # control.Reason
    note = models.CharField(max_length=200, blank=True)
    override = models.CharField(max_length=200, blank=True)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    second_person = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    placed_at = models.DateTimeField(db_index=True)
    state = models.CharField(max_length=7, choices=BatchState.choices, default=BatchState.RUNNING)
    ended_at = models.DateTimeField(null=True)
    stopped_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-placed_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="fleet_batch_state_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state"], condition=Q(state="running"), name="fleet_batch_running"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.state})"


class BatchItem(models.Model):
    """One meter of a batch: the order it got, or why it got none."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="items")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="+")
    order = models.OneToOneField("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="batch_item")
    skip = models.CharField(max_length=10, choices=Skip.choices, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    tries = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "meter"], name="fleet_item_once"),
            models.CheckConstraint(
                condition=Q(order__isnull=False, skip="") | (Q(order__isnull=True) & ~Q(skip="")),
                name="fleet_item_sent_or_skipped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.meter_id}"
