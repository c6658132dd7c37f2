"""The messages between a gateway and the centre, version 1.

Times are whole milliseconds since 1970 UTC. A meter is named by its number (表号), which is text: `030001040A`.
Everything travels inside a sealed envelope (`prewatt.link.seal`), encoded by msgspec as MessagePack.
A gateway that was cut off keeps its readings and answers in its journal and sends them, in order, when the link is
back; the centre takes each one once, however often it comes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

VERSION = 1
READINGS_PER_BATCH_MAX = 500
ORDERS_PER_POLL_MAX = 200
FINDINGS_PER_BATCH_MAX = 16
FRAMES_PER_FINDING_MAX = 100
FOUND_PER_FINDING_MAX = 250
FRAME_BYTES_MAX = 300  # of one frame; the longest of Modbus TCP has 260


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Unknown fields are ignored, so that either side may be newer."""


class Kind(StrEnum):
    """What an order asks of a meter. Money: one open order a meter at a time."""

    RECHARGE = "recharge"  # credit grows by amount_fen, purchase count becomes `count`
    REFUND = "refund"  # credit shrinks by amount_fen, purchase count becomes `count`
    SWITCH_OFF = "switch_off"  # 拉闸
    SWITCH_ON = "switch_on"  # 合闸
    HOLD = "hold"  # 保电
    RELEASE = "release"  # 恢复预付费
    PRICES = "prices"  # 电价下发
    LIMITS = "limits"  # 设置下发: alarm amounts, overload threshold, ceiling
    OPEN = "open"  # 开户: the meter starts counting money down; purchase count to 0, balance to `amount_fen`
    CLOCK = "clock"  # set the meter's clock
    READ = "read"  # read everything now


MONEY_KINDS = frozenset({Kind.RECHARGE, Kind.REFUND})
SWITCH_KINDS = frozenset({Kind.SWITCH_OFF, Kind.SWITCH_ON, Kind.HOLD, Kind.RELEASE})


class Outcome(StrEnum):
    """How an order ended. Only DONE and REFUSED move money; UNCLEAR waits for a person."""

    TAKEN = "taken"  # journalled at the gateway; an order is never forgotten from here on
    DONE = "done"  # read back and found on the meter
    REFUSED = "refused"  # read back and found not on the meter, and it will not be tried again
    UNCLEAR = "unclear"  # the readings fit neither; a person decides
    EXPIRED = "expired"  # not carried out before expires_at_ms; proven by a reading for money, never sent for switching
    CANCELLED = "cancelled"  # the centre asked to cancel and a reading proves that it was not applied


class Order(Message, frozen=True, kw_only=True):
    """One order to one meter. The centre makes `order_id`; the same id again is the same order."""

    order_id: str
    meter: str
    kind: Kind
    placed_at_ms: int
    expires_at_ms: int | None = None  # None: valid until answered (money)
    amount_fen: int | None = None  # money kinds and OPEN: always positive or zero
    count: int | None = None  # money kinds: the purchase count that the meter shows when it is done (its own + 1)
    # money kinds: what the meter's total-bought register shows before, if the centre knows
    bought_before_fen: int | None = None
    # PRICES, LIMITS: named values in base units, e.g. {"alarm1_fen": 2000}. Where the platform bills a meter that
    # counts money too: SWITCH_ON {"hold": 1} keeps it on against its own balance, SWITCH_OFF {"release": 1} ends that
    values: dict[str, int] = {}
    cancel: bool = False  # the centre wants it cancelled; allowed only when a reading proves that it was not applied


class Reading(Message, frozen=True, kw_only=True):
    """One look at one meter. `values` are whole numbers in the scaled base units of `prewatt.profiles.quantities`."""

    meter: str
    taken_at_ms: int
    values: dict[str, int]


class Answer(Message, frozen=True, kw_only=True):
    """What became of an order, with the readings that prove it. Repeated until the centre acknowledges it."""

    order_id: str
    meter: str
    outcome: Outcome
    at_ms: int
    reason: str = ""  # a short code, e.g. `above_ceiling`, `count_mismatch`, `meter_silent`, `unverified_write`
    before: dict[str, int] = {}  # the reading before the write
    after: dict[str, int] = {}  # the reading that decided
    writes: int = 0  # how often the write left the gateway


class Event(Message, frozen=True, kw_only=True):
    """Something the centre should know that is neither a reading nor an answer."""

    at_ms: int
    # `quarantined`, `clock_set`, `clock_drift`, `duplicate_address`, `journal_full`, `swept_out`, `meter_lost`,
    # `meter_back`
    code: str
    meter: str = ""
    detail: dict[str, str | int] = {}


class MeterHealth(Message, frozen=True, kw_only=True):
    """How the line to a meter does; sent with every batch for meters whose health changed."""

    meter: str
    lost: bool
    last_answer_at_ms: int | None = None
    last_error: str = ""  # the name of the wire error


class InquiryKind(StrEnum):
    """What an engineer may ask of a bus. All of it reads; nothing of it can write."""

    SCAN = "scan"  # who answers at these addresses, and which models may they be
    DUPLICATES = "duplicates"  # the same, without guessing models: is any address used twice?
    IDENTIFY = "identify"  # which models may this one meter be
    READ = "read"  # read everything of one meter, again and again
    WATCH = "watch"  # tell what passes on the bus; asks nothing itself


