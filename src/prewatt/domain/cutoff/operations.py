"""Moving accounts through the stages: notices are written, trips for arrears ordered and called back, stages ended.

Every step is a small transaction of its own that looks again before it acts: a payment between the look and the order
is never overtaken.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from prewatt.domain.control import cutting
from prewatt.domain.control.models import Reason
from prewatt.domain.cutoff import facts, rule, texting
from prewatt.domain.cutoff.facts import Known
from prewatt.domain.cutoff.models import Notice, Standing, Word
from prewatt.domain.cutoff.rule import Act, Next, Stage
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.dispatch.models import MeterOrder
from prewatt.domain.dispatch.states import State
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff import operations as staff
from prewatt.domain.turns import give_way
from prewatt.domain.vending import platform
from prewatt.domain.webhooks.models import Event
from prewatt.domain.webhooks.telling import tell
from prewatt.link.messages import Kind

if TYPE_CHECKING:
    from prewatt.domain.cutoff.models import FairRules

ARREARS = "arrears"  # the cause by which dispatch knows a trip that a payment and the site's stop call back
DUE = (Stage.DUE.value, Stage.GRACE.value, Stage.OFF.value)
SAYS = {act: Word(word.value) for word, act in rule.SAYS.items()}


def tend(*, now: datetime) -> int:
    """One pass over all accounts that may be concerned. Returns how many were moved; where nothing changed it only
    reads. Asked twice at the same moment it does nothing the second time.
    """
    fair = facts.rules()
    site = facts.site(fair, now=now)
    texting.count_arrived(now)
    moved = _forget(now)
    for one in facts.accounts(fair, now=now):
        found = rule.next_step(one.account, one.told, site, now=now, grace=one.grace)
        if _nothing_new(one, found):
            continue
        moved += _move(one.opening, fair, now)
        give_way()
    return moved


@transaction.atomic
def _forget(now: datetime) -> int:
    """Accounts that closed or were put out of use stand on no list, and nothing more is to be told about them."""
    gone = Q(opening__closed_at__isnull=False) | Q(opening__inactive=True) | Q(opening__meter__active=False)
    openings = list(Standing.objects.filter(gone).values_list("pk", flat=True))
    if openings:
        texting.take_back(openings, now)
        Notice.objects.filter(opening__in=openings, open=True).update(open=False)
        Standing.objects.filter(pk__in=openings).delete()
    return len(openings)


def _nothing_new(one: Known, found: Next) -> bool:
    if found.act is not None:
        return False
    if one.standing is None:
        return found.stage == Stage.FINE
    was_due = one.standing.stage in DUE
    return not rule.is_over(found, was_due=was_due, usable_fen=one.account.usable_fen) and _facts(one, found) == {
        name: getattr(one.standing, name) for name in _FIELDS
    }


_FIELDS = ("stage", "why", "platform", "money_fen", "next_at")


def _facts(one: Known, found: Next) -> dict[str, object]:
    """What a change of is worth a row's writing. The forecast's own moment moves with every look."""
    stage = found.stage.value if found.stage != Stage.FINE else one.standing.stage if one.standing else ""
    return {
        "stage": stage,
        "why": found.why.value,
        "platform": one.account.platform,
        "money_fen": one.account.money_fen,
        "next_at": None if found.why == rule.Why.MONEY_LEFT else found.at,
    }


@transaction.atomic
def _move(opening: int, fair: FairRules, now: datetime) -> bool:
    """One account, looked at again with its meter held: sales to it wait, and what they changed is seen."""
    meter = Meter.objects.filter(openings=opening, openings__closed_at__isnull=True).first()
    if meter is None:
        return False
    cutting.held_rules()  # the limit is counted by one pass at a time, as by people
    dispatch.lock_meter(meter.pk)
    one = next(iter(facts.accounts(fair, now=now, only=[opening])), None)
    if one is None:
        return False
    site = facts.site(fair, now=now)
    found = rule.next_step(one.account, one.told, site, now=now, grace=one.grace)
    if one.standing is not None and rule.is_over(
        found, was_due=one.standing.stage in DUE, usable_fen=one.account.usable_fen
    ):
        _end(one, meter, now)
        return True
    if found.stage == Stage.FINE and one.standing is None:
        return False
    trip = None
    if found.act == Act.CUT:
        trip = _cut(one, meter, facts.hours(cutting.rules()).protected_from(now), now)
    elif found.act is not None:
        word = SAYS[found.act]
        _say(one, meter, word, found, now)
        told = replace(one.told, **{word.value: rule.Said(now)})
        found = rule.next_step(one.account, told, site, now=now, grace=one.grace)
    elif one.standing is not None and one.standing.stage not in DUE and found.stage == Stage.DUE:
        texting.debt(one.standing.since, one, meter, now)
    _keep_row(one, found, trip, now)
    return True


def _end(one: Known, meter: Meter, now: datetime) -> None:
    """Paid, or out of the alarm. What was said is remembered and counts no more; a trip on its way is called back."""
    dispatch.cancel_arrears_trips(meter=meter, now=now)
    texting.take_back([one.opening], now)
    Notice.objects.filter(opening=one.opening, open=True).update(open=False)
    Standing.objects.filter(pk=one.opening).delete()


def _say(one: Known, meter: Meter, word: Word, found: Next, now: datetime) -> None:
    Notice.objects.filter(opening=one.opening, word=word, open=True).update(open=False)
    said = Notice.objects.create(
        opening_id=one.opening, word=word, at=now, money_fen=one.account.money_fen, cut_at=found.cut_at
    )
    texting.word(said, one, meter, now)
    tell(
        Event.NOTICE,
        str(said.pk),
        at=now,
        meter_id=one.meter,
        notice=said.pk,
        word=str(word),
        money_fen=one.account.money_fen,
        cut_at=None if found.cut_at is None else found.cut_at.isoformat(),
    )


def _cut(one: Known, meter: Meter, protected_from: datetime | None, now: datetime) -> MeterOrder:
    """All is said and nothing stands in the way. The order ends by itself before protected hours begin."""
    expires_at = min(now + dispatch.SWITCH_VALID, protected_from or now + dispatch.SWITCH_VALID)
    order = dispatch.place_held(
        order_id=uuid4().hex,
        meter=meter,
        kind=Kind.SWITCH_OFF,
        now=now,
        opening_id=one.opening,
        values=platform.switching(meter, Kind.SWITCH_OFF),
        cause=(ARREARS, str(one.opening)),
        expires_at=expires_at,
    )
    why = cutting.Why(Reason.ARREARS, "", "", None)
    cutting.record([order.pk], why, operator=None, now=now)
    # Whoever is switched on again while he still owes is told again before it happens a second time.
    Notice.objects.filter(opening=one.opening, word=Word.LAST, open=True).update(open=False)
    staff.log(
        operator=None,
        action="cutoff.cut",
        target=f"meter {meter.number}",
        after={"order": order.pk, "reason": str(Reason.ARREARS), "money_fen": one.account.money_fen},
        now=now,
    )
    return order


def _keep_row(one: Known, found: Next, trip: MeterOrder | None, now: datetime) -> None:
    row = one.standing or Standing(opening_id=one.opening, since=now)
    for name, value in _facts(one, found).items():
        setattr(row, name, value)
    row.cut_at, row.runs_out_at = found.cut_at, one.account.runs_out_at
    row.due_since = (row.due_since or now) if row.stage in DUE else None
    if trip is not None:
        row.trip, row.why, row.next_at = trip, rule.Why.ON_ITS_WAY.value, None
    elif row.trip is not None and row.trip.state == State.CANCELLED:
        row.trip = None
    row.save()
