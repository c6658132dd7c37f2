"""Writes of a plan's versions: a document that holds from an instant on, withdrawn only before it does.

What each of them would do is told by `looking`, which asks nothing of the database that it does not need.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.tariff import history, queries
from prewatt.domain.tariff.cap import HOURS, cap_of_version
from prewatt.domain.tariff.fault_words import in_words
from prewatt.domain.tariff.models import Plan, PlanKind, PlanVersion
from prewatt.domain.tariff.operations import NAME_MAX, NOTE_MAX, AboveCap, NameNeeded, NameTaken, NoRight
from prewatt.domain.tariff.pricing import read
from prewatt.domain.tariff.rules import plan as rules
from prewatt.domain.tariff.rules.faults import BadPlan, Fault
from prewatt.domain.tariff.rules.five import five_of
from prewatt.domain.tariff.rules.reading import DOCUMENT_BYTES_MAX, no_json, too_long

if TYPE_CHECKING:
    from datetime import date

    from prewatt.domain.staff.models import Operator

KEY_MAX = 40
PLANS_TOGETHER = 200


class BadDocument(Refused):
    """`faults` has every one, with its place."""

    code = "bad_document"

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        self.problems = {fault.pointer or "/": in_words(fault) for fault in faults}
        first = faults[0]
        super().__init__(
            _("The document is no price plan, at %(place)s: %(text)s. Nothing was kept. Mend what is listed below.")
            % {"place": first.pointer or "/", "text": in_words(first)}
        )


class InThePast(Refused):
    code = "in_the_past"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The version would hold from a moment that has passed. Nothing was kept. What was charged is never "
                "priced again: choose a moment to come, or leave it empty for now."
            )
        )


class InstantTaken(Refused):
    code = "instant_taken"

    def __init__(self, number: int) -> None:
        super().__init__(
            _("Version %(number)d begins at the same moment. Nothing was kept. Withdraw it first, or choose another.")
            % {"number": number}
        )


class HoldsAlready(Refused):
    code = "holds_already"

    def __init__(self, number: int) -> None:
        super().__init__(
            _(
                "Version %(number)d holds already and prices what is used. It stays as it is. "
                "Make a new version that holds from later on."
            )
            % {"number": number}
        )


class KeyTaken(Refused):
    code = "key_taken"

    def __init__(self) -> None:
        super().__init__(_("This form was used for another version. Nothing was kept this time. Open a new form."))


@dataclass(frozen=True, slots=True)
class Draft:
    """A document that was read: `kept` is what a version keeps, `version` its only one."""

    kept: dict[str, Any]
    plan: rules.Plan

    @property
    def version(self) -> rules.Version:
        return self.plan.versions[0]


def drafted(document: str | bytes | Mapping[str, Any]) -> Draft:
    """Raises BadDocument with every fault and its place. Numbers keep the digits they were written with, as text."""
    faults: list[Fault] = []
    found: Any = document
    if not isinstance(document, Mapping):
        found, faults = _parsed(document)
    elif len(json.dumps(document, default=str)) > DOCUMENT_BYTES_MAX:
        faults = [too_long()]
    faults = faults or _for_one_version(found)
    if faults:
        raise BadDocument(faults)
    kept = _texts(found)
    if not _printable(kept):
        raise BadDocument([Fault("", "has letters in it that are none")])
    try:
        return Draft(kept, read(kept))
    except BadPlan as error:
        raise BadDocument(error.faults) from error


def _printable(value: Any) -> bool:
    """Half letters and the letter zero, which JSON can spell and a database cannot keep."""
    text = json.dumps(value, ensure_ascii=False)
    return "\\u0000" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _parsed(text: str | bytes) -> tuple[Any, list[Fault]]:
    if len(text) > DOCUMENT_BYTES_MAX:
        return None, [too_long()]
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_once), []
    except (ValueError, RecursionError) as error:
        return None, [no_json(error)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return found


def _for_one_version(document: Any) -> list[Fault]:
    """The moment stands beside the document here, and each version is one."""
    versions = document.get("versions") if isinstance(document, Mapping) else None
    if not isinstance(versions, list) or not versions or not isinstance(versions[0], Mapping):
        return []
    if len(versions) > 1:
        return [Fault("/versions", "has several: give the document of one, versions are kept one by one here")]
    told = [name for name in ("from", "until") if versions[0].get(name) is not None]
    return [Fault(f"/versions/0/{name}", "is said beside the document here: leave it away") for name in told]


def _texts(value: Any) -> Any:
    """Exact numbers as the text of their digits: JSON in a database is read back as floating point otherwise."""
    if isinstance(value, Decimal):
        return format(value, "f") if -20 < int(value.as_tuple().exponent) < 20 else str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _texts(item) for key, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list) else value


@transaction.atomic
def add_version(
    *,
    key: str,
    plan: Plan | None,
    document: str | bytes | Mapping[str, Any],
    effective_from: datetime | None,
    operator: Operator,
    now: datetime,
    day: date,
    name: str = "",
    note: str = "",
    reason: str = "",
    send: bool = False,
    weights: Mapping[str, int] = HOURS,
    address: str = "",
) -> PlanVersion:
    """The plan (None: a new one, of this `name`) costs what the document says from an instant on (None: from now).

    `key` is made by whoever asks: the same again finds the first. `reason`: the ground for a price above the cap.
    `send`: its prices go to the plan's meters by themselves when it takes effect, in the operator's name.
    Raises NoRight, KeyTaken, BadDocument, InThePast, InstantTaken, AboveCap, NameNeeded, NameTaken.
    """
    if not operator.may(Right.SETTINGS) or (send and not operator.may(Right.METER_ORDERS)):
        raise NoRight(operator)
    known = PlanVersion.objects.filter(key=key[:KEY_MAX]).select_related("plan").first()
    if known is not None:
        if known.created_by_id != operator.pk or (plan is not None and known.plan_id != plan.pk):
            raise KeyTaken
        return known
    draft = drafted(document)
    if effective_from is not None and effective_from < now:
        raise InThePast
    check_cap(draft.version, day=day, weights=weights, reason=reason)
    plan = plan or _new_plan(name, draft, operator, now)
    made = history.keep_version(
        plan=plan,
        document=draft.kept,
        effective_from=_free(plan, effective_from, now),
        operator=operator,
        now=now,
        note=note.strip()[:NOTE_MAX],
        key=key[:KEY_MAX],
        send_by=operator if send else None,
    )
    said = {"reason": reason.strip()[:NOTE_MAX]} if reason.strip() else {}
    _log("tariff.version", made, operator, now, address, **said)
    if effective_from is None:
        _take_effect(plan, made, now)
    return made


def check_cap(version: rules.Version, *, day: date, weights: Mapping[str, int], reason: str) -> None:
    """Raises AboveCap where the dearest step costs more than the site pays and may add, unless a reason is given."""
    paid = queries.purchase(day=day)
    if paid is None or reason.strip():
        return
    found = cap_of_version(version, paid.prices, markup_permille=paid.markup_permille, weights=weights)
    if found.above:
        raise AboveCap(found)


def _new_plan(name: str, draft: Draft, operator: Operator, now: datetime) -> Plan:
    name = name.strip()[:NAME_MAX]
    if not name:
        raise NameNeeded
    five = five_of(draft.version)
    made = Plan(name=name, kind=kind_of(draft.version), created_at=now, created_by=operator, changed_at=now)
    for price, value in five.prices.items():
        setattr(made, price, value)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise NameTaken(name) from error
    return made


def kind_of(version: rules.Version) -> PlanKind:
    five = five_of(version)
    if five.lost:
        return PlanKind.FULL
    return PlanKind.FLAT if five.flat else PlanKind.TOU


def _free(plan: Plan, effective_from: datetime | None, now: datetime) -> datetime:
    if effective_from is None:
        return history.free_instant(plan, now)
    at = history.whole_second(effective_from)
    taken = plan.versions.filter(withdrawn_at=None, effective_from=at).first()
    if taken is not None:
        raise InstantTaken(taken.number)
    return at


@transaction.atomic
def withdraw(*, version: PlanVersion, operator: Operator, now: datetime, address: str = "") -> PlanVersion:
    """A version that does not hold yet never will. Twice is once. Raises NoRight, HoldsAlready."""
    if not operator.may(Right.SETTINGS):
        raise NoRight(operator)
    held = PlanVersion.objects.select_for_update(of=("self",)).select_related("plan").get(pk=version.pk)
    if held.withdrawn_at is not None:
        return held
    if held.effective_from <= now or held.plan.version == held.number:  # one from now on holds at once
        raise HoldsAlready(held.number)
    held.withdrawn_at, held.withdrawn_by = now, operator
    held.save(update_fields=["withdrawn_at", "withdrawn_by"])
    _log("tariff.withdraw", held, operator, now, address)
    return held


def take_effect(*, now: datetime) -> int:
    """Plans show the five prices of the version that holds now. For the worker; returns how many changed."""
    held = PlanVersion.objects.filter(plan=OuterRef("pk"), withdrawn_at=None, effective_from__lte=now)
    newest = held.order_by("-effective_from").values("number")[:1]
    due = Plan.objects.annotate(held=Subquery(newest)).exclude(held=None).exclude(held=F("version"))
    return sum(_take_effect_of(plan.pk, now) for plan in due[:PLANS_TOGETHER])


@transaction.atomic
def _take_effect_of(plan_id: int, now: datetime) -> int:
    plan = Plan.objects.select_for_update(of=("self",)).get(pk=plan_id)
    version = history.holding(plan, at=now)
    if version is None or version.number == plan.version:
        return 0
    _take_effect(plan, version, now)
    _log("tariff.effect", version, None, now, "")
    return 1


def _take_effect(plan: Plan, version: PlanVersion, now: datetime) -> None:
    found = read(version.document).versions[0]
    plan.kind, plan.version, plan.changed_at = kind_of(found), version.number, now
    for price, value in five_of(found).prices.items():
        setattr(plan, price, value)
    plan.save()


def _log(
    action: str, version: PlanVersion, operator: Operator | None, now: datetime, address: str, **more: str
) -> None:
    staff.log(
        operator=operator,
        action=action,
        target=f"plan {version.plan.name}",
        after={
            "version": version.number,
            "effective_from": version.effective_from.isoformat(),
            "note": version.note,
            **more,
        },
        address=address,
        now=now,
    )
