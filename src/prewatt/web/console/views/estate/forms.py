"""A form of the estate: its fields as data, drawn, sent to one domain operation, drawn again with what is wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render

from prewatt.domain.estate.refusals import EstateRefused, FieldsRefused
from prewatt.web.parts.pages import address, now, operator, refusal
from prewatt.web.parts.words import Text

Choices = Iterable[tuple[str, Text]]
FORM_ID_MAX = 64


@dataclass(frozen=True, slots=True)
class Box:
    """One field of a form. `inherited` is shown as what an empty field means."""

    key: str
    label: Text
    kind: Literal["text", "choice", "tick", "lines", "fixed"] = "text"
    value: str = ""
    choices: Sequence[tuple[str, Text]] = ()
    note: Text = ""
    inherited: str = ""
    unit: Text = ""
    required: bool = False
    length_max: int = 200
    mode: str = ""  # the keyboard of a telephone
    suggest: Sequence[str] = ()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    box: Box
    value: str
    problem: str

    @property
    def id(self) -> str:
        return f"f-{self.box.key}"

    @property
    def ticked(self) -> bool:
        return self.value in {"1", "on"}


@dataclass(frozen=True, slots=True)
class Part:
    title: Text
    boxes: Sequence[Box]
    note: Text = ""


@dataclass(frozen=True)
class Page:
    """`more` goes into the template as it is; `back` is where Cancel leads."""

    title: Text
    page: str
    back: str
    parts: Sequence[Part]
    save: Text
    more: Mapping[str, Any] = field(default_factory=dict)
    template: str = "console/estate/form.html"


def new_id() -> str:
    """Drawn into a form when the form is drawn: the same form sent twice makes one thing."""
    return uuid.uuid4().hex


def form_id(request: HttpRequest) -> str:
    return request.POST.get("form_id", "")[:FORM_ID_MAX] or new_id()


def draw(request: HttpRequest, page: Page, *, error: Exception | None = None) -> HttpResponse:
    """What was typed stays; wrong fields carry their sentence, and the first of them the cursor."""
    problems = error.problems if isinstance(error, FieldsRefused) else {}
    posted = request.method == "POST"
    parts = [
        (
            part,
            [
                Shown(one, _value(request, one) if posted else one.value, problems.get(one.key, ""))
                for one in part.boxes
            ],
        )
        for part in page.parts
    ]
    context = {
        "page": page.page,
        "form": page,
        "parts": parts,
        "form_id": form_id(request) if posted else new_id(),
        "refused": refusal(error) if error else None,
        "first_problem": next(iter(problems), ""),
        **page.more,
    }
    return render(request, page.template, context, status=422 if error else 200)


def _value(request: HttpRequest, box: Box) -> str:
    return box.value if box.kind == "fixed" else request.POST.get(box.key, "")


def typed(request: HttpRequest) -> dict[str, str]:
    return {name: str(request.POST.get(name, "")) for name in request.POST}


def submit(
    request: HttpRequest, page: Page, *, call: Callable[..., Any], done: Callable[[Any], tuple[str, Text]], **given: Any
) -> HttpResponseBase:
    """One domain call. `done` gives where to go then, and what to say there."""
    try:
        made = call(operator=operator(request), now=now(), address=address(request), **given)
    except EstateRefused as error:
        return draw(request, page, error=error)
    href, said = done(made)
    messages.success(request, str(said))
    return HttpResponseRedirect(href)


def act(
    request: HttpRequest, *, call: Callable[..., Any], done: str, failed: str, said: Text, **given: Any
) -> HttpResponseBase:
    """An action without fields, from a button: a refusal is told on the page that it leads back to."""
    try:
        call(operator=operator(request), now=now(), address=address(request), **given)
    except EstateRefused as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(failed)
    messages.success(request, str(said))
    return HttpResponseRedirect(done)
