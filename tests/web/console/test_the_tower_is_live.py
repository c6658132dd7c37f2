"""The tower: floors and tiles, the legend that filters, and fragments that bring what changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


@pytest.fixture
def counter() -> Counter:
    from prewatt.domain.estate.models import Floor, Room

    one = Counter(meters=3)
    upper = Floor.objects.create(building=one.building, number=2)
    for meter, number in zip(one.meters[1:], ("201", "202"), strict=True):
        meter.room = Room.objects.create(floor=upper, number=number)
        meter.save()
    one.opened(one.meters[0], balance_fen=43_210)
    one.opened(one.meters[1], balance_fen=1_842)
    return one


@pytest.fixture
def viewer(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.reader)
    return client


def tiles(page: Any) -> dict[str, tuple[str, str]]:
    rows = page.context["tower"].rows
    return {tile.standing.room: (tile.standing.state.value, tile.text) for row in rows for tile in row.tiles}


def test_floors_stand_on_each_other_and_tiles_shorten_amounts(viewer: Any) -> None:
    page = viewer.get("/building/")
    assert [row.floor.number for row in page.context["tower"].rows] == [2, 1]
    assert tiles(page) == {"101": ("open", "432"), "201": ("al2", "18.4"), "202": ("none", "free")}
    assert {key.state.value: key.count for key in page.context["tower"].legend if key.count} == {
        "open": 1,
        "al2": 1,
        "none": 1,
    }


def test_tiles_show_power_with_the_ct_ratio(counter: Counter, viewer: Any) -> None:
    counter.meters[0].ct_ratio = 20
    counter.meters[0].save()
    counter.read(counter.meters[0], power_w=1234)
    assert tiles(viewer.get("/building/?show=power"))["101"] == ("open", "24.7")


def test_behind_both_transformers_power_is_multiplied_by_both(counter: Counter, viewer: Any) -> None:
    type(counter.meters[0]).objects.filter(pk=counter.meters[0].pk).update(ct_ratio=20, pt_ratio=100)
    counter.read(counter.meters[0], power_w=12)
    assert tiles(viewer.get("/building/?show=power"))["101"] == ("open", "24.0")


def test_a_filter_stays_in_the_address_and_says_when_nothing_fits(viewer: Any) -> None:
    page = viewer.get("/building/?state=al2")
    assert page.context["tower"].shown == 1
    assert 'data-only="al2"' in page.content.decode()
    assert "No room fits these filters" in viewer.get("/building/?state=owe").content.decode()
    assert viewer.get("/building/?state=nonsense").context["tower"].shown == 3


def test_what_is_searched_for_stays_bright(viewer: Any) -> None:
    rows = viewer.get("/building/?q=201").context["tower"].rows
    assert {tile.standing.room: tile.dim for row in rows for tile in row.tiles} == {
        "101": True,
        "201": False,
        "202": True,
    }


def test_a_turn_brings_only_the_tiles_that_changed(counter: Counter, viewer: Any) -> None:
    now = datetime.now(UTC)
    counter._now = now
    counter.read(counter.meters[1], balance_fen=99_900)
    since = int((now - timedelta(seconds=5)).timestamp() * 1000)
    page = viewer.get(f"/building/live/?since={since}&turn=1", headers=PART)
    text = page.content.decode()
    assert [tile.standing.room for tile in page.context["tiles"]] == ["201"]
    assert f'id="t-{counter.meters[1].pk}"' in text
    assert f'id="t-{counter.meters[0].pk}"' not in text
    assert text.count("hx-swap-oob") == 1 + 8 + 2  # one tile, the legend's counts, the floors' loads


def test_now_and_then_a_turn_brings_everything(viewer: Any) -> None:
    turns = [viewer.get(f"/building/live/?since=9999999999999&turn={turn}", headers=PART) for turn in range(6)]
    following = [page.context["since"] == 0 for page in turns]
    assert following == [False, False, False, False, False, True]
    assert len(viewer.get("/building/live/?since=0&turn=7", headers=PART).context["tiles"]) == 3


def test_a_tile_of_a_name_with_markup_stays_text(counter: Counter, viewer: Any) -> None:
    counter.customer.name = '<script>alert("1")</script>'
    counter.customer.save()
    for path in ("/building/", "/", "/fleet/", f"/meters/{counter.meters[0].pk}/"):
        assert "<script>alert" not in viewer.get(path).content.decode()


def test_the_search_field_leads_straight_to_the_only_one(counter: Counter, viewer: Any) -> None:
    assert viewer.get("/meters/?go=1&q=201").url == f"/meters/{counter.meters[1].pk}/"
    assert viewer.get("/meters/?go=1&q=20").url == "/fleet/?text=20"
    assert viewer.get("/fleet/?text=20").context["table"].page.paginator.count == 2


def test_the_register_shows_the_worst_first(viewer: Any) -> None:
    rows = viewer.get("/fleet/").context["table"].rows()
    assert [row[0].chip for row in rows] == ["s-al2", "s-open", "s-none"]
