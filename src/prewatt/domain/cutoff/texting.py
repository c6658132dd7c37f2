"""What the stages say to tenants goes out by text message, in the site's words; what arrived counts as told.

One message for each word that is written, and one when an account that was warned before falls into debt: the key is
the word's own, so a pass that runs twice sends nothing twice. A payment takes back what has not gone out yet.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from prewatt.domain.cutoff.models import Door, Notice, Standing, Word
from prewatt.domain.estate.models import Opening
from prewatt.domain.notices import operations as notices
from prewatt.domain.notices.models import CarrierKind, Message, State
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.cutoff.facts import Known
    from prewatt.domain.estate.models import Meter

KINDS = {Word.FIRST: "low1", Word.AGAIN: "low2", Word.REMINDER: "reminder", Word.LAST: "last_notice"}
LOOKED_BACK = timedelta(days=7)
TOGETHER = 500
REPORTING = (CarrierKind.MODEM,)  # what it sent has arrived when the network says so
ASKED = (CarrierKind.ALIYUN, CarrierKind.TENCENT)  # asked what became of it, if the site's key may ask
BELIEVED_AFTER = timedelta(minutes=15)  # without a word against it: by then it has been asked four times


def key(notice: int) -> str:
    return f"notice:{notice}"


def _debt_key(opening: int, since: datetime) -> str:
    return f"arrears:{opening}:{round(since.timestamp())}"


def word(said: Notice, one: Known, meter: Meter, now: datetime) -> None:
    _send(key(said.pk), _kind(Word(said.word), one), one, meter, now, cut_at=said.cut_at)


def debt(since: datetime, one: Known, meter: Meter, now: datetime) -> None:
    """It was warned while money was left, and now none is."""
    _send(_debt_key(one.opening, since), "arrears", one, meter, now)


def _kind(word: Word, one: Known) -> str:
    """Every message is true: who is warned for the forecast's sake has more than alarm 1, and who owes is told so."""
    money_fen = one.account.money_fen or 0
    if word == Word.LAST:
        return "last_notice"
    if money_fen < 0:
        return "arrears"
    return "reminder" if word == Word.FIRST and money_fen > one.account.alarm1_fen else KINDS[word]


def _send(key: str, kind: str, one: Known, meter: Meter, now: datetime, *, cut_at: datetime | None = None) -> None:
    opening = Opening.objects.select_related("customer").get(pk=one.opening)
    money_fen, alarm_fen = one.account.money_fen or 0, one.account.alarm1_fen
    owed = kind in ("arrears", "last_notice")
    fields = {"balance": str(Money(abs(money_fen) if owed else money_fen)), "alarm": str(Money(alarm_fen))}
    if cut_at is not None:
        fields["cut_at"] = f"{cut_at.astimezone(ZoneInfo(settings.TIME_ZONE)):%m-%d %H:%M}"
    notices.say(
        kind=kind,
        phone=opening.customer.phone,
        fields=fields,
        key=key,
        language=notices.rules().language,
        now=now,
        customer=opening.customer,
        meter=meter,
    )


def take_back(openings: Collection[int], now: datetime) -> None:
    """Before the words are closed and the standing goes."""
    words = Notice.objects.filter(opening__in=openings, open=True).values_list("pk", flat=True)
    stands = Standing.objects.filter(pk__in=openings).values_list("pk", "since")
    notices.withdraw(keys=[*map(key, words), *(_debt_key(pk, since) for pk, since in stands)], now=now)


def count_arrived(now: datetime) -> int:
    """A message that arrived has told the tenant; one that a provider took has when nothing is said against it for a
    quarter of an hour; one of a carrier without reports has when it was taken.
    """
    untold = Notice.objects.filter(open=True, told_at__isnull=True, at__gt=now - LOOKED_BACK).order_by("-at")
    by_key = {key(pk): pk for pk in untold.values_list("pk", flat=True)[:TOGETHER]}
    if not by_key:
        return 0
    believed = Q(carrier__kind__in=ASKED, sent_at__lte=now - BELIEVED_AFTER)
    believed |= ~Q(carrier__kind__in=(*ASKED, *REPORTING))
    arrived = Q(state=State.DELIVERED) | (Q(state=State.SENT) & believed)
    rows = Message.objects.filter(arrived, key__in=by_key).values_list("key", "done_at", "sent_at")
    told = 0
    for found, done_at, sent_at in rows:
        mine = Notice.objects.filter(pk=by_key[found], told_at__isnull=True)
        told += mine.update(told_at=done_at or sent_at or now, door=Door.MESSAGE)
    return told
