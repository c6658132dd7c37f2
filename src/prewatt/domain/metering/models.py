"""Readings as the meters gave them, the latest state of each, and usage by hour and day.

A reading is stored once, as whole numbers in narrow columns: what reports need, not what a screen shows.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

STATE_COLUMNS: dict[str, str] = {
    # value on the link -> column of MeterState, in the same stored unit
    "energy_wh": "energy_wh",
    "energy_sharp_wh": "energy_sharp_wh",
    "energy_peak_wh": "energy_peak_wh",
    "energy_flat_wh": "energy_flat_wh",
    "energy_valley_wh": "energy_valley_wh",
    "energy_deep_wh": "energy_deep_wh",
    "balance_fen": "balance_fen",
    "purchase_count": "purchase_count",
    "bought_fen": "bought_fen",
    "overdraft_fen": "overdraft_fen",
    "power_w": "power_w",
    "power_a_w": "power_a_w",
    "power_b_w": "power_b_w",
    "power_c_w": "power_c_w",
    "voltage_a_v": "voltage_a_dv",
    "voltage_b_v": "voltage_b_dv",
    "voltage_c_v": "voltage_c_dv",
    "current_a_a": "current_a_ma",
    "current_b_a": "current_b_ma",
    "current_c_a": "current_c_ma",
    "power_factor": "power_factor_e3",
    "frequency_hz": "frequency_chz",
    "relay_closed": "relay_closed",
    "relay_command": "relay_command",
    "forced": "forced",
    "prepaid_open": "prepaid_open",
    "state_arrears": "state_arrears",
    "state_alarm1": "state_alarm1",
    "state_alarm2": "state_alarm2",
    "state_overload": "state_overload",
    "alarm1_fen": "alarm1_fen",
    "alarm2_fen": "alarm2_fen",
    "ceiling_fen": "ceiling_fen",
    "clock_ms": "clock_ms",
}


class MeterState(models.Model):
    """The newest value of everything a meter showed, one row a meter. Null: never seen."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, related_name="state", primary_key=True)
    taken_at = models.DateTimeField(null=True)
    energy_at = models.DateTimeField(null=True)  # the newest full reading
    energy_wh = models.BigIntegerField(null=True)
    energy_sharp_wh = models.BigIntegerField(null=True)
    energy_peak_wh = models.BigIntegerField(null=True)
    energy_flat_wh = models.BigIntegerField(null=True)
    energy_valley_wh = models.BigIntegerField(null=True)
    energy_deep_wh = models.BigIntegerField(null=True)
    balance_fen = models.BigIntegerField(null=True)
    purchase_count = models.IntegerField(null=True)
    bought_fen = models.BigIntegerField(null=True)
    overdraft_fen = models.BigIntegerField(null=True)
    power_w = models.IntegerField(null=True)
    power_a_w = models.IntegerField(null=True)
    power_b_w = models.IntegerField(null=True)
    power_c_w = models.IntegerField(null=True)
    voltage_a_dv = models.IntegerField(null=True)
    voltage_b_dv = models.IntegerField(null=True)
    voltage_c_dv = models.IntegerField(null=True)
    current_a_ma = models.IntegerField(null=True)
    current_b_ma = models.IntegerField(null=True)
    current_c_ma = models.IntegerField(null=True)
    power_factor_e3 = models.IntegerField(null=True)
    frequency_chz = models.IntegerField(null=True)
    relay_closed = models.SmallIntegerField(null=True)
    relay_command = models.SmallIntegerField(null=True)
    forced = models.SmallIntegerField(null=True)
    prepaid_open = models.SmallIntegerField(null=True)
    state_arrears = models.SmallIntegerField(null=True)
    state_alarm1 = models.SmallIntegerField(null=True)
    state_alarm2 = models.SmallIntegerField(null=True)
    state_overload = models.SmallIntegerField(null=True)
    alarm1_fen = models.BigIntegerField(null=True)
    alarm2_fen = models.BigIntegerField(null=True)
    ceiling_fen = models.BigIntegerField(null=True)
    clock_ms = models.BigIntegerField(null=True)  # what the meter's own clock showed at `energy_at`
    per_day_fen = models.BigIntegerField(null=True)  # deducted a day, mean of its last closed days: kept by closing
    lost = models.BooleanField(default=False)
    lost_since = models.DateTimeField(null=True)
    last_answer_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=32, blank=True)

    def __str__(self) -> str:
        return f"{self.meter_id} at {self.taken_at}"


class Reading(models.Model):
    """One look at one meter that showed its energy register. `taken_ms` is UTC milliseconds. Null: not in that look.

    The key is (meter, time) itself and the columns stand widest first: no byte is lost to padding. The meter was
    looked up by whoever stores a reading, so that the database need not ask again for each row.
    """

    pk = models.CompositePrimaryKey("meter_id", "taken_ms")
    taken_ms = models.BigIntegerField()
    energy_wh = models.BigIntegerField(null=True)
    energy_sharp_wh = models.BigIntegerField(null=True)
    energy_peak_wh = models.BigIntegerField(null=True)
    energy_flat_wh = models.BigIntegerField(null=True)
    energy_valley_wh = models.BigIntegerField(null=True)
    energy_deep_wh = models.BigIntegerField(null=True)
    bought_fen = models.BigIntegerField(null=True)
    meter = models.ForeignKey(
        "estate.Meter", on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    balance_fen = models.IntegerField(null=True)
    overdraft_fen = models.IntegerField(null=True)
    purchase_count = models.IntegerField(null=True)
    power_w = models.IntegerField(null=True)
    current_a_ma = models.IntegerField(null=True)
    current_b_ma = models.IntegerField(null=True)
    current_c_ma = models.IntegerField(null=True)
    voltage_a_dv = models.SmallIntegerField(null=True)
    voltage_b_dv = models.SmallIntegerField(null=True)
    voltage_c_dv = models.SmallIntegerField(null=True)
    power_factor_e3 = models.SmallIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.meter_id} at {self.taken_ms}"


