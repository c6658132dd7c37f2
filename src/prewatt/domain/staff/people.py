"""Operators as another operator administers them: added, changed, switched off, given a new password. Never deleted.

Whoever administers hands on no more than he has: only rights of his own, only buildings of his own, and only to people
who have no more of either. Each function is one transaction and one line in the log.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from prewatt.domain.staff import second_factor, sign_ins
from prewatt.domain.staff.models import Operator, Role
from prewatt.domain.staff.operations import add_operator, check_own_password, log
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

FORM_ID_CHARACTERS_MIN = 16


class NotYours(Refused):
    code: ClassVar[str] = "not_yours"


class RightsBeyond(Refused):
    code: ClassVar[str] = "rights_beyond"


class BuildingsBeyond(Refused):
    code: ClassVar[str] = "buildings_beyond"


class NoBuilding(Refused):
    code: ClassVar[str] = "no_building"


class Oneself(Refused):
    code: ClassVar[str] = "oneself"


class LastKeeper(Refused):
    code: ClassVar[str] = "last_keeper"


class FormUsed(Refused):
    code: ClassVar[str] = "form_used"


@dataclass(frozen=True, slots=True)
class Given:
    """A password to hand over. `password` is empty when its owner has already chosen his own."""

    operator: Operator
    password: str


def visible(*, by: Operator) -> QuerySet[Operator]:
    """Operators all of whose buildings are among one's own, with `second_factor` beside each."""
    has_code = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    found = Operator.objects.select_related("role").annotate(second_factor=Exists(has_code))
    if by.all_buildings:
        return found
    through = Operator.buildings.through.objects
    own = by.buildings.order_by().values("pk")  # of somebody seen through a token: those that both have
    beyond = through.exclude(building_id__in=own).values("operator_id")
    return found.filter(all_buildings=False).exclude(pk__in=beyond)


def may_administer(operator: Operator, *, by: Operator) -> bool:
    """Nobody takes over somebody who may do more than he himself."""
    return by.may(Right.STAFF) and _covers(by, operator.role) and visible(by=by).filter(pk=operator.pk).exists()


def givable_roles(*, by: Operator) -> list[Role]:
    return [role for role in Role.objects.order_by("pk") if _covers(by, role)]


def _covers(by: Operator, role: Role) -> bool:
    return set(role.rights) <= set(by.role.rights)


def keepers() -> QuerySet[Operator]:
    """Who can administer everybody. One of them stays, always."""
    roles = [role.pk for role in Role.objects.all() if Right.STAFF.value in role.rights]
    return Operator.objects.filter(is_active=True, all_buildings=True, role_id__in=roles)


