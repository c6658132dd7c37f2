"""What was answered to a write: the same key again gets the same answer."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Answer(models.Model):
    """Stands in the same transaction as what it tells of. `digest` covers the method, the address and the body."""

    token = models.ForeignKey("staff.ApiToken", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["token", "key"], name="api_key_once")]

    def __str__(self) -> str:
        return f"{self.token_id} {self.key}"
