"""Writes of the rules: the limit, the protected hours, the never-cut list, the stop. All of them are logged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.control.cutting import NOTE_MAX, held_rules, stop
from prewatt.domain.control.models import NeverCut, Stop, SwitchRules, Vital
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.estate.models import Meter, Room
    from prewatt.domain.staff.models import Operator

LIMIT_COUNT_MAX = 1000
LIMIT_MINUTES_MAX = 24 * 60
DAYS_MAX = 100


class NotYours(Refused):
    code = "no_right"

    def __init__(self, who: Operator, right: Right) -> None:
        super().__init__(
            _("%(who)s may not do this. Nothing was changed. Ask an administrator for the right “%(right)s”.")
            % {"who": who.username, "right": right.label}
        )


class RulesOutOfRange(Refused):
    code = "rules_out_of_range"

    def __init__(self) -> None:
        super().__init__(
            _("The limit or the hours make no sense. Nothing was changed. Give 0–1000 meters in 1–1440 minutes.")
        )


class WhyNeeded(Refused):
    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(_("The stop needs a word why. Nothing was changed. It is shown on every page."))


def _check(operator: Operator, *rights: Right) -> None:
    if not any(operator.may(right) for right in rights):
        raise NotYours(operator, rights[0])


@transaction.atomic
def set_rules(
    *,
    operator: Operator,
    now: datetime,
    limit_count: int,
    limit_minutes: int,
    protect: bool,
    protected_from: time,
    protected_until: time,
    protect_weekends: bool,
    protected_days: Iterable[date] = (),
    tenant_on: bool | None = None,
    tenant_off: bool | None = None,
    address: str = "",
) -> SwitchRules:
    """`tenant_on`, `tenant_off`: None leaves them as they are."""
    _check(operator, Right.SETTINGS)
    if not (0 <= limit_count <= LIMIT_COUNT_MAX and 1 <= limit_minutes <= LIMIT_MINUTES_MAX):
        raise RulesOutOfRange
    days = sorted({day.isoformat() for day in protected_days})[:DAYS_MAX]
    held = held_rules()
    before = _facts(held)
    held.limit_count, held.limit_minutes = limit_count, limit_minutes
    held.protect, held.protect_weekends, held.protected_days = protect, protect_weekends, days
    held.protected_from, held.protected_until = protected_from, protected_until
    held.tenant_on = held.tenant_on if tenant_on is None else tenant_on
    held.tenant_off = held.tenant_off if tenant_off is None else tenant_off
    held.save()
    staff.log(
        operator=operator,
        action="control.rules",
        target="site",
        before=before,
        after=_facts(held),
        address=address,
        now=now,
    )
    return held


def _facts(rules: SwitchRules) -> dict[str, Any]:
    return {
        "limit": f"{rules.limit_count} / {rules.limit_minutes} min",
        "protect": rules.protect,
        "hours": f"{rules.protected_from:%H:%M}-{rules.protected_until:%H:%M}",
        "weekends": rules.protect_weekends,
        "days": list(rules.protected_days),
        "tenant_on": rules.tenant_on,
        "tenant_off": rules.tenant_off,
    }


@transaction.atomic
def never_cut(
    *, thing: Meter | Room, kind: str, operator: Operator, now: datetime, note: str = "", address: str = ""
) -> NeverCut:
    """Put a meter or a room on the list; once there, kind and note are changed."""
    _check(operator, Right.SETTINGS)
    if kind not in Vital.values:
        kind = Vital.OTHER
    place: dict[str, Any] = {str(thing._meta.model_name): thing}
    mark, _new = NeverCut.objects.update_or_create(
        **place,
        defaults={"kind": kind, "note": note.strip()[:NOTE_MAX], "set_at": now, "set_by": operator},
    )
    staff.log(
        operator=operator,
        action="control.never_cut",
        target=f"{thing._meta.model_name} {thing}",
        after={"kind": kind},
        address=address,
        now=now,
    )
    return mark


@transaction.atomic
def may_be_cut(*, mark: NeverCut, operator: Operator, now: datetime, address: str = "") -> None:
    """Take it off the list again."""
    _check(operator, Right.SETTINGS)
    thing = mark.meter or mark.room
    name = f"{'meter' if mark.meter else 'room'} {thing}"
    staff.log(
        operator=operator,
        action="control.may_be_cut",
        target=name,
        before={"kind": mark.kind, "note": mark.note},
        address=address,
        now=now,
    )
    mark.delete()


@transaction.atomic
def start_stop(*, operator: Operator, why: str, now: datetime, address: str = "") -> Stop:
    """The one switch for the site; asking again finds the first. `fleet.stop_site` also recalls what is on its way."""
    _check(operator, Right.SWITCH, Right.SETTINGS)
    held_rules()  # two people who stop at once find one stop
    if (on := stop()) is not None:
        return on
    if not why.strip():
        raise WhyNeeded
    made = Stop.objects.create(since=now, by=operator, why=why.strip()[:NOTE_MAX])
    staff.log(
        operator=operator, action="control.stop", target="site", after={"why": made.why}, address=address, now=now
    )
    return made


@transaction.atomic
def lift_stop(*, operator: Operator, why: str, now: datetime, address: str = "") -> None:
    """Trips may leave again. Those that were recalled stay recalled."""
    _check(operator, Right.SWITCH, Right.SETTINGS)
    held_rules()
    on = stop()
    if on is None:
        return
    if not why.strip():
        raise WhyNeeded
    on.open, on.ended_at, on.ended_by, on.ended_why = False, now, operator, why.strip()[:NOTE_MAX]
    on.save(update_fields=["open", "ended_at", "ended_by", "ended_why"])
    staff.log(
        operator=operator,
        action="control.lift_stop",
        target="site",
        before={"why": on.why},
        after={"why": on.ended_why},
        address=address,
        now=now,
    )