class Inquiry(Message, frozen=True, kw_only=True):
    """An engineer at the centre looks at a bus for a little while. It lives in memory only: an end of the gateway is
    its end. `kind` is text, so that a kind that this gateway does not know yet is refused by name and the orders in the
    same message are carried out.
    """

    inquiry_id: str
    kind: str
    bus: str
    expires_at_ms: int  # by the centre's clock
    seconds: int = 60  # from when the gateway begins
    first_unit: int = 1
    last_unit: int = 247
    unit: int = 0  # READ, IDENTIFY; WATCH: only this one's frames (0: all)
    address: str = ""  # instead of `unit`, for a DL/T 645 meter
    profile: str = ""  # READ: the model; empty: as configured
    cancel: bool = False


class Found(Message, frozen=True, kw_only=True):
    """Somebody answered. `note`: `garbled` (every answer damaged) or `twice` (more bytes than one meter sends)."""

    unit: int = 0
    address: str = ""
    profiles: list[str] = []  # the models that fit best; more than one: they cannot be told apart
    note: str = ""


class Frame(Message, frozen=True, kw_only=True):
    """What passed on a bus. `fields` tell it decoded, as `prewatt frame decode` does."""

    number: int  # counts within the inquiry; a gap: frames were too many to be kept
    at_ms: int
    out: bool  # from the gateway to the bus
    hex: str
    unit: int = 0
    error: str = ""  # the name of what is wrong with it
    fields: dict[str, str | int | bool | list[int]] = {}


class Finding(Message, frozen=True, kw_only=True):
    """What an inquiry found since the last one. Not journalled: readings and answers never wait for it."""

    inquiry_id: str
    seq: int  # from 1; the centre takes each once
    at_ms: int
    final: bool = False
    reason: str = ""  # why it ended: `done`, `cancelled`, `expired`, or why it could not begin; else the last failure
    asked: int = 0
    total: int = 0
    left_s: int = 0  # SCAN, DUPLICATES: what the rest will take, at the pace so far
    found: list[Found] = []
    missing: list[int] = []  # units that were asked and said nothing, though they are configured
    values: dict[str, int] = {}  # READ: in base units
    read_at_ms: int | None = None
    frames: list[Frame] = []


class Batch(Message, frozen=True, kw_only=True):
    """Gateway to centre: journal rows [first_seq..last_seq], in order. Empty batches are heartbeats."""

    sent_at_ms: int
    first_seq: int
    last_seq: int
    readings: list[Reading] = []
    answers: list[Answer] = []
    events: list[Event] = []
    health: list[MeterHealth] = []
    findings: list[Finding] = []  # no rows of the journal: neither numbered nor sent again after a failure for good
    software: str = ""


class BatchReply(Message, frozen=True, kw_only=True):
    """Everything up to `acked_seq` is on the centre's disk; the gateway may forget it."""

    acked_seq: int
    centre_time_ms: int
    config_version: int = 0  # differs from the gateway's: fetch Config again


class OrdersRequest(Message, frozen=True, kw_only=True):
    """Long poll: answered at once when orders wait, else after `wait_s` at most with an empty list."""

    sent_at_ms: int
    wait_s: int = 20
    config_version: int = 0


class OrdersReply(Message, frozen=True, kw_only=True):
    orders: list[Order]
    centre_time_ms: int
    config_version: int = 0
    inquiries: list[Inquiry] = []


class BusConfig(Message, frozen=True, kw_only=True):
    bus: str
    url: str  # serial:///dev/ttyS1?baud=9600&parity=E | rtu+tcp://host:port?baud=9600 | tcp://host:port
    sweep_s: int = 1800
    status_s: int = 180


class MeterConfig(Message, frozen=True, kw_only=True):
    meter: str
    bus: str
    unit: int  # Modbus address; a DL/T 645 meter uses `address` instead
    profile: str
    address: str = ""
    ct_ratio: int = 1
    sweep_s: int | None = None
    # which confidences of a profile may be read and written
    allow: list[str] = msgspec.field(default_factory=lambda: ["manual", "observed"])
    options: dict[str, str | int] = {}  # e.g. {"password": 1}; profile options of this meter


class Config(Message, frozen=True, kw_only=True):
    """The gateway's own part of the estate."""

    version: int
    gateway: str
    buses: list[BusConfig]
    meters: list[MeterConfig]
    lost_after_s: int = 600
    clock_drift_s_max: int = 60


class ConfigRequest(Message, frozen=True, kw_only=True):
    sent_at_ms: int


class EnrolRequest(Message, frozen=True, kw_only=True):
    """Sent once, over TLS (or loopback), authenticated by the one-time code; not sealed, for there are no keys yet."""

    code: str
    public_key: bytes  # X25519, 32 bytes
    software: str = ""


class EnrolReply(Message, frozen=True, kw_only=True):
    gateway: str
    suite: str
    key_version: int
    public_key: bytes  # the centre's X25519 key of this enrolment
    config: Config


class Refusal(Message, frozen=True, kw_only=True):
    """Why the centre did not take a message. `retry` says whether the same message may succeed later."""

    code: str
    message: str
    retry: bool
