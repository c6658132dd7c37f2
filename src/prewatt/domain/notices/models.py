"""The outbox: what is to be told to whom and what became of it; the carriers that take it there; the site's rules."""

from __future__ import annotations

from datetime import time
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

SAID_MAX = 300
NOTE_MAX = 200


class Door(models.TextChoices):
    """What a message goes to."""

    TEXT = "text", _("telephone number")
    MAIL = "mail", _("mail address")
    GROUP = "group", _("chat group")


class CarrierKind(models.TextChoices):
    MODEM = "modem", _("GSM modem")  # 短信猫
    ALIYUN = "aliyun", _("Aliyun SMS")
    TENCENT = "tencent", _("Tencent Cloud SMS")
    MAIL = "mail", _("mail (SMTP)")
    WECOM = "wecom", _("WeCom group robot")
    DINGTALK = "dingtalk", _("DingTalk group robot")


DOORS = {
    CarrierKind.MODEM: Door.TEXT,
    CarrierKind.ALIYUN: Door.TEXT,
    CarrierKind.TENCENT: Door.TEXT,
    CarrierKind.MAIL: Door.MAIL,
    CarrierKind.WECOM: Door.GROUP,
    CarrierKind.DINGTALK: Door.GROUP,
}


class Carrier(models.Model):
    """Something that takes messages away. Its secrets are sealed (`sealing`); nobody sees them again.

    `held_by` has it now, until `held_until`: one sender each. `stopped_for`: a person must act; it is tried again at
    `next_try_at` all the same.
    """

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=12, choices=CarrierKind.choices)
    door = models.CharField(max_length=8, choices=Door.choices)
    on = models.BooleanField(default=True)
    sort = models.IntegerField(default=0)  # the first that works takes a message
    settings = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)
    alarms = models.JSONField(default=list)  # kinds of alarm that are told here
    price_e4 = models.IntegerField(default=0)  # of one part
    per_minute = models.SmallIntegerField(default=8)
    version = models.IntegerField(default=1)  # grows with each change: whoever has it open opens it again
    form_id = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    held_by = models.CharField(max_length=64, blank=True)
    held_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    missed = models.IntegerField(default=0)  # messages in a row that did not go out, whoever was to blame
    missed_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    stopped_for = models.CharField(max_length=SAID_MAX, blank=True)
    said = models.CharField(max_length=SAID_MAX, blank=True)  # the last thing that went wrong
    seen_at = models.DateTimeField(null=True)  # when it last worked
    health = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["sort", "pk"]

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("message", "waits")
    SENDING = "sending", pgettext_lazy("message", "is being sent")
    SENT = "sent", pgettext_lazy("message", "sent")
    DELIVERED = "delivered", pgettext_lazy("message", "delivered")
    FAILED = "failed", pgettext_lazy("message", "failed")
    EXPIRED = "expired", pgettext_lazy("message", "out of date")
    UNKNOWN = "unknown", pgettext_lazy("message", "not known")


class Why(models.TextChoices):
    """Why a message is where it is."""

    NO_PHONE = "no_phone", _("the tenant has no telephone number")
    BAD_NUMBER = "bad_number", _("this is no telephone number")
    REPEATED = "repeated", _("the same text went there just now")
    NUMBER = "number", _("the number takes no messages")
    TEXT = "text", _("the carrier does not take this text")
    TRIES = "tries", _("tried often enough")
    NOT_ARRIVED = "not_arrived", _("the network reports that it did not arrive")
    TOO_LATE = "too_late", _("nobody took it in time")
    NOT_TRUE_ANY_MORE = "over", _("paid or over before it was sent")
    CUT_OFF = "cut_off", _("broken off while it was sent")
    NO_REPORT = "no_report", _("no report came in three days")
    NOT_THERE = "not_there", _("the provider knows nothing of it: it was not sent")
    SILENCE = "silence", _("the carrier did not answer")


class Message(models.Model):
    """One message to one recipient. Its text is fixed when it is written; `key` makes it once.

    A secret such as a log-in code stands only in `sealed`, and only until it is sent. `handed`: the carrier's reference
    of each part that it took, so that what was handed over is never handed over again.
    """

    key = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=24)
    door = models.CharField(max_length=8, choices=Door.choices, default=Door.TEXT)
    to = models.CharField(max_length=128, blank=True)
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    fields = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)
    customer = models.ForeignKey("estate.Customer", on_delete=models.PROTECT, null=True, related_name="messages")
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, null=True, related_name="messages")
    building = models.ForeignKey("estate.Building", on_delete=models.SET_NULL, null=True, related_name="+")
    urgent = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=16, choices=Why.choices, blank=True)
    said = models.CharField(max_length=SAID_MAX, blank=True)
    only = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, related_name="+")  # by this one or none
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, related_name="messages")
    attempts = models.SmallIntegerField(default=0)
    parts = models.SmallIntegerField(default=0)
    handed = models.JSONField(default=list)
    arrived = models.JSONField(default=list)  # references that are known to have arrived
    cost_e4 = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    lease = models.CharField(max_length=64, blank=True)
    leased_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    ask_at = models.DateTimeField(null=True)  # when the provider is asked what became of it
    again_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="again")
    reason = models.CharField(max_length=NOTE_MAX, blank=True)  # why it was sent again
    by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sealed__isnull=True) | Q(state__in=("waiting", "sending")), name="notices_no_secret_kept"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["door", "not_before"], condition=Q(state="waiting"), name="notices_waiting"),
            models.Index(fields=["carrier"], condition=Q(state="sending"), name="notices_sending"),
            models.Index(fields=["to", "made_at"], name="notices_to"),
            models.Index(fields=["ask_at"], condition=Q(ask_at__isnull=False), name="notices_to_ask"),
            models.Index(fields=["carrier", "sent_at"], name="notices_sent"),
            models.Index(fields=["made_at"], name="notices_made"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


class Rules(models.Model):
    """One row for the site. Quiet hours may run over midnight; equal ends: none."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    quiet_from = models.TimeField(default=time(21, 30))
    quiet_until = models.TimeField(default=time(8, 0))
    per_hour = models.SmallIntegerField(default=4)  # to one recipient
    per_day = models.SmallIntegerField(default=10)
    valid_hours = models.SmallIntegerField(default=24)
    muted = models.JSONField(default=list)  # kinds that this site does not send
    language = models.CharField(max_length=8, default="zh")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="notices_one_set_of_rules"),
            models.CheckConstraint(
                condition=Q(per_hour__gte=1, per_day__gte=1, valid_hours__gte=1), name="notices_rules_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quiet_from}-{self.quiet_until}"