class UsageHour(models.Model):
    """Energy of one hour, CT ratio applied. `start_ms` is the hour's beginning. `filled`: part of it was bridged."""

    pk = models.CompositePrimaryKey("meter_id", "start_ms")
    start_ms = models.BigIntegerField()
    energy_wh = models.BigIntegerField()
    meter = models.ForeignKey(
        "estate.Meter", on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    filled = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.meter_id} {self.start_ms}: {self.energy_wh} Wh"


class BuildingHour(models.Model):
    """A building's energy of one hour: the sum of its meters' hours, so that nobody adds up ten thousand of them.

    `place` is the building's id, 0 for meters that hang in no room.
    """

    pk = models.CompositePrimaryKey("start_ms", "place")
    start_ms = models.BigIntegerField()
    energy_wh = models.BigIntegerField()
    place = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.place} {self.start_ms}: {self.energy_wh} Wh"


class Quarter(models.Model):
    """A building's load in one quarter of an hour, as its meters showed it. `place` as in BuildingHour."""

    pk = models.CompositePrimaryKey("start_ms", "place")
    start_ms = models.BigIntegerField()
    power_w = models.BigIntegerField()
    place = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.place} {self.start_ms}: {self.power_w} W"


class UsageDay(models.Model):
    """One business day of one meter: energy (CT applied) by rate, and its money: what the meter itself deducted, or
    what the platform charged for it, once that is booked.
    """

    meter = models.ForeignKey("estate.Meter", on_delete=models.PROTECT, db_index=False, related_name="+")
    day = models.DateField()
    energy_wh = models.BigIntegerField()
    energy_sharp_wh = models.BigIntegerField(default=0)
    energy_peak_wh = models.BigIntegerField(default=0)
    energy_flat_wh = models.BigIntegerField(default=0)
    energy_valley_wh = models.BigIntegerField(default=0)
    energy_deep_wh = models.BigIntegerField(default=0)
    deducted_fen = models.BigIntegerField(null=True)
    charged = models.BooleanField(null=True)  # 平台计费: `deducted_fen` is what the ledger booked
    counter_fen = models.BigIntegerField(null=True)  # bought less balance at the day's end: grows by what is deducted
    first_ms = models.BigIntegerField()  # the readings that bound it
    last_ms = models.BigIntegerField()
    gap_s_max = models.IntegerField(default=0)
    drawn_from = models.BigIntegerField(null=True)  # marks the set of readings (`closing.drawn_from`)
    closed_at = models.DateTimeField()
    version = models.IntegerField(default=1)  # grows when late readings re-open and re-close the day
    posted_version = models.IntegerField(default=0)  # the version that the ledger knows

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["meter", "day"], name="metering_day_once")]
        indexes: ClassVar = [
            models.Index(fields=["day"], name="metering_day_day"),
            models.Index(
                fields=["day"], condition=models.Q(posted_version__lt=models.F("version")), name="metering_day_unposted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.day}: {self.energy_wh} Wh"


class QualityDay(models.Model):
    """Power factor and balance of the phases over one closed day of one meter, as sums (`metering.quality`)."""

    pk = models.CompositePrimaryKey("meter_id", "day")
    day = models.DateField()
    active_w = models.BigIntegerField()
    apparent_va = models.BigIntegerField()
    spread_ma = models.BigIntegerField()
    highest_ma = models.BigIntegerField()
    meter = models.ForeignKey(
        "estate.Meter", on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    looks = models.SmallIntegerField()
    phase_looks = models.SmallIntegerField()
    factor_min_e3 = models.SmallIntegerField(null=True)
    unbalance_max_e3 = models.SmallIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["day"], name="metering_quality_day")]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.day}"


class UsageMonth(models.Model):
    """The closed days of one month of one meter, added up: what a year over ten thousand meters asks for."""

    pk = models.CompositePrimaryKey("meter_id", "month")
    month = models.DateField()  # its first day
    energy_wh = models.BigIntegerField()
    deducted_fen = models.BigIntegerField(null=True)
    meter = models.ForeignKey(
        "estate.Meter", on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    days = models.SmallIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["month"], name="metering_month_month")]

    def __str__(self) -> str:
        return f"{self.meter_id} {self.month:%Y-%m}: {self.energy_wh} Wh"


class UsageOfAll(models.Model):
    """The closed days of all meters together: what a chart over the whole site draws without adding them up again."""

    day = models.DateField(primary_key=True)
    energy_wh = models.BigIntegerField()
    deducted_fen = models.BigIntegerField()
    meters = models.IntegerField()  # how many closed it

    def __str__(self) -> str:
        return f"{self.day}: {self.energy_wh} Wh"


class Dirty(models.Model):
    """A meter's hours and days from `since_ms` on must be closed (again): new or late readings came."""

    meter = models.OneToOneField("estate.Meter", on_delete=models.PROTECT, primary_key=True, related_name="+")
    since_ms = models.BigIntegerField()
    days_since_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.meter_id} since {self.since_ms}"
