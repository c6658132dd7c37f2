"""A scan is told its time before it begins, is allowed so much, and more only where its gateway goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from counter import Counter
from prewatt.domain.commissioning import operations
from prewatt.domain.commissioning.expected import scan_s
from prewatt.domain.commissioning.models import Inquiry, State
from prewatt.domain.estate.models import Meter
from prewatt.domain.metering.models import MeterState
from prewatt.link.looking import INQUIRY_S_MAX, allowed_s
from prewatt.link.messages import Finding, InquiryKind

PAGE = "/commissioning/"


@pytest.fixture
def tower(db: None) -> Counter:
    tower = Counter(meters=3)
    tower.gateway.last_seen_at = tower.now
    tower.gateway.save()
    return tower


def expected_s(tower: Counter, last: int = 20, kind: InquiryKind = InquiryKind.SCAN) -> int:
    tower.bus.refresh_from_db()
    return scan_s(tower.bus, kind=kind, first_unit=1, last_unit=last)


def wire(tower: Counter, url: str) -> None:
    tower.bus.url = url
    tower.bus.save()


def look(tower: Counter, **changes: Any) -> Inquiry:
    asked: dict[str, Any] = {"bus": tower.bus, "operator": tower.admin, "now": tower.now, "last_unit": 20}
    return operations.place(inquiry_id="i1", kind=InquiryKind.SCAN, **{**asked, **changes})


def tell(tower: Counter, seq: int, *, after: timedelta, **facts: Any) -> Inquiry:
    finding = Finding(inquiry_id="i1", seq=seq, at_ms=1, **facts)
    found = Inquiry.objects.get()
    assert operations.take_findings([finding], gateway=tower.gateway, now=found.placed_at + after) == 1
    return Inquiry.objects.get()


def test_a_slower_line_a_longer_range_and_a_silent_meter_take_longer(tower: Counter) -> None:
    wire(tower, "rtu+tcp://10.0.0.5:4001?baud=9600")
    quick = expected_s(tower)
    assert expected_s(tower, last=40) > quick
    assert expected_s(tower, kind=InquiryKind.DUPLICATES) < quick
    wire(tower, "rtu+tcp://10.0.0.5:4001?baud=2400&parity=E")
    assert (slow := expected_s(tower)) > quick
    MeterState.objects.update_or_create(meter=tower.meters[0], defaults={"lost": True})
    assert expected_s(tower) > slow
    wire(tower, "tcp://10.0.0.5:502")
    Meter.objects.update(active=False)
    assert expected_s(tower) < quick / 10


def test_a_bus_of_dlt645_is_reckoned_by_the_addresses_it_is_known_to_have(tower: Counter) -> None:
    wire(tower, "rtu+tcp://10.0.0.5:4001?baud=2400&parity=E")
    for place, meter in enumerate(Meter.objects.filter(bus=tower.bus).order_by("pk")):
        Meter.objects.filter(pk=meter.pk).update(profile="dlt645-2007", address=f"{place:012d}")
    many = expected_s(tower)
    assert 100 * 5 < many < 110 * 10
    Meter.objects.filter(address__gt="000000000000").update(active=False)
    assert expected_s(tower) < many / 50


def test_it_is_allowed_what_its_bus_needs(tower: Counter) -> None:
    made = look(tower)
    assert made.seconds == allowed_s(expected_s(tower))
    assert made.expires_at == made.placed_at + timedelta(seconds=made.seconds)


def test_one_that_grew_is_waited_for(tower: Counter) -> None:
    made = look(tower)
    late = timedelta(seconds=made.seconds) - timedelta(seconds=1)
    told = tell(tower, 1, after=late, asked=20, total=120, left_s=600)
    assert told.left_s == 600
    assert told.standing(made.expires_at + timedelta(minutes=9)) == State.RUNNING
    told = tell(tower, 2, after=late, asked=21, total=10**9, left_s=2**31)
    assert told.expires_at == made.placed_at + timedelta(seconds=INQUIRY_S_MAX)


def test_the_page_says_it_before_while_and_after(tower: Counter, client: Any) -> None:
    client.force_login(tower.admin)
    client.cookies["django_language"] = "en"
    wire(tower, "rtu+tcp://10.0.0.5:4001?baud=2400&parity=E")
    before = client.get(PAGE, {"bus": tower.bus.pk, "last": "247"}).content.decode()
    assert "From address 1 to 247 this takes at most about" in before
    tower.gateway.last_seen_at = timezone.now()
    tower.gateway.save()
    look(tower, now=timezone.now())
    tell(tower, 1, after=timedelta(0), asked=4, total=20, left_s=300)
    assert "about 5 min to go" in client.get(PAGE, {"bus": tower.bus.pk}).content.decode()
    tell(tower, 2, after=timedelta(0), asked=4, total=20, final=True, reason="expired")
    after = client.get(PAGE, {"bus": tower.bus.pk}).content.decode()
    assert "16 addresses were not asked" in after
    assert "to go" not in after