def lock() -> None:
    """Changes of people and roles take turns: two keepers must not switch each other off at the same moment."""
    list(Role.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def check_keeper(*, had: bool) -> None:
    if had and not keepers().exists():
        raise LastKeeper(
            _(
                "Nobody would be left who can administer operators and roles. Nothing was changed. "
                "Give another operator with all buildings that right first."
            )
        )


def first_password(form_id: str) -> str:
    """Random to everybody without this site's secret key; the same form sent again finds the same password."""
    text = b32encode(salted_hmac("prewatt.first-password", form_id, algorithm="sha256").digest()).decode().lower()
    return f"{text[:5]}-{text[5:10]}-{text[10:15]}"


@transaction.atomic
def add(
    *,
    form_id: str,
    username: str,
    name: str,
    role: Role,
    all_buildings: bool,
    building_ids: Iterable[int],
    by: Operator,
    now: datetime,
    address: str = "",
) -> Given:
    """A new operator with a first password. Raises a `Refused`, also UsernameRefused."""
    lock()
    if found := _by_form(form_id, username):
        return found
    wanted = sorted(set(building_ids))
    _check_gift(by, role=role, all_buildings=all_buildings, building_ids=wanted)
    password = first_password(form_id)
    operator = add_operator(
        username=username,
        name=name,
        role=role,
        password=password,
        all_buildings=all_buildings,
        building_ids=[] if all_buildings else wanted,
        password_form=form_id,
        by=by,
        address=address,
        now=now,
    )
    return Given(operator, password)


def _by_form(form_id: str, username: str) -> Given | None:
    _check_form(form_id)
    found = Operator.objects.filter(password_form=form_id).first()
    if found is None:
        return None
    if found.username != username:
        raise FormUsed(_("This form was already used for another operator. Nothing was changed. Open a new form."))
    return Given(found, first_password(form_id) if found.must_change_password else "")


def _check_form(form_id: str) -> None:
    if len(form_id) < FORM_ID_CHARACTERS_MIN:
        raise FormUsed(_("This form cannot be used any more. Nothing was changed. Open a new form."))


def _check_gift(by: Operator, *, role: Role, all_buildings: bool, building_ids: list[int]) -> None:
    if not _covers(by, role):
        raise RightsBeyond(
            _("The role “%(role)s” has rights that you do not have. Nothing was changed. Choose another role.")
            % {"role": role.name}
        )
    own = set(by.buildings.values_list("pk", flat=True))
    if not by.all_buildings and (all_buildings or not set(building_ids) <= own):
        raise BuildingsBeyond(_("You can only give buildings that are your own. Nothing was changed."))
    if not all_buildings and not building_ids:
        raise NoBuilding(_("Without a building this operator would see nothing. Choose buildings, or all of them."))


def _check_mine(operator: Operator, by: Operator) -> None:
    if not may_administer(operator, by=by):
        raise NotYours(
            _(
                "%(name)s has rights or buildings that you do not have. Nothing was changed. "
                "Ask somebody who administers all buildings."
            )
            % {"name": operator.username}
        )


def _facts(operator: Operator) -> dict[str, Any]:
    return {
        "name": operator.name,
        "role": operator.role.code,
        "all_buildings": operator.all_buildings,
        "buildings": sorted(operator.buildings.values_list("code", flat=True)),
    }


@transaction.atomic
def change(
    *,
    operator: Operator,
    name: str,
    role: Role,
    all_buildings: bool,
    building_ids: Iterable[int],
    by: Operator,
    now: datetime,
    address: str = "",
) -> Operator:
    """Name, role and buildings. One's own role and buildings are another's to change."""
    lock()
    _check_mine(operator, by)
    wanted = sorted(set(building_ids))
    if operator.pk == by.pk:
        role, all_buildings = operator.role, operator.all_buildings
        wanted = sorted(operator.buildings.values_list("pk", flat=True))
    _check_gift(by, role=role, all_buildings=all_buildings, building_ids=wanted)
    before, had = _facts(operator), keepers().exists()
    operator.name, operator.role, operator.all_buildings = name.strip()[:64], role, all_buildings
    operator.save(update_fields=["name", "role", "all_buildings"])
    operator.buildings.set([] if all_buildings else wanted)
    check_keeper(had=had)
    after = _facts(operator)
    if after != before:
        log(
            operator=by,
            action="staff.change",
            target=operator.username,
            before=before,
            after=after,
            address=address,
            now=now,
        )
    return operator


@transaction.atomic
def set_active(*, operator: Operator, active: bool, by: Operator, now: datetime, address: str = "") -> None:
    """Who is switched off is logged out everywhere at once, and comes in no more."""
    lock()
    _check_mine(operator, by)
    if operator.pk == by.pk:
        raise Oneself(_("You cannot switch yourself off. Nothing was changed. Ask another administrator."))
    was, had = operator.is_active, keepers().exists()
    operator.is_active = active
    operator.save(update_fields=["is_active"])
    check_keeper(had=had)
    ended = 0 if active else sign_ins.drop(operator)
    if was != active:
        log(
            operator=by,
            action="staff.enable" if active else "staff.disable",
            target=operator.username,
            before={"active": was},
            after={"active": active} | ({"ended": ended} if ended else {}),
            address=address,
            now=now,
        )


@transaction.atomic
def reset_password(*, operator: Operator, form_id: str, by: Operator, now: datetime, address: str = "") -> Given:
    """A new first password, shown once; every browser is logged out. The same form again changes nothing more."""
    lock()
    _check_mine(operator, by)
    if operator.pk == by.pk:
        raise Oneself(_("Change your own password on your own page. Nothing was changed."))
    if found := _by_form(form_id, operator.username):
        return found
    password = first_password(form_id)
    operator.set_password(password)
    operator.must_change_password, operator.password_form = True, form_id
    operator.save(update_fields=["password", "must_change_password", "password_form"])
    ended = sign_ins.drop(operator)
    log(
        operator=by,
        action="staff.reset_password",
        target=operator.username,
        after={"ended": ended},
        address=address,
        now=now,
    )
    return Given(operator, password)


@transaction.atomic
def reset_second_factor(*, operator: Operator, by: Operator, now: datetime, address: str = "") -> None:
    """For somebody who lost his telephone and his recovery codes."""
    lock()
    _check_mine(operator, by)
    if operator.pk == by.pk:
        raise Oneself(_("Switch off your own second factor on your own page. Nothing was changed."))
    if second_factor.forget(operator):
        ended = sign_ins.drop(operator)
        log(
            operator=by,
            action="staff.reset_second_factor",
            target=operator.username,
            before={"second_factor": True},
            after={"second_factor": False, "ended": ended},
            address=address,
            now=now,
        )


@transaction.atomic
def change_own_password(*, operator: Operator, old: str, new: str, keep: str, now: datetime, address: str = "") -> None:
    """By its owner; every browser but the one that asks (`keep`, its word) is logged out.

    Raises WrongPassword, and ValidationError for a weak or unchanged one.
    """
    check_own_password(operator, old)
    if old == new:
        raise ValidationError(_("The new password is the old one. Choose another."))
    validate_password(new, operator)
    operator.set_password(new)
    operator.must_change_password = False
    operator.save(update_fields=["password", "must_change_password"])
    ended = sign_ins.drop(operator, keep=keep)
    log(
        operator=operator,
        action="staff.password",
        target=operator.username,
        after={"ended": ended},
        address=address,
        now=now,
    )


def sign_out(*, operator: Operator, by: Operator, now: datetime, address: str = "") -> int:
    """End every browser of somebody else."""
    _check_mine(operator, by)
    return sign_ins.end_others(operator=operator, by=by, address=address, now=now)
