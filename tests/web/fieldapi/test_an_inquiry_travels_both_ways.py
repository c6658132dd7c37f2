"""Through the door: an inquiry waits in the long poll, its findings come with a batch and cost it nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError

from counter import Counter
from door import FieldGateway
from prewatt.domain.commissioning import operations as commissioning
from prewatt.domain.commissioning.models import Inquiry
from prewatt.domain.metering.models import MeterState
from prewatt.link.messages import Finding, Found, InquiryKind, OrdersRequest, Reading


@pytest.fixture
def inquiry(tower: Counter, gateway: FieldGateway, clock: Any) -> Inquiry:
    tower.gateway.refresh_from_db()
    tower.gateway.last_seen_at = clock.now
    tower.gateway.save()
    return commissioning.place(
        inquiry_id="i1", bus=tower.bus, kind=InquiryKind.SCAN, operator=tower.admin, now=clock.now
    )


def test_it_is_fetched_by_the_poll_and_answered_by_a_batch(
    gateway: FieldGateway, inquiry: Inquiry, clock: Any, batch: Any
) -> None:
    version = gateway.config.version
    reply = gateway.orders(OrdersRequest(sent_at_ms=clock.ms, wait_s=0, config_version=version))
    assert [(one.inquiry_id, one.kind, one.bus) for one in reply.inquiries] == [("i1", "scan", "bus-1")]
    gateway.send(batch(findings=[Finding(inquiry_id="i1", seq=1, at_ms=clock.ms, found=[Found(unit=4)])]))
    inquiry.refresh_from_db()
    assert [one["unit"] for one in inquiry.found] == [4]


def test_findings_that_cannot_be_kept_do_not_keep_a_reading_back(
    gateway: FieldGateway, inquiry: Inquiry, clock: Any, batch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_more: Any) -> int:
        raise DatabaseError

    monkeypatch.setattr(commissioning, "take_findings", broken)
    meter = inquiry.bus.meters.earliest("pk")
    reading = Reading(meter=meter.number, taken_at_ms=clock.ms, values={"balance_fen": 77})
    findings = [Finding(inquiry_id=inquiry.pk, seq=1, at_ms=clock.ms)]
    reply = gateway.send(batch(readings=[reading], findings=findings, last_seq=9))
    assert reply.acked_seq == 9
    assert MeterState.objects.get(meter=meter).balance_fen == 77
