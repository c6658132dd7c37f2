"""Fleet files: defaults, the article's tower, and refusals that name what to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewatt.sim import fleet as fleets
from prewatt.sim.building import Building
from prewatt.sim.fleet import FleetError, article, parse_fleet
from prewatt.sim.loads import HOUR_MS
from sim.meters import START_MS

ONE = '[[bus]]\nname = "1"\nmeter = [{ number = "A", unit = 1 }]\n'


def test_defaults_stand_for_every_meter_and_bus_that_does_not_say_otherwise() -> None:
    one = parse_fleet(
        "[defaults]\nct_ratio = 20\nbalance_fen = 1\n[bus_defaults]\nbaud = 2400\n"
        '[[bus]]\nname = "x"\nparity = "E"\n'
        'meter = [{ number = "A", unit = 1 }, { number = "B", unit = 2, ct_ratio = 1 }]'
    )
    assert [(meter.ct_ratio, meter.balance_fen) for meter in one.meters] == [(20, 1), (1, 1)]
    assert (one.bus[0].baud, one.bus[0].bits_per_char) == (2400, 11)


def test_the_tower_is_that_of_the_article() -> None:
    tower = article()
    assert [len(bus.meter) for bus in tower.bus] == [19] * 8
    assert {meter.profile for meter in tower.meters} == {"acrel-dtsy1352-nk"}
    by_number = {meter.number: meter for meter in tower.meters}
    assert by_number["030001040A"].ct_ratio == 120
    assert by_number["0300010520"].unit == 0x20
    assert len({meter.load for meter in tower.meters}) == 152


def test_no_meter_of_the_tower_draws_more_than_it_can_show() -> None:
    one = Building.from_fleet(article(), now_ms=lambda: START_MS)
    for meter in one.meters.values():
        most = max(meter.load.segment(START_MS + hour * HOUR_MS)[0] for hour in range(0, 104 * 168, 7))
        assert most // meter.spec.ct_ratio <= 32_767


def test_a_building_goes_on_from_its_truth() -> None:
    now = [START_MS]
    one = Building.from_fleet(article(), now_ms=lambda: now[0], seed=4)
    one.meters["030001040A"].apply("recharge", {"amount_fen": 500, "count": 1}, START_MS)
    one.advance(START_MS + 10 * HOUR_MS)
    now[0] = START_MS + 30 * HOUR_MS
    again = Building.from_fleet(article(), now_ms=lambda: now[0], seed=4, state=one.truth())
    one.advance(now[0])
    assert {n: t["memory"] for n, t in again.truth().items()} == {n: t["memory"] for n, t in one.truth().items()}


def test_the_truth_says_which_load_a_room_wears_and_how_it_was_scaled() -> None:
    truth = Building.from_fleet(article(), now_ms=lambda: START_MS).truth()["030001040A"]
    assert truth["load"]["column"].startswith("D")
    assert 0 < truth["load"]["scale"] < 100
    assert truth["load"]["is_filled"] in (True, False)


def test_the_gateways_part_names_every_bus_and_meter() -> None:
    config = Building.from_fleet(article(), now_ms=lambda: START_MS).link_config()
    assert (len(config.buses), len(config.meters)) == (8, 152)
    assert {meter.bus for meter in config.meters} == {bus.bus for bus in config.buses}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "at least one bus"),
        (ONE.replace("unit = 1", "unit = 0"), "unit from 1 to 247"),
        (ONE.replace("unit = 1", 'unit = 1, load = "D999"'), "D999"),
        (ONE.replace("unit = 1", "unit = 1, colour = 3"), "colour"),
        (ONE.replace("unit = 1", 'unit = 1, firmware = "1999"'), "firmware"),
        (ONE.replace("unit = 1", 'unit = 1, plans = [["01:00 flat"]]'), "00:00"),
        (ONE.replace('name = "1"', 'name = "1"\nendpoint = "udp://x"'), "udp"),
        (ONE + ONE, "two buses are called 1"),
        (ONE + ONE.replace('name = "1"', 'name = "2"'), "two meters have the number A"),
        ("[[bus", "fleet"),
    ],
)
def test_a_wrong_fleet_is_refused_by_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(FleetError, match=word):
        parse_fleet(text)


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ('profile = "unheard-of"', "unheard-of"),
        ('persist = ["count"]', "persist"),
        ("ct_ratio = 0", "ct_ratio"),
    ],
)
def test_what_only_building_shows_is_refused_as_well(entry: str, word: str) -> None:
    one = parse_fleet(ONE.replace("unit = 1", f"unit = 1, {entry}"))
    with pytest.raises(FleetError, match=word):
        Building.from_fleet(one, now_ms=lambda: START_MS)


def test_one_bus_speaks_one_protocol() -> None:
    mixed = parse_fleet(
        '[[bus]]\nname = "1"\nmeter = [{ number = "A", unit = 1 }, '
        '{ number = "B", address = "260305510012", profile = "dlt645-2007" }]'
    )
    with pytest.raises(FleetError, match="one protocol"):
        Building.from_fleet(mixed, now_ms=lambda: START_MS)


def test_a_fleet_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="missing"):
        fleets.read_fleet(tmp_path / "missing.toml")
