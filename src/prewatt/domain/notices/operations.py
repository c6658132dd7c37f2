"""What is to be told: written down in the transaction in which it happens, so that it is told if and only if it did."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.estate import messages
from prewatt.domain.estate.models import Opening
from prewatt.domain.notices import sealing
from prewatt.domain.notices.models import NOTE_MAX, Door, Message, Rules, State, Why
from prewatt.domain.notices.quiet import loud_from
from prewatt.domain.notices.refusals import NoticesRefused, NotYours
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Site
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Customer, Meter
    from prewatt.domain.notices.models import Carrier
    from prewatt.domain.staff.models import Operator

MAY_SAY = (Right.SELL, Right.DECIDE, Right.SETTINGS)
URGENT_FOR = timedelta(minutes=5)  # a log-in code is of no use later
SAME_WITHIN = timedelta(minutes=10)
SECRET = frozenset({"code"})  # fields that no list and no log may show
HIDDEN = "••••••"
# 自动发送报警短信: what the switch of an account silences, and the two that have a switch of their own.
WARNINGS = frozenset({"low1", "low2", "reminder", "last_notice", "arrears"})
_OWN_SWITCH = {"low1": "alarm1_notify", "low2": "alarm2_notify"}
PHONE = re.compile(r"\+?[0-9]{5,20}")
_DRESSING = re.compile(r"[\s()./-]+")


def bare(phone: str) -> str:
    """A number without what people write between its digits."""
    return _DRESSING.sub("", phone)


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
        to=bare(phone),
        fields=known(customer, meter, now) | dict(fields),
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
    at_once: bool = False,
) -> Message:
    """As `say`, for any door. `at_once`: somebody waits for it, whatever the hour."""
    first = Message.objects.filter(key=key).first()
    if first is not None:
        return first
    shown = dict(fields) | dict.fromkeys(SECRET & fields.keys(), HIDDEN)
    secret = SECRET & fields.keys()
    template = messages.wording(kind, language)
    held = rules()
    at = now if urgent or at_once or door != Door.TEXT else loud_from(now, held)
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


def known(customer: Customer | None, meter: Meter | None, now: datetime) -> dict[str, str]:
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


class _Missing(NoticesRefused):
    code = "reason_needed"


@transaction.atomic
def say_again(
    *, message: Message, form_id: str, reason: str, operator: Operator, now: datetime, address: str = ""
) -> Message:
    """The same words once more, as a message of its own that names the first. The same form again is the same message.

    A secret is gone once it was sent, and what still waits goes out by itself. Raises NoticesRefused.
    """
    key = f"again:{form_id}"[:128]
    first = Message.objects.filter(key=key).first()
    if first is not None:
        return first
    if not any(operator.may(right) for right in MAY_SAY):
        raise NotYours(_("%(who)s may not send messages. Nothing was sent. Ask an administrator.") % {"who": operator})
    if not reason.strip():
        raise _Missing(_("The reason is empty. Nothing was sent. Say why it goes out again."))
    if message.state in (State.WAITING, State.SENDING):
        raise NoticesRefused(_("It still waits and goes out by itself. Nothing was sent a second time."))
    if SECRET & message.fields.keys():
        raise NoticesRefused(_("A log-in code is not kept. Nothing was sent. The tenant asks for a new one."))
    again = Message(
        key=key,
        again_of=message,
        reason=reason.strip()[:NOTE_MAX],
        by=operator,
        made_at=now,
        not_before=now,
        expires_at=now + timedelta(hours=rules().valid_hours),
        **{name: getattr(message, name) for name in _SAME},
    )
    if message.door == Door.TEXT and message.customer is not None:
        again.to = bare(message.customer.phone)  # it may have been put right since
    if again.door == Door.TEXT and not PHONE.fullmatch(again.to):
        raise NoticesRefused(_("The tenant has no telephone number. Nothing was sent. Put the number right first."))
    again.save()
    facts = {"message": message.pk, "again": again.pk, "to": again.to, "reason": again.reason}
    staff.log(
        operator=operator, action="message.again", target=f"message {message.pk}", after=facts, address=address, now=now
    )
    return again


_SAME = ("kind", "door", "to", "language", "title", "text", "fields", "customer", "meter", "building", "only")
