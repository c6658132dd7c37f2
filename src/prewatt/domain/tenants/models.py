"""Browsers in which a tenant is logged in, codes on their way to phones, and how often somebody tried."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Visit(models.Model):
    """A browser in which a tenant is logged in. Without its row the visit is over.

    The cookie carries a random word and this row its digest. By password it is one customer's, and ends with that
    password; by a code it is a phone's, and sees whoever has that phone now.
    """

    digest = models.CharField(max_length=64, unique=True)
    customer = models.ForeignKey("estate.Customer", on_delete=models.CASCADE, null=True, related_name="visits")
    proof = models.CharField(max_length=64, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    kiosk = models.BooleanField(default=False)
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=256, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False, phone="") | (Q(customer__isnull=True) & ~Q(phone="")),
                name="tenants_visit_is_somebodys",
            )
        ]

    def __str__(self) -> str:
        return f"{self.customer_id or self.phone} since {self.started_at:%F %T}"


class Code(models.Model):
    """The newest code for a phone, whether anybody has that phone or not. Only its digest is kept."""

    phone = models.CharField(max_length=32, unique=True)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.phone} at {self.made_at:%F %T}"


class Tally(models.Model):
    """How often something was tried since `since`: by number, phone or address, or by everybody."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    since = models.DateTimeField()
    tries = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "key"], name="tenants_tally_once")]
        indexes: ClassVar = [models.Index(fields=["since"], name="tenants_tally_since")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.tries}"
