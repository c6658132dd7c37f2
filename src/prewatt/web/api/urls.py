"""All of `/api/v1/`."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from prewatt.domain.commissioning.refusals import CommissioningRefused
from prewatt.domain.dispatch.operations import OrderEnded, OrderUnclear
from prewatt.domain.estate.customers import CustomerRefused
from prewatt.domain.staff.refusals import Refused
from prewatt.web.api import (
    answers,
    counter,
    cutoff,
    defaults,
    endings,
    estate,
    installation,
    lists,
    machines,
    manual,
    messages,
    online,
    ordering,
    people,
    reporting,
    resale,
    selling,
    structure,
    switching,
    tariffs,
    tenants,
)
from prewatt.web.api.doors import EVERYTHING, Token, in_json

api = NinjaAPI(
    title="prewatt",
    version="1",
    description="Prepaid electricity. Money is whole fen, energy whole Wh, prices 1e-4 yuan per kWh.",
    urls_namespace="api",
    auth=Token(),
    docs_url=None,
)
# Each registers its operations when it is imported.
CHAPTERS = (
    people,
    estate,
    structure,
    installation,
    tenants,
    endings,
    selling,
    counter,
    online,
    ordering,
    resale,
    tariffs,
    switching,
    cutoff,
    messages,
    defaults,
    reporting,
    lists,
    machines,
)
api.add_router("", EVERYTHING)


@api.exception_handler(Refused)
@api.exception_handler(CustomerRefused)
@api.exception_handler(CommissioningRefused)
def _refused(_request: HttpRequest, error: Exception) -> HttpResponse:
    return answers.refused(error)


@api.exception_handler(OrderEnded)
def _ended(_request: HttpRequest, _error: Exception) -> HttpResponse:
    text = _("The order has already ended, so it cannot be recalled. No money moved. Look at what became of it.")
    return answers.problem(409, "order_ended", text)


@api.exception_handler(OrderUnclear)
def _unclear(_request: HttpRequest, _error: Exception) -> HttpResponse:
    text = _(
        "Nobody knows yet whether the meter took the order, so it cannot be recalled. The money stays reserved until a "
        "person decides."
    )
    return answers.problem(409, "order_unclear", text)


@api.exception_handler(Http404)
def _not_found(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return answers.not_found()


@api.exception_handler(ValidationError)
def _malformed(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    return answers.malformed(error)


@api.exception_handler(HttpError)
def _no_json(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code != 400:
        return answers.problem(error.status_code, "malformed", str(error))
    with translation.override(answers.language(request)):
        text = _("The body is no JSON. Nothing was done. Send one JSON object in UTF-8.")
        return answers.problem(400, "malformed", text)


def nowhere(request: HttpRequest) -> HttpResponse:
    with translation.override(answers.language(request)):
        return answers.not_found()


def _urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    patterns, app_name, namespace = api.urls
    for one in patterns:
        if isinstance(one, URLPattern):
            one.callback = in_json(require_safe(one.callback) if one.name == "openapi-json" else one.callback)
    return patterns, app_name, namespace


urlpatterns = [
    path("", in_json(require_safe(manual.manual)), name="api-manual"),
    path("", _urls()),
    re_path(r"^.*$", nowhere),
]
