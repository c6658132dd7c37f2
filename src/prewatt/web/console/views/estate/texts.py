"""短信模板 and 票据模板: what tenants are told, and what stands on the receipt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from prewatt.domain.estate import messages, scope
from prewatt.domain.estate.messages import MESSAGES, SAMPLE, Message
from prewatt.domain.estate.models import Building
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import receipt_template
from prewatt.domain.vending.receipt_text import KINDS, OF_THE_ARTICLE, PARTS
from prewatt.web.console.views.estate.forms import Box, Page, Part, draw, submit, typed
from prewatt.web.parts import papers
from prewatt.web.parts.pages import operator, page, wants_part
from prewatt.web.parts.words import Text

BOTH = ("GET", "HEAD", "POST")
TITLES: dict[str, Text] = {
    "low1": gettext_lazy("Balance below alarm 1"),
    "low2": gettext_lazy("Balance below alarm 2"),
    "arrears": gettext_lazy("Arrears"),
    "reminder": gettext_lazy("Runs out soon"),
    "last_notice": gettext_lazy("Last notice before power goes off"),
    "opened": gettext_lazy("Account opened"),
    "sold": gettext_lazy("Electricity bought"),
    "refunded": gettext_lazy("Refunded"),
    "switched_off": gettext_lazy("Switched off"),
    "restored": gettext_lazy("Power restored"),
    "code": gettext_lazy("Log-in code"),
    "operator": gettext_lazy("Alarm to operators"),
    "escalated": gettext_lazy("Alarm that nobody acknowledged"),
    "test": gettext_lazy("Test message"),
}
LANGUAGES: dict[str, Text] = {"zh": gettext_lazy("Chinese"), "en": gettext_lazy("English")}
RECEIPTS: dict[str, Text] = {
    "sale": pgettext_lazy("movement", "Sale"),
    "opening": pgettext_lazy("movement", "Opening"),
    "refund": pgettext_lazy("movement", "Refund"),
    "reversal": pgettext_lazy("movement", "Reversal"),
}


@page(Right.SETTINGS)
def message_list(request: HttpRequest) -> HttpResponse:
    own = messages.own_wordings()
    rows = [
        (key, TITLES[key], [_shown(key, language, (key, language) in own) for language in messages.LANGUAGES])
        for key in MESSAGES
    ]
    return render(request, "console/estate/messages.html", {"page": "estate-messages", "rows": rows})


def _shown(key: str, language: str, own: bool) -> dict[str, Any]:
    text = messages.fill(messages.wording(key, language), messages.sample(language))
    return {"language": LANGUAGES[language], "text": text, "size": messages.size(text), "own": own}


def _message_page(message: Message) -> Page:
    own = messages.own_wordings()
    boxes = [
        Box(
            language,
            title,
            "lines",
            messages.wording(message.key, language),
            note=_("As shipped: %(text)s") % {"text": message.shipped(language)}
            if (message.key, language) in own
            else "",
            wide=True,
            length_max=messages.LENGTH_MAX,
        )
        for language, title in LANGUAGES.items()
    ]
    note = _("Fields in braces are filled in for each tenant. An empty text, or Reset, takes the shipped one again.")
    return Page(
        title=TITLES[message.key],
        page="estate-messages",
        back=reverse("console:estate-messages"),
        parts=[Part(_("Text"), boxes, note)],
        save=_("Save"),
        more={
            "message": message,
            "fields": [(name, SAMPLE[name]) for name in message.fields],
            "shipped": [(language, message.shipped(language)) for language in messages.LANGUAGES],
            "sizes": [
                (
                    language,
                    messages.size(messages.fill(messages.wording(message.key, language), messages.sample(language))),
                )
                for language in messages.LANGUAGES
            ],
        },
        template="console/estate/message.html",
    )


@page(Right.SETTINGS, methods=BOTH)
def message(request: HttpRequest, key: str) -> HttpResponseBase:
    if key not in MESSAGES:
        raise Http404
    drawn = _message_page(MESSAGES[key])
    if request.method != "POST":
        return draw(request, drawn)
    saved = (reverse("console:estate-messages"), _("Saved."))
    return submit(request, drawn, call=messages.set_wordings, done=lambda _made: saved, key=key, texts=typed(request))


def _receipt_address(building: Building | None, kind: str) -> str:
    where = (
        reverse("console:estate-receipt")
        if building is None
        else reverse("console:estate-receipt-building", args=[building.pk])
    )
    return where if kind == KINDS[0] else f"{where}?kind={kind}"


def _kind(request: HttpRequest) -> str:
    asked = request.GET.get("kind", "")
    return asked if asked in KINDS else KINDS[0]


def _receipt_page(request: HttpRequest, building: Building | None) -> Page:
    kind = _kind(request)
    own = receipt_template.own(building, kind)
    shown = request.POST.get("text", "") if request.method == "POST" else own
    inherited = receipt_template.inherited(building, kind)
    note = _("Nothing of its own yet: this is what it inherits.") if building else _("As shipped.")
    box = Box(
        "text",
        _("Receipt text"),
        "lines",
        own or inherited,
        note="" if own else note,
        wide=True,
        length_max=receipt_template.LENGTH_MAX,
    )
    how = _(
        "# is the title, | a | b | a table, || parts of one line; a part that begins with ? is left out while its "
        "field is empty. Empty: as inherited."
    )
    kinds = [(_receipt_address(building, one), RECEIPTS[one], one == kind) for one in KINDS]
    towers = scope.buildings(operator(request))
    return Page(
        title=_("Receipt: %(building)s") % {"building": building.name} if building else _("Receipt template"),
        page="estate-receipt",
        back=_receipt_address(building, kind),
        parts=[Part(_("Template"), (box,), how)],
        save=_("Save"),
        more={
            "building": building,
            "tabs": [(_receipt_address(one, kind), one.name, building == one) for one in towers],
            "site_tab": (_receipt_address(None, kind), building is None),
            "kinds": kinds,
            "receipts": [papers.Slips(receipt_template.sample(shown.strip() or inherited, kind), parts=PARTS[1:2])],
            "fields": [
                (_("Fields of the original"), _with_samples(OF_THE_ARTICLE)),
                (_("Fields with names of their own"), _with_samples(receipt_template.KNOWN - {*OF_THE_ARTICLE})),
            ],
            "inherited": inherited,
        },
        template="console/estate/receipt.html",
    )


def _with_samples(names: Iterable[str]) -> list[tuple[str, str]]:
    """Each field with what it might say, for who points at it."""
    ordered = names if isinstance(names, list) else sorted(names)
    return [(name, receipt_template.SAMPLE_WHOLE.get(name, "")) for name in ordered]


@page(Right.SETTINGS, methods=BOTH)
def receipt(request: HttpRequest) -> HttpResponseBase:
    return _receipt(request, None)


@page(Right.SETTINGS, methods=BOTH)
def receipt_of_building(request: HttpRequest, pk: int) -> HttpResponseBase:
    building = scope.buildings(operator(request)).filter(pk=pk).first()
    if building is None:
        raise Http404
    return _receipt(request, building)


def _receipt(request: HttpRequest, building: Building | None) -> HttpResponseBase:
    """With `look` asked for, only a preview of what was typed: while somebody types, the paper alone."""
    drawn = _receipt_page(request, building)
    if request.method == "POST" and request.POST.get("look") and wants_part(request):
        return render(request, "parts/receipts/_slips.html", {"receipts": drawn.more["receipts"]})
    if request.method != "POST" or request.POST.get("look"):
        return draw(request, drawn)
    kind = _kind(request)
    saved = (_receipt_address(building, kind), _("Saved. The next receipt is printed from it."))
    text = request.POST.get("text", "")
    text = "" if text.replace("\r\n", "\n").strip() == drawn.more["inherited"].strip() else text
    call = receipt_template.set_template
    return submit(request, drawn, call=call, done=lambda _made: saved, building=building, text=text, kind=kind)
