"""From a balance that falls below alarm 1 in a simulated meter to the text that a telephone shows.

The meter counts its own money down; its readings go in where a gateway's go in; the worker's own passes find the alarm,
write the message and hand it to a modem on a real terminal. What the modem was given is decoded by libGammu.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import modem as emulator
from prewatt.sim import loads
from prewatt.sim.memory import Memory, MeterSpec
from prewatt.sim.meter import Meter
from prewatt.sim.tariff import ZHUHAI

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
PHONE = "13800138000"
GAMMU = ctypes.util.find_library("Gammu")
STEP = timedelta(minutes=10)


@pytest.fixture
def there() -> Iterator[emulator.Modem]:
    from prewatt.domain.notices import sending

    with emulator.modem(report_status=0) as found:
        yield found
        sending.close()


def gammu(pdu: str) -> bytes:
    """What another program's decoder makes of it: its whole record, in which texts stand in UTF-16."""
    library = ctypes.CDLL(GAMMU)
    library.GSM_InitLocales(None)
    library.GSM_GetGlobalDebug.restype = ctypes.c_void_p
    library.GSM_DecodePDUFrame.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.c_int,
    ]
    record, used, data = ctypes.create_string_buffer(1 << 20), ctypes.c_size_t(), bytes.fromhex(pdu)
    debug = library.GSM_GetGlobalDebug()
    assert library.GSM_DecodePDUFrame(debug, record, data, len(data), ctypes.byref(used), 1) == 1  # no error
    assert used.value == len(data)
    return record.raw


def living_meter() -> Meter:
    """It has 52 yuan left, a shop's load, and prices."""
    at_ms = round(BEGIN.timestamp() * 1000)
    memory = Memory(
        opened=True,
        credit_fen=5_200,
        bought_fen=5_200,
        ceiling_fen=0,
        prices_e4=[16_704, 13_418, 8_007, 3_214, 2_999],
        tariff=ZHUHAI,
        clock_set_ms=at_ms,
        clock_set_at_ms=at_ms,
    )
    load = loads.RoomLoad(loads.names()[7], mean_wh=3_000, seed=7)
    return Meter(MeterSpec(number="020304010A"), load, memory, now_ms=at_ms)


class Site:
    def __init__(self, path: str) -> None:
        from prewatt.domain.estate import operations as estate
        from prewatt.domain.estate.models import Building, Customer, Floor, Opening, Room
        from prewatt.domain.notices.models import Carrier, CarrierKind, Door
        from prewatt.domain.staff.models import Site as Name

        Name.objects.update_or_create(pk=1, defaults={"name": "海棠湾商务大厦"})
        self.gateway = estate.add_gateway(code="gw", buses=[("b", "tcp://127.0.0.1:1")])
        bus = self.gateway.buses.get()
        floor = Floor.objects.create(building=Building.objects.create(code="A", name="A座"), number=3)
        self.row = estate.add_meter(number="020304010A", bus=bus, unit=1, profile="acrel-dtsy1352-nk")
        self.row.room = Room.objects.create(floor=floor, number="0306")
        self.row.alarm1_fen, self.row.alarm2_fen = 5_000, 2_000
        self.row.save()
        tenant = Customer.objects.create(number="K0018", name="海风西餐厅", phone=PHONE, created_at=BEGIN)
        Opening.objects.create(meter=self.row, customer=tenant, opened_at=BEGIN, bought_base_fen=0)
        Carrier.objects.create(
            name="短信猫",
            kind=CarrierKind.MODEM,
            door=Door.TEXT,
            settings={"path": path, "baud": "115200"},
            price_e4=450,
            form_id="m",
            created_at=BEGIN,
        )

    def turn(self, values: dict[str, int], now: datetime) -> None:
        """A reading comes in, and the worker's loops have their turn."""
        from prewatt.domain.alarms import operations as alarms
        from prewatt.domain.cutoff import operations as cutoff
        from prewatt.domain.metering import operations as metering
        from prewatt.domain.notices import sending
        from prewatt.link.messages import Reading

        taken_ms = round(now.timestamp() * 1000)
        self.gateway.last_seen_at = now
        self.gateway.save(update_fields=["last_seen_at"])
        reading = Reading(meter="020304010A", taken_at_ms=taken_ms, values=values)
        metering.record_readings([reading], gateway=self.gateway, now=now)
        alarms.watch(now=now)
        cutoff.tend(now=now)
        sending.work(now)


def shown(meter: Meter, now: datetime) -> dict[str, int]:
    values = meter.values(round(now.timestamp() * 1000))
    return {name: values[name] for name in ("energy_wh", "bought_fen", "balance_fen", "overdraft_fen")}


@pytest.mark.skipif(GAMMU is None, reason="libGammu is not installed")
def test_a_balance_below_alarm_1_is_one_text_that_arrives(there: emulator.Modem) -> None:
    from prewatt.domain.alarms.models import Alarm
    from prewatt.domain.cutoff.models import Door, Notice
    from prewatt.domain.notices import sending
    from prewatt.domain.notices.models import Message, State

    meter, site, now = living_meter(), Site(there.path), BEGIN
    history: list[tuple[int, int]] = []
    while not history or history[-1][0] > 4_900:
        now += STEP
        values: dict[str, Any] = shown(meter, now)
        site.turn(values, now)
        history.append((values["balance_fen"], len(there.sent)))
        assert now < BEGIN + timedelta(days=2), "the meter does not use anything"

    assert [sent for fen, sent in history if fen > 5_000] == [0] * sum(fen > 5_000 for fen, _sent in history)
    first_below = next(fen for fen, _sent in history if fen <= 5_000)
    assert history[-1][1] == 1  # once, however often it was read below
    assert Alarm.objects.get(kind="al1").value == first_below

    text = (
        f"【海棠湾商务大厦】0306 电费余额 {first_below // 100}.{first_below % 100:02d} 元，"
        "已低于 50.00 元，请及时购电。"
    )
    record = gammu(there.sent[0])
    assert text.encode("utf-16-be") in record
    assert PHONE.encode("utf-16-be") in record

    message = Message.objects.get()
    for _ in range(200):
        sending._looked_s.clear()
        now += timedelta(seconds=1)
        site.turn(shown(meter, now), now)
        message.refresh_from_db()
        if message.state == State.DELIVERED:
            break
        time.sleep(0.02)
    assert (message.state, message.parts, message.cost_e4) == (State.DELIVERED, 1, 450)
    site.turn(shown(meter, now + STEP), now + STEP)
    notice = Notice.objects.get()
    assert (notice.door, notice.told_by) == (Door.MESSAGE, None)
    assert len(there.sent) == 1
