"""Messages: they survive the wire, and a field that the other side does not know yet is ignored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from prewatt.link import messages as link

SAMPLES: list[Any] = [
    link.Order(order_id="o", meter="0300010401", kind=link.Kind.RECHARGE, placed_at_ms=1, amount_fen=10_000, count=3),
    link.Reading(meter="030001040A", taken_at_ms=1, values={"energy_wh": 68_940}),
    link.Answer(order_id="o", meter="m", outcome=link.Outcome.DONE, at_ms=2, before={"purchase_count": 2}, writes=1),
    link.Event(at_ms=1, code="quarantined", detail={"energy_wh": 3, "why": "backwards"}),
    link.MeterHealth(meter="m", lost=True, last_error="no_answer"),
    link.Batch(sent_at_ms=1, first_seq=1, last_seq=2),
    link.BatchReply(acked_seq=2, centre_time_ms=3),
    link.OrdersRequest(sent_at_ms=1),
    link.OrdersReply(orders=[], centre_time_ms=1),
    link.Inquiry(inquiry_id="i", kind="a kind of version 2", bus="b", expires_at_ms=1),
    link.Found(unit=3, profiles=["acrel-dtsy1352-nk"], note="twice"),
    link.Frame(number=1, at_ms=1, out=True, hex="01", fields={"unit": 1, "registers": [1, 2], "crc_ok": True}),
    link.Finding(inquiry_id="i", seq=1, at_ms=1, values={"energy_wh": 1}),
    link.Config(version=1, gateway="g", buses=[link.BusConfig(bus="b", url="tcp://h:1")], meters=[]),
    link.Refusal(code="c", message="m", retry=True),
]
IDS = [type(sample).__name__ for sample in SAMPLES]


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_message_survives_the_wire(sample: Any) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sample), type=type(sample)) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_field_of_a_newer_version_is_ignored(sample: Any) -> None:
    newer = {**msgspec.to_builtins(sample), "a_field_of_version_2": [1, 2, 3]}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(newer), type=type(sample)) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_a_message_does_not_change(sample: Any) -> None:
    name = sample.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(sample, name, getattr(sample, name))


def test_a_meter_number_is_text_and_a_value_is_whole() -> None:
    for wrong in (
        {"meter": 300, "taken_at_ms": 1, "values": {}},
        {"meter": "m", "taken_at_ms": 1, "values": {"x": 1.5}},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(wrong), type=link.Reading)
