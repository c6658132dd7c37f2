"""The outlook of each meter, made once a day: the rule's result, kept so that no page has to ask the history."""

from __future__ import annotations

from django.db import models


class Outlook(models.Model):
    """Of one meter, from midnight of `first` on. `sums_fen`: fen that will have been used by the end of each day."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="outlook")
    first = models.DateField()
    sums_fen = models.JSONField()
    mean_fen = models.BigIntegerField()  # a day, of the first seven: what lists are sorted by
    day_spread = models.FloatField()
    level_spread = models.FloatField()
    known_days = models.SmallIntegerField()

    def __str__(self) -> str:
        return f"{self.meter_id} from {self.first}"
