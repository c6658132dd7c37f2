"""Programs nobody here wrote read our simulator: mbpoll and pymodbus' client, over TCP, RTU over TCP and serial."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.served import Simulator

pytestmark = pytest.mark.stranger


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    running = Simulator(tmp_path_factory.mktemp("strangers"))
    yield running
    running.stop()


# --- mbpoll ---------------------------------------------------------------------------------------------------


def mbpoll(
    simulator: Simulator, kind: str, *options: str, values: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """One shot; `kind` is rtu (a pseudo-terminal) or tcp."""
    if shutil.which("mbpoll") is None:
        pytest.skip("mbpoll is not installed")
    if kind == "rtu":
        where = ["-m", "rtu", "-b", "38400", "-P", "none"]
        device = simulator.port_path("port")
    else:
        host, port = simulator.host_port("gateway")
        where, device = ["-m", "tcp", "-p", str(port)], host
    written = ["--", *map(str, values)] if values else []
    command = ["mbpoll", *where, "-0", "-1", "-o", "1", *options, device, *written]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def shown(output: str) -> list[int]:
    return [int(line.split(":")[1].split()[0], 0) for line in output.splitlines() if line.startswith("[")]


@pytest.mark.parametrize("kind", ["rtu", "tcp"])
def test_mbpoll_reads_registers(simulator: Simulator, kind: str) -> None:
    done = mbpoll(simulator, kind, "-a", "1", "-t", "4", "-r", "0", "-c", "10")
    registers = shown(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(registers) == 10
    assert 6846 <= registers[1] < 6900


@pytest.mark.parametrize("kind", ["rtu", "tcp"])
def test_mbpoll_writes_a_recharge_once_and_reads_it_back(simulator: Simulator, kind: str) -> None:
    meter = "E" if kind == "rtu" else "C"
    before = simulator.state()[meter]
    count = before["purchase_count"] + 1
    done = mbpoll(simulator, kind, "-a", "1", "-t", "4", "-r", "4352", values=(0, 700, count))
    assert done.returncode == 0, done.stdout + done.stderr
    after = simulator.state()[meter]
    assert (after["purchase_count"], after["bought_fen"]) == (count, before["bought_fen"] + 700)
    reread = mbpoll(simulator, kind, "-a", "1", "-t", "4", "-r", str(0x1021), "-c", "1")
    assert shown(reread.stdout) == [count]


@pytest.mark.parametrize("kind", ["rtu", "tcp"])
def test_mbpoll_is_told_of_an_illegal_address_and_value(simulator: Simulator, kind: str) -> None:
    address = mbpoll(simulator, kind, "-a", "1", "-t", "4", "-r", "12288", "-c", "2")
    assert "Illegal data address" in address.stdout + address.stderr
    value = mbpoll(simulator, kind, "-a", "1", "-t", "4", "-r", "4352", values=(0, 700, 9999))
    assert "Illegal data value" in value.stdout + value.stderr


@pytest.mark.parametrize("kind", ["rtu", "tcp"])
def test_mbpoll_hears_nothing_from_a_wrong_unit(simulator: Simulator, kind: str) -> None:
    done = mbpoll(simulator, kind, "-a", "99", "-t", "4", "-r", "0", "-c", "2")
    said = done.stdout + done.stderr
    assert ("timed out" if kind == "rtu" else "Target device failed to respond") in said


def test_a_crc_that_mbpoll_did_not_make_is_met_with_silence(simulator: Simulator) -> None:
    port = os.open(simulator.port_path("port"), os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, bytes.fromhex("0103000000 0AC5CE"))
        assert select.select([port], [], [], 0.5)[0] == []
        os.write(port, bytes.fromhex("0103000000 0AC5CD"))
        assert select.select([port], [], [], 2)[0] == [port]
    finally:
        os.close(port)


# --- pymodbus -------------------------------------------------------------------------------------------------


def client(simulator: Simulator, kind: str) -> Any:
    pymodbus = pytest.importorskip("pymodbus.client")
    framer = pytest.importorskip("pymodbus").FramerType
    if kind == "tcp":
        host, port = simulator.host_port("gateway")
        return pymodbus.ModbusTcpClient(host, port=port, timeout=3, retries=0)
    if kind == "rtu over tcp":
        host, port = simulator.host_port("serial server")
        return pymodbus.ModbusTcpClient(host, port=port, framer=framer.RTU, timeout=3, retries=0)
    pytest.importorskip("serial")
    return pymodbus.ModbusSerialClient(simulator.port_path("port"), baudrate=38400, timeout=3, retries=0)


METER = {"tcp": "C", "rtu over tcp": "A", "serial": "E"}


@pytest.mark.parametrize("kind", list(METER))
def test_pymodbus_reads_writes_and_is_refused(simulator: Simulator, kind: str) -> None:
    asking = client(simulator, kind)
    assert asking.connect()
    try:
        live = asking.read_holding_registers(0x1000, count=60, device_id=1)
        assert not live.isError()
        assert len(live.registers) == 60
        count = live.registers[0x21] + 1
        written = asking.write_registers(0x1100, [0, 900, count], device_id=1)
        assert not written.isError()
        assert asking.read_holding_registers(0x1021, count=1, device_id=1).registers == [count]
        assert simulator.state()[METER[kind]]["purchase_count"] == count
        assert asking.write_registers(0x1100, [0, 900, count + 5], device_id=1).exception_code == 3
        assert asking.read_holding_registers(0x3000, count=1, device_id=1).exception_code == 2
        assert asking.read_coils(0, count=8, device_id=1).exception_code == 1
    finally:
        asking.close()


def test_a_stranger_through_socat_sees_the_same(simulator: Simulator, tmp_path: Path) -> None:
    """A real pseudo-terminal of socat before our serial server, read by mbpoll."""
    if shutil.which("socat") is None or shutil.which("mbpoll") is None:
        pytest.skip("socat and mbpoll are not installed")
    host, port = simulator.host_port("serial server")
    link = tmp_path / "tty"
    wires = [f"pty,raw,echo=0,link={link}", f"tcp:{host}:{port}"]
    socat = subprocess.Popen(["socat", "-d", "-d", *wires], stderr=subprocess.PIPE)
    assert socat.stderr is not None
    asked = ["mbpoll", "-m", "rtu", "-b", "38400", "-P", "none", "-0", "-1", "-a", "1", "-t", "4", "-r", "0", "-c", "2"]
    try:
        while b"starting data transfer" not in socat.stderr.readline():
            assert socat.poll() is None
        done = subprocess.run([*asked, str(link)], capture_output=True, text=True, timeout=30, check=False)
    finally:
        socat.terminate()
        socat.wait(10)
        socat.stderr.close()
    assert shown(done.stdout)[1] >= 6846
