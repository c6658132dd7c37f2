"""The worker's half: each carrier's messages, one sender each.

What was begun is written down before it is begun. If the process dies between handing over and noting, nobody knows
whether the message went out: it becomes `unknown` and is never sent again by itself, because a carrier that stumbles
would else send the same warning to a whole building again and again. A person may send it again, with a reason.
What a carrier refuses before it took anything goes out later, by the refusal's class.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from datetime import datetime, timedelta

import structlog
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from prewatt.domain.notices import sealing
from prewatt.domain.notices.carrying import Letter, Line, Report
from prewatt.domain.notices.models import SAID_MAX, Carrier, Door, Message, State, Why
from prewatt.domain.notices.operations import rules
from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown
from prewatt.domain.notices.rooms import ROOMS

TOGETHER = 5  # messages before another carrier has its turn
HELD = timedelta(minutes=4)  # longer than one part may take
KEPT_OPEN = timedelta(minutes=1)
URGENT_PER_HOUR = 10
TRIES_MAX, FEW_TRIES_MAX = 8, 3
FIRST_PAUSE_S, PAUSE_S_MAX = 15, 1800
CARRIER_PAUSE_S, CARRIER_PAUSE_S_MAX = 5, 60
STOPPED_S = 600  # somebody must act; whether he did is looked at again after this
INSTEAD_AFTER = timedelta(minutes=2)  # so long a message waits for the carrier that stands first
REPORTED_WITHIN = timedelta(days=3)
FIRST_ASK = timedelta(minutes=1)
KEPT = timedelta(days=800)
SWEPT = 2000
TAKEN = (State.SENDING, State.SENT, State.DELIVERED, State.UNKNOWN)

log = structlog.get_logger()
_me = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
_lock = threading.Lock()
_busy: set[int] = set()
_lines: dict[int, tuple[int, Line]] = {}  # of this process: carrier -> its version, and itself
_looked_s: dict[int, float] = {}


def work(now: datetime) -> int:
    """One turn: the carriers that have something to do and that nobody else has. How many messages were dealt with."""
    done = expire(now)
    for carrier in Carrier.objects.filter(on=True).order_by("sort", "pk"):
        if not _claimed(carrier.pk):
            continue
        try:
            done += _turn(carrier, now)
        finally:
            with _lock:
                _busy.discard(carrier.pk)
    _forget_gone()
    return done


def _claimed(pk: int) -> bool:
    with _lock:
        if pk in _busy:
            return False
        _busy.add(pk)
        return True


def close() -> None:
    """Let go of every port."""
    for pk in list(_lines):
        _drop(pk)


def _forget_gone() -> None:
    used = set(Carrier.objects.filter(on=True, pk__in=list(_lines)).values_list("pk", flat=True)) if _lines else set()
    for pk in [one for one in _lines if one not in used]:
        if _claimed(pk):
            _drop(pk)
            with _lock:
                _busy.discard(pk)


def expire(now: datetime) -> int:
    """What is of no use any more."""
    old = Message.objects.filter(state=State.WAITING, expires_at__lte=now)
    if not old.exists():  # every second, by three loops: nobody's writing waits for nothing
        return 0
    return old.update(state=State.EXPIRED, why=Why.TOO_LATE, done_at=now, sealed=None)


def sweep(now: datetime) -> int:
    gone = list(Message.objects.filter(made_at__lt=now - KEPT, again=None).values_list("pk", flat=True)[:SWEPT])
    return Message.objects.filter(pk__in=gone).delete()[0] if gone else 0


# --- one carrier ------------------------------------------------------------------------------------------------------


def _turn(carrier: Carrier, now: datetime) -> int:
    if carrier.next_try_at is not None and carrier.next_try_at > now:
        return 0
    waiting = _waiting(carrier, now)
    if not (_wants_a_look(carrier) or waiting.exists()) or not _take(carrier, now):
        return 0
    _broken_off(carrier, now)
    began_s = time.monotonic()
    try:
        line = _line(carrier)
        _look(carrier, line, now)
        return _send(carrier, line, now, began_s)
    except CarrierRefused as error:
        _drop(carrier.pk)
        _failed(carrier, error, _later(now, began_s))
        return 0
    finally:
        _let_go(carrier, _later(now, began_s))


def _later(now: datetime, began_s: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - began_s)


def _wants_a_look(carrier: Carrier) -> bool:
    held = _lines.get(carrier.pk)
    look_s = held[1].look_s if held is not None else ROOMS[carrier.kind].look_s
    last = _looked_s.get(carrier.pk)
    return look_s is not None and (last is None or time.monotonic() - last >= look_s)


def _take(carrier: Carrier, now: datetime) -> bool:
    free = Q(held_until=None) | Q(held_until__lte=now) | Q(held_by=_me) | Q(held_until__gt=now + 2 * HELD)
    mine = Carrier.objects.filter(free, pk=carrier.pk, on=True)
    return bool(mine.update(held_by=_me, held_until=now + HELD))


def _let_go(carrier: Carrier, now: datetime) -> None:
    """A port has one owner: whoever had it last keeps it for a moment, so that two processes do not fight over it."""
    kept = None if ROOMS[carrier.kind].look_s is None else now + KEPT_OPEN
    Carrier.objects.filter(pk=carrier.pk, held_by=_me).update(held_until=kept)


def _broken_off(carrier: Carrier, now: datetime) -> None:
    """Nobody else has this carrier: what is still `sending` was left behind by somebody who died."""
    left = Message.objects.filter(carrier=carrier, state=State.SENDING)
    if left.exists():
        asked = _first_ask(carrier, now)
        left.update(state=State.UNKNOWN, why=Why.CUT_OFF, done_at=now, sealed=None, ask_at=asked)


def _line(carrier: Carrier) -> Line:
    held = _lines.get(carrier.pk)
    if held is not None and held[0] == carrier.version:
        return held[1]
    _drop(carrier.pk)
    try:
        found = {name: sealing.looked_up(one) for name, one in sealing.opened(carrier.sealed).items()}
        line = ROOMS[carrier.kind].open(carrier.settings, found)
    except (sealing.CannotOpen, KeyError, ValueError) as error:
        raise CarrierRefused(f"its settings cannot be used: {error}", again=Again.PERSON) from error
    _lines[carrier.pk] = (carrier.version, line)
    return line


def _drop(pk: int) -> None:
    held = _lines.pop(pk, None)
    _looked_s.pop(pk, None)
    if held is not None:
        held[1].close()


def _look(carrier: Carrier, line: Line, now: datetime) -> None:
    """Whether it works, and what it was told of earlier messages."""
    if line.look_s is None or not _wants_a_look(carrier):
        return
    health = dict(line.health())
    _looked_s[carrier.pk] = time.monotonic()
    reachable = health.get("reachable") is not False
    seen = {"seen_at": now} if reachable else {}
    Carrier.objects.filter(pk=carrier.pk).update(health=health, **seen)
    if not reachable:
        raise CarrierRefused("the modem is in no network", again=Again.LATER)
    if carrier.failures and not carrier.stopped_for:
        _works(carrier, now)
    for report in line.reports():
        _note(carrier, report, now)


def _works(carrier: Carrier, now: datetime) -> None:
    """What stopped it is over, too: something went through."""
    carrier.failures, carrier.failing_since, carrier.next_try_at, carrier.stopped_for = 0, None, None, ""
    carrier.seen_at = now
    carrier.save(update_fields=["failures", "failing_since", "next_try_at", "stopped_for", "seen_at"])


def _failed(carrier: Carrier, error: CarrierRefused, now: datetime) -> None:
    carrier.failures += 1
    carrier.failing_since = carrier.failing_since or now
    carrier.said = str(error)[:SAID_MAX]
    pause_s = min(CARRIER_PAUSE_S_MAX, CARRIER_PAUSE_S * 2 ** min(carrier.failures - 1, 10))
    if error.again is Again.PERSON:
        carrier.stopped_for, pause_s = carrier.said, STOPPED_S
    carrier.next_try_at = now + timedelta(seconds=pause_s)
    carrier.save(update_fields=["failures", "failing_since", "said", "stopped_for", "next_try_at"])
    log.warning("carrier_failed", carrier=carrier.pk, again=str(error.again), error=carrier.said)


# --- its messages -----------------------------------------------------------------------------------------------------


def _waiting(carrier: Carrier, now: datetime) -> QuerySet[Message]:
    mine = Q(only=carrier)
    if carrier.door != Door.GROUP:
        mine |= Q(only=None) & (Q(made_at__lte=now - INSTEAD_AFTER) if _stands_behind(carrier) else Q())
    due = Message.objects.filter(mine, state=State.WAITING, door=carrier.door, not_before__lte=now, expires_at__gt=now)
    return due.order_by("-urgent", "not_before", "pk")


def _stands_behind(carrier: Carrier) -> bool:
    """Another of its kind of door goes first, and works."""
    first = Q(sort__lt=carrier.sort) | Q(sort=carrier.sort, pk__lt=carrier.pk)
    return Carrier.objects.filter(first, on=True, door=carrier.door, failures=0).exists()


def _send(carrier: Carrier, line: Line, now: datetime, began_s: float) -> int:
    done = 0
    for message in list(_waiting(carrier, now)[: 4 * TOGETHER]):
        at = _later(now, began_s)
        if done == TOGETHER or not _has_room(carrier, at):
            break
        if _too_many(message, at):
            Message.objects.filter(pk=message.pk, state=State.WAITING).update(not_before=at + timedelta(minutes=5))
            continue
        if not _lease(message, carrier, at):
            continue
        done += 1
        _one(carrier, line, message, now, began_s)
    return done


def _has_room(carrier: Carrier, now: datetime) -> bool:
    lately = Message.objects.filter(carrier=carrier, leased_at__gt=now - timedelta(minutes=1))
    return lately.count() < carrier.per_minute


def _too_many(message: Message, now: datetime) -> bool:
    """Nobody is flooded, whatever goes wrong. Codes have a limit of their own; a chat group has its carrier's."""
    if message.door == Door.GROUP or message.only_id is not None:
        return False
    held = rules()
    mine = Message.objects.filter(to=message.to, door=message.door, urgent=message.urgent, state__in=TAKEN)
    hour = mine.filter(leased_at__gt=now - timedelta(hours=1)).count()
    if message.urgent:
        return hour >= URGENT_PER_HOUR
    return hour >= held.per_hour or mine.filter(leased_at__gt=now - timedelta(days=1)).count() >= held.per_day


