"""What new meters and accounts take, what tenants are told, what stands on receipts and on the door."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Schema
from pydantic import Field, StrictInt

from prewatt.domain.estate import defaults, messages, scope
from prewatt.domain.estate.models import Building
from prewatt.domain.staff import site
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import receipt_template
from prewatt.web.api import shapes
from prewatt.web.api.doors import Chapter, bearer, by, reads, writes
from prewatt.web.api.finding import one
from prewatt.web.api.shapes import FenOrNone, Given, Name, Pk, texts

chapter = Chapter("settings")
PriceE4 = Annotated[StrictInt, Field(ge=0, lt=2**31)]
# Texts of several lines: everything but the signs that no text has.
Lines = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"


class DefaultsIn(Given):
    """What is left out stays; null inherits: a building from the site, the site from what was shipped."""

    overload_limit_w: Annotated[StrictInt, Field(ge=0, le=10_000_000)] | None = None
    sweep_s: Annotated[StrictInt, Field(ge=60, le=86_400)] | None = None
    alarm1_fen: FenOrNone | None = None
    alarm2_fen: FenOrNone | None = None
    ceiling_fen: FenOrNone | None = None
    price_sharp_e4: PriceE4 | None = None
    price_peak_e4: PriceE4 | None = None
    price_flat_e4: PriceE4 | None = None
    price_valley_e4: PriceE4 | None = None
    price_deep_e4: PriceE4 | None = None
    alarm_phones: Annotated[str, Field(max_length=200, pattern=shapes.PRINTABLE)] | None = None
    escalate_phones: Annotated[str, Field(max_length=200, pattern=shapes.PRINTABLE)] | None = None
    escalate_after_min: Annotated[StrictInt, Field(ge=1, le=1440)] | None = None


class ValuesOut(Schema):
    overload_limit_w: int | None
    sweep_s: int | None
    alarm1_fen: int | None
    alarm2_fen: int | None
    ceiling_fen: int | None
    price_sharp_e4: int | None
    price_peak_e4: int | None
    price_flat_e4: int | None
    price_valley_e4: int | None
    price_deep_e4: int | None
    alarm_phones: str | None
    escalate_phones: str | None
    escalate_after_min: int | None


class DefaultsOut(Schema):
    """`own`: what it says itself. `effective`: what counts."""

    own: ValuesOut
    effective: ValuesOut


def _building(request: HttpRequest, pk: int) -> Building:
    return one(scope.buildings(bearer(request)).filter(pk=pk))


def _defaults(building: Building | None) -> dict[str, Any]:
    return {"own": defaults.said(building), "effective": defaults.effective(building)}


def _set(request: HttpRequest, building: Building | None, given: DefaultsIn) -> dict[str, Any]:
    typed = texts(defaults.said(building) | given.dict(exclude_unset=True))
    defaults.change_defaults(building=building, typed=typed, **by(request))
    return _defaults(building)


@reads(chapter, "/settings/defaults", Right.SETTINGS, of=DefaultsOut)
def get_defaults(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """What new meters and accounts of the site take"""
    return _defaults(None)


@writes(chapter, "/settings/defaults", Right.SETTINGS, of=DefaultsOut, change=True)
def change_defaults(request: HttpRequest, given: DefaultsIn) -> Any:
    """Change the site's defaults; meters that stand already keep theirs"""
    return _set(request, None, given)


@reads(chapter, "/buildings/{building_id}/defaults", Right.SETTINGS, of=DefaultsOut)
def get_building_defaults(request: HttpRequest, building_id: Pk) -> Any:
    """What new meters and accounts of a building take"""
    return _defaults(_building(request, building_id))


@writes(chapter, "/buildings/{building_id}/defaults", Right.SETTINGS, of=DefaultsOut, change=True)
def change_building_defaults(request: HttpRequest, building_id: Pk, given: DefaultsIn) -> Any:
    """Change a building's defaults; meters that stand already keep theirs"""
    return _set(request, _building(request, building_id), given)


class MessageOut(Schema):
    """`fields` may stand in the text in braces; `own`: the languages that the site has worded itself."""

    key: str
    fields: list[str]
    zh: str
    en: str
    own: list[str]


class MessagesOut(Schema):
    items: list[MessageOut]


class MessageChange(Given):
    """What is left out stays; an empty text takes the shipped one again."""

    zh: Annotated[str, Field(max_length=messages.LENGTH_MAX, pattern=Lines)] | None = None
    en: Annotated[str, Field(max_length=messages.LENGTH_MAX, pattern=Lines)] | None = None


