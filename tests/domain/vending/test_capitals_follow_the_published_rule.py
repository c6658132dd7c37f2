"""The examples printed with the rule itself (银发〔1997〕393号), and the corners that it names."""

from __future__ import annotations

import random
import re

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prewatt.domain.vending.capitals import DIGITS, capitals
from prewatt.units.values import Money

# amount, our form, other forms that the rule allows
PUBLISHED = [
    ("1409.50", "壹仟肆佰零玖元伍角"),
    ("6007.14", "陆仟零柒元壹角肆分"),
    ("1680.32", "壹仟陆佰捌拾元零叁角贰分"),
    ("107000.53", "壹拾万柒仟元零伍角叁分"),
    ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
    ("325.04", "叁佰贰拾伍元零肆分"),
    ("289546.52", "贰拾捌万玖仟伍佰肆拾陆元伍角贰分"),
    ("7560.31", "柒仟伍佰陆拾元零叁角壹分"),
    ("532.00", "伍佰叁拾贰元整"),
    ("425.03", "肆佰贰拾伍元零叁分"),
    ("325.20", "叁佰贰拾伍元贰角"),
]
CORNERS = [
    ("0", "零元整"),
    ("0.01", "壹分"),
    ("0.10", "壹角"),
    ("0.58", "伍角捌分"),
    ("10", "壹拾元整"),
    ("10.05", "壹拾元零伍分"),
    ("1000.05", "壹仟元零伍分"),
    ("1001", "壹仟零壹元整"),
    ("10001", "壹万零壹元整"),
    ("100000", "壹拾万元整"),
    ("10100000", "壹仟零壹拾万元整"),
    ("100010000", "壹亿零壹万元整"),
    ("100000001.01", "壹亿零壹元零壹分"),
    ("17978.50", "壹万柒仟玖佰柒拾捌元伍角"),
    ("999999.99", "玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
]


@pytest.mark.parametrize(("amount", "text"), PUBLISHED + CORNERS)
def test_an_amount_reads_as_the_rule_writes_it(amount: str, text: str) -> None:
    assert capitals(Money.parse(amount).fen) == text


def read_back(text: str) -> int:
    """What a person reads, in fen."""
    fen = yuan = group = 0
    digit = 0
    for sign in text.rstrip("整"):
        if sign in DIGITS:
            digit = DIGITS.index(sign)
        elif sign in "拾佰仟":
            group, digit = group + digit * {"拾": 10, "佰": 100, "仟": 1000}[sign], 0
        elif sign in "万亿":
            yuan, group, digit = yuan + (group + digit) * {"万": 10**4, "亿": 10**8}[sign], 0, 0
        elif sign == "元":
            yuan, group, digit = yuan + group + digit, 0, 0
        else:
            fen, digit = fen + digit * {"角": 10, "分": 1}[sign], 0
    return yuan * 100 + fen


@given(st.integers(min_value=1, max_value=10**14 - 1))
def test_every_amount_is_read_back_as_itself(fen: int) -> None:
    text = capitals(fen)
    assert read_back(text) == fen
    assert "零零" not in text
    assert text.endswith("整") == (fen % 100 == 0)
    assert not text.startswith("零")


def test_below_zero_there_is_no_capital() -> None:
    with pytest.raises(ValueError, match="from zero up"):
        capitals(-1)


# 零 that the rule leaves open, before 角 and after empty 万, before what is not zero: we write it, others do not.
LEFT_OPEN = re.compile(r"(?<=元)零(?=.角)|(?<=亿)零(?=.仟)")


def test_two_hundred_thousand_amounts_read_as_somebody_else_writes_them() -> None:
    chance = random.Random(393)
    for _once in range(200_000):
        fen = chance.randrange(10 ** chance.randint(1, 14))
        theirs = cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb")  # text: it would cut a float short
        assert LEFT_OPEN.sub("", capitals(fen)) == LEFT_OPEN.sub("", theirs), fen