def _lease(message: Message, carrier: Carrier, now: datetime) -> bool:
    """Durable before anything is said to anybody."""
    waiting = Message.objects.filter(pk=message.pk, state=State.WAITING)
    taken = {"state": State.SENDING, "carrier": carrier, "lease": _me, "leased_at": now}
    if not waiting.update(**taken, attempts=F("attempts") + 1):
        return False
    message.refresh_from_db()
    Carrier.objects.filter(pk=carrier.pk, held_by=_me).update(held_until=now + HELD)
    return True


def _letter(message: Message, now: datetime) -> Letter:
    secret = sealing.opened(message.sealed)
    return Letter(
        id=message.pk,
        key=message.key,
        to=message.to,
        title=message.title,
        text=secret.get("text", message.text),
        kind=message.kind,
        language=message.language,
        fields=message.fields | secret,
        valid_min=max(1, round((message.expires_at - now).total_seconds() / 60)),
        handed=tuple(message.handed),
    )


def _one(carrier: Carrier, line: Line, message: Message, now: datetime, began_s: float) -> None:
    """Hand one message over. Raises CarrierRefused where the carrier itself fails: its other messages wait."""

    def handed(reference: str) -> None:
        at = _later(now, began_s)
        message.handed = [*message.handed, reference]
        _mine(message).update(handed=message.handed)
        Carrier.objects.filter(pk=carrier.pk, held_by=_me).update(held_until=at + HELD)

    try:
        letter = _letter(message, now)
        message.parts = line.parts(letter)
        line.send(letter, handed)
    except NotKnown as error:
        at = _later(now, began_s)
        _end(message, carrier, at, state=State.UNKNOWN, why=Why.SILENCE, said=str(error))
        raise CarrierRefused(str(error), again=Again.LATER) from error  # the others wait until it is itself again
    except sealing.CannotOpen as error:
        _end(message, carrier, _later(now, began_s), state=State.FAILED, why=Why.TEXT, said=str(error))
        return
    except CarrierRefused as error:
        _refused(message, carrier, error, _later(now, began_s))
        return
    at = _later(now, began_s)
    _end(message, carrier, at, state=State.SENT)
    if carrier.failures or carrier.stopped_for or carrier.seen_at is None or line.look_s is None:
        _works(carrier, at)