def _message(key: str) -> dict[str, Any]:
    own = messages.own_wordings()
    return {
        "key": key,
        "fields": list(messages.MESSAGES[key].fields),
        "own": [language for language in messages.LANGUAGES if (key, language) in own],
        **{language: messages.wording(key, language) for language in messages.LANGUAGES},
    }


@reads(chapter, "/settings/messages", Right.SETTINGS, of=MessagesOut)
def list_messages(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """What tenants are told by text message"""
    return {"items": [_message(key) for key in messages.MESSAGES]}


@writes(chapter, "/settings/messages/{key}", Right.SETTINGS, of=MessageOut, change=True)
def change_message(request: HttpRequest, key: Name, given: MessageChange) -> Any:
    """Word a text message"""
    if key not in messages.MESSAGES:
        raise Http404
    known = {language: messages.wording(key, language) for language in messages.LANGUAGES}
    messages.set_wordings(key=key, texts=known | texts(given.dict(exclude_none=True)), **by(request))
    return _message(key)


class TemplateOut(Schema):
    """`own` is empty where it inherits `text`."""

    kind: str
    own: str
    text: str


class TemplatesOut(Schema):
    items: list[TemplateOut]


class TemplateIn(Given):
    """An empty text inherits again."""

    text: Annotated[str, Field(max_length=receipt_template.LENGTH_MAX, pattern=Lines)]


def _template(building: Building | None, kind: str) -> dict[str, str]:
    own = receipt_template.own(building, kind)
    return {"kind": kind, "own": own, "text": receipt_template.template_of(building, kind)}


def _word(request: HttpRequest, building: Building | None, kind: str, given: TemplateIn) -> dict[str, str]:
    if kind not in receipt_template.KEYS:
        raise Http404
    receipt_template.set_template(building=building, kind=kind, text=given.text, **by(request))
    return _template(building, kind)


@reads(chapter, "/settings/receipts", Right.SETTINGS, of=TemplatesOut)
def list_receipt_templates(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """What receipts are printed from: sale, opening, refund, reversal"""
    return {"items": [_template(None, kind) for kind in receipt_template.KEYS]}


@writes(chapter, "/settings/receipts/{kind}", Right.SETTINGS, of=TemplateOut)
def set_receipt_template(request: HttpRequest, kind: Name, given: TemplateIn) -> Any:
    """Word the site's receipts of a kind"""
    return _word(request, None, kind, given)


@reads(chapter, "/buildings/{building_id}/receipts", Right.SETTINGS, of=TemplatesOut)
def list_building_receipt_templates(request: HttpRequest, building_id: Pk) -> Any:
    """What a building's receipts are printed from"""
    building = _building(request, building_id)
    return {"items": [_template(building, kind) for kind in receipt_template.KEYS]}


@writes(chapter, "/buildings/{building_id}/receipts/{kind}", Right.SETTINGS, of=TemplateOut)
def set_building_receipt_template(request: HttpRequest, building_id: Pk, kind: Name, given: TemplateIn) -> Any:
    """Word a building's receipts of a kind"""
    return _word(request, _building(request, building_id), kind, given)


class DoorOut(Schema):
    name: str
    text: str
    has_logo: bool


class DoorChange(Given):
    """What is left out stays. The logo itself is hung on the console."""

    name: Annotated[str, Field(max_length=site.NAME_MAX, pattern=shapes.PRINTABLE)] | None = None
    text: Annotated[str, Field(max_length=site.TEXT_MAX, pattern=shapes.PRINTABLE)] | None = None
    drop_logo: bool = False


def _door() -> dict[str, Any]:
    held = site.door()
    return {"name": held.name, "text": held.text, "has_logo": bool(held.logo_digest)}


@reads(chapter, "/settings/door", Right.READ, of=DoorOut)
def get_door(request: HttpRequest) -> Any:  # noqa: ARG001 - the site's
    """What stands on the log-in page"""
    return _door()


@writes(chapter, "/settings/door", Right.SETTINGS, of=DoorOut, change=True)
def change_door(request: HttpRequest, given: DoorChange) -> Any:
    """Change what stands on the log-in page"""
    held, who = _door(), by(request)
    site.change(
        name=held["name"] if given.name is None else given.name,
        text=held["text"] if given.text is None else given.text,
        drop_logo=given.drop_logo,
        by=who.pop("operator"),
        **who,
    )
    return _door()
