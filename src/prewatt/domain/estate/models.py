"""Buildings down to meters, and who has an account on them. Everything an operator sees goes through `for_operator`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Coalesce
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
    sort = models.IntegerField(default=0)  # all zero: by number, the highest on top

    class Meta:
        ordering: ClassVar = ["building", "sort", "-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["building", "number"], name="estate_floor_once")]

    def __str__(self) -> str:
        return self.name or f"{self.number}F"


class Area(models.Model):
    """区域: a named part of a building, on one floor or across several. Rooms may belong to one."""

    building = models.ForeignKey(Building, on_delete=models.PROTECT, related_name="areas")
    name = models.CharField(_("area"), max_length=32)
    sort = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["building", "sort", "name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["building", "name"], name="estate_area_once")]

    def __str__(self) -> str:
        return self.name


class Room(models.Model):
    """户号, also 商铺号: what a tenant rents. Its number is text."""

    floor = models.ForeignKey(Floor, on_delete=models.PROTECT, related_name="rooms")
    area = models.ForeignKey(Area, on_delete=models.PROTECT, null=True, blank=True, related_name="rooms")
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
    key_version = models.PositiveIntegerField(default=0)  # 0: never enrolled; grows with each enrolment
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
    sweep_s = models.IntegerField(null=True, blank=True)  # null: the site's default
    status_s = models.IntegerField(default=180)

    class Meta:
        ordering: ClassVar = ["gateway", "code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "code"], name="estate_bus_once"),
            models.CheckConstraint(condition=Q(sweep_s__gt=0, status_s__gt=0), name="estate_bus_intervals_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id}/{self.code}"


class EnrolmentCode(models.Model):
    """A one-time code, kept as a digest. Used once, within its time."""

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="codes")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"code of {self.gateway_id}"


class GatewayEvent(models.Model):
    """Something a gateway told that is neither a reading nor an answer. The same event again is once."""

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(db_index=True)
    code = models.CharField(max_length=32)
    meter_number = models.CharField(max_length=32, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "at", "code", "meter_number"], name="fieldapi_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.code}"


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
    # 上级表: what it counts, the parent has counted as well (`estate.feeding`)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    remark = models.CharField(max_length=200, blank=True)
    ct_ratio = models.IntegerField(default=1)
    pt_ratio = models.IntegerField(default=1)
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
            models.CheckConstraint(condition=Q(pt_ratio__gte=1, pt_ratio__lte=10_000), name="estate_meter_pt_ratio"),
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

    @property
    def ratio(self) -> int:
        return ratio(self.ct_ratio, self.pt_ratio)


def ratio(ct_ratio: int, pt_ratio: int) -> int:
    """What the register's energy and power are multiplied with: behind both transformers, both count (倍率)."""
    return ct_ratio * pt_ratio


def ratio_in(prefix: str = "") -> CombinedExpression:
    """The same for the database, wide enough for any power: `prefix` leads to the meter, such as `meter__`."""
    return Cast(f"{prefix}ct_ratio", models.BigIntegerField()) * F(f"{prefix}pt_ratio")


class RatioChange(models.Model):
    """Until `at` the meter's register counted with `ratio`; what was used before stays so, however late it is read."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="ratio_changes")
    at = models.DateTimeField()
    ratio = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.ratio}"


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


class Use(models.Model):
    """用电类型: the kinds of use that a site chooses from."""

    name = models.CharField(max_length=32, unique=True)
    sort = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["sort", "name"]

    def __str__(self) -> str:
        return self.name


class Defaults(models.Model):
    """默认参数: of the site, or of one building, which goes before. Null: not said here, look one step up."""

    building = models.ForeignKey(Building, on_delete=models.CASCADE, null=True, blank=True, related_name="defaults")
    overload_limit_w = models.IntegerField(null=True, blank=True)
    sweep_s = models.IntegerField(null=True, blank=True)
    alarm1_fen = models.BigIntegerField(null=True, blank=True)
    alarm2_fen = models.BigIntegerField(null=True, blank=True)
    price_sharp_e4 = models.IntegerField(null=True, blank=True)
    price_peak_e4 = models.IntegerField(null=True, blank=True)
    price_flat_e4 = models.IntegerField(null=True, blank=True)
    price_valley_e4 = models.IntegerField(null=True, blank=True)
    price_deep_e4 = models.IntegerField(null=True, blank=True)
    ceiling_fen = models.BigIntegerField(null=True, blank=True)
    alarm_phones = models.CharField(max_length=200, null=True, blank=True)
    escalate_phones = models.CharField(max_length=200, null=True, blank=True)  # the second person's
    escalate_after_min = models.IntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("building", Value(0)), name="estate_defaults_once"),
        ]

    def __str__(self) -> str:
        return f"defaults of building {self.building_id}" if self.building_id else "defaults of the site"


class Wording(models.Model):
    """A text that the site wrote instead of the shipped one: a message, or the receipt of a building."""

    key = models.CharField(max_length=32)
    language = models.CharField(max_length=8)
    building = models.ForeignKey(Building, on_delete=models.CASCADE, null=True, blank=True, related_name="wordings")
    text = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("key", "language", Coalesce("building", Value(0)), name="estate_wording_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.language}"


class Upload(models.Model):
    """A workbook that somebody looks at before it is imported. Its bytes go when it was, or is a day old."""

    key = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=128)
    content = models.BinaryField()
    made_at = models.DateTimeField(db_index=True)
    made_by = models.ForeignKey("staff.Operator", on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class Submitted(models.Model):
    """A form that made something: the same form sent again finds it."""

    key = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=32)
    made = models.BigIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.made}"
