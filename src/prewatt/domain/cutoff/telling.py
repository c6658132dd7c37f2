"""What people do: tick a notice off as told, give grace, set the site's fair rules. All of it is logged."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from prewatt.domain.cutoff import queries
from prewatt.domain.cutoff.models import NOTE_MAX, Door, FairRules, Grace, Notice
from prewatt.domain.dispatch import operations as dispatch
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.staff.models import Operator

# Who may say that a tenant was told: whoever sits at the telephone.
MAY_TELL = (Right.SELL, Right.DECIDE, Right.METER_ORDERS, Right.SETTINGS)
MAY_GRANT = Right.DECIDE
DAYS_MAX, HOURS_MAX, MINUTES_MAX, FEN_MAX, USES_MAX = 60, 24 * 14, 24 * 60, 10_000_000, 20
# What a site may set, each with its least and its most.
NUMBERS: dict[str, tuple[int, int]] = {
    "notice_days": (0, DAYS_MAX),
    "notice_days_dwelling": (0, DAYS_MAX),
    "gap_hours": (0, HOURS_MAX),
    "last_minutes": (0, MINUTES_MAX),
    "remind_hours": (0, HOURS_MAX),
    "stale_minutes": (5, MINUTES_MAX),
    "keep_max_fen": (0, FEN_MAX),
    "grace_max_fen": (0, FEN_MAX),
    "grace_days_max": (0, DAYS_MAX),
}
SWITCHES = ("automatic", "must_be_told", "keep")


class MayNot(Refused):
    code = "no_right"

    def __init__(self, who: Operator) -> None:
        super().__init__(_("%(who)s may not do this. Nothing was saved. Ask an administrator.") % {"who": who})


class NoSuchThing(Refused):
    code = "out_of_scope"

    def __init__(self) -> None:
        super().__init__(_("There is no such notice or account in your buildings. Nothing was saved."))


class ToldBefore(Refused):
    code = "told_before"

    def __init__(self, notice: Notice) -> None:
        super().__init__(
            _("%(who)s has told this tenant already. Nothing was changed.") % {"who": notice.told_by or "—"}
        )


class OutOfRange(Refused):
    code = "rules_out_of_range"

    def __init__(self, name: str, least: int, most: int) -> None:
        self.name = name
        super().__init__(
            _("This lies outside %(least)d–%(most)d. Nothing was changed. Give a number within it.")
            % {"least": least, "most": most}
        )


class GraceTooMuch(Refused):
    code = "grace_too_much"

    def __init__(self, rules: FairRules) -> None:
        text = ngettext(
            "A grace is at most %(yuan)s yuan for %(days)d day. Nothing was saved. Give less, or change the rules.",
            "A grace is at most %(yuan)s yuan for %(days)d days. Nothing was saved. Give less, or change the rules.",
            rules.grace_days_max,
        )
        super().__init__(text % {"yuan": Money(rules.grace_max_fen), "days": rules.grace_days_max})


class GraceReasonNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(_("A grace needs its reason. Nothing was saved. Say what was agreed with the tenant."))


class EndReasonNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(
            _("Ending a grace needs its reason: the tenant was promised it. Nothing was changed. Say why it ends now.")
        )


class NoGrace(Refused):
    code = "no_grace"

    def __init__(self) -> None:
        super().__init__(_("No grace is running for this account. Nothing was changed."))


class GraceIdTaken(Refused):
    code = "id_taken"

    def __init__(self) -> None:
        super().__init__(_("This form was already used for another account. Nothing was saved. Open a new form."))


@transaction.atomic
def told(
    *,
    notice_ids: Collection[int],
    door: str,
    operator: Operator,
    now: datetime,
    note: str = "",
    address: str = "",
) -> list[Notice]:
    """The tenant knows: by telephone, in person, on paper, by message. The same person's word again changes nothing.

    Raises MayNot, NoSuchThing, ToldBefore.
    """
    if not any(operator.may(right) for right in MAY_TELL):
        raise MayNot(operator)
    mine = queries.notices(operator=operator).select_for_update(of=("self",)).filter(pk__in=notice_ids)
    found = list(mine.order_by("pk"))
    if not found or len(found) != len(set(notice_ids)):
        raise NoSuchThing
    for one in found:
        if one.told_at is not None and one.told_by_id != operator.pk:
            raise ToldBefore(one)
    for one in [one for one in found if one.told_at is None]:
        one.told_at, one.told_by, one.note = now, operator, note.strip()[:NOTE_MAX]
        one.door = door if door in Door.values else Door.PHONE
        one.save(update_fields=["told_at", "told_by", "note", "door"])
        staff.log(
            operator=operator,
            action="cutoff.told",
            target=f"meter {one.opening.meter.number}",
            after={"notice": one.pk, "word": one.word, "door": one.door, "note": one.note},
            address=address,
            now=now,
        )
    return found


@transaction.atomic
def grant(
    *,
    grace_id: str,
    opening: Opening,
    amount_fen: int,
    until: datetime,
    reason: str,
    operator: Operator,
    now: datetime,
    address: str = "",
) -> Grace:
    """Let this account owe up to so much until then; a newer grace takes the place of the one before.

    `grace_id` is made when the form is drawn: the same again is the first grace. Raises MayNot, NoSuchThing,
    GraceTooMuch, GraceReasonNeeded, GraceIdTaken.
    """
    if not operator.may(MAY_GRANT):
        raise MayNot(operator)
    if not queries.openings(operator=operator).filter(pk=opening.pk).exists():
        raise NoSuchThing
    dispatch.lock_meter(opening.meter_id)
    first = Grace.objects.filter(pk=grace_id).first()
    if first is not None:
        if first.opening_id != opening.pk:
            raise GraceIdTaken
        return first
    rules = queries.rules()
    if not (0 < amount_fen <= rules.grace_max_fen and now < until <= now + timedelta(days=rules.grace_days_max)):
        raise GraceTooMuch(rules)
    if not reason.strip():
        raise GraceReasonNeeded
    Grace.objects.filter(opening=opening, ended_at__isnull=True).update(ended_at=now)
    made = Grace.objects.create(
        id=grace_id,
        opening=opening,
        amount_fen=amount_fen,
        until=until,
        reason=reason.strip()[:NOTE_MAX],
        by=operator,
        at=now,
    )
    staff.log(
        operator=operator,
        action="cutoff.grace",
        target=f"meter {opening.meter.number}",
        after={"grace": grace_id, "amount_fen": amount_fen, "until": until.isoformat(), "reason": made.reason},
        address=address,
        now=now,
    )
    return made


@transaction.atomic
def end_grace(
    *, opening: Opening, reason: str, operator: Operator, now: datetime, grace_id: str = "", address: str = ""
) -> Grace:
    """What was promised ends now; the stages go on from here, and a hold for this grace is released.

    `grace_id` is the one that the page showed: when it has ended already nothing changes, and a newer one stays. Left
    out, it is the one that runs. Raises MayNot, NoSuchThing, NoGrace, EndReasonNeeded.
    """
    if not operator.may(MAY_GRANT):
        raise MayNot(operator)
    if not queries.openings(operator=operator).filter(pk=opening.pk).exists():
        raise NoSuchThing
    dispatch.lock_meter(opening.meter_id)
    running = Grace.objects.filter(opening=opening, ended_at__isnull=True, until__gt=now)
    found = (Grace.objects.filter(opening=opening, pk=grace_id) if grace_id else running).first()
    if found is None:
        raise NoGrace
    if found.ended_at is not None or found.until <= now:
        return found
    if not reason.strip():
        raise EndReasonNeeded
    found.ended_at = now
    found.save(update_fields=["ended_at"])
    staff.log(
        operator=operator,
        action="cutoff.end_grace",
        target=f"meter {opening.meter.number}",
        before={"grace": found.pk, "amount_fen": found.amount_fen, "until": found.until.isoformat()},
        after={"reason": reason.strip()[:NOTE_MAX]},
        address=address,
        now=now,
    )
    return found


@transaction.atomic
def set_rules(
    *,
    operator: Operator,
    now: datetime,
    address: str = "",
    dwelling_uses: Collection[str] | None = None,
    **values: int | bool,
) -> FairRules:
    """What is left out stays. Raises MayNot, OutOfRange."""
    if not operator.may(Right.SETTINGS):
        raise MayNot(operator)
    for name, (least, most) in NUMBERS.items():
        if not least <= values.get(name, least) <= most:
            raise OutOfRange(name, least, most)
    FairRules.objects.get_or_create(pk=1)
    held = FairRules.objects.select_for_update().get(pk=1)
    before = queries.rules_facts(held)
    for name in (*NUMBERS, *SWITCHES):
        setattr(held, name, values.get(name, getattr(held, name)))
    if dwelling_uses is not None:
        held.dwelling_uses = sorted({one.strip()[:32] for one in dwelling_uses if one.strip()})[:USES_MAX]
    held.save()
    after: dict[str, Any] = queries.rules_facts(held)
    staff.log(
        operator=operator, action="cutoff.rules", target="site", before=before, after=after, address=address, now=now
    )
    return held
