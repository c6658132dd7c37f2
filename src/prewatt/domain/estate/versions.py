"""Which gateways must fetch their configuration again."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from prewatt.domain.estate.models import Gateway


def bump_config(gateway_ids: Iterable[int]) -> None:
    """The gateways fetch their configuration with their next message."""
    Gateway.objects.filter(pk__in=set(gateway_ids)).update(config_version=F("config_version") + 1)
