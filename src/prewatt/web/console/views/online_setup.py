"""支付渠道: what each provider has handed out. Secrets go in and never come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.payments import channels, setup
from prewatt.domain.payments.models import ChannelSetup, Provider
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, typed
from prewatt.web.parts.pages import address, now, operator, page

if TYPE_CHECKING:
    from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")
NAMES: dict[str, Text] = {
    "app_id": gettext_lazy("App id"),
    "seller_id": gettext_lazy("Seller number"),
    "public_key": gettext_lazy("The provider's public key"),
    "private_key": gettext_lazy("Our private key"),
    "gateway": gettext_lazy("Address of the provider"),
    "base": gettext_lazy("Address of the provider"),
    "files": gettext_lazy("Address of its files"),
    "merchant_id": gettext_lazy("Merchant number"),
    "serial": gettext_lazy("Serial of our certificate"),
    "platform_serial": gettext_lazy("Serial of the provider's key"),
    "platform_key": gettext_lazy("The provider's public key or certificate"),
    "api_v3_key": gettext_lazy("APIv3 key"),
    "app_secret": gettext_lazy("App secret of the official account, for paying inside WeChat"),
    "login": gettext_lazy("Address where WeChat asks who pays"),
    "openid": gettext_lazy("Address where WeChat tells who pays"),
    "certificate": gettext_lazy("Our certificate"),
    "middle": gettext_lazy("The provider's middle certificate"),
    "root": gettext_lazy("The provider's root certificate"),
    "subject": gettext_lazy("Who signs for the provider"),
}


@page(Right.SETTINGS)
def index(request: HttpRequest) -> HttpResponseBase:
    """All of them, and how each stands."""
    _all_buildings(request)
    rows = {row.pk: row for row in ChannelSetup.objects.all()}
    listed = [
        {
            "name": name,
            "label": label,
            "works": setup.open_channel(name) is not None,
            "row": rows.get(name),
            "environment": sorted(setup.from_environment(name)),
        }
        for name, label in Provider.choices
    ]
    context = {"page": "online-channels", "channels": listed, "public_url": settings.PUBLIC_URL}
    return render(request, "console/online/channels.html", context)


@page(Right.SETTINGS, methods=BOTH)
def channel(request: HttpRequest, name: str) -> HttpResponseBase:
    _all_buildings(request)
    if name not in Provider.values:
        raise Http404
    if request.method != "POST":
        return draw(request, _form(name))
    given = typed(request)
    try:
        setup.change(
            channel=name,
            on="on" in given,
            given=given,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return draw(_without_secrets(request, name), _form(name), error=error)
    messages.success(request, _("Kept."))
    return HttpResponseRedirect(reverse("console:online-channels"))


def _all_buildings(request: HttpRequest) -> None:
    """A channel takes money for every building: for who sees only some, these pages are not there."""
    if not operator(request).all_buildings:
        raise Http404


def _without_secrets(request: HttpRequest, name: str) -> HttpRequest:
    """What was typed comes back when it is refused; a secret does not."""
    kept: Any = request.POST.copy()
    for field in setup.FIELDS[name]:
        if field.secret:
            kept.pop(field.name, None)
    request.POST = kept
    return request


def _form(name: str) -> Page:
    row = ChannelSetup.objects.filter(pk=name).first()
    return Page(
        title=channels.label(name),
        page="online-channels",
        back=reverse("console:online-channels"),
        parts=(
            Part(_("State"), [Box("on", _("Switched on"), "tick", value="1" if row and row.on else "")]),
            Part(
                _("What the provider has handed out"),
                [_box(name, field, row) for field in setup.FIELDS[name]],
                note=_("Secrets are sealed and never shown again. An empty field keeps the old one."),
            ),
        ),
        save=_("Keep it"),
    )


def _box(name: str, field: setup.Field, row: ChannelSetup | None) -> Box:
    outside = field.name in setup.from_environment(name)
    known = row is not None and field.name in row.secret_names
    note: Text = ""
    if outside:
        note = _("Comes from the environment or a file, which goes before what stands here.")
    elif known:
        note = _("It is there, and not shown.")
    elif not field.needed:
        note = _("Empty: the provider's own.")
    return Box(
        field.name,
        NAMES[field.name],
        "lines" if field.long else "text",
        value="" if field.secret or row is None else row.values.get(field.name, ""),
        note=note,
        length_max=setup.VALUE_MAX if field.long else 200,
        wide=field.long,
    )
