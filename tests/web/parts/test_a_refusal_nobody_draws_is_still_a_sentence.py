"""A refusal that a view forgot is told on a page of its own: a person never meets an error of the server for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from counter import Counter
from prewatt.domain.estate.models import Floor


@pytest.mark.parametrize("number", ["", "x", "1.5"])
def test_a_floor_without_a_number_is_asked_for_one(client: Any, counter: Counter, number: str) -> None:
    floors = Floor.objects.count()
    client.raise_request_exception = False
    client.force_login(counter.admin)
    own = counter.room.floor
    for address in (
        reverse("console:estate-floor-new", args=[counter.building.pk]),
        reverse("console:estate-floor", args=[own.pk]),
    ):
        assert client.post(address, {"number": number, "name": ""}).status_code == 422, address
    own.refresh_from_db()
    assert (Floor.objects.count(), own.number) == (floors, 1)


def test_somebody_of_one_building_is_told_why_he_imports_nothing(client: Any, counter: Counter) -> None:
    from prewatt.domain.estate.models import Upload

    client.raise_request_exception = False
    client.force_login(counter.stranger)
    for key, who in (("0" * 32, counter.stranger), ("1" * 32, counter.admin)):
        Upload.objects.create(key=key, name="x.xlsx", content=b"", made_at=counter.now, made_by=who)
    assert client.get(reverse("console:estate-import-preview", args=["1" * 32])).status_code == 404
    for method in (client.get, client.post):
        answer = method(reverse("console:estate-import-preview", args=["0" * 32]))
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()


def test_a_page_that_refuses_outside_its_own_form_tells_the_headline_and_what_to_do(
    client: Any, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prewatt.domain.staff.refusals import Refused
    from prewatt.web.console.views import site

    def refuse(*_args: Any, **_more: Any) -> None:
        raise Refused("The pump is off. Nothing was changed. Switch it on.")

    client.raise_request_exception = False
    client.force_login(counter.admin)
    monkeypatch.setattr(site, "render", refuse)
    answer = client.get(reverse("console:site"))
    page = answer.content.decode()
    assert (answer.status_code, answer["Cache-Control"]) == (422, "private, no-store")
    assert "<b>The pump is off.</b>" in page
    assert "Nothing was changed. Switch it on." in page
