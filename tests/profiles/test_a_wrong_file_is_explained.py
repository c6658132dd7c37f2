"""A profile file that cannot be used says which file, which key, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewatt import profiles
from prewatt.profiles import ProfileError
from prewatt.profiles.loader import FILE_BYTES_MAX

GOOD = """
name = "mine"
protocol = "modbus-rtu"
[rating]
power_w_max = 1000
current_a_max = 10
confidence = "observed"
source = "label"
[[group]]
source = "my manual p. 3"
confidence = "manual"
quantity = [ { name = "energy_wh", address = 0, type = "u32", step = "0.01 kWh" } ]
"""


def test_a_file_of_ones_own_works(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    assert "mine" in profiles.names([tmp_path])
    profile = profiles.load("mine", [tmp_path])
    assert profile.decode(profile.sweep_blocks[0], (0, 6_846)) == {"energy_wh": 68_460}
    assert profiles.load(str(tmp_path / "mine.toml")).name == "mine"


def test_ones_own_file_wins_over_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "acrel-ddsy1352.toml").write_text(GOOD.replace('"mine"', '"acrel-ddsy1352"'))
    assert len(profiles.load("acrel-ddsy1352", [tmp_path]).rows) == 1
    assert len(profiles.load("acrel-ddsy1352").rows) > 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "mine"', "", "name: is missing"),
        ('name = "mine"', 'name = "../etc"', "name: '../etc' is not a name"),
        ('"modbus-rtu"', '"can"', "protocol: 'can' is none of"),
        ('"energy_wh"', '"energie"', r"group[0].quantity[0].name: 'energie' is no quantity"),
        ("address = 0", "address = 70000", r"group[0].quantity[0].address: 70000 is not between"),
        ("address = 0", "address = 65535", "is not between 0 and 65534"),
        ("address = 0", 'address = "0"', "address: must be int"),
        ("address = 0", "address = true", "address: must be int"),
        ('"u32"', '"u33"', "type: 'u33' is none of"),
        ('"0.01 kWh"', '"0.01 V"', "step: V does not fit the name energy_wh"),
        ('"0.01 kWh"', '"0.01 kwh"', "step: '0.01 kwh': the unit must be one of"),
        ('"0.01 kWh"', '"much kWh"', "step: 'much kWh' is not a number"),
        ('"0.01 kWh"', '"-1 kWh"', "step: '-1 kWh'"),
        ('confidence = "manual"', 'confidence = "sure"', "confidence: 'sure' is none of"),
        ('confidence = "manual"', 'confidence = "simulated"', "reason: what is simulated must say why"),
        ('source = "my manual p. 3"', "", "source: is missing"),
        ("address = 0", "adress = 0, address = 0", "adress: is no key of a quantity"),
        ("[rating]", "[rated]", "rating: is missing"),
        ("power_w_max = 1000", "power_w_max = 0", "rating.power_w_max: 0 is not between"),
        ("[[group]]", "[group]", "group: must be list"),
        ('protocol = "modbus-rtu"', "protocol = modbus", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        profiles.load("mine", [tmp_path])
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ('name = "x"\nconfidence = "manual"\nsource = "s"', "writes at least one register"),
        (
            'name = "x"\nconfidence = "manual"\nsource = "s"\nconstant = [{address=1,value=1},{address=3,value=1}]',
            "without a gap",
        ),
        (
            'name = "x"\nconfidence = "manual"\nsource = "s"\nconstant = [{address=1,value=1}]\n'
            'field = [{name="count",address=1,type="u16"}]',
            "none twice",
        ),
        ('name = "x"\nconfidence = "simulated"\nconstant = [{address=1,value=1}]', "must say why"),
    ],
)
def test_a_command_that_cannot_be_one_write_is_refused(command: str, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        profiles.parse(f"{GOOD}\n[[command]]\n{command}\n", "mine.toml")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ProfileError, match=r"acrel-dtsy1352-nk.*--profiles"):
        profiles.load("no-such-meter")


def test_a_file_that_is_not_there_a_huge_one_and_a_binary_one(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        profiles.load(str(tmp_path / "none.toml"))
    huge = tmp_path / "huge.toml"
    huge.write_text("#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(ProfileError, match="larger than"):
        profiles.load(str(huge))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="not UTF-8"):
        profiles.load(str(binary))
    with pytest.raises(ProfileError, match="not a directory"):
        profiles.names([tmp_path / "nowhere"])
