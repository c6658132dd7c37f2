"""One meter of the gateway's estate: how it is asked, what it said, what it may be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from prewatt import profiles
from prewatt.field.gateway.plausible import Quarantine
from prewatt.field.gateway.recharge import Limits, delta_fen, net_fen
from prewatt.field.gateway.schedule import Plan
from prewatt.field.gateway.switching import commands
from prewatt.field.gateway.turns import Values
from prewatt.field.line.framing import Framing, codec_for
from prewatt.field.line.questions import answered, read_request, write_request
from prewatt.field.wire import dlt645
from prewatt.link.messages import BusConfig, Kind, MeterConfig, Order
from prewatt.profiles import Block, CannotRepresent, NotAllowed, Profile, ProfileError

ZONE_OFFSET_S = 28_800
CONTROL_LIFE_MS = 300_000  # what a DL/T 645 meter is told when an order has no expiry of its own
SOON_MS = 30_000  # so soon after a write the rating alone bounds the use to some fen
# What orders set and what a full reading leaves out. It changes only by orders: once a day is often enough.
SETTINGS = (
    "price_sharp_e4",
    "price_peak_e4",
    "price_flat_e4",
    "price_valley_e4",
    "price_deep_e4",
    "alarm1_fen",
    "alarm2_fen",
    "ceiling_fen",
    "overdraft_limit_fen",
    "overload_limit_w",
)
SETTINGS_FIRST_MS = 600_000  # after a start the line has better to do
SETTINGS_EVERY_MS = 86_400_000
# what the recharge table likes to know later, beside balance, count, bought
MONEY_EXTRA = ("energy_wh", "prepaid_open")
QUIET = frozenset({"balance_fen", "overdraft_fen"})  # these change all the time; they travel with the next status
COMMAND_NAMES: Mapping[Kind, str] = {kind: kind.value for kind in Kind if kind is not Kind.READ}


class Question(msgspec.Struct, frozen=True):
    """One block to read: the request, ready to send, and the time that its frames spend on the wire."""

    block: Block
    request: Any
    wire_s: float


class Wiring(msgspec.Struct, frozen=True):
    """How bytes travel on this bus."""

    framing: Framing
    char_s: float  # 0 where frames cost no time worth counting (Modbus TCP)

    def wire_s(self, request: Any) -> float:
        if not self.char_s:
            return 0.0
        codec = codec_for(self.framing)
        return (len(codec.start(request)[0]) + codec.answer_bytes(request)) * self.char_s


@lru_cache(maxsize=256)
def _allowed(name: str, directories: tuple[str, ...], confidences: tuple[str, ...]) -> Profile:
    """Shared by all meters of one model: its compiled decoders cost memory."""
    return profiles.load(name, directories).allowed(confidences)


class Meter:
    """A configured meter with its profile, cut down to what the site allows.

    Raises ProfileError for an unknown model.
    """

    __slots__ = (
        "baseline_at",
        "ceiling_at",
        "ceiling_fen",
        "clock_off",
        "clock_set_at",
        "clock_wanted",
        "config",
        "energy_wh",
        "last_answer_at",
        "last_error",
        "limits",
        "lost",
        "money",
        "money_later",
        "name",
        "partial",
        "partial_status",
        "plan",
        "profile",
        "quarantine",
        "sent_at",
        "settings",
        "settings_due",
        "status",
        "status_names",
        "status_seen",
        "sweep",
        "unheard_since",
        "whole",
        "wiring",
    )

    def __init__(
        self, config: MeterConfig, *, bus: BusConfig, wiring: Wiring, directories: Sequence[Path | str] = ()
    ) -> None:
        self.config = config
        self.name = config.meter
        self.wiring = wiring
        self.profile = _allowed(config.profile, tuple(map(str, directories)), tuple(config.allow))
        self.whole = profiles.load(config.profile, directories)
        self.sweep = self.questions(self.profile.sweep_blocks)
        if not self.sweep:
            raise ProfileError(f"{config.meter}: this site allows nothing that {config.profile} could read")
        self.status = self.questions(self.profile.status_blocks) or self.sweep[:1]
        extra = [name for name in MONEY_EXTRA if name in self.profile.quantities]
        self.settings = self.named([name for name in SETTINGS if name not in self.profile.sweep])
        self.settings_due: int | None = None  # None: not yet planned
        self.money = self.questions(self.profile.money_blocks)
        self.money_later = self.questions(self.profile.plan((*self.profile.money, *extra)))
        rating_w = self.profile.rating.power_w_max
        self.limits = Limits(rating_w=rating_w, ct_ratio=max(1, config.ct_ratio))
        self.quarantine = Quarantine(self.limits)
        self.plan = Plan(
            meter=config.meter,
            sweep_ms=1000 * (config.sweep_s or bus.sweep_s),
            status_ms=1000 * bus.status_s,
            full_wire_ms=tuple(int(1000 * question.wire_s) for question in self.sweep),
            status_wire_ms=tuple(int(1000 * question.wire_s) for question in self.status),
        )
        self.partial: dict[str, int] | None = None  # the blocks of a full reading under way
        self.partial_status: dict[str, int] | None = None
        self.status_names = tuple(name for name in self.profile.status if name not in QUIET)
        self.status_seen: dict[str, int] = {}
        self.sent_at = 0  # when a reading of it was last journalled
        self.baseline_at = 0  # and when the last one that is remembered over a restart
        self.energy_wh: int | None = None  # as last believed
        self.ceiling_fen: int | None = None
        self.ceiling_at: int | None = None
        self.last_answer_at: int | None = None
        self.last_error = ""
        self.lost: bool | None = None  # None: nothing known since the start
        self.unheard_since = 0
        self.clock_wanted = False
        self.clock_set_at = 0
        self.clock_off = False

    # --- reading ------------------------------------------------------------------------------------------------------

    def questions(self, blocks: Iterable[Block]) -> tuple[Question, ...]:
        asked = []
        for block in blocks:
            request = read_request(self.profile, block, unit=self.config.unit, address=self.config.address)
            asked.append(Question(block=block, request=request, wire_s=self.wiring.wire_s(request)))
        return tuple(asked)

    def named(self, names: Collection[str]) -> tuple[Question, ...]:
        """What reads these quantities; names that the profile does not know are absent."""
        return self.questions(self.profile.plan(names)) if names else ()

    def decode(self, block: Block, reply: Any) -> dict[str, int]:
        return self.profile.decode(block, answered(reply), ZONE_OFFSET_S)

    def questions_for(self, order: Order, *, since_write_ms: int = 0) -> tuple[Question, ...]:
        """What has to be read to judge this order.

        Long after a write the energy register narrows what can have been used.
        """
        if order.kind in (Kind.RECHARGE, Kind.REFUND, Kind.OPEN):
            return self.money if since_write_ms <= SOON_MS else self.money_later
        if order.kind is Kind.READ:
            return self.sweep
        if order.kind is Kind.CLOCK:
            return self.named(["clock_ms"])
        if order.kind in (Kind.PRICES, Kind.LIMITS):
            return self.named(order.values)
        return self.status

    # --- writing ------------------------------------------------------------------------------------------------------

    def forbidden(self, order: Order) -> str:
        """Why the profile cannot send this order, as a short code; empty: it can."""
        if order.kind is Kind.READ:
            return ""
        try:
            self.writes(order, before={}, now=order.placed_at_ms)
        except CannotRepresent:
            return "cannot_represent"
        except NotAllowed:
            name = COMMAND_NAMES[commands(order, before={})[-1]]
            return "unverified_write" if name in self.whole.commands else "no_such_command"
        return ""

    def writes(self, order: Order, *, before: Values, now: int) -> list[Any]:
        """The requests that carry the order: one for money. Raises NotAllowed, CannotRepresent."""
        names = [COMMAND_NAMES[kind] for kind in commands(order, before=before)]
        return [request for name in names for request in self._writes(order, name, before=before, now=now)]

    def _writes(self, order: Order, name: str, *, before: Values, now: int) -> list[Any]:
        row = self.profile.command(name)
        if self.wiring.framing == "dlt645":
            return [self._control(order, name, now)]
        known = self._known(order, before=before, now=now)
        if order.kind in (Kind.PRICES, Kind.LIMITS):
            values: dict[str, int] = dict(order.values)
        else:
            values = {field.name: known[field.name] for field in row.fields if field.name in known}
        writes = self.profile.writes(name, values, ZONE_OFFSET_S)
        if order.kind in (Kind.RECHARGE, Kind.REFUND, Kind.OPEN) and len(writes) != 1:
            raise CannotRepresent(f"{self.profile.name} {name}: money must travel in one write, not in {len(writes)}")
        return [write_request(write, unit=self.config.unit) for write in writes]

    def _known(self, order: Order, *, before: Values, now: int) -> dict[str, int]:
        """Every value that a command of a profile may ask for by name."""
        amount, count = order.amount_fen or 0, order.count or 0
        balance = amount if order.kind is Kind.OPEN else net_fen(before) + delta_fen(order)
        options = {name: value for name, value in self.config.options.items() if isinstance(value, int)}
        return {
            **options,
            "amount_fen": amount,
            "count": count,
            "balance_fen": balance,
            "purchase_count": count,
            "bought_fen": before.get("bought_fen", 0) + delta_fen(order),
            "clock_ms": now,
        }

    def _control(self, order: Order, name: str, now: int) -> dlt645.Control:
        if name not in dlt645.COMMANDS:
            raise NotAllowed(f"{self.profile.name}: {name} needs a cipher that only the meter's owner has")
        until = order.expires_at_ms or now + CONTROL_LIFE_MS
        local = datetime.fromtimestamp(until // 1000, UTC) + timedelta(seconds=ZONE_OFFSET_S)
        expires = (local.year, local.month, local.day, local.hour, local.minute, local.second)
        return dlt645.Control(self.config.address, name, expires, self._access())

    def _access(self) -> dlt645.Access:
        options = self.config.options
        plain = dlt645.Access()
        return dlt645.Access(
            level=int(options.get("level", plain.level)),
            password=str(options.get("password", plain.password)),
            operator=str(options.get("operator", plain.operator)),
        )
