"""API tokens: what a program shows in place of a log-in. Never more than its operator may at this very moment.

The secret is shown once and kept as a digest. A token is revoked, never deleted.
"""

from __future__ import annotations

import copy
import hashlib
from base64 import b32encode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from prewatt.domain.staff import people
from prewatt.domain.staff.models import ApiToken, Bearer, Operator
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

MARK = "pw_"
NAME_MAX = 64
DAYS_MAX = 366
LIVE_MAX = 50  # of one operator
SEEN_EVERY = timedelta(minutes=1)  # a request a second does not write a row a second


class NameNeeded(Refused):
    code: ClassVar[str] = "name_needed"


class NotYourToken(Refused):
    code: ClassVar[str] = "not_yours"


class TooManyTokens(Refused):
    code: ClassVar[str] = "too_many_tokens"


class NoRightsChosen(Refused):
    code: ClassVar[str] = "no_rights_chosen"


class DaysNotRight(Refused):
    code: ClassVar[str] = "days_not_right"


class WrongToken(Refused):
    """Nobody has this token. Trying again is counted."""

    code: ClassVar[str] = "wrong_token"


class TokenEnded(Refused):
    code: ClassVar[str] = "token_ended"


@dataclass(frozen=True, slots=True)
class Made:
    token: ApiToken
    secret: str


def visible(*, by: Operator) -> QuerySet[ApiToken]:
    """One's own, and with the right to administer people those of whom one sees. Newest first."""
    found = ApiToken.objects.select_related("operator", "created_by").prefetch_related("buildings")
    if by.may(Right.STAFF):
        return found.filter(operator__in=people.visible(by=by).values("pk")).order_by("-pk")
    return found.filter(operator=by).order_by("-pk")


def owners(*, by: Operator) -> list[Operator]:
    """For whom he may make a token: himself, and whom he administers (an account for a machine)."""
    if not by.may(Right.STAFF):
        return [by]
    others = people.visible(by=by).exclude(pk=by.pk).filter(is_active=True).order_by("username")
    return [by, *(one for one in others if people.may_administer(one, by=by))]


@transaction.atomic
def make(
    *,
    form_id: str,
    name: str,
    operator: Operator,
    rights: Iterable[str],
    building_ids: Collection[int] | None,
    days: int,
    by: Operator,
    now: datetime,
    address: str = "",
) -> Made:
    """The same form again is the same token. `building_ids` None: wherever its operator may look.

    Raises FormUsed, NameNeeded, NotYourToken, RightsBeyond, BuildingsBeyond, NoRightsChosen, DaysNotRight,
    TooManyTokens.
    """
    if len(form_id) < people.FORM_ID_CHARACTERS_MIN:
        raise people.FormUsed(_("This form cannot be used any more. Nothing was changed. Open a new form."))
    form, wanted = _digest(f"form {form_id}"), sorted({Right(right).value for right in rights})
    Operator.objects.select_for_update().get(pk=operator.pk)
    first = ApiToken.objects.filter(form=form).first()
    if first is not None:
        if (first.operator_id, first.created_by_id, first.name) != (operator.pk, by.pk, name.strip()[:NAME_MAX]):
            raise people.FormUsed(_("This form was already used. Nothing was changed this time. Open a new form."))
        return Made(first, _secret(form_id))
    _check(name=name, operator=operator, rights=wanted, building_ids=building_ids, days=days, by=by, now=now)
    secret = _secret(form_id)
    token = ApiToken.objects.create(
        name=name.strip()[:NAME_MAX],
        operator=operator,
        digest=_digest(secret),
        begins=secret[: len(MARK) + 5],
        rights=wanted,
        all_buildings=building_ids is None,
        form=form,
        created_at=now,
        created_by=by,
        expires_at=now + timedelta(days=days),
    )
    token.buildings.set(building_ids or ())
    after = {"name": token.name, "rights": wanted, "buildings": sorted(building_ids or ()), "days": days}
    log(operator=by, action="api.token", target=operator.username, after=after, address=address, now=now)
    return Made(token, secret)


def _check(
    *,
    name: str,
    operator: Operator,
    rights: list[str],
    building_ids: Collection[int] | None,
    days: int,
    by: Operator,
    now: datetime,
) -> None:
    if not name.strip():
        raise NameNeeded(_("The token has no name. Nothing was made. Say which program will use it."))
    if operator.pk != by.pk and not people.may_administer(operator, by=by):
        raise NotYourToken(_("You may not make a token for this operator. Nothing was made."))
    if not rights:
        raise NoRightsChosen(_("A token without rights opens nothing. Nothing was made. Choose what it may do."))
    if not set(rights) <= set(operator.role.rights):
        raise people.RightsBeyond(_("A token cannot do more than its operator. Nothing was made. Choose fewer rights."))
    if building_ids is not None and not building_ids:
        raise people.NoBuilding(_("No building is chosen. Nothing was made. Choose at least one."))
    if building_ids is not None and not operator.all_buildings:
        own = set(operator.buildings.values_list("pk", flat=True))
        if not set(building_ids) <= own:
            raise people.BuildingsBeyond(_("A token cannot see more than its operator. Nothing was made."))
    if not 1 <= days <= DAYS_MAX:
        raise DaysNotRight(_("A token lasts 1 to 366 days. Nothing was made. Renew it before it ends."))
    if ApiToken.objects.filter(operator=operator, revoked_at=None, expires_at__gt=now).count() >= LIVE_MAX:
        raise TooManyTokens(_("This operator has fifty tokens. Nothing was made. Revoke those that nobody uses."))


def _secret(form_id: str) -> str:
    """256 bits that nobody knows without this site's secret key; the same form sent again finds the same."""
    raw = salted_hmac("prewatt.api-token", form_id, algorithm="sha256").digest()
    return MARK + b32encode(raw).decode().lower().rstrip("=")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def revoke(*, token: ApiToken, by: Operator, now: datetime, address: str = "") -> bool:
    """False: it was over already. Raises NotYourToken."""
    if token.operator_id != by.pk and not people.may_administer(token.operator, by=by):
        raise NotYourToken(_("This token is another operator's. Nothing was changed. Ask an administrator."))
    ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now) == 1
    if ended:
        after = {"name": token.name}
        log(operator=by, action="api.revoke", target=token.operator.username, after=after, address=address, now=now)
    return ended


def bearer(*, secret: str, now: datetime, address: str = "") -> Bearer:
    """Who acts through this token: its operator with the rights and buildings that both have. For one request.

    Raises WrongToken and TokenEnded.
    """
    found = ApiToken.objects.select_related("operator__role").filter(digest=_digest(secret)).first()
    if found is None:
        raise WrongToken(_("Nobody has this token. Nothing was done. Check it, or make a new one on the console."))
    if found.revoked_at is not None or found.expires_at <= now or not found.operator.is_active:
        raise TokenEnded(
            _(
                "This token was revoked, is past its date, or its operator is switched off. Nothing was done. "
                "Make a new one on the console."
            )
        )
    if found.last_used_at is None or now - found.last_used_at > SEEN_EVERY:
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now, last_address=address)
    return acting(found)


def acting(token: ApiToken) -> Bearer:
    """The operator as this token narrows him. Never saved."""
    operator = token.operator
    fields = {field.attname: getattr(operator, field.attname) for field in Operator._meta.concrete_fields}
    who = Bearer(**fields)
    who._state.adding, who._state.db = False, operator._state.db
    role = copy.copy(operator.role)
    role.rights = sorted(set(operator.role.rights) & set(token.rights))
    who.role, who.token = role, token
    who.all_buildings = operator.all_buildings and token.all_buildings
    return who
