"""`prewatt simulate`: endpoints as JSON lines, a state that survives kill -9, refusals with exit codes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from prewatt.field.line import open_line
from prewatt.field.wire import modbus
from sim.buildings import read, recharge
from sim.served import COMMAND, FLEET, Simulator


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    running = Simulator(tmp_path)
    yield running
    running.stop()


def ask(url: str, *requests: modbus.Request) -> list[modbus.Reply]:
    async def story() -> list[modbus.Reply]:
        line = open_line(url, protocol="modbus-rtu")
        try:
            return [await line.ask(request, timeout_s=3) for request in requests]
        finally:
            line.close()

    return asyncio.run(story())


@pytest.mark.parametrize("bus", ["serial server", "gateway", "port"])
def test_every_kind_of_endpoint_answers(simulator: Simulator, bus: str) -> None:
    total, live, other = ask(simulator.url(bus), read(1, 0, 10), read(1), read(2))
    assert total.registers[1] >= 6846
    assert (len(live.registers), other.unit) == (60, 2)


def test_the_lines_name_bus_address_and_meters(simulator: Simulator) -> None:
    assert simulator.url("serial server").startswith("rtu+tcp://127.0.0.1:")
    assert simulator.url("port").startswith("serial:///dev/pts/")
    assert simulator.endpoints["gateway"]["meters"][0] == {"meter": "C", "profile": "acrel-dtsy1352-nk", "unit": 1}


def test_money_is_in_the_state_file_at_once_and_survives_kill_9(simulator: Simulator, tmp_path: Path) -> None:
    ask(simulator.url("serial server"), recharge(5_000, 1))
    ask(simulator.url("serial server"), read(1))
    simulator.process.kill()
    simulator.process.wait(10)
    kept = simulator.state()["A"]
    assert (kept["purchase_count"], kept["bought_fen"]) == (1, 15_000)
    assert kept["memory"]["recharges"][0]["amount_fen"] == 5_000
    again = Simulator(tmp_path)
    try:
        registers = ask(again.url("serial server"), read(1))[0].registers
    finally:
        assert again.stop() == 0
    assert registers[0x21] == 1, "the purchase count goes on"


def test_a_clean_end_leaves_a_whole_state(simulator: Simulator) -> None:
    assert simulator.stop() == 0
    assert sorted(simulator.state()) == ["A", "B", "C", "D", "E", "F"]
    assert {meter["at_ms"] for meter in simulator.state().values()} != {0}


def command(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_cannot_be_served_is_said_in_a_sentence_with_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(FLEET)
    (tmp_path / "broken.json").write_text("{")
    fleet = ["--fleet", str(tmp_path / "fleet.toml")]
    for options, code, word in [
        ([], 2, "--article"),
        (["--fleet", str(tmp_path / "missing.toml")], 2, "missing.toml"),
        ([*fleet, "--faults", "unfair"], 2, "unfair"),
        ([*fleet, "--state", str(tmp_path / "broken.json")], 2, "Remove it to begin afresh"),
    ]:
        ended = command(*options)
        assert (ended.returncode, word in ended.stderr) == (code, True), ended.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text(FLEET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = command("--fleet", str(tmp_path / "fleet.toml"), "--port-base", str(taken.getsockname()[1]))
    assert ended.returncode == 3
    assert "Is another simulator running?" in ended.stderr