def _mine(message: Message) -> QuerySet[Message]:
    return Message.objects.filter(pk=message.pk, state=State.SENDING, lease=_me)


def _end(message: Message, carrier: Carrier, now: datetime, *, state: State, why: str = "", said: str = "") -> None:
    """A failed message costs what was handed over of it."""
    charged = message.parts if state in (State.SENT, State.UNKNOWN) else len(message.handed)
    facts = {"state": state, "why": why, "said": said[:SAID_MAX], "parts": message.parts, "sealed": None}
    times: dict[str, datetime | None] = {"sent_at": now} if state == State.SENT else {"done_at": now}
    times |= {"ask_at": _first_ask(carrier, now)} if state in (State.SENT, State.UNKNOWN) else {}
    _mine(message).update(**facts, **times, cost_e4=charged * carrier.price_e4)
    _count_missed(carrier, now, went_out=state == State.SENT)


def _first_ask(carrier: Carrier, now: datetime) -> datetime | None:
    return now + FIRST_ASK if ROOMS[carrier.kind].ask is not None else None


def _count_missed(carrier: Carrier, now: datetime, *, went_out: bool) -> None:
    """A carrier that refuses one message after another is ill, though it answers each time."""
    mine = Carrier.objects.filter(pk=carrier.pk)
    if went_out:
        mine.filter(missed__gt=0).update(missed=0, missed_since=None)
    else:
        mine.update(missed=F("missed") + 1, missed_since=Coalesce("missed_since", Value(now)))


