from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from counter import Counter


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Cells of a table are words only when they are looked at, which is after the request."""
    with translation.override("en"):
        yield


@pytest.fixture
def client(client: Any) -> Any:
    """Sentences are compared in the language that they are written in; Chinese is the site's own."""
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def engineer(counter: Counter, client: Any) -> Any:
    client.force_login(counter.person("engineer", "engineer"))
    return client
