"""Published PDUs, both ways; the texts that our alarms send; and nothing that comes over the air breaks the reader."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from prewatt.domain.notices.sms import alphabet, parts, pdu, reading
from prewatt.server.commands.sms import app
from vector_files import entries

# python-gsmmodem reads these back: to +8613800138000, reference 42 in hex, kept 24 hours.
TO, REFERENCE = "+8613800138000", 0x42
ALARM = (
    "【预付费】尊敬的恒星数码用户：您的电表020304010A当前剩余金额9.85元，已低于一级报警金额10.00元，请及时充值，以免停电影响您的正常经营。"
    "如有疑问请联系物业服务中心。"
)
ALARM_PDUS = [
    (
        "0051000D91683108108300F00008A78C050003420201301098844ED88D3930115C0A656C76846052661F6570780175286237FF1A"
        "60A876847535886800300032003000330030003400300031003000415F53524D52694F5991D1989D0039002E003800355143FF0C"
        "5DF24F4E4E8E4E007EA762A58B6691D1989D00310030002E003000305143FF0C8BF753CA65F65145503CFF0C4EE5514D505C7535",
        155,
    ),
    (
        "0051000D91683108108300F00008A7340500034202025F7154CD60A876846B635E387ECF8425300259826709759195EE8BF78054"
        "7CFB72694E1A670D52A14E2D5FC33002",
        67,
    ),
]
SHORT_PDU = ("0011000D91683108108300F00008A7104F59989D4E0D8DB3FF0C8BF75145503C", 31)


@pytest.mark.parametrize("one", entries("sms_pdu.json", "deliver", "submit", "submit_concat", "submit_decode"))
def test_a_published_message_is_read(one: dict[str, Any]) -> None:
    assert reading.read(one["pdu"]) == one["expected"]


@pytest.mark.parametrize("one", entries("sms_pdu.json", "gammu_gsm7", "gammu_ucs2"))
def test_what_gammu_wrote_is_read(one: dict[str, Any]) -> None:
    assert reading.read(one["pdu"]) == one["expected"]


@pytest.mark.parametrize("one", entries("sms_pdu.json", "concat_set"))
def test_parts_are_put_together(one: dict[str, Any]) -> None:
    found = reading.joined([reading.read(part) for part in one["pdus"]])
    assert found == one["expected"]
    backwards = reading.joined([reading.read(part) for part in reversed(one["pdus"])])
    assert backwards == one["expected"]
    assert reading.joined([reading.read(part) for part in one["pdus"][1:]])["joined_ok"] is False


@pytest.mark.parametrize("one", entries("sms_pdu.json", "concat_set"))
def test_the_published_parts_are_written(one: dict[str, Any]) -> None:
    """Theirs are kept for no stated time and say that doubles are to be thrown away: the rest is the same."""
    made = pdu.submit(one["expected"]["text"], to=one["number"], reference=one["reference"])
    assert [as_theirs(each.pdu) for each in made] == one["pdus"]


def as_theirs(whole: str) -> str:
    """Without TP-VP and with TP-RD, for a number of eleven digits and the SIM's service centre."""
    data = bytearray.fromhex(whole)
    data[1] = data[1] & ~0x18 | 0x04
    del data[13]
    return data.hex().upper()


@pytest.mark.parametrize("one", entries("sms_pdu.json", "gsm7_pack"))
def test_letters_are_packed(one: dict[str, Any]) -> None:
    septets = [code for letter in alphabet.letters(one["text"]) for code in letter]
    assert alphabet.pack(septets).hex().upper() == one["expected"]["hex"]


@pytest.mark.parametrize("one", entries("sms_pdu.json", "semi_octets"))
def test_digits_change_places(one: dict[str, Any]) -> None:
    assert pdu.semi_octets(one["digits"]).hex().upper() == one["expected"]["hex"]


@pytest.mark.parametrize("one", entries("sms_pdu.json", "validity"))
def test_validity_is_one_octet(one: dict[str, Any]) -> None:
    assert pdu.validity(one["minutes"]) == one["expected"]["tp_vp"]


@pytest.mark.parametrize(
    ("minutes", "octet"), [(1, 0), (30, 5), (1_440, 167), (1_441, 168), (50_400, 197), (524_160, 244)]
)
def test_validity_is_never_shorter_than_asked(minutes: int, octet: int) -> None:
    assert pdu.validity(minutes) == octet


@pytest.mark.parametrize("one", entries("sms_pdu.json", "udh"))
def test_the_element_of_a_part_is_read(one: dict[str, Any]) -> None:
    element = bytes.fromhex(one["ie"])
    assert reading.concatenation(element[0], element[2:]) == one["expected"]


def test_a_part_counted_in_two_octets_is_read() -> None:
    assert reading.concatenation(8, bytes.fromhex("01800402")) == {"ref": 384, "total": 4, "seq": 2, "ref_bits": 16}