_NEVER = {Again.NOT_THIS_NUMBER: Why.NUMBER, Again.NOT_THIS_MESSAGE: Why.TEXT}


def _refused(message: Message, carrier: Carrier, error: CarrierRefused, now: datetime) -> None:
    """By the class of the refusal; raises it again where the carrier is to blame."""
    again = error.again
    tries_max = FEW_TRIES_MAX if again is Again.FEW_TIMES else TRIES_MAX
    if again in _NEVER:
        _end(message, carrier, now, state=State.FAILED, why=_NEVER[again], said=str(error))
    elif message.attempts >= tries_max and again is not Again.PERSON:
        _end(message, carrier, now, state=State.FAILED, why=Why.TRIES, said=str(error))
    else:
        _back(message, carrier, error, now)
    if again not in (*_NEVER, Again.FEW_TIMES):
        raise error


def _back(message: Message, carrier: Carrier, error: CarrierRefused, now: datetime) -> None:
    """It waits for its next try. What was begun by one carrier is ended by the same; a carrier that somebody must look
    at is not the message's fault.
    """
    first_s = 5 if message.urgent else FIRST_PAUSE_S
    pause_s = min(PAUSE_S_MAX, first_s * 2 ** min(message.attempts - 1, 10))
    innocent = error.again is Again.PERSON
    _mine(message).update(
        state=State.WAITING,
        not_before=now if innocent else now + timedelta(seconds=pause_s),
        attempts=F("attempts") - 1 if innocent else F("attempts"),
        said=str(error)[:SAID_MAX],
        only=carrier if message.handed else F("only"),
    )


# --- what arrived -----------------------------------------------------------------------------------------------------


def _note(carrier: Carrier, report: Report, now: datetime) -> None:
    """References come round again after 255 messages: the newest to this number that carries it is meant."""
    if report.arrived is None:
        return
    since = now - REPORTED_WITHIN
    states = (State.SENT, State.SENDING, State.WAITING, State.UNKNOWN)
    rows = Message.objects.filter(carrier=carrier, state__in=states, leased_at__gt=since, to__endswith=report.to[-8:])
    found = next((one for one in rows.order_by("-leased_at", "-pk") if report.reference in one.handed), None)
    if found is None:
        return
    if not report.arrived:
        facts = {"state": State.FAILED, "why": Why.NOT_ARRIVED, "done_at": now}
        Message.objects.filter(pk=found.pk, state=State.SENT).update(**facts)
        return
    arrived = [*{*found.arrived, report.reference}]
    whole = len(arrived) >= found.parts > 0 and found.state == State.SENT
    Message.objects.filter(pk=found.pk).update(arrived=arrived)
    if whole:
        Message.objects.filter(pk=found.pk, state=State.SENT).update(state=State.DELIVERED, done_at=now)
