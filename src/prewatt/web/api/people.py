"""Who this token is; operators, roles and tokens; the operation log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from ninja import Schema
from pydantic import Field

from prewatt.domain.audit import entries
from prewatt.domain.estate import queries as estate
from prewatt.domain.staff import people, tokens
from prewatt.domain.staff import roles as staff
from prewatt.domain.staff.models import ApiToken, Operator, Role
from prewatt.domain.staff.rights import Right
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, reads, write_id, writes
from prewatt.web.api.finding import one
from prewatt.web.api.paging import Parts, take
from prewatt.web.api.shapes import Given, Id, Pk, Word
from prewatt.web.parts.pages import address, now

chapter = Chapter("people")
Buildings = Annotated[list[Id], Field(max_length=1000)]


def by(request: HttpRequest) -> dict[str, Any]:
    """Here whoever does it is called `by`, for the operator is whom it is done to."""
    return {"by": bearer(request), "now": now(), "address": address(request)}


@reads(chapter, "/me", of=shapes.MeOut)
def get_me(request: HttpRequest) -> Any:
    """Whose token this is, what it may do and where"""
    who = bearer(request)
    return {
        "operator": who.username,
        "token": who.token.name,
        "rights": who.role.rights,
        "buildings": [one.code for one in estate.buildings(operator=who)],
        "all_buildings": who.all_buildings,
        "expires_at": who.token.expires_at,
    }


@reads(chapter, "/operators", Right.STAFF, of=shapes.OperatorsOut)
def list_operators(request: HttpRequest, part: Parts) -> Any:
    """Operators"""
    rows, after = take(people.visible(by=bearer(request)), part)
    return {"items": [shapes.operator(row) for row in rows], "next": after}


def _operator(request: HttpRequest, pk: int) -> Operator:
    return one(people.visible(by=bearer(request)).filter(pk=pk))


def _role(pk: int) -> Role:
    return one(Role.objects.filter(pk=pk))


@reads(chapter, "/operators/{operator_id}", Right.STAFF, of=shapes.OperatorOut)
def get_operator(request: HttpRequest, operator_id: Pk) -> Any:
    """One operator"""
    return shapes.operator(_operator(request, operator_id))


class PersonIn(Given):
    """`building_ids`, or `all_buildings`; never more than one has oneself."""

    username: Word
    name: Word = ""
    role_id: Id
    all_buildings: bool = False
    building_ids: Buildings = Field(default_factory=list)


class PersonChange(Given):
    """What is left out stays."""

    name: Word | None = None
    role_id: Id | None = None
    all_buildings: bool | None = None
    building_ids: Buildings | None = None


class HandedOut(Schema):
    """`password` is to be handed over and changed at the first log-in. It is said this once: empty when asked again."""

    operator: shapes.OperatorOut
    password: str


def _buildings(request: HttpRequest, ids: list[int]) -> list[int]:
    known = {building.pk for building in estate.buildings(operator=bearer(request))}
    if not known.issuperset(ids):
        raise Http404
    return ids


@writes(chapter, "/operators", Right.STAFF, of=HandedOut, said_once="password")
def add_operator(request: HttpRequest, given: PersonIn) -> Any:
    """A new operator with a first password"""
    made = people.add(
        form_id=write_id(request),
        username=given.username.strip(),
        name=given.name,
        role=_role(given.role_id),
        all_buildings=given.all_buildings,
        building_ids=_buildings(request, given.building_ids),
        **by(request),
    )
    return {"operator": shapes.operator(_operator(request, made.operator.pk)), "password": made.password}


@writes(chapter, "/operators/{operator_id}", Right.STAFF, of=shapes.OperatorOut, change=True)
def change_operator(request: HttpRequest, operator_id: Pk, given: PersonChange) -> Any:
    """Change an operator's name, role and buildings"""
    held = _operator(request, operator_id)
    known = shapes.operator(held)
    said = {name: value for name, value in given.dict().items() if value is not None}
    _buildings(request, given.building_ids or [])
    people.change(
        operator=held,
        name=said.get("name", held.name),
        role=_role(said["role_id"]) if "role_id" in said else held.role,
        all_buildings=said.get("all_buildings", held.all_buildings),
        building_ids=said.get("building_ids", known["building_ids"]),
        **by(request),
    )
    return shapes.operator(_operator(request, operator_id))


class ActiveIn(Given):
    active: bool


@writes(chapter, "/operators/{operator_id}/active", Right.STAFF, of=shapes.OperatorOut)
def set_operator_active(request: HttpRequest, operator_id: Pk, given: ActiveIn) -> Any:
    """Switch an operator off, and out everywhere, or on again"""
    people.set_active(operator=_operator(request, operator_id), active=given.active, **by(request))
    return shapes.operator(_operator(request, operator_id))


