"""Texts through a modem on a real terminal: what goes out, what its refusals mean, and what is not known."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import modem as emulator
from prewatt.domain.notices.modem import dialogue
from prewatt.domain.notices.modem.dialogue import Modem, Report
from prewatt.domain.notices.modem.port import SerialPort
from prewatt.domain.notices.modem.refusals import _CODES, AGAIN, WORDS, Again, ModemError, ModemGone, NotKnown, refusal
from prewatt.domain.notices.sms import pdu, reading
from prewatt.server.commands.sms import app

TO, TEXT = "+8613800138000", "余额不足，请充值"


@pytest.fixture
def there() -> Iterator[emulator.Modem]:
    with emulator.modem() as found:
        yield found


@pytest.fixture
def spoken(there: emulator.Modem) -> Iterator[Modem]:
    port = SerialPort(there.path)
    found = Modem(port)
    found.start()
    yield found
    port.close()


def send(one: Modem, *, text: str = TEXT, report: bool = False) -> list[int]:
    return [one.send(each) for each in pdu.submit(text, to=TO, reference=7, report=report)]


def test_it_is_woken_and_says_how_it_is(there: emulator.Modem) -> None:
    port = SerialPort(there.path)
    health = Modem(port).start()
    assert (health.signal_dbm, health.registration, health.registered) == (-71, "home", True)
    assert (health.operator, health.service_centre) == ("CHINA MOBILE", "+8613800100500")
    there.signal, there.registered = 99, 2
    health = Modem(port).start()
    assert (health.signal_dbm, health.registration, health.registered) == (None, "searching", False)
    port.close()


def test_a_message_goes_out_and_has_a_reference(spoken: Modem, there: emulator.Modem) -> None:
    assert send(spoken) == [41]
    assert [reading.read(one)["text"] for one in there.sent] == [TEXT]


def test_a_long_text_goes_out_in_parts(spoken: Modem, there: emulator.Modem) -> None:
    long = "尊敬的用户：您的电表余额不足。" * 10
    assert send(spoken, text=long) == [41, 42, 43]
    assert reading.joined([reading.read(one) for one in there.sent])["text"] == long


def test_a_report_finds_its_message(spoken: Modem, there: emulator.Modem) -> None:
    for status, arrived in ((0, True), (0x46, False), (0x30, None)):
        there.report_status = status
        [reference] = send(spoken, report=True)
        assert came(spoken) == [(reference, TO, arrived)]
    assert spoken.reports() == []


def came(one: Modem) -> list[tuple[int, str, bool | None]]:
    """It comes a moment after the message was taken."""
    found: list[Report] = []
    for _ in range(100):
        found += one.reports()
        if found:
            break
        time.sleep(0.05)
    return [(each.reference, each.number, each.arrived) for each in found]


def test_what_it_says_of_itself_is_no_answer(spoken: Modem, there: emulator.Modem) -> None:
    there.says = ["RING", "+CREG: 5", '+CMTI: "SM",3', "^RSSI: 18"]
    assert send(spoken) == [41]
    there.says = ["+CDS: 25", emulator.REPORT.format(mr=9, to="0D91683108108300F0", status=0)]
    assert spoken.health().registration == "home"
    assert [one.reference for one in spoken.reports()] == [9]


@pytest.mark.parametrize(
    ("code", "again"),
    [
        (38, Again.LATER),
        (332, Again.LATER),
        (27, Again.FEW_TIMES),
        (1, Again.NOT_THIS_NUMBER),
        (305, Again.NOT_THIS_MESSAGE),
        (311, Again.PERSON),
        (777, Again.FEW_TIMES),
    ],
)
def test_a_refusal_says_what_to_do(spoken: Modem, there: emulator.Modem, code: int, again: Again) -> None:
    for queue in (there.errors, there.failures):  # before it asks for the message, and after it has it
        queue.append(code)
        with pytest.raises(ModemError) as refused:
            send(spoken)
        assert (refused.value.again, refused.value.code) == (again, code)
        assert str(code) in str(refused.value)
    assert there.sent == []
    assert send(spoken) == [41]


def test_every_code_has_words_and_one_meaning() -> None:
    assert set(WORDS) == set(AGAIN)
    assert len(AGAIN) == sum(len(codes) for codes in _CODES.values())
    assert refusal(322).again is Again.CLEAN_UP


def test_a_full_sim_is_emptied(spoken: Modem, there: emulator.Modem) -> None:
    there.full = True
    with pytest.raises(ModemError) as refused:
        send(spoken)
    assert refused.value.again is Again.CLEAN_UP
    spoken.clean_up()
    assert send(spoken) == [41]


def test_silence_after_the_message_is_not_known(
    spoken: Modem, there: emulator.Modem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "SEND_S", 0.3)
    there.swallow = True
    with pytest.raises(NotKnown, match="did not answer"):
        send(spoken)
    assert len(there.sent) == 1
    there.swallow = False
    spoken.start()
    assert send(spoken) == [42]


def test_silence_before_it_sent_nothing(spoken: Modem, there: emulator.Modem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "ANSWER_S", 0.3)
    there.silent = {"AT+CMGS"}
    with pytest.raises(ModemError) as refused:
        send(spoken)
    assert refused.value.again is Again.LATER
    there.silent = set()
    assert send(spoken) == [41]
    assert len(there.sent) == 1


@pytest.mark.parametrize(("sim", "said"), [("SIM PIN", "it says SIM PIN"), ("", "no SIM is inserted")])
def test_a_sim_that_cannot_be_used_needs_a_person(sim: str, said: str) -> None:
    with emulator.modem(sim=sim) as there:
        port = SerialPort(there.path)
        with pytest.raises(ModemError, match=said) as refused:
            Modem(port).start()
        port.close()
    assert refused.value.again is Again.PERSON


def test_a_cable_that_is_pulled_is_said_and_the_next_modem_goes_on(there: emulator.Modem) -> None:
    port = SerialPort(there.path)
    one = Modem(port)
    one.start()
    there.unplug()
    with pytest.raises(ModemGone, match="is gone"):
        send(one)
    port.close()
    with pytest.raises(ModemGone, match="is the modem plugged in"):
        SerialPort(there.path)
    with emulator.modem() as other:
        port = SerialPort(other.path)
        again = Modem(port)
        again.start()
        assert send(again) == [41]
        port.close()


def test_a_port_without_a_modem_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator.modem(silent={"AT"}) as there:
        port = SerialPort(there.path)
        clock = iter(range(0, 10_000, 3))
        with pytest.raises(ModemError, match="nothing at this port answers AT"):
            Modem(port, clock=lambda: float(next(clock))).start()
        port.close()


def test_a_second_program_is_kept_away(there: emulator.Modem) -> None:
    port = SerialPort(there.path)
    with pytest.raises(ModemGone, match="a modem has one owner"):
        SerialPort(there.path)
    port.close()


class Babble:
    """A port at which something talks without end."""

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        return b"\xff" * 4096

    def close(self) -> None:
        pass


def test_something_that_is_no_modem_is_not_listened_to_for_ever() -> None:
    with pytest.raises(ModemError) as refused:
        Modem(Babble()).start()
    assert refused.value.again is Again.PERSON


def said(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, words)
    return found.exit_code, found.output


def test_the_command_line_sends_once_and_waits_for_the_report(there: emulator.Modem) -> None:
    there.report_status = 0
    code, text = said("send", "--to", TO, "--port", there.path, "--wait-s", "30", TEXT, "--json")
    assert (code, json.loads(text)) == (0, {"references": [41], "arrived": [True]})
    assert said("send", "--to", TO, "--port", there.path, TEXT) == (0, "handed over: message 42\n")
    assert len(there.sent) == 2


def test_the_command_line_says_whether_to_try_again(there: emulator.Modem) -> None:
    there.failures = [38, 1]
    code, text = said("send", "--to", TO, "--port", there.path, TEXT)
    told = "the network is out of order (+CMS ERROR: 38). The message was not sent; try again in a minute.\n"
    assert (code, text) == (75, told)
    assert said("send", "--to", TO, "--port", there.path, TEXT)[0] == 1
    assert said("send", "--to", TO, "--port", "/dev/nothing", TEXT)[0] == 75
    assert there.sent == []


def test_the_command_line_says_how_a_modem_is(there: emulator.Modem) -> None:
    code, text = said("modem", "--port", there.path, "--json")
    assert (code, json.loads(text)["signal_dbm"]) == (0, -71)
    there.registered = 2
    assert said("modem", "--port", there.path)[0] == 75


@pytest.mark.parametrize("text", [TEXT, "尊敬的用户：您的电表余额不足。" * 10, "Your balance is low."])
def test_gammu_sends_the_same_through_the_same_modem(there: emulator.Modem, tmp_path: Path, text: str) -> None:
    """A program that nobody here wrote finds a modem there, and our messages say what its messages say."""
    settings = tmp_path / "gammurc"
    settings.write_text(f"[gammu]\ndevice = {there.path}\nconnection = at115200\n")
    coded = [] if text.isascii() else ["-unicode"]
    command = ["gammu", "-c", str(settings), "sendsms", "TEXT", TO, *coded, "-autolen", "1000", "-text", text]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    theirs = [reading.read(one) for one in there.sent]
    ours = [reading.read(one.pdu) for one in pdu.submit(text, to=TO)]
    assert [facts(one) for one in theirs] == [facts(one) for one in ours]
    assert "".join(one["text"] for one in theirs) == text


def facts(fields: dict[str, Any]) -> list[Any]:
    """What the telephone gets; the reference is each program's own."""
    part = {name: value for name, value in fields.get("concat", {}).items() if name in {"total", "seq"}}
    return [part, *(fields[name] for name in ("number", "toa", "dcs", "alphabet", "udl", "text"))]
