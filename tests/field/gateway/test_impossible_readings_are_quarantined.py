"""What cannot be true is not believed, and never becomes the baseline for the next reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from field.gateway.site import Room, Site, run
from prewatt.field.gateway.plausible import CONSISTENT_MIN, Quarantine
from prewatt.field.gateway.recharge import Limits
from prewatt.field.wire import modbus

T0 = 1_800_000_000_000
MINUTE = 60_000
SEEN = {"energy_wh": 100_000, "energy_peak_wh": 40_000, "balance_fen": 5_000, "purchase_count": 3, "power_w": 900}


def guard(ct_ratio: int = 1) -> Quarantine:
    quarantine = Quarantine(Limits(rating_w=60_000, ct_ratio=ct_ratio, price_e4_max=10_000))
    assert quarantine.judge(SEEN, at=T0).believed
    return quarantine


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"energy_wh": 99_990}, "backwards_energy_wh"),
        ({"energy_peak_wh": 10}, "backwards_energy_peak_wh"),
        ({"energy_wh": 101_030}, "jump_energy_wh"),  # 60 kW for a minute is 1,000 Wh and a step
        ({"purchase_count": 2}, "backwards_purchase_count"),
        ({"purchase_count": 300}, "jump_purchase_count"),
        ({"balance_fen": 5_001}, "rise_balance_fen"),
        ({"balance_fen": 4_800}, "jump_balance_fen"),
        ({"power_w": 130_000}, "beyond_rating_power_w"),
        ({"energy_wh": 101_000}, ""),
        ({"balance_fen": 4_900}, ""),
        ({"balance_fen": 15_000, "purchase_count": 4}, ""),
        ({"power_w": -110_000}, ""),
    ],
)
def test_each_impossibility_has_its_name(change: dict[str, int], reason: str) -> None:
    verdict = guard().judge({**SEEN, **change}, at=T0 + MINUTE)
    assert (verdict.believed, verdict.reason) == (not reason, reason)


def test_a_glitch_never_becomes_the_baseline() -> None:
    """100 -> 10 -> 101: the next good reading follows the good one before, not the glitch."""
    quarantine = guard()
    assert not quarantine.judge({**SEEN, "energy_wh": 10}, at=T0 + MINUTE).believed
    assert not quarantine.judge({**SEEN, "energy_wh": 99_000}, at=T0 + 2 * MINUTE).believed
    assert quarantine.judge({**SEEN, "energy_wh": 100_500}, at=T0 + 3 * MINUTE).believed
    assert not quarantine.judge({**SEEN, "energy_wh": 100_400}, at=T0 + 4 * MINUTE).believed


def test_behind_a_ct_of_120_a_single_step_of_the_register_is_no_jump() -> None:
    quarantine = guard(ct_ratio=120)
    assert quarantine.judge({**SEEN, "energy_wh": 100_000 + 1_200}, at=T0 + 1_000).believed
    assert not guard(ct_ratio=1).judge({**SEEN, "energy_wh": 100_000 + 1_200}, at=T0 + 1_000).believed
    an_hour = 60_000 * 120
    assert quarantine.judge({**SEEN, "energy_wh": 101_200 + an_hour}, at=T0 + 61 * MINUTE).believed
    assert not quarantine.judge({**SEEN, "energy_wh": 101_200 + 3 * an_hour}, at=T0 + 62 * MINUTE).believed


def test_a_meter_that_was_reset_is_believed_again_after_readings_that_agree() -> None:
    quarantine = guard()
    new = {**SEEN, "energy_wh": 0, "energy_peak_wh": 0}
    verdicts = [
        quarantine.judge({**new, "energy_wh": 10 * n}, at=T0 + n * MINUTE) for n in range(1, CONSISTENT_MIN + 1)
    ]
    assert [verdict.believed for verdict in verdicts] == [False] * (CONSISTENT_MIN - 1) + [True]
    assert verdicts[-1].again
    assert quarantine.judge({**new, "energy_wh": 50}, at=T0 + 9 * MINUTE).believed
    assert not quarantine.judge({**SEEN}, at=T0 + 9 * MINUTE + 1).believed


def test_readings_that_disagree_with_each_other_are_no_new_story() -> None:
    quarantine = guard()
    for n, energy in enumerate([10, 90_000, 5, 80_000, 7, 70_000], start=1):
        assert not quarantine.judge({**SEEN, "energy_wh": energy}, at=T0 + n * MINUTE).believed


def test_a_glitch_that_repeats_within_seconds_is_not_believed_yet() -> None:
    quarantine = guard()
    for n in range(8):
        assert not quarantine.judge({**SEEN, "energy_wh": 10}, at=T0 + 1_000 * n).believed


@given(st.lists(st.tuples(st.integers(1, 3_600), st.integers(0, 60_000)), max_size=30))
def test_no_true_meter_is_ever_quarantined(life: list[tuple[int, int]]) -> None:
    """(seconds, watts) segments of any load within the rating, read after each."""
    quarantine = guard()
    at, wms = T0, 0
    for seconds, watts in life:
        at += 1_000 * seconds
        wms += watts * 1_000 * seconds
        step_wh = wms // 3_600_000 // 10 * 10
        values = {**SEEN, "energy_wh": 100_000 + step_wh, "balance_fen": 5_000 - step_wh // 10}
        assert quarantine.judge(values, at=at).believed


def test_a_glitch_on_the_line_reaches_the_centre_as_an_event_and_not_as_a_reading(tmp_path: Path) -> None:
    async def story() -> None:
        lie = False

        def script(room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
            if lie and request.function == 3 and request.count == 60:
                registers = list(room.profile.show(room.profile.sweep_blocks[0], room.meter.values(room.meter.at_ms)))
                registers[0x15] = registers[0x16] = 0  # energy_wh
                return modbus.encode_reply(request, modbus.Reply(request.unit, 3, tuple(registers)))
            return answer()

        site = Site(tmp_path, script=script, sweep_s=60)
        site.rooms[0].meter.load.watts = 40_000  # type: ignore[attr-defined]
        site.start()
        await asyncio.sleep(130)
        lie = True
        await asyncio.sleep(55)
        lie = False
        await asyncio.sleep(200)
        codes = [event.code for event in site.centre.events]
        assert "quarantined" in codes
        energies = [reading.values["energy_wh"] for reading in site.centre.readings if "energy_wh" in reading.values]
        assert 0 not in energies[1:]
        assert energies == sorted(energies)
        await site.stop()

    run(story())


def test_a_reset_meter_is_taken_up_again_and_the_centre_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path, sweep_s=60)
        site.rooms[0].meter.load.watts = 40_000  # type: ignore[attr-defined]
        site.start()
        await asyncio.sleep(200)
        site.rooms[0].meter.memory.energy_wms = [0] * 5
        site.rooms[0].meter._rate_until = 0
        await asyncio.sleep(200)
        codes = [event.code for event in site.centre.events]
        assert codes.count("reaccepted") == 1
        assert site.centre.readings[-1].values["balance_fen"]
        fulls = [reading for reading in site.centre.readings if "energy_wh" in reading.values]
        assert fulls[-1].values["energy_wh"] < fulls[0].values["energy_wh"] + 5_000
        await site.stop()

    run(story())
