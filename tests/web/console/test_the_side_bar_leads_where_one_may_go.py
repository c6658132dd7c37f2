"""A link of the side bar is shown exactly to those who may open its page."""

from __future__ import annotations

import pytest

from prewatt.web.parts.nav import ROOMS, Link
from web.console.test_every_page_keeps_its_right_and_its_building import asks

LINKS = [link for room in ROOMS for link in room.links]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.url)
def test_a_link_asks_for_the_rights_of_its_page(link: Link) -> None:
    asked = set(asks(link.url.removeprefix("console:")))
    assert not asked or set(link.rights) <= asked
