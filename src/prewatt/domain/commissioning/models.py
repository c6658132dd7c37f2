"""Inquiries and what they found. Working papers, not records: they are deleted after some days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from prewatt.domain.estate.models import Bus
from prewatt.link.messages import FRAME_BYTES_MAX

LAPSE_GRACE = timedelta(seconds=20)  # the last findings may still be on their way


class State(models.TextChoices):
    WAITING = "waiting", _("waiting for the gateway")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("stopped")
    FAILED = "failed", _("not possible")
    LAPSED = "lapsed", _("the gateway did not finish it")


OPEN = frozenset({State.WAITING, State.RUNNING})


class Inquiry(models.Model):
    """One look at one bus. Whoever asks makes the id; the same id again is the same look."""

    id = models.CharField(primary_key=True, max_length=64)
    bus = models.ForeignKey(Bus, on_delete=models.CASCADE, related_name="inquiries")
    kind = models.CharField(max_length=16)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    hand_at = models.DateTimeField(null=True, blank=True, db_index=True)  # when it is (again) given to the gateway
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=64, blank=True)  # why it ended, or the last failure of a live reading
    first_unit = models.IntegerField(default=1)
    last_unit = models.IntegerField(default=247)
    unit = models.IntegerField(default=0)
    address = models.CharField(max_length=16, blank=True)
    profile = models.CharField(max_length=64, blank=True)
    seconds = models.IntegerField()
    last_seq = models.IntegerField(default=0)
    asked = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    left_s = models.IntegerField(default=0)  # of a scan: what the rest will take
    found = models.JSONField(default=list)
    missing = models.JSONField(default=list)
    values = models.JSONField(default=dict)
    values_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-placed_at"]
        indexes: ClassVar = [models.Index(fields=["bus", "kind", "-placed_at"], name="commissioning_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.bus_id}"

    def standing(self, now: datetime) -> State:
        """Its state; one whose time is over without a word of the gateway has lapsed."""
        if self.state in OPEN and now >= self.expires_at + LAPSE_GRACE:
            return State.LAPSED
        return State(self.state)

    def is_open(self, now: datetime) -> bool:
        return self.standing(now) in OPEN

    @property
    def percent(self) -> int:
        return min(100, 100 * self.asked // self.total) if self.total else 0


class SeenFrame(models.Model):
    """A frame that passed on the bus while an engineer watched."""

    inquiry = models.ForeignKey(Inquiry, on_delete=models.CASCADE, related_name="frames")
    number = models.IntegerField()
    at = models.DateTimeField()
    out = models.BooleanField()  # from the gateway to the bus
    hex = models.CharField(max_length=3 * FRAME_BYTES_MAX)
    unit = models.IntegerField(default=0)
    error = models.CharField(max_length=32, blank=True)
    fields = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["inquiry", "number"], name="commissioning_frame_once")]

    def __str__(self) -> str:
        return f"{self.inquiry_id} {self.number}"
