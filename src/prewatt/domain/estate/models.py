"""Buildings down to meters, and who has an account on them. Everything an operator sees goes through `for_operator`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator


class Building(models.Model):
    code = models.CharField(_("code"), max_length=16, unique=True)
    name = models.CharField(_("name"), max_length=64)
    sort = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["sort", "code"]

    def __str__(self) -> str:
        return self.name


class Floor(models.Model):
    building = models.ForeignKey(Building, on_delete=models.PROTECT, related_name="floors")
    number = models.IntegerField(_("floor"))
    name = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering: ClassVar = ["building", "-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["building", "number"], name="estate_floor_once")]

    def __str__(self) -> str:
        return self.name or f"{self.number}F"


class Room(models.Model):
    """户号, also 商铺号: what a tenant rents. Its number is text."""

    floor = models.ForeignKey(Floor, on_delete=models.PROTECT, related_name="rooms")
    number = models.CharField(_("room"), max_length=32)
    use = models.CharField(max_length=32, blank=True)  # 用电类型

    class Meta:
        ordering: ClassVar = ["floor", "number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["floor", "number"], name="estate_room_once")]

    def __str__(self) -> str:
        return self.number


class Gateway(models.Model):
    """通讯管理机. Keys live with the door it knocks at, not here."""

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=64, blank=True)
    suite = models.CharField(max_length=16, default="aes-256-gcm")
    config_version = models.IntegerField(default=1)
    software = models.CharField(max_length=64, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    clock_skew_ms = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.code


class Bus(models.Model):
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="buses")
    code = models.CharField(max_length=32)
    url = models.CharField(max_length=200)
    sweep_s = models.IntegerField(default=1800)
    status_s = models.IntegerField(default=180)

    class Meta:
        ordering: ClassVar = ["gateway", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "code"], name="estate_bus_once"),
            models.CheckConstraint(condition=Q(sweep_s__gt=0, status_s__gt=0), name="estate_bus_intervals_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id}/{self.code}"


class MeterQuerySet(models.QuerySet["Meter"]):
    def for_operator(self, operator: Operator) -> MeterQuerySet:
        """Only what the operator may see at all. Meters without a room belong to those who see every building."""
        if not operator.is_active:
            return self.none()
        if operator.all_buildings:
            return self
        return self.filter(room__floor__building__in=operator.buildings.values("pk"))


def default_allow() -> list[str]:
    return ["manual", "observed"]


class Meter(models.Model):
    """One meter. `number` 表号 is text; leading zeros and letters are part of it."""

    id = models.AutoField(primary_key=True)  # four bytes: every reading carries it twice, in its row and in its key
    number = models.CharField(_("meter number"), max_length=32, unique=True)
    bus = models.ForeignKey(Bus, on_delete=models.PROTECT, related_name="meters")
    unit = models.IntegerField(_("address"), default=1)
    address = models.CharField(max_length=16, blank=True)  # DL/T 645: twelve digits
    profile = models.CharField(max_length=64)
    room = models.ForeignKey(Room, on_delete=models.PROTECT, null=True, blank=True, related_name="meters")
    circuit = models.CharField(max_length=64, blank=True)  # 站点和回路
    level = models.IntegerField(default=1)  # 表级
    remark = models.CharField(max_length=200, blank=True)
    ct_ratio = models.IntegerField(default=1)
    active = models.BooleanField(default=True)
    sweep_s = models.IntegerField(null=True, blank=True)
    allow = models.JSONField(default=default_allow)
    options = models.JSONField(default=dict, blank=True)
    alarm1_fen = models.BigIntegerField(default=5000)
    alarm2_fen = models.BigIntegerField(default=2000)
    ceiling_fen = models.BigIntegerField(default=0)  # 0: none
    overload_limit_w = models.IntegerField(default=0)  # 0: none
    price_sharp_e4 = models.IntegerField(default=0)
    price_peak_e4 = models.IntegerField(default=0)
    price_flat_e4 = models.IntegerField(default=0)
    price_valley_e4 = models.IntegerField(default=0)
    price_deep_e4 = models.IntegerField(default=0)

    objects = MeterQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ct_ratio__gte=1, ct_ratio__lte=10_000), name="estate_meter_ct_ratio"),
            models.CheckConstraint(condition=Q(unit__gte=0, unit__lte=247), name="estate_meter_unit_range"),
            # Two meters that answer to one call garble each other. A meter taken out of use frees its address.
            models.UniqueConstraint(
                fields=["bus", "unit"], condition=Q(active=True, address=""), name="estate_meter_unit_once"
            ),
            models.UniqueConstraint(
                fields=["bus", "address"], condition=Q(active=True) & ~Q(address=""), name="estate_meter_address_once"
            ),
            models.CheckConstraint(
                condition=Q(alarm1_fen__gte=0, alarm2_fen__gte=0, ceiling_fen__gte=0, overload_limit_w__gte=0),
                name="estate_meter_limits_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class CustomerQuerySet(models.QuerySet["Customer"]):
    def for_operator(self, operator: Operator) -> CustomerQuerySet:
        """Whoever has or had an account in the operator's buildings. Who never had one belongs to those who see all."""
        if not operator.is_active:
            return self.none()
        if operator.all_buildings:
            return self
        mine = Meter.objects.for_operator(operator).order_by().values("pk")
        return self.filter(pk__in=Opening.objects.filter(meter__in=mine).values("customer"))


class Customer(models.Model):
    """A tenant. `pinyin` holds the initials of the name, for the counter's one field."""

    number = models.CharField(_("user number"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=128)
    contact = models.CharField(max_length=64, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    address = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=400, blank=True)
    pinyin = models.CharField(max_length=128, blank=True, db_index=True)
    password = models.CharField(max_length=128, blank=True)  # 查询密码 as Django hashes it; empty: none was given
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return self.name


class Opening(models.Model):
    """An account of a customer on a meter, from 开户 to 销户. The meter's own registers start from the two bases."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="openings")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="openings")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    count_base = models.IntegerField(default=0)
    bought_base_fen = models.BigIntegerField(null=True, blank=True)
    use = models.CharField(_("kind of use"), max_length=32, blank=True)  # 用电类型
    alarm1_notify = models.BooleanField(default=True)  # 报警金额1提示报警
    alarm2_notify = models.BooleanField(default=True)
    texts = models.BooleanField(default=True)  # 自动发送报警短信
    inactive = models.BooleanField(default=False)  # 失效: nothing is sold to it and nobody is told

    class Meta:
        ordering: ClassVar = ["-opened_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["meter"], condition=Q(closed_at__isnull=True), name="estate_one_opening"),
        ]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.customer_id}"
