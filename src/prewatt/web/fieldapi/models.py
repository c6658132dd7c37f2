"""What the door keeps: keys of gateways, one-time codes, what was taken, and what gateways told of themselves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from prewatt.domain.estate.models import Gateway


class GatewayKey(models.Model):
    """A key version of a gateway, wrapped. The replay window belongs to the key: a new key starts a new one.

    A superseded key is accepted until `expires_at`, so that what is on its way still arrives.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="keys")
    version = models.PositiveIntegerField()
    suite = models.CharField(max_length=16)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    boot = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0)
    window_bits = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["gateway", "version"], name="fieldapi_key_once")]

    def __str__(self) -> str:
        return f"{self.gateway_id} version {self.version}"


class EnrolmentCode(models.Model):
    """A one-time code, kept as a digest. Used once, within its time."""

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"code of {self.gateway_id}"


class EnrolmentFailure(models.Model):
    """A wrong code. Few are tolerated from one address in a while."""

    address = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.address} {self.at}"


class CentreBoot(models.Model):
    """The last boot number that a process of the centre took: with a sequence of its own it never repeats a nonce."""

    boot = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(pk=1), name="fieldapi_one_boot_counter")]

    def __str__(self) -> str:
        return str(self.boot)


class GatewayEvent(models.Model):
    """Something a gateway told that is neither a reading nor an answer. The same event again is once."""

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(db_index=True)
    code = models.CharField(max_length=32)
    meter_number = models.CharField(max_length=32, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "at", "code", "meter_number"], name="fieldapi_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.code}"
