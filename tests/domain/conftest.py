from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Sentences are compared in the language that they are written in; Chinese is the site's own."""
    with translation.override("en"):
        yield
