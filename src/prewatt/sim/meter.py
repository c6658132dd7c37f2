"""A prepaid meter, not a register file: it counts energy and money by itself and switches itself, in whole numbers.

`advance` moves it to a moment; what happens in between (a slot of the tariff, an alarm, the last fen, a reminder that
ends) happens at its own millisecond, however seldom anybody looks. Times are UTC milliseconds and never go back.

Inside, money is one exact sum, price × register Wh × CT, rounded once to a fen, so the balance at any moment is what
anybody can compute from the registers, and fractions never pile up. Memory is of two kinds: what is shown (RAM) changes
at once when a purchase is accepted, what is kept (`memory`) follows in steps; a power cut in between leaves them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from prewatt.sim import commands, shown
from prewatt.sim.memory import E7_PER_FEN, RECHARGES_KEPT, Memory, MeterSpec, Recharge, Refused
from prewatt.units.values import round_half_up

WMS_PER_WH = 3_600_000
NEVER = 1 << 62
EVENTS_KEPT = 10_000


class Load(Protocol):
    """What the room draws."""

    def segment(self, at_ms: int) -> tuple[int, int]:
        """Constant power in whole watts at this moment, and the later moment until which it stays so."""
        ...


class MoneyEvent(NamedTuple):
    """One purchase, refund or opening as the meter itself saw it; `kept` names the steps that reached memory."""

    at_ms: int
    kind: str
    amount_fen: int
    purchase_count: int
    kept: list[str]


class _Step(NamedTuple):
    due_ms: int
    name: str
    value: Any
    event: MoneyEvent


class Meter:
    """One meter under its load."""

    def __init__(self, spec: MeterSpec, load: Load, memory: Memory | None = None, *, now_ms: int = 0) -> None:
        self.spec = spec
        self.load = load
        self.memory = memory or Memory(clock_set_ms=now_ms, clock_set_at_ms=now_ms)
        self.events: list[MoneyEvent] = []
        self.silent_until_ms = 0
        self.resets = 0
        self._flow_w = 0  # what passes now
        self._power_w = self._power_until = self._rate_until = 0
        self._unit_wms = WMS_PER_WH * spec.ct_ratio
        self._at = now_ms
        self._steps: list[_Step] = []
        self._boot()
        self._look_around()

    # --- memory and time -------------------------------------------------------------------------------------

    @property
    def at_ms(self) -> int:
        """How far the meter has lived."""
        return self._at

    @property
    def power_w(self) -> int:
        """What passes now on the primary side; 0 while the contact is open."""
        return self._flow_w // self.spec.speed

    def advance(self, now_ms: int) -> None:
        """Live until this moment. An earlier moment changes nothing."""
        while self._at < now_ms:
            end = self._next if self._next < now_ms else now_ms
            if self._flow_w:
                end = self._count(end)
            self._at = end
            if end >= self._next:
                self._look_around()

    def _count(self, end: int) -> int:
        """Count at constant power and price until `end`, or only to where the balance changes the relay."""
        memory, rate = self.memory, self._rate
        wms = memory.energy_wms[rate] + self._flow_w * (end - self._at)
        steps = wms // self._unit_wms - self._register_wh
        if steps and memory.opened:
            if memory.cost_e7 + steps * self._step_cost >= self._cost_next:
                steps = -((memory.cost_e7 - self._cost_next) // self._step_cost)
                missing = (self._register_wh + steps) * self._unit_wms - memory.energy_wms[rate]
                end = self._at - (-missing // self._flow_w)
                wms = memory.energy_wms[rate] + self._flow_w * (end - self._at)
                self._next = end
            memory.cost_e7 += steps * self._step_cost
        memory.energy_wms[rate] = wms
        self._register_wh += steps
        return end

    def _look_around(self) -> None:
        """Something ends now: a step of memory, a timer, a segment of the load, a slot of the tariff, the money."""
        memory, now = self.memory, self._at
        if self._steps:
            self._keep_due()
        if memory.reminder_until_ms is not None and memory.reminder_until_ms <= now:
            memory.reminder_open, memory.reminder_until_ms = False, None
        if memory.overload_until_ms is not None and memory.overload_until_ms <= now:
            memory.overload_open, memory.overload_until_ms = False, None
        if self._power_until <= now:
            self._power_w, self._power_until = self.load.segment(now)
        if self._rate_until <= now:
            self._find_rate()
        self._decide()

    def _find_rate(self) -> None:
        memory, zone_ms = self.memory, self.spec.zone_offset_s * 1000
        self._rate, until = memory.tariff.rate_at(self.clock_ms(self._at) + zone_ms)
        self._rate_until = max(self._true_ms(until - zone_ms), self._at + 1)
        self._register_wh = memory.energy_wms[self._rate] // self._unit_wms
        self._step_cost = memory.prices_e4[self._rate] * self.spec.ct_ratio

    def clock_ms(self, now_ms: int) -> int:
        """What the meter's own clock says (UTC)."""
        gone = now_ms - self.memory.clock_set_at_ms
        return self.memory.clock_set_ms + gone + gone * self.spec.clock_ppm // 1_000_000

    def _true_ms(self, clock_ms: int) -> int:
        """The first moment at which the meter's clock says so."""
        gone = clock_ms - self.memory.clock_set_ms
        return self.memory.clock_set_at_ms - (-gone * 1_000_000 // (1_000_000 + self.spec.clock_ppm))

    # --- the switch ------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Let the prepaid logic judge the balance, the overload logic the power, and the contact follow."""
        memory = self.memory
        if memory.opened:
            self._judge_balance()
        self._move_contact()
        if memory.overload_limit_w and memory.contact_closed and self._power_w > memory.overload_limit_w:
            self._trip_overload()
        self._flow_w = self._power_w * self.spec.speed if memory.contact_closed else 0
        self._next = min(
            self._power_until,
            self._rate_until,
            memory.reminder_until_ms or NEVER,
            memory.overload_until_ms or NEVER,
            memory.hand_at_ms or NEVER,
            self._steps[0].due_ms if self._steps else NEVER,
        )

    def _judge_balance(self) -> None:
        memory, balance = self.memory, self.balance_fen
        if balance <= 0 and -balance >= memory.overdraft_limit_fen + (memory.overdraft_limit_fen > 0):
            memory.arrears = True
        stage = 2 if balance <= 0 and memory.overdraft_limit_fen else 1 if balance <= memory.alarm2_fen else 0
        if stage > memory.reminded:
            memory.reminded, memory.reminder_open = stage, True
            wait_s = memory.reminder_restore_s
            memory.reminder_until_ms = self._at + 1000 * wait_s if wait_s else None
        self._cost_next = self._next_cost(balance)

    def _next_cost(self, balance: int) -> int:
        """The cost at which the balance next touches something: alarm 2, zero, or the end of the overdraft."""
        memory = self.memory
        marks = [mark for mark in (memory.alarm2_fen, 0, -memory.overdraft_limit_fen - 1) if mark < balance]
        if not marks:
            return NEVER
        deducted = self._credit_fen - max(marks)
        return deducted * E7_PER_FEN - E7_PER_FEN // 2  # where rounding half up first gives it

    def _move_contact(self) -> None:
        memory, wanted = self.memory, self.relay_command
        if memory.contact_closed and not wanted and self.spec.breaker != "failed":
            memory.contact_closed = False
        elif not memory.contact_closed and wanted:
            self._close_contact()
        if not wanted:
            memory.hand_at_ms, memory.button_awaited = None, False

    def _close_contact(self) -> None:
        """A built-in relay closes itself; after a shunt trip somebody walks there."""
        memory = self.memory
        if memory.button_awaited:
            return
        if self.spec.breaker != "shunt":
            memory.contact_closed = True
        elif memory.hand_at_ms is not None and memory.hand_at_ms <= self._at:
            memory.contact_closed, memory.hand_at_ms = True, None
        elif memory.hand_at_ms is None and self.spec.hand_s is not None:
            memory.hand_at_ms = self._at + 1000 * self.spec.hand_s

    def _trip_overload(self) -> None:
        memory = self.memory
        if memory.forced == 2 or memory.overload_open:
            return
        memory.overload_trips += 1
        memory.overload_open = True
        if memory.overload_trips <= memory.overload_allowed:
            memory.overload_until_ms = self._at + 1000 * memory.overload_restore_s
        self._move_contact()

    @property
    def relay_command(self) -> bool:
        """On or off as the meter wants it: forced, then overload, then the prepaid logic."""
        memory = self.memory
        if memory.forced:
            return memory.forced == 2
        if memory.overload_open:
            return False
        return not (memory.opened and (memory.arrears or memory.reminder_open))

    def close_breaker(self, now_ms: int) -> bool:
        """Somebody closes the shunt-trip breaker by hand. False: the meter still says off, it springs open again."""
        self.advance(now_ms)
        if self.relay_command:
            self.memory.contact_closed, self.memory.hand_at_ms = True, None
            self._decide()
        return self.memory.contact_closed

    def press_button(self, now_ms: int) -> None:
        """The tenant ends a reminder trip at the meter, or closes where closing is allowed (key or card, 3 s)."""
        self.advance(now_ms)
        self.memory.button_awaited = False
        self.memory.reminder_open, self.memory.reminder_until_ms = False, None
        self._decide()

    # --- money -----------------------------------------------------------------------------------------------

    @property
    def deducted_fen(self) -> int:
        """Everything ever deducted: the meter's own truth."""
        return round_half_up(self.memory.cost_e7, E7_PER_FEN)

    @property
    def balance_fen(self) -> int:
        """What is shown; negative is overdraft (or 过零, behind a breaker that failed)."""
        return self._credit_fen - self.deducted_fen

    @property
    def purchase_count(self) -> int:
        return self._purchase_count

    @property
    def bought_fen(self) -> int:
        return self._bought_fen

    def recharge(self, *, amount_fen: int, count: int, customer: str = "") -> None:
        """A purchase, taken if the count is the meter's own + 1. Raises Refused."""
        if self._check_purchase(amount_fen, count, customer):
            return
        if self.memory.ceiling_fen and self.balance_fen + amount_fen > self.memory.ceiling_fen:
            raise Refused("above_ceiling")
        if customer and count == 1:
            self.memory.customer = customer
        self._credit("recharge", amount_fen, count)

    def refund(self, *, amount_fen: int, count: int, customer: str = "") -> None:
        """Take money off again; the count goes up like a purchase's. Raises Refused."""
        if self._check_purchase(amount_fen, count, customer):
            return
        if amount_fen > self.balance_fen and not self.spec.refund_into_debt:
            raise Refused("balance_too_small")
        self._credit("refund", -amount_fen, count)

    def _check_purchase(self, amount_fen: int, count: int, customer: str) -> bool:
        """True: already applied, answer the present state."""
        memory = self.memory
        if not memory.opened:
            raise Refused("not_open")
        if count == self._purchase_count and self.spec.firmware == "2018":
            return True
        if count != self._purchase_count + 1 and self.spec.firmware != "unchecked":
            raise Refused("count_mismatch")
        if amount_fen <= 0:
            raise Refused("bad_amount")
        if customer and memory.customer and customer != memory.customer:
            raise Refused("customer_mismatch")
        return False

    def open_account(self, *, amount_fen: int, count: int = 0, customer: str = "") -> None:
        """Balance and count absolutely, latches wiped; from now on money is counted down. Raises Refused."""
        memory = self.memory
        if amount_fen < 0 or (memory.ceiling_fen and amount_fen > memory.ceiling_fen):
            raise Refused("bad_amount" if amount_fen < 0 else "above_ceiling")
        memory.opened, memory.customer = True, customer
        memory.arrears, memory.reminded, memory.reminder_open, memory.reminder_until_ms = False, 0, False, None
        self._credit("open", amount_fen - self.balance_fen, count)

    def _credit(self, kind: str, change_fen: int, count: int) -> None:
        """Shown at once; kept step by step."""
        self._purchase_count = count
        self._credit_fen += change_fen
        self._bought_fen += change_fen
        if self.balance_fen > 0 and kind != "refund":
            self._recharged()
        event = MoneyEvent(self._at, kind, change_fen, count, [])
        if len(self.events) < EVENTS_KEPT:
            self.events.append(event)
        values = {
            "count": count,
            "balance": self._credit_fen,
            "bought": self._bought_fen,
            "record": self._record(event),
        }
        for number, step in enumerate(self.spec.persist, 1):
            due = self._at + number * self.spec.persist_ms
            self._steps += [_Step(due, name, values[name], event) for name in step.split("+")]
        self._decide()

    def _recharged(self) -> None:
        """Credit is there again: reminders and an overload lock end; so do arrears, from the closing amount on."""
        memory, balance = self.memory, self.balance_fen
        if memory.overload_trips > memory.overload_allowed:
            memory.overload_open, memory.overload_until_ms, memory.overload_trips = False, None, 0
        memory.reminder_open, memory.reminder_until_ms = False, None
        memory.reminded = 1 if balance <= memory.alarm2_fen else 0
        if balance >= memory.close_from_fen:
            memory.arrears = False

    def _record(self, event: MoneyEvent) -> Recharge:
        return Recharge(self._at, event.purchase_count, event.amount_fen, self.balance_fen, sum(self.registers_wh()))

    def _keep_due(self) -> None:
        while self._steps and self._steps[0].due_ms <= self._at:
            step = self._steps.pop(0)
            step.event.kept.append(step.name)
            if step.name == "record":
                self.memory.recharges = [*self.memory.recharges[1 - RECHARGES_KEPT :], step.value]
            else:
                setattr(self.memory, _KEPT_AS[step.name], step.value)

    # --- power failures --------------------------------------------------------------------------------------

    def power_fails(self, now_ms: int, *, boot_ms: int | None = None) -> None:
        """The power goes and comes back: what was not kept yet is gone, and the meter is silent while it starts."""
        self.advance(now_ms)
        self._steps.clear()
        self.resets += 1
        self.silent_until_ms = now_ms + (self.spec.boot_ms if boot_ms is None else boot_ms)
        self._boot()
        self._look_around()

    def _boot(self) -> None:
        """RAM from memory. Energy and cost need no copy: the meter keeps them to the last moment of falling power."""
        memory = self.memory
        self._purchase_count = memory.purchase_count
        self._credit_fen = memory.credit_fen
        self._bought_fen = memory.bought_fen
        self._power_w = self._power_until = self._rate_until = self._flow_w = 0
        self._rate = self._register_wh = self._step_cost = 0
        self._next = self._cost_next = NEVER

    def memory_dict(self) -> dict[str, Any]:
        """Everything needed to go on elsewhere: what is kept, and when. Steps under way count as lost power."""
        return {"at_ms": self._at, "memory": self.memory.to_dict()}

    @classmethod
    def from_dict(cls, spec: MeterSpec, load: Load, plain: Mapping[str, Any]) -> Meter:
        """Raises KeyError or msgspec.ValidationError on something else than `memory_dict` gave."""
        return cls(spec, load, Memory.from_dict(plain["memory"]), now_ms=plain["at_ms"])

    # --- at the door ---------------------------------------------------------------------------------------

    def apply(self, command: str, values: Mapping[str, int], now_ms: int) -> None:
        """A command by the name that profiles use. Raises Refused; what was refused changed nothing."""
        self.advance(now_ms)
        commands.apply(self, command, values)
        self._rate_until = min(self._rate_until, self._at)
        self._look_around()

    def values(self, now_ms: int) -> dict[str, int]:
        """Every quantity in the stored units of `profiles.quantities`, as this meter shows it at this moment."""
        self.advance(now_ms)
        return {**shown.money(self), **shown.energy(self), **shown.electricity(self)}

    def status(self, now_ms: int) -> dict[str, int]:
        """Money and switch alone: what is asked for most."""
        self.advance(now_ms)
        return shown.money(self)

    def registers_wh(self) -> list[int]:
        """The five rate registers; behind a CT they count its secondary side."""
        return [wms // self._unit_wms for wms in self.memory.energy_wms]


_KEPT_AS = {"count": "purchase_count", "balance": "credit_fen", "bought": "bought_fen"}
