"""Commands: the right registers, polarity, steps; what cannot be said exactly is not said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt import profiles
from prewatt.field.wire import modbus
from prewatt.profiles import CannotRepresent, NotAllowed, Profile, Write

NK = profiles.load("acrel-dtsy1352-nk")
ADF = profiles.load("acrel-adf400l")
SWITCHING = ["acrel-dtsy1352-nk", "acrel-ddsy1352"]


def _frame(write: Write) -> str:
    request = modbus.Request(1, write.function, write.address, len(write.registers), write.registers)
    return modbus.rtu_encode(request).hex(" ").upper()


@pytest.mark.parametrize("name", SWITCHING)
def test_force_off_and_force_on_are_the_published_frames(name: str) -> None:
    """Polarity: a wrong one darkens a shop instead of protecting it. 0058: 1 is off, 0 is on."""
    profile = profiles.load(name)
    assert _frame(profile.encode("switch_off", {})) == "01 10 00 57 00 02 04 00 01 00 01 27 75"
    assert _frame(profile.encode("hold", {})) == "01 10 00 57 00 02 04 00 01 00 00 E6 B5"


@pytest.mark.parametrize("name", SWITCHING)
@pytest.mark.parametrize(("registers", "forced"), [((1, 1), 1), ((1, 0), 2), ((0, 0), 0), ((0, 1), 0)])
def test_the_same_polarity_is_read_back(name: str, registers: tuple[int, int], forced: int) -> None:
    profile = profiles.load(name)
    assert profile.decode(profiles.Block(3, 0x57, 2), registers) == {"forced": forced}


@pytest.mark.parametrize("name", SWITCHING)
def test_an_unlisted_state_of_the_force_registers_is_unknown(name: str) -> None:
    assert profiles.load(name).decode(profiles.Block(3, 0x57, 2), (7, 9)) == {}


def test_release_takes_the_force_away() -> None:
    assert NK.encode("release", {}) == Write(16, 0x57, (0,))


def test_a_recharge_is_one_write_of_amount_and_count() -> None:
    write = NK.encode("recharge", {"amount_fen": 1_234_567, "count": 9})
    assert write.registers == (1_234_567 >> 16, 1_234_567 & 0xFFFF, 9)
    assert NK.parse_write(16, write.address, write.registers) == ("recharge", {"amount_fen": 1_234_567, "count": 9})


@pytest.mark.parametrize("values", [{"amount_fen": 1}, {"count": 1}, {}, {"amount_fen": 1, "count": 1, "note": 1}])
def test_half_a_recharge_is_none(values: dict[str, int]) -> None:
    with pytest.raises(CannotRepresent):
        NK.encode("recharge", values)


@pytest.mark.parametrize(
    "values", [{"amount_fen": -1, "count": 1}, {"amount_fen": 2**32, "count": 1}, {"amount_fen": 1, "count": 65_536}]
)
def test_what_does_not_fit_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(CannotRepresent):
        NK.encode("recharge", values)


def test_a_price_finer_than_the_register_is_refused_not_rounded() -> None:
    """ADF400L: steps of 0.01 yuan/kWh; 0.7263 cannot be sent."""
    assert ADF.writes("prices", {"price_sharp_e4": 7_200}) == (Write(16, 0x537, (0, 72)),)
    with pytest.raises(CannotRepresent, match="price_sharp_e4"):
        ADF.writes("prices", {"price_sharp_e4": 7_263})


def test_settings_travel_together_where_they_are_neighbours() -> None:
    writes = NK.writes("limits", {"alarm1_fen": 5_000, "alarm2_fen": 2_000, "ceiling_fen": 100_000})
    assert [(write.address, write.registers) for write in writes] == [
        (0x46, (0, 5_000, 0, 2_000)),
        (0x1130, (1, 34_464)),
    ]
    with pytest.raises(CannotRepresent, match="2 writes"):
        NK.encode("limits", {"alarm1_fen": 5_000, "ceiling_fen": 1})


def test_what_a_site_has_not_allowed_is_not_sent() -> None:
    for allow in ([], ["manual"], ["manual", "observed", "unverified"]):
        with pytest.raises(NotAllowed, match="Nothing was sent"):
            NK.allowed(allow).encode("recharge", {"amount_fen": 1, "count": 1})
    assert NK.allowed(["unverified"]).encode("switch_off", {})
    with pytest.raises(NotAllowed):
        NK.allowed(["manual"]).encode("switch_off", {})


def test_the_proof_goes_with_its_confidence() -> None:
    assert NK.proof == "purchase_count"
    assert NK.allowed(["manual", "unverified"]).proof == "none"


@pytest.mark.parametrize(
    ("function", "address", "registers"),
    [
        (16, 0x1100, (0, 1)),
        (16, 0x1101, (1, 1)),
        (6, 0x1100, (0, 1, 1)),
        (16, 0x57, (1, 7)),
        (16, 0x47, (1,)),
        (16, 9, (1,)),
    ],
)
def test_a_write_that_is_no_command_is_none(function: int, address: int, registers: tuple[int, ...]) -> None:
    assert NK.parse_write(function, address, registers) is None


@given(data=st.data())
def test_whatever_can_be_encoded_is_parsed_back(data: st.DataObject) -> None:
    profile: Profile = data.draw(st.sampled_from([NK, ADF]))
    row = data.draw(st.sampled_from([row for row in profile.command_rows if row.fields and "clock" not in row.name]))
    values = {
        item.name: data.draw(st.integers(0, 60_000)) * max(item.numerator, 1) // item.denominator for item in row.fields
    }
    for write in profile.writes(row.name, values):
        parsed = profile.parse_write(write.function, write.address, write.registers)
        assert parsed is not None
        assert parsed[0] == row.name
        assert parsed[1].items() <= values.items()
