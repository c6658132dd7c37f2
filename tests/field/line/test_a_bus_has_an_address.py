"""Addresses of buses: the three forms, and refusals that say what to write instead."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.field.line import Url, UrlError, open_line, open_pipe
from prewatt.field.line.serial import SerialPipe
from prewatt.field.line.tcp import TcpPipe
from prewatt.field.line.url import BAUDS


def test_the_three_forms():
    assert Url.parse("serial:///dev/ttyS1?baud=2400&parity=E") == Url(
        "serial", path="/dev/ttyS1", baud=2400, parity="E"
    )
    assert Url.parse("rtu+tcp://10.0.0.5:4001?baud=19200") == Url("rtu+tcp", host="10.0.0.5", port=4001, baud=19200)
    assert Url.parse("tcp://meter.example:1502") == Url("tcp", host="meter.example", port=1502)
    assert Url.parse("tcp://10.0.0.5").port == 502
    assert Url.parse("rtu+tcp://[fe80::1]:4001").host == "fe80::1"


@pytest.mark.parametrize(("query", "bits"), [("", 10), ("?parity=E", 11), ("?stop=2", 11), ("?parity=O&stop=2", 12)])
def test_a_character_costs_its_bits(query, bits):
    assert Url.parse("serial:///dev/ttyS1" + query).bits_per_char == bits


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "write serial:"),
        ("10.0.0.5:502", "write serial:"),
        ("http://10.0.0.5", "write serial:"),
        ("serial://dev/ttyS1", "three slashes"),
        ("serial:///", "names no serial port"),
        ("rtu+tcp://10.0.0.5", "names no port"),
        ("rtu+tcp://:4001", "names no host"),
        ("tcp://10.0.0.5:0", "port 0"),
        ("tcp://10.0.0.5:70000", "is not the address"),
        ("tcp://10.0.0.5:502/1", "between the port"),
        ("tcp://10.0.0.5?baud=9600", "no baud or parity"),
        ("tcp://user:secret@10.0.0.5", "no user"),
        ("rtu+tcp://h:1?baud=9601", "9601"),
        ("rtu+tcp://h:1?parity=X", "parity is N"),
        ("rtu+tcp://h:1?stop=3", "stop bits"),
        ("rtu+tcp://h:1?speed=9600", "unknown option 'speed'"),
        ("rtu+tcp://h:1?baud=9600&baud=9600", "given twice"),
        ("rtu+tcp://h:1?baud", "must look like"),
        ("tcp://" + "h" * 400, "at most 300"),
    ],
)
def test_what_is_no_address_is_refused_with_the_right_form(text, because):
    with pytest.raises(UrlError, match=because.replace("?", r"\?")):
        Url.parse(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    for scheme in ("", "tcp://", "rtu+tcp://", "serial:///"):
        with contextlib.suppress(UrlError):
            Url.parse(scheme + text)


@given(st.sampled_from(BAUDS), st.sampled_from("NEO"), st.sampled_from([1, 2]), st.integers(1, 65535))
def test_an_address_written_out_is_the_same_address(baud, parity, stop, port):
    for url in (
        Url("serial", path="/dev/ttyUSB0", baud=baud, parity=parity, stop=stop),
        Url("rtu+tcp", host="fe80::1", port=port, baud=baud, parity=parity, stop=stop),
        Url("tcp", host="h", port=port),
    ):
        assert Url.parse(str(url)) == url


def test_an_address_opens_its_own_kind_of_pipe():
    assert isinstance(open_pipe("serial:///dev/ttyS1"), SerialPipe)
    assert isinstance(open_pipe("rtu+tcp://h:1"), TcpPipe)
    assert open_line("tcp://h").gap_s == 0
    assert open_line("rtu+tcp://h:1?baud=9600").gap_s == pytest.approx(3.5 * 10 / 9600)
    assert open_line("rtu+tcp://h:1?baud=115200").gap_s == 0.00175


def test_dlt645_has_no_tcp_form():
    with pytest.raises(UrlError, match="no TCP form"):
        open_line("tcp://h", protocol="dlt645-2007")
