"""`prewatt meter` against strangers and against our own building: the same values, and refusals that help."""

import json
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from prewatt import profiles
from prewatt.field.cli.meter import app
from prewatt.profiles.quantities import as_display
from prewatt.profiles.rows import CONFIDENCES
from strangers.programs import libmodbus_server, pymodbus_server

PROFILE = "acrel-dtsy1352-nk"
ALL = ",".join(CONFIDENCES)
VALUES = {
    "energy_wh": 68460,
    "energy_sharp_wh": 1000,
    "energy_peak_wh": 2000,
    "energy_flat_wh": 46000,
    "energy_valley_wh": 19460,
    "voltage_a_v": 2298,
    "current_a_a": 5120,
    "power_w": 1170,
    "balance_fen": -1234,
    "purchase_count": 7,
    "frequency_hz": 5001,
    "relay_closed": 1,
    "clock_ms": 1_790_000_000_000,
}


def run(*arguments, **options):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def read(url, *arguments):
    return run("read", "--url", url, *arguments)


@contextmanager
def pymodbus(*units, framer="socket", values=VALUES):
    profile = profiles.load(PROFILE)
    image = profile.image(values)
    with pymodbus_server(dict.fromkeys(units, image), framer) as port:
        yield f"tcp://127.0.0.1:{port}" if framer == "socket" else f"rtu+tcp://127.0.0.1:{port}?baud=115200"


