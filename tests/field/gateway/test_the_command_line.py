"""`prewatt gateway` as a person uses it: alone with a file, enrolled with a centre, asked how it does, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prewatt.field.cli.gateway import app
from prewatt.field.gateway import standalone
from prewatt.field.gateway.standalone import ConfigError

CONFIG = """
[[bus]]
bus = "b1"
url = "{url}"
sweep_s = 2
status_s = 10

[[meter]]
meter = "030001040A"
bus = "b1"
unit = 1
profile = "acrel-dtsy1352-nk"
allow = ["manual", "observed", "unverified", "simulated"]
"""
RESPONDER = """
import sys, socket, time
sys.path[:0] = {path!r}
from prewatt import profiles
from prewatt.field.wire import modbus
profile = profiles.load("acrel-dtsy1352-nk").allowed(["manual", "observed", "unverified", "simulated"])
values = {{"energy_wh": 68460, "balance_fen": 12345, "purchase_count": 7, "clock_ms": int(time.time() * 1000)}}
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    link, _ = server.accept()
    reader = modbus.RtuServerReader()
    while data := link.recv(4096):
        for request in reader.feed(data):
            block = profiles.Block(request.function, request.address, request.count)
            pdu = modbus.encode_exception(request, 2)
            if request.function == 3:
                pdu = modbus.encode_reply(request, modbus.Reply(request.unit, 3, profile.show(block, values)))
            link.sendall(modbus.rtu_frame(request.unit, pdu))
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A meter of nobody's making: it answers reads on a socket."""
    code = RESPONDER.format(path=sys.path)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def gateway(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "prewatt.server.cli", "gateway", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PREWATT_GATEWAY_DATA": str(folder / "data")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ask(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = gateway(folder, *arguments)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_alone_it_reads_prints_keeps_and_ends_cleanly(tmp_path: Path, port: int) -> None:
    file = tmp_path / "site.toml"
    file.write_text(CONFIG.format(url=f"rtu+tcp://127.0.0.1:{port}?baud=9600"))
    process = gateway(tmp_path, "run", "--config", str(file))
    guard = threading.Timer(60, process.kill)  # so that a fault is a failure and not a wait
    guard.start()
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert line["meter"] == "030001040A"
    assert line["values"]["energy_wh"] == 68_460
    assert line["taken_at"].endswith("+00:00")

    code, _, err = ask(tmp_path, "run", "--config", str(file))
    assert (code, "another gateway runs there" in err) == (2, True)
    facts = wait_for_status(tmp_path)
    assert facts["running"]
    assert facts["buses"][0]["meters"] == 1

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    guard.cancel()
    assert process.returncode == 0, err
    code, out, _ = ask(tmp_path, "export")
    assert code == 0
    assert json.loads(out.splitlines()[0]) == line
    assert ask(tmp_path, "status")[1].startswith("not running")


def wait_for_status(folder: Path) -> dict[str, Any]:
    for _ in range(50):
        code, out, _ = ask(folder, "status", "--json")
        facts: dict[str, Any] = json.loads(out) if code == 0 else {}
        if facts.get("buses"):
            return facts
        time.sleep(0.1)
    raise AssertionError("no status")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("unit = 1", "unit = 1\ncolour = 1"), "'colour' is no key"),
        (('bus = "b1"\nunit', 'bus = "b9"\nunit'), "there is no bus 'b9'"),
        (("unit = 1", 'unit = "one"'), "meter[0]"),
        (("[[meter]]", "[[metre]]"), "'metre' is no key"),
        (("[[bus]]", "[[bus"), "not TOML"),
        (("rtu+tcp://x", "carrier-pigeon://x"), "bus b1"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "site.toml"
    text = CONFIG.format(url="rtu+tcp://x:1")
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(ConfigError) as error:
        standalone.load(file)
    assert said in str(error.value)
    result = CliRunner().invoke(app, ["run", "--config", str(file), "--data", str(tmp_path / "data")])
    assert result.exit_code == 2


def test_an_address_twice_on_a_bus_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    text = CONFIG.format(url="rtu+tcp://x:1")
    twin = text[text.index("[[meter]]") :].replace("030001040A", "030001040B")
    file.write_text(text + twin)
    with pytest.raises(ConfigError, match="030001040A and 030001040B have one address"):
        standalone.load(file)


def test_without_a_centre_and_without_a_file_it_says_what_to_do(tmp_path: Path) -> None:
    code, _, err = ask(tmp_path)
    assert code == 2
    assert "enrol" in err


def test_the_centres_address_must_be_one_that_keeps_secrets(tmp_path: Path) -> None:
    code, _, err = ask(tmp_path, "enrol", "--centre", "http://example.org", "--code", "ABCD-EFGH")
    assert code == 3
    assert "https" in err
    assert "ABCD" not in err


def test_status_of_nothing_is_a_sentence(tmp_path: Path) -> None:
    code, _, err = ask(tmp_path, "status", "--json")
    assert code == 4
    assert "Is this the directory of a gateway" in err
