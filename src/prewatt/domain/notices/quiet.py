"""Quiet hours: nobody is woken by a warning."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from prewatt.domain.notices.models import Rules


def loud_from(now: datetime, rules: Rules) -> datetime:
    """`now`, or the end of the quiet hours that it lies in."""
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    begins, ends, at = rules.quiet_from, rules.quiet_until, local.time()
    over_midnight = begins > ends
    quiet = (at >= begins or at < ends) if over_midnight else begins <= at < ends
    if not quiet:
        return now
    day = local.date() + timedelta(days=1 if over_midnight and at >= begins else 0)
    return datetime.combine(day, ends, tzinfo=local.tzinfo).astimezone(now.tzinfo)
