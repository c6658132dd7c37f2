"""`prewatt frame decode`: one frame, its fields, an exit code that means something; whatever is pasted into it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from prewatt.field.cli.frame import app
from prewatt.field.wire import modbus
from prewatt.field.wire.describe import PROTOCOLS, SIDES, describe

RUNNER = CliRunner()
ANSWER = "01 03 02 03 02 39 75"


def _json(*arguments: str) -> tuple[int, dict[str, object]]:
    result = RUNNER.invoke(app, ["decode", *arguments, "--json"])
    return result.exit_code, json.loads(result.output)


@pytest.mark.parametrize("words", [[ANSWER], ANSWER.split(), [ANSWER.replace(" ", "")], ["01:03:02", "03-02", "3975"]])
def test_hex_may_be_written_in_any_usual_way(words: list[str]) -> None:
    assert _json(*words) == (0, {"unit": 1, "function": 3, "byte_count": 2, "registers": [770], "crc_ok": True})


@pytest.mark.parametrize(
    ("frame", "protocol"),
    [
        (ANSWER, "modbus-rtu"),
        ("00 01 00 00 00 06 11 03 00 7c 00 02", "modbus-tcp"),
        ("FE FE 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16", "dlt645"),
        ("68 61 01 00 00 00 00 68 11 04 33 33 34 33 15 16", "dlt645"),  # even with a wrong sum
    ],
)
def test_the_protocol_is_guessed(frame: str, protocol: str) -> None:
    assert RUNNER.invoke(app, ["decode", frame]).output.split("\n")[0].split() == ["protocol", protocol]


def test_a_frame_with_a_fault_names_it_and_exits_1() -> None:
    code, fields = _json("01 03 02 03 02 39 76")
    assert (code, fields["ok"], fields["error"], fields["crc_ok"]) == (1, False, "crc_mismatch", False)
    assert (fields["crc_computed"], fields["crc_in_frame"]) == ("39 75", "39 76")


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("01 03", "truncated"),
        ("00 01 00 00 00 09 11 03 00 7c 00 02", "truncated"),
        ("00 01 00 00 00 05 11 03 00 7c 00 02", "wrong_length"),
    ],
)
def test_other_faults_have_names_too(frame: str, error: str) -> None:
    protocol = "modbus-rtu" if len(frame) < 12 else "modbus-tcp"
    code, fields = _json(frame, "--protocol", protocol)
    assert (code, fields["ok"], fields["error"]) == (1, False, error)


def test_a_frame_of_the_other_side_is_a_fault() -> None:
    code, fields = _json("01 03 00 00 00 0A C5 CD", "--side", "response")
    assert (code, fields["error"]) == (1, "wrong_length")


@pytest.mark.parametrize("arguments", [["zz"], ["0"], [ANSWER, "--side", "up"], [ANSWER, "--protocol", "can"], []])
def test_what_is_no_hex_or_no_option_exits_2(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, ["decode", *arguments]).exit_code == 2


def test_people_see_the_inside_of_a_tcp_frame() -> None:
    output = RUNNER.invoke(app, ["decode", "0c 05 00 00 00 07 00 03 04 00 8d 00 8e"]).output
    assert "141 142" in output


@given(
    data=st.binary(max_size=300),
    protocol=st.sampled_from([None, *PROTOCOLS]),
    side=st.sampled_from([None, *SIDES]),
    sealed=st.booleans(),
)
def test_no_bytes_make_it_fall_over(data: bytes, protocol: str | None, side: str | None, sealed: bool) -> None:
    if sealed and data:
        data = modbus.rtu_frame(data[0], data[1:])
    fields = describe(data, protocol, side, full=True)
    assert fields.get("ok") is not False or fields["error"]
    json.dumps(fields)
