"""Operators: the register, one operator's page, and everything another operator may do to him."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from prewatt.domain.estate import queries as estate
from prewatt.domain.staff import people, sign_ins
from prewatt.domain.staff.models import Operator, Role
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.account import sign_in_rows
from prewatt.web.parts import words
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.registers import answer
from prewatt.web.parts.tables import Ask, Column, Filter, Register

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
NAME_MAX = 64
ID_LENGTH_MAX = 64


def _rows(ask: Ask) -> Any:
    found = people.visible(by=ask.operator).prefetch_related("buildings")
    if ask["text"]:
        found = found.filter(username__icontains=ask["text"]) | found.filter(name__icontains=ask["text"])
    if ask["role"]:
        found = found.filter(role__code=ask["role"])
    if ask["active"]:
        found = found.filter(is_active=ask["active"] == "yes")
    return found


def _buildings(one: Operator) -> str:
    if one.all_buildings:
        return _("all")
    return ", ".join(building.name for building in one.buildings.all())


def _factor(*, on: bool) -> str:
    return pgettext("second factor", "on") if on else pgettext("second factor", "off")


REGISTER = Register(
    name="operators",
    icon="users",
    title=gettext_lazy("Operators"),
    columns=(
        Column(
            "username",
            gettext_lazy("User name"),
            link=lambda one: reverse("console:operator", args=[one.pk]),
            sort=("username",),
            width=16,
        ),
        Column("name", gettext_lazy("Name"), sort=("name",), width=16),
        Column("role", gettext_lazy("Role"), value=lambda one: words.role(one.role), sort=("role__pk",), width=16),
        Column("buildings", gettext_lazy("Buildings"), value=_buildings, width=30),
        Column(
            "active",
            gettext_lazy("May log in"),
            value=lambda one: _("yes") if one.is_active else _("no"),
            tone=lambda one: "" if one.is_active else "bad b",
            sort=("is_active",),
            width=10,
        ),
        Column(
            "factor",
            gettext_lazy("Second factor"),
            value=lambda one: (
                pgettext("second factor", "on") if one.second_factor else pgettext("second factor", "off")
            ),
            icon=lambda one: "shield-lock" if one.second_factor else "",
            sort=("second_factor",),
            width=12,
        ),
        Column(
            "last",
            gettext_lazy("Last log-in"),
            "when",
            value=lambda one: one.last_login,
            sort=("last_login",),
            width=20,
        ),
        Column(
            "made",
            gettext_lazy("Added"),
            "when",
            value=lambda one: one.created_at,
            sort=("created_at",),
            shown=False,
            width=20,
        ),
    ),
    filters=(
        Filter("text", gettext_lazy("Name or user name")),
        Filter(
            "role",
            gettext_lazy("Role"),
            "choice",
            choices=lambda _who: [(one.code, words.role(one)) for one in Role.objects.order_by("pk")],
        ),
        Filter(
            "active",
            gettext_lazy("May log in"),
            "choice",
            choices=lambda _who: [("yes", gettext_lazy("yes")), ("no", gettext_lazy("no"))],
        ),
    ),
    order="username",
    rows=_rows,
)


@page(Right.STAFF)
def register(request: HttpRequest) -> HttpResponseBase:
    return answer(request, REGISTER, template="console/operators/index.html", more=lambda _ask: {"page": "operators"})


def new_id() -> str:
    return uuid.uuid4().hex


def _form_id(request: HttpRequest) -> str:
    return request.POST.get("form_id", "")[:ID_LENGTH_MAX]


def _of(request: HttpRequest, pk: int) -> Operator:
    found = people.visible(by=operator(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _choices(request: HttpRequest) -> dict[str, Any]:
    who = operator(request)
    return {
        "roles": people.givable_roles(by=who),
        "buildings": estate.buildings(operator=who),
        "may_all": who.all_buildings,
    }


def _given(request: HttpRequest) -> dict[str, Any]:
    """What was typed, within what this operator can see: a foreign building or role is as if it were not there."""
    known = {one.pk for one in estate.buildings(operator=operator(request))}
    wanted = {int(text) for text in request.POST.getlist("buildings") if text.isdecimal()}
    return {
        "name": request.POST.get("name", "").strip()[:NAME_MAX],
        "all_buildings": request.POST.get("all_buildings") == "yes",
        "building_ids": sorted(wanted & known),
        "role": Role.objects.filter(pk=int(text)).first()
        if (text := request.POST.get("role", "")).isdecimal()
        else None,
    }


def _faults(error: Exception) -> Any:
    if isinstance(error, ValidationError):
        return {"head": " ".join(error.messages), "rest": ""}
    return refusal(error)


@page(Right.STAFF, methods=BOTH)
def new(request: HttpRequest) -> HttpResponse:
    """The first password is shown in the answer, and never again."""
    if request.method != "POST":
        return _new(request, {"form_id": new_id(), "building_ids": []})
    given, username = _given(request), request.POST.get("username", "").strip()[:NAME_MAX]
    kept = {"form_id": _form_id(request), "username": username, **given}
    if given["role"] is None:
        return _new(request, kept, refused={"head": _("Choose a role."), "rest": ""})
    try:
        made = people.add(
            form_id=_form_id(request),
            username=username,
            by=operator(request),
            address=address(request),
            now=now(),
            **given,
        )
    except (Refused, ValidationError) as error:
        return _new(request, kept, refused=_faults(error))
    return _hand_over(request, made, new=True)


def _new(request: HttpRequest, given: dict[str, Any], *, refused: Any = None) -> HttpResponse:
    context = {"page": "operators", "given": given, "refused": refused, **_choices(request)}
    return render(request, "console/operators/new.html", context, status=422 if refused else 200)


def _hand_over(request: HttpRequest, made: people.Given, *, new: bool = False) -> HttpResponse:
    context = {"page": "operators", "one": made.operator, "password": made.password, "new": new}
    return render(request, "console/operators/password.html", context)


@page(Right.STAFF, methods=BOTH)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    one = _of(request, pk)
    if request.method != "POST":
        return _show(request, one)
    given = _given(request)
    role = given.pop("role") or one.role
    try:
        people.change(operator=one, role=role, by=operator(request), address=address(request), now=now(), **given)
    except Refused as error:
        return _show(request, _of(request, pk), refused=refusal(error), given={"role": role, **given})
    messages.success(request, _("Saved."))
    return redirect("console:operator", pk=pk)


def _show(
    request: HttpRequest, one: Operator, *, refused: Any = None, given: dict[str, Any] | None = None
) -> HttpResponse:
    who = operator(request)
    known = {
        "name": one.name,
        "role": one.role,
        "all_buildings": one.all_buildings,
        "building_ids": list(one.buildings.values_list("pk", flat=True)),
    }
    context = {
        "page": "operators",
        "one": one,
        "own": one.pk == who.pk,
        "may_change": people.may_administer(one, by=who),
        "given": given or known,
        "refused": refused,
        "sign_ins": sign_in_rows(sign_ins.of(operator=one, now=now())),
        "form_id": new_id(),
        **_choices(request),
    }
    return render(request, "console/operators/show.html", context, status=422 if refused else 200)


def _do(request: HttpRequest, pk: int, call: Callable[..., Any], said: str, **more: Any) -> HttpResponse:
    one = _of(request, pk)
    try:
        call(operator=one, by=operator(request), address=address(request), now=now(), **more)
    except Refused as error:
        return _show(request, _of(request, pk), refused=refusal(error))
    messages.success(request, said)
    return redirect("console:operator", pk=pk)


@page(Right.STAFF, methods=POST)
def active(request: HttpRequest, pk: int) -> HttpResponse:
    wanted = request.POST.get("active") == "yes"
    said = _("This operator may log in again.") if wanted else _("Switched off, and logged out everywhere.")
    return _do(request, pk, people.set_active, said, active=wanted)


@page(Right.STAFF, methods=POST)
def password(request: HttpRequest, pk: int) -> HttpResponse:
    one = _of(request, pk)
    try:
        made = people.reset_password(
            operator=one, form_id=_form_id(request), by=operator(request), address=address(request), now=now()
        )
    except Refused as error:
        return _show(request, one, refused=refusal(error))
    return _hand_over(request, made)


@page(Right.STAFF, methods=POST)
def second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("The second factor is off. The password alone opens, until its owner switches it on again.")
    return _do(request, pk, people.reset_second_factor, said)


@page(Right.STAFF, methods=POST)
def sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, people.sign_out, _("Logged out everywhere."))
