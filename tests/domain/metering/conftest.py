from __future__ import annotations

import pytest

from domain.metering.site import Site


@pytest.fixture
def site(db: None) -> Site:
    return Site()
