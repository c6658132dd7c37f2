"""The list of pages that `bench reports` asks for leaves none out, and says which of them fail."""

from __future__ import annotations

import pytest
from django.test import Client

from counter import Counter
from prewatt.domain.staff.rights import Right
from prewatt.server.bench.reports_client import ROOM, _addresses, _pages_measured, _paths
from prewatt.web.parts.nav import ROOMS

pytestmark = pytest.mark.django_db


def test_every_page_of_reports_in_the_side_bar_is_asked_for() -> None:
    anybodys = tuple(Right)  # a page that every right opens is no report
    reports = {
        link.url
        for room in ROOMS
        for link in room.links
        if room.name == ROOM or (Right.REPORTS in link.rights and link.rights != anybodys)
    }
    assert len(reports) > 15
    assert reports <= {f"console:{name}" for name, _path in _paths()}
    assert len(_paths()) == len(dict(_paths()))


def test_each_of_them_opens_and_a_page_that_fails_is_missed(client: Client) -> None:
    admin = Counter(meters=2).admin
    client.force_login(admin)
    addresses = dict(_addresses(admin))
    assert "report-usage, year" in addresses
    measured = _pages_measured(client, addresses | {"nowhere": "/nowhere/"}, rounds=2)
    assert measured.keys() == addresses.keys()
