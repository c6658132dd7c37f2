"""Each fault does what its name says, is written down, and comes again with the same seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from prewatt.field.line import PipeError
from prewatt.field.wire import modbus
from prewatt.sim.building import Building
from prewatt.sim.faults import KINDS, LEVELS, Faults, FaultsError, Plan, Trouble, load_plan
from sim.buildings import FLEET, Master, building, master, read, recharge, run
from sim.meters import START_MS


def always(kind: str) -> Plan:
    return Plan(rates={kind: 1.0})


def with_fault(kind: str, act: Callable[[Building, Master], Any], *, text: str = FLEET) -> tuple[Any, Building]:
    """Do something while every exchange suffers this fault."""

    async def story() -> tuple[Any, Building]:
        one = building(text, faults=always(kind), seed=5)
        return await act(one, await master(one)), one

    result, one = run(story())
    assert set(one.faults.counts) == {kind}
    assert one.faults.log[0].kind == kind
    assert one.faults.log[0].meter == "A"
    return result, one


async def read_once(_: Building, station: Master) -> list[tuple[float, bytes]]:
    await station.ask(read(1), wait_s=5)
    return list(station.heard)


async def recharge_once(_: Building, station: Master) -> bytes:
    return await station.ask(recharge(500, 1))


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer"])
def test_lost_frames_are_silence_but_a_lost_answer_was_applied(kind: str) -> None:
    heard, one = with_fault(kind, recharge_once)
    assert heard == b""
    assert one.truth()["A"]["purchase_count"] == (1 if kind == "lost_answer" else 0)


@pytest.mark.parametrize("kind", ["corrupted", "truncated"])
def test_damaged_answers_fail_their_checksum(kind: str) -> None:
    heard, _ = with_fault(kind, read_once)
    assert modbus.crc16(heard[0][1]) != 0
    assert len(heard[0][1]) == 125 if kind == "corrupted" else len(heard[0][1]) < 125


def test_a_doubled_answer_comes_twice() -> None:
    heard, _ = with_fault("doubled", read_once)
    assert len(heard) == 2
    assert heard[0][1] == heard[1][1]
    assert modbus.crc16(heard[0][1]) == 0


def test_a_split_answer_is_whole_in_pieces_and_each_piece_takes_its_time() -> None:
    heard, _ = with_fault("split", read_once)
    assert len(heard) > 1
    assert modbus.crc16(b"".join(data for _, data in heard)) == 0
    assert [at for at, _ in heard] == sorted({at for at, _ in heard})


def test_noise_leaves_the_answer_findable() -> None:
    heard, _ = with_fault("noise", read_once)
    reply = modbus.RtuReader(read(1)).feed(b"".join(data for _, data in heard))
    assert reply is not None


def test_a_late_answer_comes_after_the_masters_next_request() -> None:
    async def twice(_: Building, station: Master) -> list[tuple[float, bytes]]:
        station.pipe.write(modbus.rtu_encode(read(1, count=10)))
        await asyncio.sleep(0.5)
        assert station.heard == []
        station.pipe.write(modbus.rtu_encode(read(9, count=10)))
        await asyncio.sleep(1)
        return list(station.heard)

    heard, _ = with_fault("late", twice)
    assert len(heard) == 1
    assert heard[0][0] == pytest.approx(0.5 + 8 * 10 / 9600)
    assert heard[0][1][0] == 1


def test_a_late_answer_nobody_asks_after_comes_by_itself() -> None:
    heard, _ = with_fault("late", read_once)
    assert heard[0][0] == pytest.approx(2.0, abs=0.1)


def test_refused_is_a_negative_answer_and_nothing_done() -> None:
    heard, one = with_fault("refused", recharge_once)
    assert heard[1] == 0x90
    assert one.truth()["A"]["purchase_count"] == 0


def test_a_negative_answer_may_have_applied_and_a_positive_one_may_not() -> None:
    denied, one = with_fault("denied_applied", recharge_once)
    assert (denied[1], one.truth()["A"]["bought_fen"]) == (0x90, 10_500)
    claimed, other = with_fault("claimed_not_applied", recharge_once)
    assert (claimed[1], other.truth()["A"]["bought_fen"]) == (0x10, 10_000)


@pytest.mark.parametrize("kind", ["half", "reset_in_write"])
def test_half_and_reset_stop_between_two_steps_of_memory(kind: str) -> None:
    text = FLEET.replace("watts = 1000", 'watts = 1000\npersist = ["count", "balance", "bought", "record"]')

    async def many(one: Building, station: Master) -> set[tuple[int, int]]:
        """How count and money moved, for twelve recharges."""
        moves = set()
        for _ in range(12):
            before = one.truth()["A"]
            heard = await station.ask(recharge(500, before["purchase_count"] + 1), wait_s=5)
            after = one.truth()["A"]
            assert heard == b"" if kind == "reset_in_write" else heard[1] == 0x90
            credit = after["memory"]["credit_fen"] - before["memory"]["credit_fen"]
            moves.add((after["purchase_count"] - before["purchase_count"], credit))
        return moves

    moves, _ = with_fault(kind, many, text=text)
    assert moves == {(0, 0), (1, 0), (1, 500)}


def test_a_meter_falls_silent_for_a_while_and_comes_back() -> None:
    plan = Plan(silence=Trouble(per_day=20, seconds=(600, 1200)))

    async def watch() -> tuple[int, int, int]:
        one = building(faults=plan)
        station = await master(one)
        answered = [bool(await station.ask(read(1))) for _ in range(43_200)]
        changes = sum(1 for a, b in pairwise(answered) if a and not b)
        return changes, one.faults.counts["silence"], sum(answered)

    changes, recorded, answered = run(watch())
    assert changes == recorded > 3
    assert 0.6 < answered / 43_200 < 0.98


def test_a_reset_between_exchanges_costs_a_start_and_nothing_else() -> None:
    plan = Plan(reset=Trouble(per_day=200, seconds=(20, 30)))

    async def watch() -> tuple[int, int, int]:
        one = building(faults=plan)
        station = await master(one)
        silent = 0
        for _ in range(7_200):
            silent += not await station.ask(read(1))
        return silent, one.faults.counts["reset"], one.truth()["A"]["deducted_fen"]

    silent, resets, deducted = run(watch())
    assert resets > 5
    assert resets * 15 < silent < resets * 35
    assert deducted > 0


def test_a_cut_line_is_lost_and_refuses_to_open_until_it_is_whole() -> None:
    plan = Plan(cut=Trouble(per_day=10, seconds=(300, 600)))

    async def watch() -> tuple[int, str, bool]:
        one = building(faults=plan)
        station = await master(one)
        start_ms, _ = one.buses["1"].cuts.upcoming(0) or (0, 0)
        await asyncio.sleep((start_ms - START_MS) / 1000 + 1)
        assert len(station.lost) == 1
        with pytest.raises(PipeError) as refusal:
            await station.open()
        await asyncio.sleep(600)
        await station.open()
        station.heard.clear()
        return len(station.lost), str(refusal.value), bool(await station.ask(read(1)))

    lost, refusal, answers = run(watch())
    assert (lost, answers) == (1, True)
    assert "cut" in refusal


def test_clocks_run_away_by_seed_within_the_limit() -> None:
    faults = [Faults(seed, Plan(clock_ppm_max=100)) for seed in (1, 1, 2)]
    ppms = [[one.clock_ppm(str(number)) for number in range(50)] for one in faults]
    assert ppms[0] == ppms[1] != ppms[2]
    assert max(map(abs, ppms[0])) <= 100


def test_bad_spells_are_drawn_by_seed_and_name() -> None:
    trouble = Trouble(per_day=3, seconds=(1, 60))
    asked = ((1, "a"), (1, "a"), (1, "b"), (2, "a"))
    drawn = [Faults(seed).spells(name, trouble).upcoming(START_MS) for seed, name in asked]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


async def _rough_day(seed: int) -> tuple[list[Any], dict[str, Any], list[bytes]]:
    one = building(faults=LEVELS["brutal"], seed=seed)
    station, heard, counts = await master(one), [], {1: 0, 2: 0, 3: 0}
    for number in range(3000):
        unit = number % 3 + 1
        if station.lost:
            station.lost.clear()
            await asyncio.sleep(1800)
            await station.open()
        if number % 10 < 3:
            counts[unit] = one.meters["ABC"[unit - 1]].purchase_count
            heard.append(await station.ask(recharge(100, counts[unit] + 1, unit)))
        else:
            heard.append(await station.ask(read(unit)))
    return list(one.faults.log), one.truth(), heard


def test_the_same_seed_tells_the_same_story_to_the_byte_and_another_seed_another() -> None:
    first, again, other = (run(_rough_day(seed)) for seed in (11, 11, 12))
    assert first == again
    assert first != other


def test_in_a_brutal_day_every_kind_of_fault_happens() -> None:
    log, _, _ = run(_rough_day(11))
    assert {fault.kind for fault in log} >= set(KINDS)


def test_a_faults_file_may_start_from_a_level(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('level = "mild"\nlate_s_max = 1.5\n[rates]\nlate = 0.25\n[cut]\nper_day = 2\nseconds = [1, 2]\n')
    plan = load_plan(path)
    assert (plan.rates["late"], plan.late_s_max, plan.cut) == (0.25, 1.5, Trouble(per_day=2, seconds=(1.0, 2.0)))
    assert plan.rates["corrupted"] == LEVELS["mild"].rates["corrupted"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[rates]\ngremlins = 0.1", "gremlins"),
        ("[rates]\nlate = 0.7\nnoise = 0.7", "at most 1"),
        ("[rates]\nlate = -1", "below 0"),
        ('level = "unfair"', "unfair"),
        ("sunspots = 1", "sunspots"),
        ("[cut]\nper_day = 'often'", "cut"),
        ("level =", "faults.toml"),
    ],
)
def test_a_wrong_faults_file_is_refused_by_the_wrong_key(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(FaultsError, match=word):
        load_plan(path)
