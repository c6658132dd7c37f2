"""May power be cut here and now, by these people, for this reason? Asked for one meter and for ten thousand alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from prewatt.domain import workdays
from prewatt.domain.control.models import Cut, NeverCut, Reason, Stop, SwitchRules
from prewatt.domain.estate.models import Meter
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.estate.models import MeterQuerySet
    from prewatt.domain.staff.models import Operator

NOTE_MAX = 200
CAME_TO_NOTHING = ("cancelled", "expired", "refused")
# Whoever writes this into the free text says aloud what the list of reasons leaves out.
_FEES = ("物业费", "物管费", "管理费", "property fee", "management fee", "service charge")


class CutReasonNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(
            _("Switching off needs a reason from the list. Nothing was sent. Say why this tenant goes dark.")
        )


class PropertyFee(Refused):
    code = "property_fee"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Power may not be cut to force a property fee. Nothing was sent. The law allows it for unpaid "
                "electricity alone, after notice."
            )
        )


class ProtectedHours(Refused):
    code = "protected_hours"

    def __init__(self, rules: SwitchRules) -> None:
        super().__init__(
            _(
                "These are protected hours (%(from)s to %(until)s, weekends and holidays). Nothing was sent. "
                "Wait until they end, or say why it cannot wait."
            )
            % {"from": f"{rules.protected_from:%H:%M}", "until": f"{rules.protected_until:%H:%M}"}
        )


class SecondPersonForCut(Refused):
    code = "second_person_needed"

    def __init__(self, rules: SwitchRules, already: int) -> None:
        self.already = already
        text = ngettext(
            "One person may switch off %(limit)d meter in %(minutes)d minutes; %(already)d were already. Nothing was "
            "sent. A second person who may switch has to confirm with his own password.",
            "One person may switch off %(limit)d meters in %(minutes)d minutes; %(already)d were already. Nothing was "
            "sent. A second person who may switch has to confirm with his own password.",
            rules.limit_count,
        )
        super().__init__(
            text % {"limit": rules.limit_count, "minutes": rules.limit_minutes, "already": already},
        )


class SecondPersonMayNot(Refused):
    code = "second_person_may_not"

    def __init__(self, who: str) -> None:
        super().__init__(
            _("%(who)s may not confirm this. Nothing was sent. Another active person with the right to switch must.")
            % {"who": who}
        )


class NeverCutThis(Refused):
    code = "never_cut"

    def __init__(self, place: str, vital: NeverCut) -> None:
        super().__init__(
            _("%(place)s is never switched off: %(kind)s. Nothing was sent. It stands on the never-cut list.")
            % {"place": place, "kind": vital.get_kind_display()}
        )


class SiteStopped(Refused):
    code = "site_stopped"

    def __init__(self, stop: Stop) -> None:
        super().__init__(
            _("The site's stop is on (%(who)s: %(why)s). No batch switches anything off. Lift the stop first.")
            % {"who": stop.by, "why": stop.why}
        )


@dataclass(frozen=True, slots=True)
class Why:
    """What was said about a cut, checked."""

    reason: str
    note: str
    override: str
    second_person: Operator | None


def rules() -> SwitchRules:
    """The site's rules; the safe ones where nobody set any."""
    return SwitchRules.objects.filter(pk=1).first() or SwitchRules()


def held_rules() -> SwitchRules:
    """The same, held until the transaction ends."""
    SwitchRules.objects.get_or_create(pk=1)
    return SwitchRules.objects.select_for_update().get(pk=1)


def stop() -> Stop | None:
    """The stop that is on now."""
    return Stop.objects.filter(open=True).select_related("by").first()


def marks(*, operator: Operator) -> QuerySet[NeverCut]:
    """What is never cut within the operator's buildings."""
    if operator.is_active and operator.all_buildings:
        return NeverCut.objects.all()
    mine = operator.buildings.values("pk")
    return NeverCut.objects.filter(Q(meter__room__floor__building__in=mine) | Q(room__floor__building__in=mine))


def never_cut(meters: MeterQuerySet) -> dict[int, NeverCut]:
    """What of these is never cut, by meter; the meter's own mark goes before its room's."""
    ids = meters.order_by().values("pk")
    found = NeverCut.objects.filter(Q(meter__in=ids) | Q(room__meters__in=ids)).distinct()
    by_room: dict[int, NeverCut] = {one.room_id: one for one in found if one.room_id}
    marks = {pk: by_room[room] for pk, room in meters.filter(room__in=by_room).values_list("pk", "room_id")}
    return {**marks, **{one.meter_id: one for one in found if one.meter_id}}


def is_protected(rules: SwitchRules, *, now: datetime) -> bool:
    """Night, weekend or public holiday by the site's own clock, make-up workdays not. The span may pass midnight."""
    if not rules.protect:
        return False
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    if rules.protect_weekends and workdays.rests(local.date()):
        return True
    if local.date().isoformat() in rules.protected_days:
        return True
    begin, end, at = rules.protected_from, rules.protected_until, local.time().replace(tzinfo=None)
    return begin <= at < end if begin <= end else at >= begin or at < end


def alone_lately(rules: SwitchRules, *, now: datetime) -> int:
    """How many meters were switched off by one person alone within the span, and not by their own tenants."""
    since = now - timedelta(minutes=rules.limit_minutes)
    lately = Cut.objects.filter(at__gt=since, second_person__isnull=True)
    by_tenants = Q(operator__isnull=True, reason=Reason.ASKED)
    return lately.exclude(by_tenants).exclude(order__state__in=CAME_TO_NOTHING).count()


def check(
    *,
    meter_ids: Collection[int],
    reason: str,
    note: str,
    override: str,
    operator: Operator,
    second_person: Operator | None,
    now: datetime,
) -> Why:
    """Whether these may be cut. Call inside a transaction: the rules stay held until its end.

    Raises CutReasonNeeded, PropertyFee, ProtectedHours, SecondPersonForCut, SecondPersonMayNot.
    """
    if reason not in Reason.values:
        raise CutReasonNeeded
    note, override = note.strip()[:NOTE_MAX], override.strip()[:NOTE_MAX]
    if any(word in text.lower() for text in (note, override) for word in _FEES):
        raise PropertyFee
    held = held_rules()
    if is_protected(held, now=now) and not override:
        raise ProtectedHours(held)
    if second_person is not None:
        _check_second(second_person, operator, meter_ids)
    elif (already := alone_lately(held, now=now)) + len(meter_ids) > held.limit_count:
        raise SecondPersonForCut(held, already)
    return Why(reason, note, override, second_person)


def _check_second(second: Operator, operator: Operator, meter_ids: Collection[int]) -> None:
    if second.pk == operator.pk or not second.may(Right.SWITCH):
        raise SecondPersonMayNot(second.username)
    if not second.all_buildings:
        seen = set(Meter.objects.for_operator(second).values_list("pk", flat=True))
        if not seen.issuperset(meter_ids):
            raise SecondPersonMayNot(second.username)


def record(order_ids: Iterable[str], why: Why, *, operator: Operator | None, now: datetime) -> None:
    """Write down why, beside each order. Without an operator: the rules of fair cut-off gave it."""
    Cut.objects.bulk_create(
        [
            Cut(
                order_id=order_id,
                reason=why.reason,
                note=why.note,
                override=why.override,
                operator=operator,
                second_person=why.second_person,
                at=now,
            )
            for order_id in order_ids
        ],
        batch_size=500,
    )
