from __future__ import annotations

from typing import Any

import pytest

from counter import Counter


@pytest.fixture
def client(client: Any) -> Any:
    """Sentences are compared in the language that they are written in; Chinese is the site's own."""
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def engineer(counter: Counter, client: Any) -> Any:
    client.force_login(counter.person("engineer", "engineer"))
    return client