@writes(chapter, "/operators/{operator_id}/password", Right.STAFF, of=HandedOut, said_once="password")
def reset_password(request: HttpRequest, operator_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """A new first password; every browser of this operator is logged out"""
    made = people.reset_password(operator=_operator(request, operator_id), form_id=write_id(request), **by(request))
    return {"operator": shapes.operator(_operator(request, operator_id)), "password": made.password}


@writes(chapter, "/operators/{operator_id}/second-factor/reset", Right.STAFF, of=shapes.OperatorOut)
def reset_second_factor(request: HttpRequest, operator_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Switch off the second factor of somebody who lost it"""
    people.reset_second_factor(operator=_operator(request, operator_id), **by(request))
    return shapes.operator(_operator(request, operator_id))


@writes(chapter, "/operators/{operator_id}/sign-out", Right.STAFF, of=shapes.OperatorOut)
def sign_operator_out(request: HttpRequest, operator_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Log an operator out of every browser"""
    people.sign_out(operator=_operator(request, operator_id), **by(request))
    return shapes.operator(_operator(request, operator_id))


# --- roles ------------------------------------------------------------------------------------------------------------


class RoleOut(Schema):
    id: int
    code: str
    name: str
    rights: list[str]


class RolesOut(Schema):
    items: list[RoleOut]


class RoleIn(Given):
    """`copy_of`: the role whose rights it begins with."""

    name: Word
    copy_of: Id | None = None


class NameIn(Given):
    name: Word


class RightsIn(Given):
    """`was`: the rights as they were read, so that nobody's change in between is lost."""

    was: list[Right]
    rights: list[Right]


def _role_out(role: Role) -> dict[str, Any]:
    rights = sorted(right.value for right in staff.of(role))
    return {"id": role.pk, "code": role.code, "name": role.name, "rights": rights}


@reads(chapter, "/roles", Right.STAFF, of=RolesOut)
def list_roles(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """Roles: sets of rights"""
    return {"items": [_role_out(role) for role in staff.every()]}


@writes(chapter, "/roles", Right.STAFF, of=RoleOut)
def add_role(request: HttpRequest, given: RoleIn) -> Any:
    """A role of the site's own, empty or a copy"""
    copy = _role(given.copy_of) if given.copy_of else None
    return _role_out(staff.add(form_id=write_id(request), name=given.name, copy_of=copy, **by(request)))


@writes(chapter, "/roles/{role_id}/rights", Right.STAFF, of=RoleOut)
def set_role_rights(request: HttpRequest, role_id: Pk, given: RightsIn) -> Any:
    """Give a role other rights, of those that one has oneself"""
    wish = staff.Wish(was=frozenset(given.was), rights=frozenset(given.rights))
    staff.change(wishes={_role(role_id).pk: wish}, **by(request))
    return _role_out(_role(role_id))


@writes(chapter, "/roles/{role_id}", Right.STAFF, of=RoleOut, change=True)
def rename_role(request: HttpRequest, role_id: Pk, given: NameIn) -> Any:
    """Rename a role"""
    staff.rename(role=_role(role_id), name=given.name, **by(request))
    return _role_out(_role(role_id))


@writes(chapter, "/roles/{role_id}/remove", Right.STAFF, of=RoleOut)
def remove_role(request: HttpRequest, role_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Remove a role that nobody has"""
    held = _role(role_id)
    was = _role_out(held)
    staff.remove(role=held, **by(request))
    return was


# --- tokens -----------------------------------------------------------------------------------------------------------


class TokenOut(Schema):
    id: int
    name: str
    operator: str
    begins: str
    rights: list[str]
    all_buildings: bool
    building_ids: list[int]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokensOut(Schema):
    items: list[TokenOut]
    next: str


def _token(held: ApiToken) -> dict[str, Any]:
    names = "id name begins rights all_buildings created_at expires_at last_used_at revoked_at".split()
    return {
        **{name: getattr(held, name) for name in names},
        "operator": held.operator.username,
        "building_ids": sorted(building.pk for building in held.buildings.all()),
    }


def _tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    """With the right to administer people as on the console; without it a token sees itself."""
    who = bearer(request)
    found = tokens.visible(by=who)
    return found if who.may(Right.STAFF) else found.filter(pk=who.token.pk)


@reads(chapter, "/tokens", of=TokensOut)
def list_tokens(request: HttpRequest, part: Parts) -> Any:
    """This token, and those of whom one administers"""
    rows, after = take(_tokens(request), part, by="-pk")
    return {"items": [_token(row) for row in rows], "next": after}


@writes(chapter, "/tokens/{token_id}/revoke", of=TokenOut)
def revoke_token(request: HttpRequest, token_id: Pk, given: shapes.NothingIn) -> Any:  # noqa: ARG001
    """Take a token back"""
    mine = _tokens(request).filter(pk=token_id)
    tokens.revoke(token=one(mine), **by(request))
    return _token(one(mine))


@reads(chapter, "/log", Right.AUDIT, of=shapes.LogsOut)
def list_log(request: HttpRequest, part: Parts) -> Any:
    """The operation log, the newest first"""
    rows, after = take(entries.visible(operator=bearer(request)), part, by="-pk")
    return {"items": [shapes.entry(row) for row in rows], "next": after}
