"""What one virtual meter is (`MeterSpec`) and what it remembers (`Memory`)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from prewatt.sim.tariff import RATES, ZHUHAI, ZHUHAI_PRICES_E4, Tariff

RECHARGES_KEPT = 20
CEILING_FEN = 99_999_999  # 999 999.99 yuan, the default of one firmware
E7_PER_FEN = 100_000  # price (1e-4 yuan/kWh) × Wh counts 1e-7 yuan, a fen is 1e-2: as `units.charge`
STEPS = ("count", "balance", "bought", "record")


class Refused(Exception):
    """The meter understands and does not do it. `code` says why; asking again with the same values does not help."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MeterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What was bought and built in. Never changes while the meter lives."""

    number: str
    ct_ratio: int = 1
    phases: Literal[1, 3] = 3
    # what an equal purchase count gets: refused, or the present state; "unchecked" believes every count
    firmware: Literal["2010", "2018", "unchecked"] = "2018"
    persist: tuple[str, ...] = ("count", "balance+bought", "record")  # a power cut can fall between any two of these
    persist_ms: int = 4  # what each of these steps takes, counted from the understood frame on
    breaker: Literal["built_in", "shunt", "failed"] = "built_in"  # shunt: only a hand closes it; failed: never opens
    hand_s: int | None = None  # shunt: somebody closes it so many seconds after it was commanded on; None: nobody does
    clock_ppm: int = 0  # how fast the clock runs away, millionths
    zone_offset_s: int = 28_800
    boot_ms: int = 3_000  # silent after power came back
    refund_into_debt: bool = False
    speed: int = 1  # counts so many times the power it shows: a demo's day in minutes
    salt: int = 0  # small differences between meters: voltages, shares of the phases, power factor

    def __post_init__(self) -> None:
        steps = [name for step in self.persist for name in step.split("+")]
        if sorted(steps) != sorted(STEPS):
            raise ValueError(f"{self.number}: persist must name {', '.join(STEPS)} once each, not {self.persist}")
        if self.ct_ratio < 1 or self.persist_ms < 1 or abs(self.clock_ppm) > 100_000:
            raise ValueError(f"{self.number}: ct_ratio and persist_ms are at least 1, clock_ppm within ±100000")

    @property
    def keeping_s(self) -> float:
        """How long until every step of a purchase is kept."""
        return (len(self.persist) * self.persist_ms + 1) / 1000


class Recharge(msgspec.Struct, frozen=True):
    """One line of the meter's own list of the last purchases. A refund has a negative amount, an opening count 0."""

    at_ms: int
    purchase_count: int
    amount_fen: int
    balance_fen: int
    energy_wh: int


class Memory(msgspec.Struct, kw_only=True):
    """Non-volatile memory: what is still there after the power was gone. Whole numbers only.

    balance = credit - deducted, and deducted = the cost rounded once; so bought - balance is what was ever deducted,
    across purchases, refunds and openings, unless a power cut tore a purchase apart.
    """

    # counted
    energy_wms: list[int] = msgspec.field(default_factory=lambda: [0] * len(RATES))  # primary watt-milliseconds a rate
    cost_e7: int = 0  # price (1e-4 yuan/kWh) × register Wh × CT, summed: 1e-7 yuan
    # money
    opened: bool = False
    customer: str = ""
    purchase_count: int = 0
    credit_fen: int = 0
    bought_fen: int = 0
    recharges: list[Recharge] = msgspec.field(default_factory=list)
    # settings
    prices_e4: list[int] = msgspec.field(default_factory=lambda: list(ZHUHAI_PRICES_E4))
    tariff: Tariff = ZHUHAI
    alarm1_fen: int = 1000
    alarm2_fen: int = 500
    overdraft_limit_fen: int = 0
    ceiling_fen: int = CEILING_FEN  # 0: none
    close_from_fen: int = 0  # 合闸允许金额: after arrears the relay closes from this balance on (and above zero)
    reminder_restore_s: int = 0  # the reminder trip ends by itself after this long; 0: it does not
    overload_limit_w: int = 0  # primary; 0: none
    overload_restore_s: int = 60
    overload_allowed: int = 3
    clock_set_ms: int = 0  # what the clock was set to
    clock_set_at_ms: int = 0  # and when (true time)
    # switching
    forced: int = 0  # 0 prepaid logic, 1 forced off, 2 hold
    arrears: bool = False
    reminded: int = 0  # 0 not, 1 alarm 2, 2 zero: each trips once
    reminder_open: bool = False
    reminder_until_ms: int | None = None
    overload_trips: int = 0
    overload_open: bool = False
    overload_until_ms: int | None = None
    button_awaited: bool = False  # 合闸允许: commanded on, but the tenant closes with the button
    contact_closed: bool = True
    hand_at_ms: int | None = None

    def to_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Memory:
        """Raises msgspec.ValidationError naming what does not fit."""
        return msgspec.convert(plain, cls)
