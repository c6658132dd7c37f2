"""One's own page: password, second factor, and the browsers in which one is logged in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import segno
from django.contrib import auth, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from prewatt.domain.staff import people, second_factor, sign_ins
from prewatt.domain.staff.models import SignIn
from prewatt.domain.staff.operations import WrongPassword
from prewatt.domain.staff.refusals import Refused
from prewatt.web.console import agents
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.sign_in import word

POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")
PASSWORD_MAX = 128
CODE_MAX = 32


def sign_in_rows(found: Iterable[SignIn], *, own: str = "") -> list[dict[str, Any]]:
    return [
        {
            "pk": one.pk,
            "address": one.address,
            "browser": agents.words(one.agent),
            "icon": "device-mobile" if agents.is_phone(one.agent) else "device-desktop",
            "second_factor": one.second_factor,
            "started_at": one.started_at,
            "seen_at": one.seen_at,
            "this": bool(own) and sign_ins.is_this(one, own),
        }
        for one in found
    ]


@page()
def account(request: HttpRequest) -> HttpResponse:
    return _account(request)


def _account(request: HttpRequest, **more: Any) -> HttpResponse:
    who = operator(request)
    context = {
        "page": "account",
        "who": who,
        "second_factor": second_factor.is_on(who),
        "codes_left": second_factor.codes_left(who),
        "sign_ins": sign_in_rows(sign_ins.of(operator=who, now=now()), own=word(request)),
        **more,
    }
    return render(request, "console/account/index.html", context, status=422 if more.get("refused") else 200)


def _check_it_is_him(request: HttpRequest, password: str) -> None:
    """A wrong password here counts as a log-in attempt and locks alike: a browser left open is no place to guess.

    Raises WrongPassword.
    """
    if auth.authenticate(request, username=operator(request).username, password=password) is None:
        raise WrongPassword(_("This is not your password. Nothing was changed. Type it again."))


@sensitive_post_parameters("old", "new", "again")
@page(methods=BOTH)
def password(request: HttpRequest) -> HttpResponse:
    """Also the only page of somebody whose password was chosen by another."""
    who = operator(request)
    if request.method != "POST":
        return render(request, "console/account/password.html", {"forced": who.must_change_password})
    old, new, again = (request.POST.get(name, "")[:PASSWORD_MAX] for name in ("old", "new", "again"))
    faults: list[str] = []
    try:
        if new != again:
            raise ValidationError(_("The two new passwords are not the same. Nothing was changed."))
        _check_it_is_him(request, old)
        people.change_own_password(
            operator=who, old=old, new=new, keep=word(request), address=address(request), now=now()
        )
    except Refused as error:
        faults = [str(error)]
    except ValidationError as error:
        faults = list(error.messages)
    if faults:
        who.refresh_from_db()
        context = {"forced": who.must_change_password, "faults": faults}
        return render(request, "console/account/password.html", context, status=422)
    auth.update_session_auth_hash(request, who)
    messages.success(request, _("Your password is changed. Every other browser was logged out."))
    return redirect("console:account")


@sensitive_post_parameters("code")
@page(methods=BOTH)
def second_factor_on(request: HttpRequest) -> HttpResponse:
    """Shows the secret as a picture until a code proves that the telephone has learnt it."""
    who = operator(request)
    error: Refused | None = None
    if request.method == "POST":
        try:
            code = request.POST.get("code", "")[:CODE_MAX]
            codes = second_factor.confirm(operator=who, code=code, address=address(request), now=now())
            return render(request, "console/account/codes.html", {"page": "account", "codes": codes, "new": True})
        except Refused as refused:
            error = refused
    if second_factor.is_on(who):
        return redirect("console:account")
    device = second_factor.start(operator=who)
    context = {
        "page": "account",
        "picture": segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=2, light="#fff"),
        "secret": second_factor.spelled(device),
        "refused": refusal(error) if error else None,
    }
    return render(request, "console/account/second_factor.html", context, status=422 if error else 200)


@sensitive_post_parameters("password")
@page(methods=POST)
def second_factor_off(request: HttpRequest) -> HttpResponse:
    given = request.POST.get("password", "")[:PASSWORD_MAX]
    try:
        _check_it_is_him(request, given)
        second_factor.switch_off(operator=operator(request), password=given, address=address(request), now=now())
    except Refused as error:
        return _account(request, refused=refusal(error))
    messages.success(request, _("The second factor is off. Your password alone opens now."))
    return HttpResponseRedirect(reverse("console:account"))


@sensitive_post_parameters("password")
@page(methods=POST)
def recovery_codes(request: HttpRequest) -> HttpResponse:
    given = request.POST.get("password", "")[:PASSWORD_MAX]
    try:
        _check_it_is_him(request, given)
        codes = second_factor.renew_codes(
            operator=operator(request), password=given, address=address(request), now=now()
        )
    except Refused as error:
        return _account(request, refused=refusal(error))
    return render(request, "console/account/codes.html", {"page": "account", "codes": codes})


@page(methods=POST)
def sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    """One other browser of one's own. Somebody else's is not found, and nothing happens."""
    who = operator(request)
    if sign_ins.end(operator=who, pk=pk, by=who, address=address(request), now=now()):
        messages.success(request, _("That browser is logged out."))
    return redirect("console:account")


@page(methods=POST)
def sign_out_others(request: HttpRequest) -> HttpResponse:
    who = operator(request)
    sign_ins.end_others(operator=who, by=who, keep=word(request), address=address(request), now=now())
    messages.success(request, _("Every other browser is logged out."))
    return redirect("console:account")
