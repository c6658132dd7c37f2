"""What the door keeps: keys of gateways, wrong codes, and what was taken."""

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
