"""Who wants to hear what, and what is to be told or was."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Event(models.TextChoices):
    SALE = "sale", _("sale")
    CREDIT = "credit", _("credit arrived in the meter")
    REFUND = "refund", _("refund")
    REVERSAL = "reversal", _("reversal")
    ALARM = "alarm", _("alarm")
    ALARM_END = "alarm_end", _("alarm over")
    SWITCH = "switch", _("switching")
    NOTICE = "notice", _("a tenant is to be told")
    TEST = "test", _("test")


class Endpoint(models.Model):
    """An address that is told. Its secret is not kept: it follows from the site's key and `nonce` (`secrets`).

    `failing_since`: the message at the head of its queue fails since then. `paused_for`: it was switched off by itself.
    """

    name = models.CharField(max_length=64)
    url = models.CharField(max_length=500)
    events = models.JSONField(default=list)
    on = models.BooleanField(default=True)
    private = models.BooleanField(default=False)  # its address may lie inside the own network
    nonce = models.CharField(max_length=64)
    check_digest = models.CharField(max_length=64)
    form_id = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    failing_since = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    paused_for = models.CharField(max_length=24, blank=True)

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("waits")
    DONE = "done", _("delivered")
    SKIPPED = "skipped", pgettext_lazy("webhook", "left out")


class Delivery(models.Model):
    """One message to one endpoint, in the order of `id`. Its text is fixed when it happens."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deliveries")
    event_id = models.CharField(max_length=128)
    event = models.CharField(max_length=12, choices=Event.choices)
    at = models.DateTimeField()
    body = models.TextField()
    replay = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    tries = models.IntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    status = models.SmallIntegerField(null=True)
    said = models.CharField(max_length=300, blank=True)  # the beginning of the answer, or why there was none

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "event_id"], condition=Q(replay=False), name="webhooks_told_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "id"], condition=Q(state="waiting"), name="webhooks_waiting"),
            models.Index(fields=["done_at"], name="webhooks_done"),
            models.Index(fields=["at"], name="webhooks_at"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.state}"
