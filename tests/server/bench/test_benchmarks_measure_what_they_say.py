"""The arithmetic behind the figures, and a short run of what can run short. No time is judged here."""

import json

import pytest
from typer.testing import CliRunner

from prewatt import profiles
from prewatt.profiles.rows import CONFIDENCES
from prewatt.server.bench import bus, cli

PROFILE = profiles.load("acrel-dtsy1352-nk").allowed(CONFIDENCES)


def test_the_floor_is_the_published_one():
    assert bus.Wire(9600).read_s(60) == pytest.approx(0.16219, abs=1e-5)
    assert 19 * bus.Wire(9600).sweep_s(PROFILE) == pytest.approx(3.082, abs=1e-3)


def test_above_19200_baud_the_silence_is_fixed():
    char_s = 10 / 115200
    assert bus.Wire(115200).read_s(60) == pytest.approx(8 * char_s + 0.020 + 125 * char_s + 0.00175)


def test_a_meter_quicker_than_the_silence_still_keeps_it(monkeypatch):
    monkeypatch.setattr(bus, "TURNAROUND_S", 0.001)
    char_s = 10 / 9600
    assert bus.Wire(9600).read_s(1) == pytest.approx((8 + 7 + 2 * 3.5) * char_s)


def test_a_recharge_is_two_reads_and_a_write():
    wire = bus.Wire(9600)
    read_s = sum(wire.read_s(block.count) for block in PROFILE.money_blocks)
    assert wire.recharge_s(PROFILE) == pytest.approx(2 * read_s + wire.exchange_s(15, 8))


def test_a_probe_costs_until_the_next_request():
    sent = [(0.0, 9), (1.0, 1), (1.3, 9), (2.0, 2), (2.1, 9), (12.0, 1), (99.0, 9)]
    assert bus._probe_share(sent, 0.5, 10.5, dead=5) == pytest.approx((0.3 + 0.1) / 10)


def test_every_fact_has_its_name():
    cycle = bus._Cycle(cycle_s=3.1, probe_share=0.04)
    facts = bus._facts(bus.Wire(9600), PROFILE, cycle, bus._Cycle(2.4, 0.04), [0.3] * 19 + [0.5])
    assert {
        *("floor_s", "cycle_s", "ratio", "living_ratio_5_dead", "probe_share"),
        *("recharge_floor_ms", "recharge_p50_ms", "recharge_p95_ms"),
    } <= set(facts)
    assert facts["ratio"] == pytest.approx(3.082 / 3.1, abs=1e-3)
    assert facts["living_ratio_5_dead"] == pytest.approx(14 * 0.16219 / 2.4, abs=1e-3)
    assert (facts["recharge_p50_ms"], facts["recharge_p95_ms"]) == (300, 300)


@pytest.mark.stranger
def test_a_short_run_of_the_fleet_prints_its_facts():
    result = CliRunner().invoke(cli.app, ["fleet", "--meters", "100", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert {"ours_us", "journalled_us", "pymodbus_us", "meters_per_s", "rss_mb_per_1000"} <= set(facts)
    assert min(facts["ours_us"], facts["journalled_us"], facts["pymodbus_us"], facts["meters_per_s"]) > 0


def test_a_benchmark_that_is_not_there_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'pymodbus'", name="pymodbus")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    result = CliRunner().invoke(cli.app, ["fleet"])
    assert result.exit_code == 2
    assert "needs pymodbus: install pymodbus" in result.output
