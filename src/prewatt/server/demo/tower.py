"""The demo's building on paper: 20 floors, 152 rooms and meters on 8 buses, and invented tenants.

Nothing is stored here. The installation is the article's: 152 DTSY1352-NK on 8 RS-485 buses.
Names, phones and amounts are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

BUILDING = "海棠湾商务大厦"
BUILDING_CODE = "A"
PROFILE = "acrel-dtsy1352-nk"
BUSES = 8
METERS_PER_BUS = 19
SHOP_FLOORS = 4
FLOORS = 20
ALARM1_FEN = 5_000
ALARM2_FEN = 2_000
CEILING_FEN = 500_000


class Wanted(StrEnum):
    """What the room looks like when the demo first opens. The meters bring it about themselves."""

    OPEN = "open"
    AL1 = "al1"
    AL2 = "al2"
    OWE = "owe"
    NONE = "none"
    LOST = "lost"
    HOLD = "hold"
    OFF = "off"


_WANTED: dict[Wanted, str] = {
    Wanted.AL1: "1507 0202 1603 0506 0907 1106 1804 0601 1302",
    Wanted.AL2: "1806 0905 0203 1204 1701",
    Wanted.OWE: "0306 1102 0704 1308",
    Wanted.NONE: "2006 2007 2008 1904 0405 1003",
    Wanted.LOST: "1404 1405 0808",
    Wanted.HOLD: "0101 2001",
    Wanted.OFF: "1905 0602",
}
# Rooms of a tenant who has another one already: whose.
_SAME_TENANT = {"0705": "0703", "0706": "0703", "1607": "1606"}
FLAT_FLOORS = (17, 18)  # offices that pay one price at any hour
FLAT_E4 = 8_800
_SHOPS = (
    "慢半拍咖啡 老镇面馆 晨光便利店 康和药房 半亩花店 南风书店 明视眼镜 麦语烘焙 青柚茶饮 剪艺美发 "
    "力行健身 鲜橙超市 海味粥铺 川渝小馆 小满童装 星野数码 云上瑜伽 百味卤坊 简木家居 望潮海鲜 "
    "一米阳光影城 润心足浴 泊岸酒吧 乐拼玩具"
).split()
_FIRST = "澄湖 启航 云帆 信合 博远 天衡 致和 鼎新 易通 蓝图 众诚 汇泽 维度 青禾 锐思 观海 立信 东岸 恒川 知行".split()
_KINDS = (
    "设计工作室 律师事务所 会计师事务所 软件 国际贸易 广告传媒 旅行社 建筑设计 教育咨询 人力资源 口腔门诊 摄影 物流 "
    "测绘 知识产权 财税咨询 医药科技 保险代理 进出口 网络科技 工程监理 文化传播 投资顾问"
).split()
_SURNAMES = "周 林 陈 黄 李 吴 何 梁 郑 谢 许 邓 冯 曾 彭 苏 卢 蔡 叶 程".split()


@dataclass(frozen=True, slots=True)
class RoomPlan:
    index: int  # 0..151, from the ground up
    floor: int
    number: str  # 户号
    wanted: Wanted
    tenant: str
    contact: str
    phone: str
    mean_wh: int  # the room's mean hour
    ct_ratio: int
    overdraft_fen: int
    customer: str
    bus: int  # 1..8
    unit: int  # 1..19

    @property
    def meter(self) -> str:
        """表号, the article's manner: area, then bus, then the address in hex."""
        return f"030001{self.bus:02d}{self.unit:02X}"

    @property
    def flat(self) -> bool:
        return self.floor in FLAT_FLOORS

    @property
    def shares(self) -> bool:
        """Its tenant has other rooms too."""
        return self.number in {*_SAME_TENANT, *_SAME_TENANT.values()}


@cache
def rooms() -> tuple[RoomPlan, ...]:
    """All 152, by index."""
    places = [
        (floor, room) for floor in range(1, FLOORS + 1) for room in range(1, (6 if floor <= SHOP_FLOORS else 8) + 1)
    ]
    numbers = {f"{floor:02d}{room:02d}": index for index, (floor, room) in enumerate(places)}
    return tuple(
        _room(index, floor, room, numbers[_SAME_TENANT.get(number, number)])
        for (number, index), (floor, room) in zip(numbers.items(), places, strict=True)
    )


def _room(index: int, floor: int, room: int, tenant: int) -> RoomPlan:
    """`tenant`: the index of the first room of whoever is in this one."""
    number = f"{floor:02d}{room:02d}"
    wanted = next((state for state, numbers in _WANTED.items() if number in numbers.split()), Wanted.OPEN)
    shop = floor <= SHOP_FLOORS
    return RoomPlan(
        index=index,
        floor=floor,
        number=number,
        wanted=wanted,
        tenant=_tenant(tenant, number, shop=shop),
        contact=_SURNAMES[tenant * 7 % len(_SURNAMES)] + ("先生", "女士")[tenant % 2] if number != "1806" else "周先生",
        phone=f"138000{tenant:05d}",
        customer=f"C{tenant + 1:04d}",
        mean_wh=5 if wanted is Wanted.NONE else _mean_wh(index, shop=shop),
        ct_ratio=20 if shop else 1,
        overdraft_fen=2_500 if wanted is Wanted.OWE else 0,
        bus=index // METERS_PER_BUS + 1,
        unit=index % METERS_PER_BUS + 1,
    )


def _tenant(index: int, number: str, *, shop: bool) -> str:
    if shop:
        return _SHOPS[index]
    if number == "1806":
        return "澜石设计工作室"
    office = index - len(_SHOPS)
    return _FIRST[office % len(_FIRST)] + _KINDS[(office // len(_FIRST) * 5 + office) % len(_KINDS)]


def _mean_wh(index: int, *, shop: bool) -> int:
    """Shops draw 3 to 7 kW on average, offices 0.4 to 1.7."""
    spread = (index * 617 + 211) % 1000
    return 3_000 + 4 * spread if shop else 400 + 13 * spread // 10
