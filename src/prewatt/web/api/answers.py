"""How the API says no: one shape, the console's own sentences, in the language that was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from ninja import Schema
from ninja.errors import ValidationError

from prewatt.domain.estate.refusals import NotYours

FORBIDDEN = frozenset(
    {"no_right", "not_yours", "rights_beyond", "buildings_beyond", "narrow_token", "only_some_buildings"}
)
# What was asked cannot be, whatever the state of things; every other refusal may be different tomorrow.
UNFIT = frozenset(
    "float_amount too_many_decimals not_an_amount zero_amount negative_amount amount_too_large unknown_tender "
    "note_needed name_needed number_not_right phone_not_right password_too_short too_long reason_needed "
    "not_confirmed not_a_command not_a_batch bad_values no_meters too_many_meters fields not_offered".split()
)


class Problem(Schema):
    """`retry`: the same request may succeed later. `fields`: a sentence for each field that cannot be."""

    code: str
    message: str
    retry: bool
    fields: dict[str, str]


def answer(status: int, content: Mapping[str, Any]) -> HttpResponse:
    body = json.dumps(content, ensure_ascii=False)
    return HttpResponse(body, status=status, content_type="application/json; charset=utf-8")


def problem(
    status: int, code: str, message: str, *, retry: bool = False, fields: Mapping[str, str] | None = None
) -> HttpResponse:
    return answer(status, {"code": code, "message": message, "retry": retry, "fields": dict(fields or {})})


def refused(error: Exception) -> HttpResponse:
    """A refusal of the domain."""
    code, retry = str(getattr(error, "code", "refused")), bool(getattr(error, "retry", False))
    fields = dict(getattr(error, "problems", {}))
    if field := getattr(error, "field", ""):
        fields[field] = str(error)
    # Found, but not to be changed by who sees only some buildings.
    if code in FORBIDDEN or isinstance(error, NotYours):
        status = 403
    elif code == "out_of_scope":
        return not_found()
    else:
        status = 422 if fields or code in UNFIT else 409
    meter_id = getattr(error, "meter_id", None)
    if meter_id is not None:
        fields = {f"meters.{meter_id}.{name}".rstrip("."): text for name, text in (fields or {"": str(error)}).items()}
    return problem(status, code, str(error), retry=retry, fields={name: str(text) for name, text in fields.items()})


def not_found() -> HttpResponse:
    """The same for what is not there and for what stands in another's building."""
    return problem(404, "not_found", _("There is no such thing among what this token may see. Nothing was done."))


def malformed(error: ValidationError) -> HttpResponse:
    fields = {".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]): one["msg"] for one in error.errors}
    message = _("The request does not fit its description. Nothing was done. The fields say where.")
    return problem(422, "fields", message, fields=fields)


def language(request: HttpRequest) -> str:
    """What the program asks for; a browser's cookie counts nothing here."""
    for wanted, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()[:200]):
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
