"""The sheets of an estate workbook and their columns: template, reader and messages all follow this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from prewatt import profiles
from prewatt.domain.estate.importing.cells import OneOf, Parse, SomeOf, Text, Whole, amount_fen, bus_url, price_e4
from prewatt.domain.estate.models import Area, Building, Bus, Customer, Floor, Gateway, Meter, Room

ROWS_MAX = 20_000
SUITES = ("aes-256-gcm", "sm4-gcm", "3des-cbc")
CONFIDENCES = ("manual", "observed", "unverified", "simulated")
METER_NUMBER = r"[0-9A-Za-z_.-]+"


@dataclass(frozen=True)
class Column:
    """`key` is the field; `title` stands in the first row, `english` is taken as well."""

    key: str
    title: str
    english: str
    parse: Parse
    required: bool = False
    example: Any = ""
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    kind: str
    title: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...]  # the columns that name a row: they may not come twice


def _length(model: type[models.Model], field: str) -> int:
    return int(getattr(model._meta.get_field(field), "max_length"))  # noqa: B009 - only text fields have one


def _text(model: type[models.Model], field: str, pattern: str = "", hint: str = "") -> Text:
    return Text(_length(model, field), pattern, hint)


def sheets() -> tuple[Sheet, ...]:
    """In the order in which they are read: a row may name only what stands before it or is there already."""
    building = Column("building", "楼号", "building", _text(Building, "code"), True, "A")
    gateway = Column("gateway", "通讯管理机", "gateway", _text(Gateway, "code"), True, "GW-01")
    return (
        Sheet(
            "buildings",
            "楼宇",
            (
                Column("code", "楼号", "building", _text(Building, "code"), True, "A"),
                Column("name", "名称", "name", _text(Building, "name"), True, "海棠湾商务大厦"),
            ),
            ("code",),
        ),
        Sheet(
            "rooms",
            "房间",
            (
                building,
                Column("floor", "层号", "floor", Whole(-9, 200), True, 3),
                Column("floor_name", "层名", "floor name", _text(Floor, "name"), False, "3F"),
                Column("number", "户号", "room", _text(Room, "number"), True, "0306"),
                Column("use", "用电类型", "use", _text(Room, "use"), False, "商铺"),
                Column("area", "区域", "area", _text(Area, "name"), False, "", "楼里有名字的一部分; 没有的自动新建"),
            ),
            ("building", "number"),
        ),
        Sheet(
            "gateways",
            "通讯管理机",
            (
                Column("code", "通讯管理机", "gateway", _text(Gateway, "code"), True, "GW-01"),
                Column("name", "名称", "name", _text(Gateway, "name"), False, "弱电间"),
                Column("suite", "加密套件", "suite", OneOf(SUITES), False, SUITES[0]),
            ),
            ("code",),
        ),
        Sheet(
            "buses",
            "总线",
            (
                gateway,
                Column("code", "总线", "bus", _text(Bus, "code"), True, "bus-1"),
                Column("url", "接口地址", "url", bus_url, True, "rtu+tcp://192.168.1.20:4001?baud=9600"),
                Column("sweep_s", "集抄间隔(秒)", "sweep s", Whole(1, 86_400), False, "", "空: 用默认参数"),
                Column("status_s", "状态间隔(秒)", "status s", Whole(1, 86_400), False, 180),
            ),
            ("gateway", "code"),
        ),
        Sheet("meters", "仪表", _meter_columns(gateway), ("number",)),
        Sheet("customers", "客户", _customer_columns(), ("number",)),
    )


def _meter_columns(gateway: Column) -> tuple[Column, ...]:
    number = _text(Meter, "number", METER_NUMBER, "digits and letters without spaces, for example 030001040A")
    address = _text(Meter, "address", r"\d{12}", "twelve digits, as on the meter's plate")
    return (
        Column("number", "表号", "meter", number, True, "030001040A", "文本格式: 前导零和字母不能丢"),
        gateway,
        Column("bus", "总线", "bus", _text(Bus, "code"), True, "bus-1"),
        Column("unit", "地址", "unit", Whole(1, 247), False, 10, "Modbus 1-247"),
        Column("address", "通信地址", "address", address, False, "", "DL/T 645: 12 位"),
        Column("profile", "型号", "profile", OneOf(tuple(profiles.names())), True, "acrel-dtsy1352-nk"),
        Column("building", "楼号", "building", _text(Building, "code"), False, "A"),
        Column("room", "户号", "room", _text(Room, "number"), False, "0306"),
        Column("circuit", "回路", "circuit", _text(Meter, "circuit"), False, "1-104"),
        Column("level", "表级", "level", Whole(1, 9), False, 1),
        Column("ct_ratio", "互感器倍率", "ct ratio", Whole(1, 10_000), False, 120),
        Column("alarm1_fen", "报警金额1(元)", "alarm 1 yuan", amount_fen, False, 50),
        Column("alarm2_fen", "报警金额2(元)", "alarm 2 yuan", amount_fen, False, 20),
        Column("ceiling_fen", "允许金额上限(元)", "ceiling yuan", amount_fen, False, 1000, "0: 不限"),
        Column("overload_limit_w", "功率阈值(瓦)", "overload w", Whole(0, 10_000_000), False, 0, "0: 不限"),
        Column("price_sharp_e4", "尖电价", "price sharp", price_e4, False, 1.2),
        Column("price_peak_e4", "峰电价", "price peak", price_e4, False, 1.0),
        Column("price_flat_e4", "平电价", "price flat", price_e4, False, 0.7),
        Column("price_valley_e4", "谷电价", "price valley", price_e4, False, 0.3),
        Column("price_deep_e4", "深谷电价", "price deep", price_e4, False, 0),
        Column("allow", "允许的依据", "allow", SomeOf(CONFIDENCES), False, "manual,observed"),
        Column("remark", "表备注", "remark", _text(Meter, "remark")),
        Column("pt_ratio", "电压互感器倍率", "pt ratio", Whole(1, 10_000), False, 1, "与互感器倍率相乘"),
        Column("parent", "上级表", "parent", number, False, "", "给它供电的表的表号; 须在它前面的行里, 或已经登记"),
    )


def _customer_columns() -> tuple[Column, ...]:
    return (
        Column("number", "用户编号", "user number", _text(Customer, "number"), True, "K0001"),
        Column("name", "用户名字", "name", _text(Customer, "name"), True, "同舟茶饮"),
        Column("contact", "联系人", "contact", _text(Customer, "contact"), False, "周先生"),
        Column("phone", "联系电话", "phone", _text(Customer, "phone"), False, "13800000000", "文本格式"),
        Column("address", "联系地址", "address", _text(Customer, "address")),
        Column("note", "备注", "note", _text(Customer, "note")),
    )
