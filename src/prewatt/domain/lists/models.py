"""Files of long lists, and saved filters. Both belong to one operator; nobody else sees them.

`path` is the list's page in the console and `query` its address there: the page itself is asked again for the rows, so
that rights and buildings are looked up anew, whoever asks.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

QUERY_MAX = 2000
NAME_MAX = 40


class ExportState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("being written")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


OPEN = (ExportState.WAITING, ExportState.RUNNING)


class Export(models.Model):
    """One file. While it is written, `holder` is the worker that does, until `lease_until`."""

    id = models.CharField(max_length=40, primary_key=True)  # made when the form was drawn: sent twice is once
    operator = models.ForeignKey("staff.Operator", on_delete=models.CASCADE, related_name="exports")
    path = models.CharField(max_length=200)
    query = models.CharField(max_length=QUERY_MAX, blank=True)
    language = models.CharField(max_length=8)
    scope = models.TextField()  # the buildings that the operator saw when he asked
    title = models.CharField(max_length=120)
    said = models.CharField(max_length=QUERY_MAX, blank=True)  # the filters, in words
    file_name = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=ExportState.choices, default=ExportState.WAITING)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    rows_total = models.IntegerField()
    rows_done = models.IntegerField(default=0)
    holder = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    file = models.CharField(max_length=100, blank=True)  # in the folder of exports, once it is whole
    bytes = models.BigIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["operator"], condition=Q(state="running"), name="lists_one_at_a_time"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["operator", "asked_at"], name="lists_export_own"),
            models.Index(fields=["asked_at"], condition=Q(state__in=["waiting", "running"]), name="lists_export_open"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def percent(self) -> int:
        return min(100, self.rows_done * 100 // self.rows_total) if self.rows_total else 0


class SavedFilter(models.Model):
    """A list's address under a name."""

    operator = models.ForeignKey("staff.Operator", on_delete=models.CASCADE, related_name="saved_filters")
    path = models.CharField(max_length=200)
    name = models.CharField(max_length=NAME_MAX)
    query = models.CharField(max_length=QUERY_MAX, blank=True)
    saved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["operator", "path", "name"], name="lists_saved_name_once"),
        ]

    def __str__(self) -> str:
        return self.name
