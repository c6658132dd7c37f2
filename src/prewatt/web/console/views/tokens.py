"""API tokens: which there are, a new one that is shown once, and taking one back."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from prewatt.domain.estate import queries as estate
from prewatt.domain.staff import tokens
from prewatt.domain.staff.models import ApiToken, Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.parts.pages import address, now, operator, page, refusal

BOTH = ("GET", "HEAD", "POST")
ID_LENGTH_MAX = 64
DAYS = (30, 90, 180, 366)


@page()
def index(request: HttpRequest) -> HttpResponse:
    at = now()
    found = [{"one": one, "state": _state(one, at)} for one in tokens.visible(by=operator(request))]
    return render(request, "console/tokens/index.html", {"page": "tokens", "tokens": found, "now": at})


def _state(one: ApiToken, at: Any) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if not one.operator.is_active:
        return "off"
    return "ended" if one.expires_at <= at else "live"


def _owner(request: HttpRequest) -> tuple[Operator, list[Operator]]:
    """For whom, and for whom else it could be."""
    owners = tokens.owners(by=operator(request))
    wanted = request.POST.get("operator") or request.GET.get("operator") or str(operator(request).pk)
    found = next((one for one in owners if str(one.pk) == wanted), None)
    if found is None:
        raise Http404
    return found, owners


@page(methods=BOTH)
def new(request: HttpRequest) -> HttpResponse:
    """The secret stands in the answer, and never again."""
    owner, owners = _owner(request)
    if request.method != "POST":
        fresh = {"form_id": uuid.uuid4().hex, "days": 180, "rights": [Right.READ.value], "all_buildings": True}
        return _form(request, owner, owners, fresh)
    given = _given(request, owner)
    try:
        made = tokens.make(
            form_id=given["form_id"],
            name=given["name"],
            operator=owner,
            rights=given["rights"],
            building_ids=None if given["all_buildings"] else given["building_ids"],
            days=given["days"],
            by=operator(request),
            address=address(request),
            now=now(),
        )
    except Refused as error:
        return _form(request, owner, owners, given, refused=refusal(error))
    return render(request, "console/tokens/made.html", {"page": "tokens", "made": made})


def _given(request: HttpRequest, owner: Operator) -> dict[str, Any]:
    known = {one.pk for one in estate.buildings(operator=owner)}
    days = request.POST.get("days", "")
    return {
        "form_id": request.POST.get("form_id", "")[:ID_LENGTH_MAX],
        "name": request.POST.get("name", "").strip()[: tokens.NAME_MAX],
        "rights": [right for right in request.POST.getlist("rights") if right in Right.values],
        "all_buildings": request.POST.get("all_buildings") == "yes",
        "building_ids": sorted(
            known & {int(text) for text in request.POST.getlist("buildings") if text.isdecimal() and len(text) < 10}
        ),
        "days": int(days) if days.isdecimal() and len(days) < 6 else 0,
    }


def _form(
    request: HttpRequest, owner: Operator, owners: list[Operator], given: dict[str, Any], *, refused: Any = None
) -> HttpResponse:
    context = {
        "page": "tokens",
        "owner": owner,
        "owners": owners,
        "own": owner.pk == operator(request).pk,
        "rights": [right for right in Right if right.value in owner.role.rights],
        "buildings": estate.buildings(operator=owner),
        "days": DAYS,
        "given": given,
        "refused": refused,
    }
    return render(request, "console/tokens/new.html", context, status=422 if refused else 200)


@page(methods=("POST",))
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    found = tokens.visible(by=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    tokens.revoke(token=found, by=operator(request), address=address(request), now=now())
    messages.success(request, _("The token is revoked. The program that used it is shut out from now on."))
    return redirect("console:tokens")
