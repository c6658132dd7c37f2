"""Episodes: what was wrong with a meter or a gateway, from when until when, how bad it became, and who took note."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

NOTE_MAX = 200


class Kind(models.TextChoices):
    """The first three are the states of the same names, by the same rule (`metering.states`)."""

    OWE = "owe", _("arrears")  # 欠费
    AL2 = "al2", _("alarm 2")  # 报警2
    AL1 = "al1", _("alarm 1")  # 报警1
    OVERLOAD = "overload", _("overload")  # 功率超限
    LOST = "lost", _("lost meter")  # 失联
    GATEWAY = "gateway", _("lost gateway")  # 通讯管理机失联
    COUNT = "count", _("purchase count conflict")  # 购电次数不符
    CLOCK = "clock", _("clock wrong")  # 时钟不准
    IMPOSSIBLE = "impossible", _("impossible reading")  # 读数异常
    RELAY = "relay", _("relay does not obey")  # 开关不听命
    PHASE = "phase", _("phase lost")  # 缺相
    BOOKS = "books", _("books differ")  # 账表不符
    PAYMENT = "payment", _("online payment")  # 线上付款异常
    CARRIER = "carrier", _("messages do not go out")  # 短信发送中断


MONEY = frozenset({Kind.OWE, Kind.AL2, Kind.AL1})


THINGS = ("meter", "gateway", "bus", "carrier")


def _of_one_thing() -> Q:
    """Exactly one of these, or a provider of payments."""
    found = Q()
    for thing in (*THINGS, "channel"):
        absent = {f"{one}__isnull": one != thing for one in THINGS}
        found |= Q(**absent) & (~Q(channel="") if thing == "channel" else Q(channel=""))
    return found


class Alarm(models.Model):
    """One episode. `until` null: it goes on. Values are fen, W, 0.1 V, seconds or a number: its kind says which.

    `place` and `opening` are where the meter hung, and whose it was, when it began.
    """

    kind = models.CharField(max_length=12, choices=Kind.choices)
    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, null=True, related_name="alarms")
    gateway = models.ForeignKey("estate.Gateway", on_delete=models.PROTECT, null=True, related_name="alarms")
    bus = models.ForeignKey("estate.Bus", on_delete=models.PROTECT, null=True, related_name="+")  # many meters of it
    carrier = models.ForeignKey("notices.Carrier", on_delete=models.PROTECT, null=True, related_name="+")
    channel = models.CharField(max_length=16, blank=True, default="")  # a provider of payments
    opening = models.ForeignKey("estate.Opening", on_delete=models.PROTECT, null=True, related_name="+")
    building = models.ForeignKey("estate.Building", on_delete=models.SET_NULL, null=True, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    value = models.BigIntegerField(null=True)  # when it began
    worst = models.BigIntegerField(null=True)
    threshold = models.BigIntegerField(null=True)  # what the value was held against when it began
    detail = models.CharField(max_length=64, blank=True)  # a short code: the line's error, why a reading is impossible
    times = models.IntegerField(default=1)  # how often it came back within the same episode
    noticed_at = models.DateTimeField()  # by the centre
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=NOTE_MAX, blank=True)
    escalated_at = models.DateTimeField(null=True)  # when the second person was told that nobody acknowledges it

    class Meta:
        ordering: ClassVar = ["-since", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=_of_one_thing(),
                name="alarms_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=models.F("since")), name="alarms_end_after_they_begin"
            ),
            models.UniqueConstraint(
                fields=["meter", "kind"], condition=Q(until__isnull=True, meter__isnull=False), name="alarms_meter_once"
            ),
            models.UniqueConstraint(
                fields=["gateway", "kind"],
                condition=Q(until__isnull=True, gateway__isnull=False),
                name="alarms_gateway_once",
            ),
            models.UniqueConstraint(
                fields=["bus", "kind"], condition=Q(until__isnull=True, bus__isnull=False), name="alarms_bus_once"
            ),
            models.UniqueConstraint(
                fields=["carrier", "kind"],
                condition=Q(until__isnull=True, carrier__isnull=False),
                name="alarms_carrier_once",
            ),
            models.UniqueConstraint(
                fields=["channel", "kind"],
                condition=Q(until__isnull=True) & ~Q(channel=""),
                name="alarms_channel_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["since"], condition=Q(until__isnull=True), name="alarms_open"),
            models.Index(fields=["since"], name="alarms_since"),
            models.Index(fields=["until"], name="alarms_until"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.meter_id or self.gateway_id or self.bus_id or self.carrier_id or self.channel}"


class Pass(models.Model):
    """Who looks for alarms now: one pass at a time. A pass that died frees its place by itself."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    held_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.held_until}"
