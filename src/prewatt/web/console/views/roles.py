"""Roles as a matrix: a row a right, a column a role."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from prewatt.domain.staff import roles as staff
from prewatt.domain.staff.models import Role
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import READY_ROLES, Right
from prewatt.domain.staff.roles import Wish
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
ID_LENGTH_MAX = 64


@page(Right.STAFF, methods=BOTH)
def index(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _matrix(request)
    wishes = {role.pk: _wish(request, role) for role in staff.every() if f"was-{role.pk}" in request.POST}
    try:
        changed = staff.change(wishes=wishes, by=operator(request), address=address(request), now=now())
    except Refused as error:
        return _matrix(request, wishes=wishes, refused=refusal(error))
    said = ngettext("%(n)d role is changed.", "%(n)d roles are changed.", changed) % {"n": changed}
    messages.success(request, said if changed else _("Nothing was changed."))
    return redirect("console:roles")


def _wish(request: HttpRequest, role: Role) -> Wish:
    return Wish(
        was=_rights(request.POST.get(f"was-{role.pk}", "").split()),
        rights=_rights(request.POST.getlist(f"role-{role.pk}")),
    )


def _rights(given: list[str]) -> frozenset[Right]:
    return frozenset(right for right in Right if right.value in given)


def _matrix(request: HttpRequest, *, wishes: dict[int, Wish] | None = None, refused: Any = None) -> HttpResponse:
    """A refused one comes back as it was ticked, compared with what the roles are now."""
    who, all_roles = operator(request), list(staff.every())
    ticked = {one.pk: wishes[one.pk].rights if wishes and one.pk in wishes else staff.of(one) for one in all_roles}
    context = {
        "page": "roles",
        "roles": [
            {
                "role": one,
                "title": words.role(one),
                "was": " ".join(sorted(right.value for right in staff.of(one))),
                "ready": one.code in READY_ROLES,
            }
            for one in all_roles
        ],
        "rows": [
            {
                "right": right,
                "mine": who.may(right),
                "cells": [{"role": one, "title": words.role(one), "on": right in ticked[one.pk]} for one in all_roles],
            }
            for right in Right
        ],
        "may_change": staff.may_change(who),
        "form_id": uuid.uuid4().hex,
        "refused": refused,
    }
    return render(request, "console/roles/index.html", context, status=422 if refused else 200)


def _do(request: HttpRequest, call: Callable[..., Any], said: str, **more: Any) -> HttpResponse:
    try:
        call(by=operator(request), address=address(request), now=now(), **more)
    except Refused as error:
        return _matrix(request, refused=refusal(error))
    messages.success(request, said)
    return redirect("console:roles")


def _role(text: str) -> Role:
    found = Role.objects.filter(pk=int(text)).first() if text.isdecimal() else None
    if found is None:
        raise Http404
    return found


@page(Right.STAFF, methods=POST)
def add(request: HttpRequest) -> HttpResponse:
    """A role of the site's own, empty or with the rights of another."""
    copy = request.POST.get("copy_of", "")
    return _do(
        request,
        staff.add,
        _("The role is made. Tick what it may do."),
        form_id=request.POST.get("form_id", "")[:ID_LENGTH_MAX],
        name=request.POST.get("name", ""),
        copy_of=_role(copy) if copy else None,
    )


@page(Right.STAFF, methods=POST)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, staff.rename, _("The role is renamed."), role=_role(str(pk)), name=request.POST.get("name", ""))


@page(Right.STAFF, methods=POST)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, staff.remove, _("The role is removed."), role=_role(str(pk)))
