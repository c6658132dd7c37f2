"""The site's fair rules, the accounts that run out of money, what was said to them, grace, and power kept on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from prewatt.domain.cutoff import rule

NOTE_MAX = 200


def dwellings() -> list[str]:
    """The shipped kinds of use (`estate.rooms`) that are people's homes."""
    return ["住宅", "宿舍"]


class FairRules(models.Model):
    """One row for the site. Friendly where nobody said anything else."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    automatic = models.BooleanField(default=True)  # our own orders for arrears; False: by hand only
    must_be_told = models.BooleanField(default=True)  # a notice counts from when somebody told it
    notice_days = models.SmallIntegerField(default=3)
    notice_days_dwelling = models.SmallIntegerField(default=7)
    dwelling_uses = models.JSONField(default=dwellings, blank=True)
    gap_hours = models.SmallIntegerField(default=24)
    last_minutes = models.SmallIntegerField(default=60)
    remind_hours = models.SmallIntegerField(default=48)
    stale_minutes = models.SmallIntegerField(default=60)
    keep = models.BooleanField(default=True)  # hold meters that would run dry inside protected hours
    keep_max_fen = models.BigIntegerField(default=20_000)
    grace_max_fen = models.BigIntegerField(default=50_000)
    grace_days_max = models.SmallIntegerField(default=7)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="cutoff_one_set_of_rules"),
            models.CheckConstraint(
                condition=Q(
                    notice_days__gte=0,
                    notice_days_dwelling__gte=0,
                    gap_hours__gte=0,
                    last_minutes__gte=0,
                    remind_hours__gte=0,
                    stale_minutes__gte=1,
                    keep_max_fen__gte=0,
                    grace_max_fen__gte=0,
                    grace_days_max__gte=0,
                ),
                name="cutoff_rules_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice_days} / {self.notice_days_dwelling} days"


class Stage(models.TextChoices):
    """The words for `rule.Stage`. An account that is fine has no row."""

    WARNED = rule.Stage.WARNED.value, _("warned")
    AGAIN = rule.Stage.AGAIN.value, _("warned again")
    REMINDED = rule.Stage.REMINDED.value, _("reminded")
    DUE = rule.Stage.DUE.value, _("due")
    GRACE = rule.Stage.GRACE.value, _("grace")
    OFF = rule.Stage.OFF.value, _("off")


class Standing(models.Model):
    """One account that runs out of money: where it stands, what comes next. Gone when a payment ends it."""

    opening = models.OneToOneField("estate.Opening", on_delete=models.PROTECT, primary_key=True, related_name="cutoff")
    stage = models.CharField(max_length=10, choices=Stage.choices)
    why = models.CharField(max_length=16)  # rule.Why
    platform = models.BooleanField()
    money_fen = models.BigIntegerField(null=True)
    runs_out_at = models.DateTimeField(null=True)
    since = models.DateTimeField()
    due_since = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    cut_at = models.DateTimeField(null=True)  # the earliest, as things stand
    trip = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["stage", "next_at"], name="cutoff_standing_next")]

    def __str__(self) -> str:
        return f"{self.opening_id}: {self.stage} ({self.why})"


class Word(models.TextChoices):
    """The words for `rule.Word`."""

    FIRST = rule.Word.FIRST.value, _("first warning")
    AGAIN = rule.Word.AGAIN.value, _("second warning")
    REMINDER = rule.Word.REMINDER.value, _("reminder")
    LAST = rule.Word.LAST.value, _("last notice")


class Door(models.TextChoices):
    """How the tenant was reached."""

    PHONE = "phone", _("by telephone")
    PERSON = "person", _("in person")
    PAPER = "paper", _("on paper")
    MESSAGE = "message", _("by message")


class Notice(models.Model):
    """Something that a tenant is to be told, and who told it. `open`: it counts for what goes on now."""

    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="notices")
    word = models.CharField(max_length=8, choices=Word.choices)
    at = models.DateTimeField(db_index=True)
    money_fen = models.BigIntegerField(null=True)  # as it stood then
    cut_at = models.DateTimeField(null=True)  # the earliest cut, as it stood then
    told_at = models.DateTimeField(null=True)
    told_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    door = models.CharField(max_length=8, choices=Door.choices, blank=True)
    note = models.CharField(max_length=NOTE_MAX, blank=True)
    open = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["opening", "word"], condition=Q(open=True), name="cutoff_word_once"),
            models.CheckConstraint(
                condition=Q(told_at__isnull=True, door="") | (Q(told_at__isnull=False) & ~Q(door="")),
                name="cutoff_told_through_a_door",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opening_id}: {self.word}"


class Grace(models.Model):
    """宽限额度: so much may this account owe until then, and who allowed it."""

    id = models.CharField(max_length=64, primary_key=True)  # made when the form was drawn
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="graces")
    amount_fen = models.BigIntegerField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=NOTE_MAX)
    by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # sooner than `until`: by a person, or by a newer grace

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="cutoff_grace_positive"),
            models.UniqueConstraint(fields=["opening"], condition=Q(ended_at__isnull=True), name="cutoff_one_grace"),
        ]

    def __str__(self) -> str:
        return f"{self.opening_id}: {self.amount_fen} until {self.until:%F %T}"


class Keep(models.Model):
    """保电 of ours with an end: a meter that counts down by itself is held, and released when the time is over."""

    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, related_name="keeps")
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, related_name="keeps")
    for_grace = models.BooleanField(default=False)  # else for protected hours
    hold = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    until = models.DateTimeField()
    most_fen = models.BigIntegerField()  # at this debt it ends, whatever the hour
    likely_fen = models.BigIntegerField()  # the debt that the forecast's upper end gives
    release = models.ForeignKey("dispatch.MeterOrder", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["meter"], condition=Q(ended_at__isnull=True), name="cutoff_one_keep"),
        ]

    def __str__(self) -> str:
        return f"{self.meter_id} until {self.until:%F %T}"
