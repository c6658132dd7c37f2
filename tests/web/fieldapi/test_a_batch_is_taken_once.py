"""A batch: readings, answers, health and events; twice is once; acknowledged when it is on the disk."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from counter import Counter
from door import FieldGateway, run
from prewatt.domain.estate.models import GatewayEvent
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.models import Reading as Row
from prewatt.link.messages import Answer, ConfigRequest, Event, MeterHealth, Outcome, Reading
from prewatt.link.port import LinkError
from prewatt.web.fieldapi import operations


def _reading(meter: Any, clock: Any, **values: int) -> Reading:
    return Reading(
        meter=meter.number, taken_at_ms=clock.ms, values={"energy_wh": 5_000, "balance_fen": 1_234, **values}
    )


def test_readings_arrive(tower: Counter, gateway: FieldGateway, batch: Any, clock: Any) -> None:
    reply = gateway.send(batch(readings=[_reading(tower.meters[0], clock)], last_seq=7))
    assert reply.acked_seq == 7
    assert MeterState.objects.get(meter=tower.meters[0]).balance_fen == 1_234
    tower.gateway.refresh_from_db()
    assert tower.gateway.last_seen_at == clock.now
    assert reply.config_version == tower.gateway.config_version


def test_the_same_batch_twice_is_once(tower: Counter, gateway: FieldGateway, batch: Any, clock: Any) -> None:
    """The reply was lost: the gateway sends the same rows again, in a new envelope."""
    rows = batch(
        readings=[_reading(tower.meters[0], clock)], events=[Event(at_ms=clock.ms, code="clock_set")], last_seq=2
    )
    gateway.transport.lose_replies = 1
    with pytest.raises(LinkError):
        gateway.send(rows)
    assert gateway.send(rows).acked_seq == 2
    assert Row.objects.count() == 1
    assert GatewayEvent.objects.filter(code="clock_set").count() == 1


def test_an_empty_batch_is_a_heartbeat(tower: Counter, gateway: FieldGateway, batch: Any) -> None:
    assert gateway.send(batch(first_seq=5, last_seq=4)).acked_seq == 4
    tower.gateway.refresh_from_db()
    assert tower.gateway.last_seen_at is not None


def test_an_answer_settles_its_order(tower: Counter, gateway: FieldGateway, batch: Any, clock: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.dispatch.operations import place
    from prewatt.link.messages import Kind

    place(order_id="o1", meter=tower.meters[0], kind=Kind.SWITCH_OFF, now=clock.now)
    answer = Answer(order_id="o1", meter=tower.meters[0].number, outcome=Outcome.DONE, at_ms=clock.ms)
    for _ in range(2):
        assert gateway.send(batch(answers=[answer])).acked_seq == 1
    assert MeterOrder.objects.get(pk="o1").state == "done"


def test_an_unknown_meter_stops_nothing_and_is_told(
    tower: Counter, gateway: FieldGateway, batch: Any, clock: Any
) -> None:
    stranger = Reading(meter="no-such-meter", taken_at_ms=clock.ms, values={"energy_wh": 1})
    assert gateway.send(batch(readings=[stranger, _reading(tower.meters[0], clock)])).acked_seq == 1
    assert Row.objects.count() == 1
    assert GatewayEvent.objects.get(code="foreign_meter").meter_number == "no-such-meter"


def test_another_gateways_meter_is_not_written(tower: Counter, clock: Any, batch: Any) -> None:
    from prewatt.domain.estate.enrolment import new_code

    other = FieldGateway.enrolled(new_code(gateway=tower.other_gateway, now=clock.now))
    answer = Answer(order_id="none", meter=tower.meters[0].number, outcome=Outcome.DONE, at_ms=clock.ms)
    health = MeterHealth(meter=tower.meters[0].number, lost=True)
    other.send(batch(readings=[_reading(tower.meters[0], clock)], answers=[answer], health=[health]))
    assert not Row.objects.exists()
    assert not MeterState.objects.filter(lost=True).exists()
    assert GatewayEvent.objects.get(code="foreign_meter").gateway == tower.other_gateway


def test_health_says_which_meters_are_lost(tower: Counter, gateway: FieldGateway, batch: Any) -> None:
    gateway.send(batch(health=[MeterHealth(meter=tower.meters[1].number, lost=True, last_error="no_answer")]))
    assert MeterState.objects.get(meter=tower.meters[1]).lost


@pytest.mark.parametrize(
    "reading",
    [
        {"values": {"energy_wh": 2**63}},
        {"values": {"no_such_quantity": 1}},
        {"taken_at_ms": -5},
        {"taken_at_ms": 2**62},
        {"meter": "0300\x00"},
        {"meter": "x" * 10_000},
    ],
)
def test_one_impossible_reading_does_not_stop_the_rest(
    tower: Counter, gateway: FieldGateway, batch: Any, clock: Any, reading: dict[str, Any]
) -> None:
    bad = Reading(**{"meter": tower.meters[0].number, "taken_at_ms": clock.ms, "values": {"energy_wh": 1}, **reading})
    assert gateway.send(batch(readings=[bad, _reading(tower.meters[1], clock)])).acked_seq == 1
    assert [row.meter_id for row in Row.objects.all()] == [tower.meters[1].pk]
    assert GatewayEvent.objects.get(code="unreadable").detail == {"rows": 1}


def test_texts_that_no_database_holds_do_not_stop_the_rest(
    tower: Counter, gateway: FieldGateway, batch: Any, clock: Any
) -> None:
    nul = "a\x00b"
    answer = Answer(order_id=nul, meter=nul, outcome=Outcome.DONE, at_ms=clock.ms)
    event = Event(at_ms=clock.ms, code=nul, meter=nul, detail={nul: nul})
    health = MeterHealth(meter=nul, lost=True)
    rows = batch(answers=[answer], events=[event], health=[health], software=nul)
    assert gateway.send(rows).acked_seq == 1
    assert GatewayEvent.objects.get(code="ab").detail == {"ab": "ab"}
    assert GatewayEvent.objects.get(code="unreadable").detail == {"rows": 2}


def test_a_batch_with_too_many_rows_is_refused(gateway: FieldGateway, batch: Any, tower: Counter, clock: Any) -> None:
    with pytest.raises(LinkError) as caught:
        gateway.send(batch(readings=[_reading(tower.meters[0], clock)] * 501))
    assert (caught.value.code, caught.value.retry) == ("too_many_rows", False)
    assert not Row.objects.exists()


def test_nothing_is_acknowledged_before_it_is_on_the_disk(
    tower: Counter, gateway: FieldGateway, batch: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("disk full")

    rows = batch(readings=[_reading(tower.meters[0], clock)])
    with monkeypatch.context() as patch:
        patch.setattr(operations.settlement, "settle", broken)
        with pytest.raises(LinkError) as caught:
            gateway.send(batch(answers=[Answer(order_id="x", meter="y", outcome=Outcome.DONE, at_ms=1)]))
    assert (caught.value.code, caught.value.retry) == ("centre_busy", True)
    with monkeypatch.context() as patch:
        patch.setattr(operations.metering, "record_readings", broken)
        with pytest.raises(LinkError):
            gateway.send(rows)
    assert not Row.objects.exists()
    assert gateway.send(rows).acked_seq == 1  # and it comes again


def test_the_configuration_is_fetched_again(tower: Counter, gateway: FieldGateway, clock: Any) -> None:
    from prewatt.domain.estate.operations import bump_config

    bump_config([tower.gateway.pk])
    config = run(gateway.centre.config(ConfigRequest(sent_at_ms=clock.ms)))
    assert config.version == gateway.config.version + 1
    assert config.meters == gateway.config.meters
