"""Roles: the matrix of rights. They hold for every building, so only who administers all buildings changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator, Role
from prewatt.domain.staff.operations import change_role_rights, log
from prewatt.domain.staff.people import RightsBeyond, check_keeper, keepers, lock
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import READY_ROLES, Right

NAME_MAX = 64


class OnlySome(Refused):
    code: ClassVar[str] = "only_some_buildings"


class RoleChanged(Refused):
    code: ClassVar[str] = "role_changed"
    retry: ClassVar[bool] = True


class RoleInUse(Refused):
    code: ClassVar[str] = "role_in_use"


class RoleIsReady(Refused):
    code: ClassVar[str] = "role_is_ready"


class RoleName(Refused):
    code: ClassVar[str] = "role_name"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a role's column said when it was drawn, and what it says now."""

    was: frozenset[Right]
    rights: frozenset[Right]


def every() -> QuerySet[Role]:
    """All roles in the order in which they were made, with how many `people` have each."""
    return Role.objects.annotate(people=Count("operators")).order_by("pk")


def may_change(by: Operator) -> bool:
    return by.may(Right.STAFF) and by.all_buildings


def _check(by: Operator) -> None:
    if not may_change(by):
        raise OnlySome(
            _(
                "Roles hold for every building, and you administer only some. Nothing was changed. "
                "Ask somebody who administers all buildings."
            )
        )


def of(role: Role) -> frozenset[Right]:
    """Rights that this version knows."""
    known = {right.value for right in Right}
    return frozenset(Right(one) for one in role.rights if one in known)


@transaction.atomic
def change(*, wishes: Mapping[int, Wish], by: Operator, now: datetime, address: str = "") -> int:
    """Save the matrix; returns how many roles changed. Columns that nobody touched stay as they are."""
    lock()
    _check(by)
    had = keepers().exists()
    touched = {pk: wish for pk, wish in wishes.items() if wish.was != wish.rights}
    found = Role.objects.in_bulk(touched)
    changed = 0
    for pk, wish in sorted(touched.items()):
        role = found.get(pk)
        if role is not None and of(role) == wish.rights:
            continue  # the same form again
        if role is None or of(role) != wish.was:
            raise RoleChanged(
                _("Somebody else changed this role meanwhile. Nothing was saved. Look at what it is now and try again.")
            )
        _check_own(by, role, wish)
        change_role_rights(role=role, rights=set(wish.rights), by=by, address=address, now=now)
        changed += 1
    check_keeper(had=had)
    return changed


def _check_own(by: Operator, role: Role, wish: Wish) -> None:
    beyond = [right for right in wish.was ^ wish.rights if not by.may(right)]
    if beyond:
        raise RightsBeyond(
            _("You can only give and take rights that you have yourself. Nothing was saved for “%(role)s”.")
            % {"role": role.name}
        )


@transaction.atomic
def add(*, form_id: str, name: str, copy_of: Role | None, by: Operator, now: datetime, address: str = "") -> Role:
    """A role of the site's own, empty or a copy. The same form again finds the first one."""
    lock()
    _check(by)
    code = f"own-{form_id[:24]}"
    if found := Role.objects.filter(code=code).first():
        return found
    rights = of(copy_of) if copy_of is not None else frozenset()
    if any(not by.may(right) for right in rights):
        raise RightsBeyond(_("This role has rights that you do not have. Nothing was made. Copy another role."))
    role = Role.objects.create(code=code, name=_free_name(name), rights=sorted(right.value for right in rights))
    after = {"name": role.name, "rights": role.rights}
    log(operator=by, action="staff.role_add", target=f"role {role.name}", after=after, address=address, now=now)
    return role


def _free_name(name: str, *, but: Role | None = None) -> str:
    name = name.strip()
    if not name or len(name) > NAME_MAX:
        raise RoleName(_("A role needs a name of up to 64 letters. Nothing was changed."))
    same = Role.objects.filter(name=name)
    if (same.exclude(pk=but.pk) if but else same).exists():
        raise RoleName(
            _("There is a role “%(name)s” already. Nothing was changed. Choose another name.") % {"name": name}
        )
    return name


@transaction.atomic
def rename(*, role: Role, name: str, by: Operator, now: datetime, address: str = "") -> None:
    lock()
    _check(by)
    before, after = role.name, _free_name(name, but=role)
    if before == after:
        return
    role.name = after
    role.save(update_fields=["name"])
    log(
        operator=by,
        action="staff.role_rename",
        target=f"role {after}",
        before={"name": before},
        after={"name": after},
        address=address,
        now=now,
    )


@transaction.atomic
def remove(*, role: Role, by: Operator, now: datetime, address: str = "") -> None:
    """Only one that nobody has. The ready ones stay: an update would bring them back."""
    lock()
    _check(by)
    if role.code in READY_ROLES:
        raise RoleIsReady(_("The five ready roles stay. Nothing was removed. Rename it, or take its rights away."))
    if role.operators.exists():
        raise RoleInUse(
            _("Operators have the role “%(name)s”. Nothing was removed. Give them another role first.")
            % {"name": role.name}
        )
    before = {"name": role.name, "rights": role.rights}
    log(operator=by, action="staff.role_remove", target=f"role {role.name}", before=before, address=address, now=now)
    role.delete()
