"""Writes of staff: the operation log's one door, operators and roles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import LogEntry, Operator, Role
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import READY_ROLES, Right

SECRET_WORDS = ("password", "secret", "key", "token", "code")
USERNAME = re.compile(r"[\w.@+-]{1,64}")


class UsernameRefused(Refused, ValueError):
    """Nobody can log in by this name, or somebody does already. Trying again needs another name."""

    code: ClassVar[str] = "username"
    field = "username"


class WrongPassword(Refused):
    code: ClassVar[str] = "wrong_password"
    retry: ClassVar[bool] = True


def log(
    *,
    operator: Operator | None,
    action: str,
    target: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str = "",
) -> LogEntry:
    """Add a line inside the caller's transaction; secret-sounding values are masked. The worker seals it."""
    return LogEntry.objects.create(
        at=now,
        operator=operator,
        operator_name=operator.username if operator else "",
        address=address,
        action=action,
        target=target,
        before=_masked(before or {}),
        after=_masked(after or {}),
    )


def _masked(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: "***" if name.lower() in SECRET_WORDS else value for name, value in facts.items()}


def ready_roles() -> dict[str, Role]:
    """The five ready roles, made where missing; what a site changed in them stays."""
    return {
        code: Role.objects.get_or_create(
            code=code, defaults={"name": name, "rights": sorted(right.value for right in rights)}
        )[0]
        for code, (name, rights) in READY_ROLES.items()
    }


@transaction.atomic
def add_operator(
    *,
    username: str,
    name: str,
    role: Role,
    password: str,
    now: datetime,
    all_buildings: bool = False,
    building_ids: Sequence[int] = (),
    by: Operator | None = None,
    check_password: bool = True,
    password_form: str = "",
    address: str = "",
) -> Operator:
    """Raises UsernameRefused, and ValidationError for a weak password.

    `check_password=False` is for the demo's documented log-ins only. `password_form` is the form in which somebody else
    chose the password: it must be changed at the first log-in.
    """
    if not USERNAME.fullmatch(username):
        raise UsernameRefused(_("A user name is up to 64 letters, digits and . @ + - _ without spaces."))
    if Operator.objects.filter(username=username).exists():
        raise UsernameRefused(_("The user name %(name)s is taken.") % {"name": username})
    operator = Operator(
        username=username,
        name=name.strip(),
        role=role,
        all_buildings=all_buildings,
        created_at=now,
        password_form=password_form,
        must_change_password=bool(password_form),
    )
    if check_password:
        validate_password(password, operator)
    operator.set_password(password)
    operator.save(force_insert=True)
    operator.buildings.set(list(building_ids))
    after = {"role": role.code, "all_buildings": all_buildings, "buildings": sorted(building_ids)}
    log(operator=by, action="staff.add", target=username, after=after, address=address, now=now)
    return operator


@transaction.atomic
def set_password(*, operator: Operator, password: str, now: datetime, by: Operator | None = None) -> None:
    validate_password(password, operator)
    operator.set_password(password)
    operator.save(update_fields=["password"])
    log(operator=by or operator, action="staff.password", target=operator.username, now=now)


def check_own_password(operator: Operator, password: str) -> None:
    if not operator.check_password(password):
        raise WrongPassword(_("This is not your password. Nothing was changed. Type it again."))


@transaction.atomic
def change_role_rights(*, role: Role, rights: set[Right], now: datetime, by: Operator, address: str = "") -> None:
    before = list(role.rights)
    role.rights = sorted(right.value for right in rights)
    role.save(update_fields=["rights"])
    log(
        operator=by,
        action="staff.role",
        target=f"role {role.name}",
        before={"rights": before},
        after={"rights": role.rights},
        address=address,
        now=now,
    )


def set_language(*, operator: Operator, language: str) -> None:
    """The language that the operator's pages speak from the next log-in on."""
    operator.language = language
    operator.save(update_fields=["language"])
