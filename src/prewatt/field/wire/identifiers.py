"""DL/T 645 data identifiers: what they are called, how they count. Only those that public sources agree on."""

from __future__ import annotations

from typing import NamedTuple


class Identifier(NamedTuple):
    """`size` bytes of BCD each, `decimals` of them behind the point; `blocks` values one after the other."""

    name: str
    size: int
    decimals: int
    unit: str
    values: int = 1
    signed: bool = False


_ENERGY = {0x00: "组合有功", 0x01: "正向有功", 0x02: "反向有功"}
_RATES = {0: "总", 1: "尖", 2: "峰", 3: "平", 4: "谷"}
_PHASES = {1: "A相", 2: "B相", 3: "C相"}

IDENTIFIERS_2007: dict[int, Identifier] = {
    **{
        kind << 16 | rate << 8: Identifier(f"{name}{text}电能", 4, 2, "kWh")
        for kind, name in _ENERGY.items()
        for rate, text in _RATES.items()
    },
    **{
        kind << 16 | 0xFF00: Identifier(f"{name}电能数据块 总/尖/峰/平/谷", 4, 2, "kWh", 5)
        for kind, name in _ENERGY.items()
    },
    **{0x02010000 | phase << 8: Identifier(f"{name}电压", 2, 1, "V") for phase, name in _PHASES.items()},
    0x0201FF00: Identifier("电压数据块 A/B/C", 2, 1, "V", 3),
    **{0x02020000 | phase << 8: Identifier(f"{name}电流", 3, 3, "A", signed=True) for phase, name in _PHASES.items()},
    0x0202FF00: Identifier("电流数据块 A/B/C", 3, 3, "A", 3, signed=True),
    0x02030000: Identifier("瞬时总有功功率", 3, 4, "kW", signed=True),
    **{
        0x02030000 | phase << 8: Identifier(f"瞬时{name}有功功率", 3, 4, "kW", signed=True)
        for phase, name in _PHASES.items()
    },
    0x02040000: Identifier("瞬时总无功功率", 3, 4, "kvar", signed=True),
    0x02060000: Identifier("总功率因数", 2, 3, "", signed=True),
    0x02800002: Identifier("电网频率", 2, 2, "Hz"),
    0x00900100: Identifier("剩余电量", 4, 2, "kWh"),
    0x00900200: Identifier("剩余金额", 4, 2, "yuan"),
    0x00900201: Identifier("透支金额", 4, 2, "yuan"),
    0x03330201: Identifier("购电次数", 2, 0, ""),
    0x04001001: Identifier("报警金额1限值", 4, 2, "yuan"),
    0x04001002: Identifier("报警金额2限值", 4, 2, "yuan"),
    0x04001003: Identifier("透支金额限值", 4, 2, "yuan"),
    0x04001004: Identifier("囤积金额限值", 4, 2, "yuan"),
    0x04001005: Identifier("合闸允许金额限值", 4, 2, "yuan"),
}
# named, but not a plain number
NAMES_2007 = {
    **{0x04000500 | word: f"电表运行状态字{word}" for word in range(1, 8)},
    0x04000401: "通信地址",
    0x0400040E: "客户编号",
    0x070001FF: "身份认证",
    0x070101FF: "开户",
    0x070102FF: "充值",
    0x070103FF: "钱包初始化",
    0x078102FF: "状态查询",
}
IDENTIFIERS_1997: dict[int, Identifier] = {
    **{kind << 8 | 0x10 + rate: Identifier("", 4, 2, "kWh") for kind in (0x90,) for rate in range(5)},
    **{0xB610 + phase: Identifier("", 2, 0, "V") for phase in (1, 2, 3)},
    **{0xB620 + phase: Identifier("", 2, 2, "A") for phase in (1, 2, 3)},
}
COMMAND_TEXTS = {
    0x1A: "跳闸",
    0x1B: "合闸允许",
    0x1C: "直接合闸",
    0x1D: "预跳闸",
    0x1E: "预跳闸(合闸允许)",
    0x2A: "报警",
    0x2B: "报警解除",
    0x3A: "保电",
    0x3B: "保电解除",
}


def number_text(data: bytes, decimals: int, *, signed: bool = False) -> str | None:
    """BCD as sent (lowest byte first) to text with exactly `decimals` digits behind the point;
    None when a nibble is no digit.
    """
    digits = data[::-1]
    negative = signed and bool(digits[0] & 0x80)
    text = (bytes((digits[0] & 0x7F,)) + digits[1:]).hex() if negative else digits.hex()
    if not text.isdigit():
        return None
    number = int(text)
    whole, part = divmod(number, 10**decimals)
    shown = f"{whole}.{part:0{decimals}d}" if decimals else str(whole)
    return f"-{shown}" if negative and number else shown
