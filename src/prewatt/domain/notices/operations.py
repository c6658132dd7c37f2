"""What is to be told: written down in the transaction in which it happens, so that it is told if and only if it did."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from prewatt.domain.estate import messages
from prewatt.domain.estate.models import Opening
from prewatt.domain.notices import sealing
from prewatt.domain.notices.models import Door, Message, Rules, State, Why
from prewatt.domain.notices.quiet import loud_from
from prewatt.domain.staff.models import Site

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer, Meter
    from prewatt.domain.notices.models import Carrier

URGENT_FOR = timedelta(minutes=5)  # a log-in code is of no use later
SAME_WITHIN = timedelta(minutes=10)
SECRET = frozenset({"code"})  # fields that no list and no log may show
HIDDEN = "••••••"
# 自动发送报警短信: what the switch of an account silences, and the two that have a switch of their own.
WARNINGS = frozenset({"low1", "low2", "reminder", "last_notice", "arrears"})
_OWN_SWITCH = {"low1": "alarm1_notify", "low2": "alarm2_notify"}
PHONE = re.compile(r"\+?[0-9]{5,20}")
_DRESSING = re.compile(r"[\s()./-]+")


def rules() -> Rules:
    return Rules.objects.filter(pk=1).first() or Rules()


def say(
    *,
    kind: str,
    phone: str,
    fields: Mapping[str, str],
    key: str,
    language: str,
    now: datetime,
    customer: Customer | None = None,
    meter: Meter | None = None,
    urgent: bool = False,
) -> Message | None:
    """One text message into the outbox, in the caller's transaction. `key` makes it once: again it is the first one.

    `kind` is a key of `estate.messages.MESSAGES`, whose template of `language` is filled with `fields` now; `site`,
    `time`, `tenant`, `room` and `meter` are known without being given. `urgent` (a log-in code) ignores quiet hours and
    is of no use after minutes. None: the account or the site does not want this kind; a number that cannot be used is
    kept as a failed message, so that somebody sees whom nothing reaches.
    """
    if kind in rules().muted or (meter is not None and not _wanted(kind, meter)):
        return None
    return write(
        kind=kind,
        door=Door.TEXT,
        to=_DRESSING.sub("", phone),
        fields=_known(customer, meter, now) | dict(fields),
        key=key,
        language=language,
        now=now,
        customer=customer,
        meter=meter,
        urgent=urgent,
    )


def write(
    *,
    kind: str,
    door: Door,
    to: str,
    fields: Mapping[str, str],
    key: str,
    language: str,
    now: datetime,
    title: str = "",
    customer: Customer | None = None,
    meter: Meter | None = None,
    urgent: bool = False,
    only: Carrier | None = None,
) -> Message:
    """As `say`, for any door."""
    first = Message.objects.filter(key=key).first()
    if first is not None:
        return first
    shown = dict(fields) | dict.fromkeys(SECRET & fields.keys(), HIDDEN)
    secret = SECRET & fields.keys()
    template = messages.wording(kind, language)
    held = rules()
    at = now if urgent or door != Door.TEXT else loud_from(now, held)
    row = Message(
        key=key,
        kind=kind,
        door=door,
        to=to,
        language=language,
        title=title,
        text=messages.fill(template, shown),
        fields=shown,
        sealed=sealing.seal({"text": messages.fill(template, fields)} | dict(fields)) if secret else None,
        customer=customer,
        meter=meter,
        building_id=meter.room.floor.building_id if meter is not None and meter.room is not None else None,
        urgent=urgent,
        only=only,
        made_at=now,
        not_before=at,
        expires_at=at + (URGENT_FOR if urgent else timedelta(hours=held.valid_hours)),
    )
    _judge(row, now)
    # Two that say the same at the same moment: the database keeps one, and nobody's transaction is broken.
    Message.objects.bulk_create([row], ignore_conflicts=True)
    return Message.objects.get(key=key)


def _wanted(kind: str, meter: Meter) -> bool:
    opening = Opening.objects.filter(meter=meter, closed_at__isnull=True).first()
    if opening is None or kind not in WARNINGS:
        return True
    return opening.texts and not opening.inactive and getattr(opening, _OWN_SWITCH.get(kind, "texts"))


def _known(customer: Customer | None, meter: Meter | None, now: datetime) -> dict[str, str]:
    site = Site.objects.filter(pk=1).values_list("name", flat=True).first()
    local = timezone.localtime(now, ZoneInfo(settings.TIME_ZONE))
    found = {"site": site or "prewatt", "time": f"{local:%m-%d %H:%M}"}
    if customer is not None:
        found |= {"tenant": customer.name, "number": customer.number}
    if meter is not None:
        found |= {"meter": meter.number, "room": meter.room.number if meter.room is not None else meter.number}
    return found


def _judge(row: Message, now: datetime) -> None:
    """What cannot go out, or went out a moment ago, is kept with its reason and not sent."""
    if row.door == Door.TEXT and not PHONE.fullmatch(row.to):
        row.state, row.why = State.FAILED, Why.BAD_NUMBER if row.to else Why.NO_PHONE
    elif not row.urgent and row.only_id is None and _just_said(row, now):
        row.state, row.why = State.FAILED, Why.REPEATED
    if row.state == State.FAILED:
        row.done_at, row.sealed = now, None


def _just_said(row: Message, now: datetime) -> bool:
    same = Message.objects.filter(door=row.door, to=row.to, made_at__gt=now - SAME_WITHIN, text=row.text)
    return same.exclude(state__in=(State.FAILED, State.EXPIRED)).exists()


def withdraw(*, keys: Collection[str], now: datetime) -> int:
    """What is not true any more and has not begun to go out: who has paid is not told to pay."""
    waiting = Message.objects.filter(key__in=keys, state=State.WAITING, attempts=0)
    return waiting.update(state=State.EXPIRED, why=Why.NOT_TRUE_ANY_MORE, done_at=now, sealed=None)