def test_an_alarm_is_the_messages_that_another_program_reads() -> None:
    made = pdu.submit(ALARM, to=TO, reference=REFERENCE)
    assert [(one.pdu, one.length) for one in made] == ALARM_PDUS
    assert [(one.pdu, one.length) for one in pdu.submit("余额不足，请充值", to=TO)] == [SHORT_PDU]


def test_a_malformed_message_is_read_as_far_as_it_goes() -> None:
    """Published with a length that is not there and one digit too many."""
    found = reading.read("0041010C910661345542F60008A0050003000301306F3044")
    assert (found["text"], found["number"], found["cut_short"]) == ("はい", "+60164355246", True)


def test_a_report_says_whether_it_arrived() -> None:
    found = reading.read("07911326040000F0062A0D91683108108300F06211320190402362113201905023" + "00")
    assert (found["type"], found["mr"], found["number"]) == ("STATUS-REPORT", 42, TO)
    assert (found["time"], found["done_at"]) == ("2026-11-23T10:09:04+08:00", "2026-11-23T10:09:05+08:00")
    assert (found["status"], found["arrived"]) == (0, True)
    assert reading.read("07911326040000F0062A0D91683108108300F0621132019040236211320190502346")["arrived"] is False
    assert reading.read("07911326040000F0062A0D91683108108300F0621132019040236211320190502330")["arrived"] is None


NUMBERS = st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.text("aé@[]€^\n", max_size=400)


@given(TEXTS, NUMBERS, st.integers(0, 255), st.booleans())
def test_every_text_comes_back(text: str, to: str, reference: int, report: bool) -> None:
    made = pdu.submit(text, to=to, reference=reference, report=report)
    found = [reading.read(one.pdu) for one in made]
    assert {one["number"] for one in found} == {to}
    assert {one["status_report_requested"] for one in found} == {report}
    assert all(one.length == len(one.pdu) // 2 - 1 <= 164 for one in made)
    assert not any("cut_short" in one for one in found)
    if len(found) == 1:
        assert found[0]["text"] == text
    else:
        joined = reading.joined(found)
        assert (joined["text"], joined["joined_ok"]) == (text, True)
        assert {one["concat"]["ref"] for one in found} == {reference}


@given(st.lists(st.sampled_from("a€😀\u7535"), min_size=60, max_size=400).map("".join))
def test_no_letter_is_cut_in_two(text: str) -> None:
    made = pdu.submit(text, to=TO)
    assert all("\ufffd" not in reading.read(one.pdu)["text"] for one in made)


@given(st.binary(max_size=320))
def test_garbage_is_fields_or_a_sentence(data: bytes) -> None:
    with suppress(reading.BadPdu):
        assert reading.read(data.hex())["type"]


@given(st.sampled_from([*(one for one, _ in ALARM_PDUS), SHORT_PDU[0]]), st.data())
def test_a_damaged_message_is_fields_or_a_sentence(whole: str, data: st.DataObject) -> None:
    damaged = bytearray.fromhex(whole)
    for _ in range(3):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(reading.BadPdu):
        assert reading.read(damaged[: data.draw(st.integers(0, len(damaged)))].hex())["type"]


@pytest.mark.parametrize("number", ["", "+", "1390 1390", "１３９", "1" * 21, "12a", "+86+139"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(pdu.BadNumber, match="is no telephone number"):
        pdu.submit("x", to=number)


def test_a_text_that_no_header_can_count_is_refused() -> None:
    assert len(pdu.submit("电" * 67 * parts.PARTS_MAX, to=TO)) == parts.PARTS_MAX
    with pytest.raises(parts.TextTooLong):
        pdu.submit("电" * (67 * parts.PARTS_MAX + 1), to=TO)


def test_the_command_line_says_the_same() -> None:
    made = CliRunner().invoke(app, ["encode", "--to", TO, "--reference", str(REFERENCE), ALARM, "--json"])
    assert json.loads(made.stdout) == [{"pdu": one, "length": length} for one, length in ALARM_PDUS]
    back = CliRunner().invoke(app, ["decode", *(one for one, _ in ALARM_PDUS), "--json"])
    found = json.loads(back.stdout)
    assert (found["text"], found["parts"], found["joined_ok"]) == (ALARM, 2, True)
    assert [one["concat"]["seq"] for one in found["messages"]] == [1, 2]
    one = CliRunner().invoke(app, ["decode", SHORT_PDU[0], "--json"])
    assert json.loads(one.stdout)["text"] == "余额不足，请充值"


@pytest.mark.parametrize(
    ("given_", "exit_code", "said"),
    [
        (["encode", "--to", "abc", "x"], 2, "is no telephone number"),
        (["decode", "zz"], 1, "it is not written in hex"),
        (["decode", "00"], 1, "it ends within the first octet"),
        (["decode", "0003"], 1, "its type 3 is reserved"),
    ],
)
def test_a_refusal_is_a_sentence(given_: list[str], exit_code: int, said: str) -> None:
    result = CliRunner().invoke(app, given_)
    assert result.exit_code == exit_code
    assert said in result.output
