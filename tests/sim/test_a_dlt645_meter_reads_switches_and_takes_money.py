"""DL/T 645-2007: published reads, 1CH with expiry and hold, settings, and 03H under the toy key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prewatt.field.line import open_line
from prewatt.field.wire import dlt645
from prewatt.field.wire.errors import ErrorAnswer
from prewatt.sim.building import Building
from prewatt.sim.dlt import OPEN_ACCOUNT, RECHARGE, SET_BALANCE, STATUS
from sim.buildings import building, run
from sim.meters import START_MS

ADDRESS = "260305510012"
FLEET = f"""
[[bus]]
name = "1"
parity = "E"
meter = [{{ number = "A", address = "{ADDRESS}", profile = "dlt645-2007", watts = 1000, balance_fen = 12345 }}]
"""
KEY = dlt645.ToyKey()
LATER = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(hours=8, minutes=5)
EXPIRES = (LATER.year, LATER.month, LATER.day, LATER.hour, LATER.minute, LATER.second)


def ask(*requests: dlt645.Request, wait_s: float = 0.0) -> tuple[list[Any], Building]:
    """The replies (or refusals) to these requests, one after another."""

    async def story() -> tuple[list[Any], Building]:
        one = building(FLEET)
        line = open_line("rtu+tcp://sim:1?baud=9600&parity=E", protocol="dlt645-2007", pipe=one.pipe("1"))
        answers: list[Any] = []
        for request in requests:
            try:
                answers.append(await line.ask(request, timeout_s=2))
            except ErrorAnswer as refusal:
                answers.append(refusal)
        await asyncio.sleep(wait_s)
        line.close()
        return answers, one

    return run(story())  # type: ignore[no-any-return]


def control(command: str, expires: tuple[int, ...] = EXPIRES, **access: Any) -> dlt645.Control:
    return dlt645.Control(ADDRESS, command, expires, dlt645.Access(**access))  # type: ignore[arg-type]


def secure(di: int, plain: bytes) -> dlt645.Secure:
    return dlt645.Secure(ADDRESS, di, KEY.seal(ADDRESS, di, plain))


def money(amount_fen: int, count: int, customer: str = "000000123456") -> bytes:
    return (
        bytes.fromhex(f"{amount_fen:08d}")[::-1] + bytes.fromhex(f"{count:04d}")[::-1] + bytes.fromhex(customer)[::-1]
    )


def test_the_published_answer_to_the_remaining_amount_comes_byte_for_byte() -> None:
    async def raw() -> bytes:
        one = building(FLEET.replace("watts = 1000", "watts = 0"))
        heard = bytearray()
        pipe = one.pipe("1")
        await pipe.open(heard.extend, print)
        pipe.write(bytes.fromhex("68 12 00 51 05 03 26 68 11 04 33 35 C3 33 D4 16"))
        await asyncio.sleep(1)
        return bytes(heard)

    assert run(raw()) == bytes.fromhex("68 12 00 51 05 03 26 68 91 08 33 35 C3 33 78 56 34 33 8D 16")


def test_energies_state_word_and_address_are_read() -> None:
    (energies, state, address), one = ask(
        dlt645.Read(ADDRESS, 0x0001FF00), dlt645.Read(ADDRESS, 0x04000503), dlt645.ReadAddress()
    )
    assert len(energies.data) == 20
    word = dlt645.state_word_3(int.from_bytes(state.data, "little"))
    assert (word["relay_closed"], word["relay_command"], word["prepaid_kind"], word["opened_remotely"]) == (1, 1, 2, 1)
    assert address.address == ADDRESS
    assert one.frames == 3


def test_an_unknown_identifier_is_no_data() -> None:
    (refusal,), _ = ask(dlt645.Read(ADDRESS, 0x0F0F0F0F))
    assert refusal.names == ("no_data",)


def test_switching_off_and_on_is_done_and_shown_in_the_state_word() -> None:
    (_, off, _, on), one = ask(
        control("switch_off"), dlt645.Read(ADDRESS, 0x04000503), control("switch_on"), dlt645.Read(ADDRESS, 0x04000503)
    )
    words = [dlt645.state_word_3(int.from_bytes(reply.data, "little")) for reply in (off, on)]
    assert [(word["relay_closed"], word["relay_command"]) for word in words] == [(0, 0), (1, 1)]
    assert one.truth()["A"]["relay_closed"] == 1


def test_closing_allowed_waits_for_the_button() -> None:
    (_, _, state), one = ask(control("switch_off"), control("switch_on_allowed"), dlt645.Read(ADDRESS, 0x04000503))
    word = dlt645.state_word_3(int.from_bytes(state.data, "little"))
    assert (word["relay_command"], word["relay_closed"]) == (1, 0), "commanded and done are two facts"
    one.meters["A"].press_button(START_MS + 3_600_000)
    assert one.truth()["A"]["relay_closed"] == 1


def test_a_command_that_comes_too_late_is_refused_and_not_done() -> None:
    (refusal,), one = ask(control("switch_off", (2026, 1, 1, 0, 0, 0)))
    assert refusal.word == 1
    assert one.truth()["A"]["relay_closed"] == 1


def test_a_wrong_password_is_refused() -> None:
    (refusal,), one = ask(control("switch_off", password="111111"))
    assert refusal.names == ("password",)
    assert one.truth()["A"]["relay_closed"] == 1


def test_on_hold_a_trip_is_refused_until_released() -> None:
    (_, refused, _, done), one = ask(control("hold"), control("switch_off"), control("release"), control("switch_off"))
    assert isinstance(refused, ErrorAnswer)
    assert isinstance(done, dlt645.Reply)
    assert one.truth()["A"]["relay_closed"] == 0


def test_limits_and_prices_are_written_by_identifier() -> None:
    (_, value), one = ask(
        dlt645.Write(ADDRESS, 0x04001001, bytes.fromhex("00500000")[::-1]), dlt645.Read(ADDRESS, 0x04001001)
    )
    assert one.meters["A"].memory.alarm1_fen == 500_000
    assert value.data.hex() == "00005000"


def test_a_recharge_under_the_toy_key_is_taken_once_and_the_status_shows_it() -> None:
    answers, one = ask(
        secure(RECHARGE, money(10_000, 1)),
        secure(RECHARGE, money(10_000, 1)),
        secure(RECHARGE, money(10_000, 3)),
        secure(RECHARGE, money(10_000, 2, "000000999999")),
        secure(STATUS, b""),
    )
    assert isinstance(answers[0], dlt645.Reply)
    assert isinstance(answers[1], dlt645.Reply), "an equal count is the present state"
    assert (answers[2].word, answers[3].word) == (0x80, 0x81)
    state = KEY.open(ADDRESS, STATUS, answers[4].data)
    assert (state[:4][::-1].hex(), state[4:6][::-1].hex(), state[6:][::-1].hex()) == (
        "00022345",
        "0001",
        "000000123456",
    )
    assert one.truth()["A"]["purchase_count"] == 1


def test_opening_and_setting_the_balance_are_absolute() -> None:
    _, one = ask(secure(OPEN_ACCOUNT, money(5_000, 1)), secure(SET_BALANCE, bytes.fromhex("00000700")[::-1]))
    assert (one.meters["A"].balance_fen, one.meters["A"].purchase_count) == (700, 0)


def test_a_seal_that_does_not_fit_changes_nothing() -> None:
    (refusal,), one = ask(dlt645.Secure(ADDRESS, RECHARGE, money(10_000, 1) + b"\0\0\0\0"))
    assert refusal.names == ("password",)
    assert one.truth()["A"]["bought_fen"] == 12_345


@pytest.mark.parametrize(("step_s", "is_set"), [(100, True), (400, False)])
def test_a_broadcast_moves_the_clock_by_at_most_five_minutes(step_s: int, is_set: bool) -> None:
    local = datetime.fromtimestamp(START_MS / 1000 + step_s, UTC) + timedelta(hours=8)
    at = (local.year, local.month, local.day, local.hour, local.minute, local.second)

    async def story() -> int:
        one = building(FLEET)
        line = open_line("rtu+tcp://sim:1", protocol="dlt645-2007", pipe=one.pipe("1"))
        await line.tell(dlt645.BroadcastTime(at))
        line.close()
        meter = one.meters["A"]
        return meter.clock_ms(START_MS + 10_000) - (START_MS + 10_000)

    assert (run(story()) > 90_000) is is_set
