"""Every kind of carrier and its room."""

from __future__ import annotations

from collections.abc import Mapping

from prewatt.domain.notices.carriers import aliyun, mail, robots, tencent
from prewatt.domain.notices.carrying import Room
from prewatt.domain.notices.models import CarrierKind
from prewatt.domain.notices.modem import carrier as modem

ROOMS: Mapping[str, Room] = {
    CarrierKind.MODEM: modem.ROOM,
    CarrierKind.ALIYUN: aliyun.ROOM,
    CarrierKind.TENCENT: tencent.ROOM,
    CarrierKind.MAIL: mail.ROOM,
    CarrierKind.WECOM: robots.WECOM,
    CarrierKind.DINGTALK: robots.DINGTALK,
}
