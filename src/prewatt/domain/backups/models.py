"""When backups are made and where they go, and every one that was tried."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Plan(models.Model):
    """One row, or none while nobody has planned anything. `passphrase_file`: empty takes it from the environment."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    on = models.BooleanField(default=False)
    hour = models.SmallIntegerField(default=3)  # of the site's day
    folder = models.CharField(max_length=400, blank=True)
    keep = models.SmallIntegerField(default=14)
    encrypt = models.BooleanField(default=True)
    passphrase_file = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="backups_one_plan"),
            models.CheckConstraint(condition=Q(hour__gte=0, hour__lte=23), name="backups_hour_of_day"),
            models.CheckConstraint(condition=Q(keep__gte=1), name="backups_keep_some"),
        ]

    def __str__(self) -> str:
        return f"{self.hour}:00 into {self.folder}" if self.on else "off"


class RunState(models.TextChoices):
    QUEUED = "queued", _("waits for the worker")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class Run(models.Model):
    """One backup, made or tried. Whoever asks makes `id`. `gone_at`: its file was removed for newer ones."""

    id = models.CharField(max_length=64, primary_key=True)
    planned = models.BooleanField(default=False)
    asked_at = models.DateTimeField(db_index=True)
    asked_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=RunState.choices, default=RunState.QUEUED)
    percent = models.SmallIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)  # who makes it was alive then
    ended_at = models.DateTimeField(null=True)
    file = models.CharField(max_length=500, blank=True)
    bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    encrypted = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True)  # read back from the disk, every part of it
    reason = models.CharField(max_length=24, blank=True)
    detail = models.CharField(max_length=400, blank=True)
    gone_at = models.DateTimeField(null=True)

    @property
    def name(self) -> str:
        return self.file.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
