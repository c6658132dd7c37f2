from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nobody_has_asked_yet() -> None:
    """The counters of a minute live in the process, and tests are faster than a minute."""
    from prewatt.web.api import limits

    limits.requests.clear()
    limits.wrong.clear()
