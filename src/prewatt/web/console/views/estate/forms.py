"""A form of the estate: its fields as data, drawn, sent to one domain operation, drawn again with what is wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from django.contrib import messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _now

from prewatt.domain.estate.refusals import EstateRefused, FieldsRefused
from prewatt.web.console import drawn
from prewatt.web.console.drawn import Clash
from prewatt.web.parts.pages import address, now, operator, refusal
from prewatt.web.parts.words import Text

Choices = Iterable[tuple[str, Text]]
FORM_ID_MAX = 64
M = TypeVar("M", bound=models.Model)


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


def draw(
    request: HttpRequest, page: Page, *, error: Exception | None = None, clash: Clash | None = None
) -> HttpResponse:
    """What was typed stays; wrong fields carry their sentence, and the first of them the cursor."""
    problems = error.problems if isinstance(error, FieldsRefused) else clash.said if clash else {}
    taken = clash.taken if clash else {}
    posted = request.method == "POST"
    parts = [
        (
            part,
            [
                Shown(one, _value(request, one, taken) if posted else one.value, problems.get(one.key, ""))
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
        "drawn": drawn.pack(_standing(page)),
        "refused": refusal(error) if error else None,
        "first_problem": next(iter(problems), ""),
        **page.more,
    }
    return render(request, page.template, context, status=422 if error else 200)


def _value(request: HttpRequest, box: Box, taken: Mapping[str, str]) -> str:
    if box.key in taken:
        return taken[box.key]
    return box.value if box.kind == "fixed" else request.POST.get(box.key, "")


def _standing(page: Page) -> dict[str, str]:
    """What the page's fields hold as the thing stands."""
    return {one.key: one.value for part in page.parts for one in part.boxes if one.kind != "fixed"}


def _words(page: Page) -> dict[str, str]:
    """The same as people read it."""
    choices = ((one, dict(one.choices)) for part in page.parts for one in part.boxes)
    ticks = {"": _now("no"), "1": _now("yes")}
    return {one.key: str((ticks if one.kind == "tick" else known).get(one.value, one.value)) for one, known in choices}


def edit(
    request: HttpRequest,
    *,
    find: Callable[[], M],
    page: Callable[[M], Page],
    call: Callable[..., Any],
    name: str,
    done: Callable[[M], tuple[str, Text]],
) -> HttpResponseBase:
    """Change the thing that `find` finds, drawn by `page`, by one domain call that takes it as `name`.

    It is held while it is looked at and changed: who comes second is told what the first one changed.
    """
    if request.method != "POST":
        return draw(request, page(find()))
    with transaction.atomic():
        type(one := find()).objects.select_for_update().filter(pk=one.pk).first()  # type: ignore[attr-defined]
        thing = find()  # as it stands now that nobody else can change it
        stands = page(thing)
        clash = drawn.clash(request, _standing(stands), words=_words(stands))
        if clash:
            return draw(request, stands, error=drawn.ChangedMeanwhile(), clash=clash)
        said = done(thing)
        return submit(request, stands, call=call, done=lambda _made: said, **{name: thing}, typed=typed(request))


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
