"""Writes of the plans. A plan above the cap is kept only with a reason, and the reason is in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import history, queries
from prewatt.domain.tariff.cap import HOURS, Cap, cap
from prewatt.domain.tariff.models import PRICE_NAMES, Plan, PlanKind, PlanUse, PurchasePrice
from prewatt.units.values import Price

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

NAME_MAX, NOTE_MAX = 64, 400
PRICE_E4_MAX = 100_000  # ten yuan a kWh: a slip of the finger, not a price
MARKUP_PERMILLE_MAX = 1000
CHUNK = 500
FIVE_KINDS = (PlanKind.FLAT, PlanKind.TOU)


class NoRight(Refused):
    code = "no_right"

    def __init__(self, who: Operator) -> None:
        super().__init__(
            _("%(who)s may not change prices. Nothing was changed. Ask an administrator for the right to settings.")
            % {"who": who.username}
        )


class NameNeeded(Refused):
    code = "name_needed"

    def __init__(self) -> None:
        super().__init__(_("The plan needs a name. Nothing was changed. Give it one of at most 64 letters."))


class NameTaken(Refused):
    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("There is a plan called %(name)s already. Nothing was changed. Choose another name.") % {"name": name}
        )


class BadPrice(Refused):
    code = "bad_price"

    def __init__(self) -> None:
        super().__init__(
            _("A price is missing, zero, or above 10 yuan/kWh. Nothing was changed. Give every band its price.")
        )


class OnlyByVersions(Refused):
    code = "only_by_versions"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("Five prices cannot say what %(name)s charges. Nothing was changed. Make a new version of it instead.")
            % {"name": name}
        )


class BadMarkup(Refused):
    code = "bad_markup"

    def __init__(self) -> None:
        super().__init__(_("The mark-up is not between 0 and 100 %. Nothing was changed. The law allows 0 in general."))


class AboveCap(Refused):
    code = "above_cap"

    def __init__(self, found: Cap) -> None:
        self.cap = found
        super().__init__(
            _(
                "The plan (%(asked)s yuan/kWh, blended) lies above what the site pays and may add (%(allowed)s). "
                "Nothing was changed. Resold electricity may not cost more; if there is a ground for it, write it down."
            )
            % {"asked": Price(found.asked_e4), "allowed": Price(found.allowed_e4)}
        )


class NotForMeters(Refused):
    code = "not_for_meters"

    def __init__(self, plan: Plan, lost: Iterable[str]) -> None:
        self.lost = tuple(lost)
        super().__init__(
            _(
                "A meter cannot hold the plan %(name)s: %(lost)s. Nothing was sent. Bill its meters on the platform, "
                "which reckons by the whole plan, or give the plan a version that five prices of four decimals can say."
            )
            % {"name": plan.name, "lost": _(", ").join(str(LOST[one]) for one in self.lost)}
        )


class TooFine(Refused):
    code = "too_fine"

    def __init__(self, plan: Plan) -> None:
        super().__init__(
            _(
                "The plan %(name)s has prices of more than four decimals, which no meter holds. Nothing was sent. "
                "Send them rounded down, or bill its meters on the platform."
            )
            % {"name": plan.name}
        )


# What of a plan five prices cannot say.
LOST: Mapping[str, Promise] = {
    "ladder": gettext_lazy("a ladder"),
    "free": gettext_lazy("a free allowance"),
    "fees": gettext_lazy("fees"),
    "minimum": gettext_lazy("a least amount"),
    "bands": gettext_lazy("bands of its own"),
    "decimals": gettext_lazy("prices of more than four decimals"),
    "zero": gettext_lazy("a price of zero"),
}


def even(price_e4: int) -> dict[str, int]:
    """One price in every band."""
    return dict.fromkeys(PRICE_NAMES, price_e4)


@transaction.atomic
def save_plan(
    *,
    plan: Plan | None,
    name: str,
    kind: str,
    prices: Mapping[str, int],
    operator: Operator,
    now: datetime,
    day: date,
    note: str = "",
    active: bool = True,
    reason: str = "",
    weights: Mapping[str, int] = HOURS,
    address: str = "",
) -> Plan:
    """A new plan (`plan=None`; the same name, kind and prices again find the first) or a changed one.

    Meters that use it keep their old prices until somebody sends it. A flat plan takes `price_flat_e4` alone.
    Raises NoRight, NameNeeded, NameTaken, BadPrice, and AboveCap without a `reason`.
    """
    if not operator.may(Right.SETTINGS):
        raise NoRight(operator)
    name = name.strip()[:NAME_MAX]
    if not name:
        raise NameNeeded
    full = plan is not None and plan.kind == kind == PlanKind.FULL  # its prices change by versions only
    if plan is not None and full and prices and dict(prices) != plan.prices:
        raise OnlyByVersions(plan.name)
    whole = plan.prices if plan is not None and full else _whole(kind, prices)
    other = Plan.objects.filter(name=name).exclude(pk=plan.pk if plan else 0).first()
    if other is not None:
        if plan is None and (other.kind, other.prices, other.created_by_id) == (kind, whole, operator.pk):
            return other
        raise NameTaken(name)
    if not full:
        _check_cap(whole, day, weights, reason)
    before = _facts(plan) if plan else {}
    made = plan or Plan(created_at=now, created_by=operator)
    made.name, made.kind, made.note, made.active, made.changed_at = name, kind, note.strip()[:NOTE_MAX], active, now
    for price, value in whole.items():
        setattr(made, price, value)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise NameTaken(name) from error
    _keep_version(made, before, operator, now)
    said = {"reason": reason.strip()[:NOTE_MAX]} if reason.strip() else {}
    staff.log(
        operator=operator,
        action="tariff.plan",
        target=f"plan {name}",
        before=before,
        after=_facts(made) | said,
        address=address,
        now=now,
    )
    return made


def _keep_version(plan: Plan, before: Mapping[str, Any], operator: Operator, now: datetime) -> None:
    """Other prices are another version, from now on; a new name or note is none."""
    facts = _facts(plan)
    if before and all(before[name] == facts[name] for name in ("kind", *PRICE_NAMES)):
        return
    made = history.keep_version(
        plan=plan,
        document=history.five_prices(plan),
        effective_from=history.free_instant(plan, now),
        operator=operator,
        now=now,
    )
    plan.version = made.number
    plan.save(update_fields=["version"])


def for_meters(plan: Plan, *, round_down: bool = False) -> dict[str, int]:
    """The five prices that say what the plan charges now. Raises NotForMeters where they would say something else,
    and TooFine where they say it only rounded down and that was not asked for.
    """
    lost = queries.lost_of(plan)
    if not set(lost) <= {"decimals"}:
        raise NotForMeters(plan, lost)
    if lost and not round_down:
        raise TooFine(plan)
    return plan.prices


def _whole(kind: str, prices: Mapping[str, int]) -> dict[str, int]:
    if kind not in FIVE_KINDS:
        raise BadPrice
    whole = even(prices.get("price_flat_e4", 0)) if kind == PlanKind.FLAT else dict(prices)
    if set(whole) != set(PRICE_NAMES) or not all(0 < value <= PRICE_E4_MAX for value in whole.values()):
        raise BadPrice
    return whole


def _check_cap(prices: Mapping[str, int], day: date, weights: Mapping[str, int], reason: str) -> None:
    paid = queries.purchase(day=day)
    if paid is None or reason.strip():
        return
    found = cap(prices, paid.prices, markup_permille=paid.markup_permille, weights=weights)
    if found.above:
        raise AboveCap(found)


def _facts(plan: Plan) -> dict[str, Any]:
    return {"kind": str(plan.kind), "note": plan.note, "active": plan.active, **plan.prices}


@transaction.atomic
def set_purchase(
    *,
    from_day: date,
    prices: Mapping[str, int],
    operator: Operator,
    now: datetime,
    kind: str = PlanKind.FLAT,
    markup_permille: int = 0,
    note: str = "",
    address: str = "",
) -> PurchasePrice:
    """What the site pays from a day on; the same day again corrects it."""
    if not operator.may(Right.SETTINGS):
        raise NoRight(operator)
    if not 0 <= markup_permille <= MARKUP_PERMILLE_MAX:
        raise BadMarkup
    whole = _whole(kind, prices)
    known = PurchasePrice.objects.filter(from_day=from_day).first()
    before = {**known.prices, "markup_permille": known.markup_permille} if known else {}
    made, _new = PurchasePrice.objects.update_or_create(
        from_day=from_day,
        defaults={
            **whole,
            "markup_permille": markup_permille,
            "note": note.strip()[:NOTE_MAX],
            "set_at": now,
            "set_by": operator,
        },
    )
    after = {**whole, "markup_permille": markup_permille, "note": made.note}
    staff.log(
        operator=operator,
        action="tariff.purchase",
        target=f"from {from_day}",
        before=before,
        after=after,
        address=address,
        now=now,
    )
    return made


@transaction.atomic
def assign(*, plan: Plan, meter_ids: Iterable[int], operator: Operator, now: datetime, address: str = "") -> int:
    """These meters use this plan from now on. The caller knows that the operator may see them. Returns how many."""
    ids = sorted(set(meter_ids))
    before = dict(PlanUse.objects.filter(meter__in=ids).values_list("meter", "plan"))
    changed = [pk for pk in ids if before.get(pk) != plan.pk]
    PlanUse.objects.bulk_create(
        [PlanUse(meter_id=pk, plan=plan, since=now, operator=operator) for pk in changed],
        update_conflicts=True,
        unique_fields=["meter"],
        update_fields=["plan", "since", "operator"],
        batch_size=CHUNK,
    )
    history.keep_uses(plan=plan, meter_ids=changed, operator=operator, now=now)
    if changed:
        staff.log(
            operator=operator,
            action="tariff.assign",
            target=f"plan {plan.name}",
            after={"meters": len(changed)},
            address=address,
            now=now,
        )
    return len(changed)
