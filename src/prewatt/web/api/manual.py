"""The API's manual for people, drawn on the server from the description that programs read: no script, no network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from prewatt.web.api.answers import language
from prewatt.web.api.doors import SAID


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    needed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    title: str
    rights: list[str]
    asked: list[Field]
    body: list[Field]
    answer: list[Field]


def description() -> dict[str, Any]:
    from prewatt.web.api.urls import api  # noqa: PLC0415 - the addresses know this page

    return api.get_openapi_schema()


@cache
def chapters() -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    whole = description()
    for path, methods in whole["paths"].items():
        for method, one in methods.items():
            found.setdefault(one["tags"][0], []).append(_operation(whole, path, method, one))
    return found


def _operation(whole: dict[str, Any], path: str, method: str, one: dict[str, Any]) -> Operation:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    good = one["responses"][200]["content"].get("application/json", {}).get("schema", {})
    asked = [
        Field(each["name"], _kind(each["schema"]), each.get("required", False), each["schema"].get("description", ""))
        for each in one.get("parameters", [])
    ]
    title = one["summary"]
    return Operation(method.upper(), path, title, one["x-rights"], asked, _fields(whole, body), _fields(whole, good))


def _fields(whole: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    shape = _shape(whole, schema)
    needed = set(shape.get("required", ()))
    return [
        Field(name, _kind(each), name in needed, each.get("description", ""))
        for name, each in shape.get("properties", {}).items()
    ]


def _shape(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = whole["components"]["schemas"].get(name, {})
    return found


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " / ".join(_kind(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}]"
    return str(schema.get("format") or schema.get("type", ""))


def manual(request: HttpRequest) -> HttpResponse:
    with translation.override(language(request)):
        context = {"chapters": chapters().items(), "said": SAID.items(), "host": request.build_absolute_uri("/")[:-1]}
        return render(request, "api/manual.html", context)
