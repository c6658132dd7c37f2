"""预设开户: accounts prepared from a sheet, opened together by the worker, each row once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RowState(models.TextChoices):
    BAD = "bad", _("to be mended in the file")
    READY = "ready", _("ready")
    WAITING = "waiting", _("waits for its turn")
    OPENED = "opened", _("opened")
    REFUSED = "refused", _("refused")


class Preset(models.Model):
    """One uploaded sheet. It waits here until somebody opens its good rows; a closed browser changes nothing."""

    id = models.CharField(max_length=32, primary_key=True)  # made when the upload form was drawn
    name = models.CharField(max_length=128)
    operator = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    tender = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=64, blank=True)  # where it was started from, for the operation log

    class Meta:
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return self.name


class PresetRow(models.Model):
    """One row of the sheet, with the same figures that a form would give."""

    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="rows")
    number = models.IntegerField()  # as the spreadsheet counts
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, null=True, related_name="+")
    values = models.JSONField(default=dict)
    problems = models.JSONField(default=list)  # [cell, column, text]
    state = models.CharField(max_length=8, choices=RowState.choices)
    reason = models.CharField(max_length=400, blank=True)
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("preset", "number")
        constraints = (
            models.UniqueConstraint(fields=["preset", "number"], name="vending_preset_row_once"),
            models.CheckConstraint(
                condition=~Q(state="opened") | Q(opening__isnull=False), name="vending_preset_row_whole"
            ),
        )
        indexes = (models.Index(fields=["state"], condition=Q(state="waiting"), name="vending_preset_waiting"),)

    def __str__(self) -> str:
        return f"{self.preset_id} {self.number} {self.state}"