@contextmanager
def building(tmp_path, toml):
    """`prewatt simulate`: bus name -> address."""
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(toml)
    command = [sys.executable, "-m", "prewatt.server.cli", "simulate", "--fleet", str(fleet)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        endpoints = [json.loads(process.stdout.readline()) for _ in range(toml.count("[[bus]]"))]
        yield {endpoint["bus"]: endpoint["url"] for endpoint in endpoints}
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


TOWER = """
[bus_defaults]
baud = 115200
turnaround_ms = 5
[[bus]]
name = "rtu"
[[bus.meter]]
number = "030001040A"
unit = 3
watts = 1000
[[bus.meter]]
number = "030001040B"
unit = 5
watts = 1000
balance_fen = 777
[[bus]]
name = "tcp"
endpoint = "tcp://127.0.0.1:0"
[[bus.meter]]
number = "030001040C"
unit = 9
watts = 500
[[bus]]
name = "dlt"
[[bus.meter]]
number = "260305510012"
address = "260305510012"
profile = "dlt645-2007"
watts = 100
balance_fen = 12345
[[bus]]
name = "twice"
[[bus.meter]]
number = "1"
unit = 4
watts = 1000
[[bus.meter]]
number = "2"
unit = 4
watts = 3000
energy_wh = 999
[[bus]]
name = "pty"
endpoint = "pty"
[[bus.meter]]
number = "030001040D"
unit = 1
watts = 100
[[bus]]
name = "off"
[[bus.meter]]
number = "030001040E"
unit = 1
watts = 100
"""


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    with building(tmp_path_factory.mktemp("tower"), TOWER) as urls:
        yield urls


# --- reading


@pytest.mark.stranger
@pytest.mark.parametrize("framer", ["socket", "rtu"])
def test_what_pymodbus_holds_is_what_is_printed(framer):
    with pymodbus(7, framer=framer) as url:
        result = read(url, "--unit", 7, "--profile", PROFILE, "--allow", ALL, "--json")
    assert result.exit_code == 0, result.output
    fact = json.loads(result.stdout)
    assert fact["meter"] == "unit 7"
    assert fact["taken_at"].endswith("Z")
    assert {name: fact["values"][name] for name in VALUES} == as_display(VALUES)


@pytest.mark.stranger
def test_what_libmodbus_holds_is_what_is_printed(tmp_path):
    """Every register of it holds its own address: the block at 0 is 65537 × n hundredths of a kWh, and so on."""
    with libmodbus_server("tcp", folder=tmp_path) as port:
        result = read(f"tcp://127.0.0.1:{port}", "--unit", 17, "--profile", PROFILE, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["values"] == {
        "energy_wh": 10 * 0x0000_0001,
        "energy_sharp_wh": 10 * 0x0002_0003,
        "energy_peak_wh": 10 * 0x0004_0005,
        "energy_flat_wh": 10 * 0x0006_0007,
        "energy_valley_wh": 10 * 0x0008_0009,
    }


def test_only_what_is_allowed_is_read_and_the_rest_is_named(tower):
    result = read(tower["rtu"], "--unit", 5, "--profile", PROFILE)
    assert result.exit_code == 0, result.output
    assert "energy_wh" in result.output
    assert "balance_fen" not in result.output
    assert "more with --allow" in result.output


def test_a_meter_of_our_building_shows_its_money_by_every_door(tower):
    by_rtu = json.loads(read(tower["rtu"], "--unit", 5, "--profile", PROFILE, "--allow", ALL, "--json").stdout)
    assert by_rtu["values"]["balance_fen"] in range(700, 778)
    by_tcp = json.loads(read(tower["tcp"], "--unit", 9, "--profile", PROFILE, "--allow", ALL, "--json").stdout)
    assert by_tcp["values"]["relay_closed"] == 1
    by_pty = json.loads(read(tower["pty"], "--unit", 1, "--profile", PROFILE, "--allow", ALL, "--json").stdout)
    assert by_pty["values"]["purchase_count"] == 0


def test_a_dlt645_meter_is_named_by_its_address(tower):
    result = read(tower["dlt"], "--unit", "260305510012", "--profile", "dlt645-2007", "--allow", ALL, "--json")
    assert result.exit_code == 0, result.output
    fact = json.loads(result.stdout)
    assert fact["meter"] == "260305510012"
    assert 12000 <= fact["values"]["balance_fen"] <= 12345


def test_a_profile_of_ones_own_can_be_used(tower, tmp_path):
    mine = tmp_path / "my-meter.toml"
    mine.write_text(
        'name = "my-meter"\nprotocol = "modbus-rtu"\n'
        '[rating]\npower_w_max = 1000\ncurrent_a_max = 5\nconfidence = "manual"\nsource = "label"\n'
        '[[group]]\nsource = "label"\nconfidence = "manual"\n'
        'quantity = [{ name = "energy_wh", address = 0, type = "u32", step = "0.01 kWh" }]\n'
    )
    by_name = read(tower["rtu"], "--unit", 5, "--profile", "my-meter", "--profiles", tmp_path, "--json")
    by_file = read(tower["rtu"], "--unit", 5, "--profile", mine, "--json")
    assert by_name.exit_code == by_file.exit_code == 0, by_name.output
    assert list(json.loads(by_file.stdout)["values"]) == ["energy_wh"]


# --- refusals: a sentence that one can act on, and an exit code


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("--url", "10.0.0.5", "--profile", PROFILE), 2, "write serial:"),
        (("--url", "tcp://127.0.0.1:1", "--profile", "nokia-3310"), 2, "acrel-dtsy1352-nk"),
        (("--url", "tcp://127.0.0.1:1"), 2, "acrel-dtsy1352-nk"),
        (("--url", "tcp://127.0.0.1:1", "--profile", PROFILE, "--unit", "0"), 2, "1 to 247"),
        (("--url", "tcp://127.0.0.1:1", "--profile", "dlt645-2007"), 2, "no TCP form"),
        (("--url", "rtu+tcp://127.0.0.1:1", "--profile", "dlt645-2007", "--unit", "x"), 2, "twelve digits"),
        (("--url", "tcp://127.0.0.1:1", "--profile", PROFILE, "--allow", "guessed"), 2, "guessed"),
        (("--url", "tcp://127.0.0.1:1", "--profile", PROFILE), 6, "Nothing was sent"),
        (("--url", "serial:///dev/no-such-port", "--profile", PROFILE), 6, "plugged in"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(arguments, exit_code, words):
    result = run("read", *arguments)
    assert result.exit_code == exit_code, result.output
    assert words in " ".join(result.output.split())


def test_a_silent_unit_is_called_silent(tower):
    result = read(tower["rtu"], "--unit", 77, "--profile", PROFILE, "--timeout", 0.1, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"] == "no_answer"


@pytest.mark.stranger
def test_another_units_answer_is_not_used(tmp_path):
    """The stranger answers reads at 0171H as another unit."""
    odd = tmp_path / "odd.toml"
    odd.write_text(
        'name = "odd"\nprotocol = "modbus-rtu"\n'
        '[rating]\npower_w_max = 1000\ncurrent_a_max = 5\nconfidence = "manual"\nsource = "label"\n'
        '[[group]]\nsource = "label"\nconfidence = "manual"\n'
        'quantity = [{ name = "energy_wh", address = 0x0171, type = "u32", step = "0.01 kWh" }]\n'
    )
    with libmodbus_server("tcp", folder=tmp_path) as port:
        result = read(f"tcp://127.0.0.1:{port}", "--unit", 17, "--profile", odd, "--timeout", 0.3)
    assert result.exit_code == 4
    assert "somebody else answered" in " ".join(result.output.split())


def test_an_address_that_two_meters_have_is_hinted_at(tower):
    result = read(tower["twice"], "--unit", 4, "--profile", PROFILE, "--allow", ALL, "--timeout", 0.3)
    assert result.exit_code == 4, result.output
    assert "Two meters with this address" in " ".join(result.output.split())


# --- watching, scanning


def test_watching_prints_a_line_a_reading(tower):
    arguments = ("--unit", 5, "--profile", PROFILE, "--count", 3, "--every", 0, "--json")
    result = run("watch", "--url", tower["rtu"], *arguments)
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["meter"] for line in result.stdout.splitlines()] == ["unit 5"] * 3


def test_watching_shows_frames_and_goes_on_through_silence(tower):
    shown = run("watch", "--url", tower["rtu"], "--unit", 5, "--profile", PROFILE, "--count", 1)
    assert "05 03 00 00" in shown.output
    silent = ("--unit", 78, "--profile", PROFILE, "--count", 2, "--every", 0, "--timeout", 0.05, "--json")
    lines = run("watch", "--url", tower["rtu"], *silent).stdout.splitlines()
    assert [json.loads(line)["error"] for line in lines] == ["no_answer"] * 2


def test_a_scan_finds_who_is_there_and_guesses_what_it_is(tower):
    result = run("scan", "--url", tower["rtu"], "--units", "1-8", "--timeout", 0.1, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["found"]
    assert [(item["unit"], item["profiles"]) for item in found] == [(3, [PROFILE]), (5, [PROFILE])]


def test_a_scan_notices_an_address_that_two_meters_have(tower):
    result = run("scan", "--url", tower["twice"], "--units", "3-5", "--timeout", 0.1, "--json")
    (item,) = json.loads(result.stdout)["found"]
    assert item["unit"] == 4
    assert item["note"] in {"garbled", "twice"}
    assert "two meters" in item["hint"]


def test_a_scan_of_dlt645_asks_for_addresses(tower):
    result = run("scan", "--url", tower["dlt"], "--protocol", "dlt645", "--timeout", 0.2, "--json")
    assert [item["address"] for item in json.loads(result.stdout)["found"]] == ["260305510012"]


def test_a_scan_that_finds_nobody_says_so(tower):
    assert run("scan", "--url", tower["rtu"], "--units", "100-101", "--timeout", 0.05, "--json").exit_code == 3


@pytest.mark.parametrize("units", ["0-5", "x", "1-300", ""])
def test_a_scan_of_impossible_units_is_refused(units):
    assert run("scan", "--url", "tcp://127.0.0.1:1", "--units", units).exit_code == 2


# --- switching


def switch(url, command, *arguments, **options):
    return run("switch", command, "--url", url, "--profile", PROFILE, "--allow", ALL, *arguments, **options)


def test_switching_is_read_back(tower):
    off = switch(tower["off"], "off", "--yes", "--json")
    assert off.exit_code == 0, off.output
    fact = json.loads(off.stdout)
    assert (fact["before"]["relay_closed"], fact["after"]["relay_closed"]) == (1, 0)
    hold = json.loads(switch(tower["off"], "hold", "--yes", "--json").stdout)
    assert (hold["after"]["relay_closed"], hold["after"]["forced"]) == (1, 2)
    release = json.loads(switch(tower["off"], "release", "--yes", "--json").stdout)
    assert release["after"]["forced"] == 0


def test_switching_asks_first_and_no_means_no(tower):
    refused = switch(tower["rtu"], "off", "--unit", 3, input="n\n")
    assert refused.exit_code == 1
    assert "Really switch off?" in refused.output
    still = json.loads(read(tower["rtu"], "--unit", 3, "--profile", PROFILE, "--allow", ALL, "--json").stdout)
    assert still["values"]["relay_closed"] == 1


def test_what_is_not_allowed_is_not_sent():
    """Nobody listens at this address: a refusal that comes first has sent nothing."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        result = run("switch", "off", "--url", url, "--profile", PROFILE, "--yes", "--json")
    assert result.exit_code == 8
    assert "Nothing was sent" in json.loads(result.stdout)["message"]


@pytest.mark.stranger
def test_a_meter_that_says_yes_and_does_nothing_is_found_out():
    """pymodbus keeps the registers that were written, but nothing behind them switches."""
    with pymodbus(7, values=VALUES | {"forced": 0, "relay_command": 1}) as url:
        result = switch(url, "off", "--unit", 7, "--yes", "--json")
    assert result.exit_code == 7, result.output
    assert not json.loads(result.stdout)["obeyed"]


def test_a_dlt645_meter_is_switched_by_its_own_frame(tower):
    arguments = ("--unit", "260305510012", "--profile", "dlt645-2007", "--allow", ALL, "--yes", "--json")
    off = run("switch", "off", "--url", tower["dlt"], *arguments)
    assert off.exit_code == 0, off.output
    assert json.loads(off.stdout)["after"]["relay_closed"] == 0
    on = run("switch", "on", "--url", tower["dlt"], *arguments)
    assert json.loads(on.stdout)["after"]["relay_closed"] == 1
