"""An inquiry's life at the centre: who may ask, what is handed out, what is believed of what comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.commissioning import operations, queries, refusals
from prewatt.domain.commissioning.models import Inquiry, SeenFrame, State
from prewatt.domain.commissioning.queries import Verdict
from prewatt.domain.estate.models import Bus, GatewayEvent
from prewatt.domain.staff.models import LogEntry
from prewatt.link.messages import FRAMES_PER_FINDING_MAX, Finding, Found, Frame, InquiryKind

PROFILE = "acrel-dtsy1352-nk"


@pytest.fixture
def tower(db: None) -> Counter:
    tower = Counter(meters=3)
    heard(tower)
    return tower


def heard(tower: Counter) -> None:
    tower.gateway.last_seen_at = tower.now
    tower.gateway.save()


def look(tower: Counter, inquiry_id: str = "i1", kind: InquiryKind = InquiryKind.SCAN, **changes: Any) -> Inquiry:
    asked: dict[str, Any] = {"bus": tower.bus, "operator": tower.admin, "now": tower.now}
    return operations.place(inquiry_id=inquiry_id, kind=kind, **{**asked, **changes})


def tell(tower: Counter, seq: int = 1, inquiry_id: str = "i1", **facts: Any) -> int:
    gateway = facts.pop("gateway", tower.gateway)
    finding = Finding(inquiry_id=inquiry_id, seq=seq, at_ms=1, **facts)
    return operations.take_findings([finding], gateway=gateway, now=tower.now)


def state(inquiry_id: str = "i1") -> str:
    return Inquiry.objects.get(pk=inquiry_id).state


def test_it_is_handed_to_its_own_gateway_until_that_says_a_word(tower: Counter) -> None:
    look(tower)
    assert operations.waiting(gateway=tower.gateway, now=tower.now)
    assert not operations.waiting(gateway=tower.other_gateway, now=tower.now)
    assert operations.hand_out(gateway=tower.other_gateway, now=tower.now) == []
    (handed,) = operations.hand_out(gateway=tower.gateway, now=tower.now)
    assert (handed.inquiry_id, handed.kind, handed.bus, handed.cancel) == ("i1", "scan", "bus-1", False)
    assert operations.hand_out(gateway=tower.gateway, now=tower.now) == []
    assert len(operations.hand_out(gateway=tower.gateway, now=tower.later(seconds=15))) == 1
    assert tell(tower) == 1
    assert operations.hand_out(gateway=tower.gateway, now=tower.later(seconds=15)) == []
    assert state() == State.RUNNING


def test_the_same_id_again_is_the_same_look(tower: Counter) -> None:
    assert look(tower) == look(tower, first_unit=5)
    assert Inquiry.objects.count() == 1
    assert LogEntry.objects.filter(action="commissioning.look").count() == 1


@pytest.mark.parametrize("who", ["reader", "cashier"])
def test_without_the_right_nothing_is_asked(tower: Counter, who: str) -> None:
    with pytest.raises(refusals.NoRight):
        look(tower, operator=getattr(tower, who))
    assert not Inquiry.objects.exists()


def test_a_stranger_sees_no_bus_and_may_not_ask(tower: Counter) -> None:
    look(tower)
    assert not queries.buses(tower.stranger).exists()
    assert not queries.inquiries(tower.stranger).exists()
    with pytest.raises(refusals.NotYours):
        look(tower, "i2", operator=tower.stranger)
    with pytest.raises(refusals.NotYours):
        look(tower, "i1", operator=tower.stranger)
    with pytest.raises(refusals.NotYours):
        operations.cancel(inquiry_id="i1", operator=tower.stranger, now=tower.now)


def test_a_bus_with_a_meter_of_another_building_is_not_his(tower: Counter) -> None:
    tower.stranger.buildings.add(tower.building)
    assert queries.buses(tower.stranger).exists()
    roomless = tower.meters[0]
    roomless.room = None
    roomless.save()
    assert not queries.buses(tower.stranger).exists()


def test_a_gateway_that_is_not_heard_is_not_asked(tower: Counter) -> None:
    tower.later(minutes=3)
    with pytest.raises(refusals.GatewayAway):
        look(tower)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_unit": 0},
        {"last_unit": 248},
        {"first_unit": 9, "last_unit": 8},
        {"kind": InquiryKind.READ, "unit": 0},
        {"kind": InquiryKind.READ, "unit": 1, "meter_address": "12"},
    ],
)
def test_an_address_that_cannot_be_is_refused(tower: Counter, changes: dict[str, Any]) -> None:
    with pytest.raises(refusals.WrongRange):
        look(tower, **changes)


def test_a_model_that_nobody_knows_is_refused(tower: Counter) -> None:
    with pytest.raises(refusals.UnknownModel):
        look(tower, kind=InquiryKind.READ, unit=1, profile="../../etc")


def test_another_engineer_waits_and_ones_own_earlier_look_ends(tower: Counter) -> None:
    look(tower)
    with pytest.raises(refusals.BusTaken):
        look(tower, "i2", operator=tower.second)
    look(tower, "i3", InquiryKind.WATCH, operator=tower.second)
    look(tower, "i4")
    cancelled = {one.inquiry_id: one.cancel for one in operations.hand_out(gateway=tower.gateway, now=tower.now)}
    assert cancelled == {"i1": True, "i3": False, "i4": False}


def test_a_look_that_is_over_keeps_nobody_waiting(tower: Counter) -> None:
    later = tower.later(seconds=look(tower).seconds + 30)
    heard(tower)
    look(tower, "i2", operator=tower.second)
    assert Inquiry.objects.get(pk="i1").standing(later) == State.LAPSED


def test_a_cancel_is_carried_until_the_gateway_confirms_it(tower: Counter) -> None:
    look(tower)
    operations.hand_out(gateway=tower.gateway, now=tower.now)
    tell(tower)
    operations.cancel(inquiry_id="i1", operator=tower.admin, now=tower.now)
    (handed,) = operations.hand_out(gateway=tower.gateway, now=tower.now)
    assert handed.cancel
    tell(tower, 2)
    assert len(operations.hand_out(gateway=tower.gateway, now=tower.later(seconds=15))) == 1
    tell(tower, 3, final=True, reason="cancelled")
    assert state() == State.CANCELLED
    assert not operations.waiting(gateway=tower.gateway, now=tower.later(seconds=15))


def test_a_finding_is_taken_once_in_order_and_from_its_own_gateway(tower: Counter) -> None:
    look(tower)
    assert tell(tower, gateway=tower.other_gateway) == 0
    assert tell(tower, 2, asked=2) == 1
    assert tell(tower, 2, asked=9) == 0
    assert tell(tower, 1, asked=9) == 0
    assert tell(tower, 3, asked=3, final=True, reason="done") == 1
    assert tell(tower, 4, asked=9) == 0
    assert Inquiry.objects.get(pk="i1").asked == 3


def test_a_scan_is_compared_with_the_estate(tower: Counter) -> None:
    look(tower)
    tell(
        tower,
        found=[
            Found(unit=1, profiles=[PROFILE]),
            Found(unit=2, profiles=["eastron-sdm630"]),
            Found(unit=9, profiles=[PROFILE]),
            Found(unit=10, profiles=[PROFILE], note="twice"),
            Found(unit=11, note="garbled"),
        ],
        missing=[3],
    )
    verdicts = {place.unit: place.verdict for place in queries.compare(Inquiry.objects.get(pk="i1"))}
    assert verdicts == {
        1: Verdict.KNOWN,
        2: Verdict.WRONG_MODEL,
        3: Verdict.MISSING,
        9: Verdict.UNKNOWN,
        10: Verdict.TWICE,
        11: Verdict.GARBLED,
    }


def test_what_is_out_of_bounds_is_cut(tower: Counter) -> None:
    look(tower, kind=InquiryKind.READ, unit=1)
    tell(
        tower,
        read_at_ms=1_000,
        values={"energy_wh": 5, "nobody_knows": 1, "power_w": 2**63 - 1},
        found=[Found(unit=400), Found(unit=1, note="x" * 100, profiles=["p" * 100] * 50, address="\0")],
        missing=[-4, 300, 7],
        asked=2**40,
    )
    inquiry = Inquiry.objects.get(pk="i1")
    assert inquiry.values == {"energy_wh": 5}
    assert [(one["unit"], len(one["note"]), len(one["profiles"]), one["address"]) for one in inquiry.found] == [
        (1, 16, 20, "")
    ]
    assert inquiry.missing == [7]
    assert inquiry.asked == 2**31 - 1


def frame(number: int, **changes: Any) -> Frame:
    return Frame(**{"number": number, "at_ms": 1_000 + number, "out": True, "hex": "01 03", "unit": 1, **changes})


def test_frames_are_kept_once_and_only_the_newest_thousand(tower: Counter) -> None:
    look(tower, kind=InquiryKind.WATCH)
    number = 0
    for seq in range(1, 13):
        tell(tower, seq, frames=[frame(number + more) for more in range(1, FRAMES_PER_FINDING_MAX + 1)])
        number += FRAMES_PER_FINDING_MAX
    kept = list(SeenFrame.objects.values_list("number", flat=True))
    assert kept == list(range(number - operations.KEPT_FRAMES + 1, number + 1))
    inquiry = Inquiry.objects.get(pk="i1")
    assert [one.number for one in queries.frames(inquiry, after=number - 3)] == [number - 2, number - 1, number]


def test_a_frame_that_is_none_is_not_kept(tower: Counter) -> None:
    look(tower, kind=InquiryKind.WATCH)
    wrong = [
        frame(1, hex="<b>"),
        frame(2, hex=""),
        frame(3, hex="00" * 2_000),
        frame(4, at_ms=10**18),
        frame(-5),
        frame(6, unit=999),
    ]
    tell(tower, frames=[*wrong, frame(7, fields={"data": "\0" + "x" * 9_000, "registers": [65_535] * 2_000})])
    (kept,) = SeenFrame.objects.all()
    assert (kept.number, kept.fields) == (7, {})


def test_working_papers_are_thrown_away_after_a_week(tower: Counter) -> None:
    look(tower)
    tower.later(days=8)
    heard(tower)
    look(tower, "i2")
    assert list(Inquiry.objects.values_list("pk", flat=True)) == ["i2"]


def test_addresses_used_twice_stand_in_one_list(tower: Counter) -> None:
    at = tower.now
    for number, moment in (("m7", at), ("m8", at), ("m7", at - timedelta(days=1))):
        detail = {"bus": "bus-1", "unit": 7, "address": ""}
        GatewayEvent.objects.create(
            gateway=tower.gateway, at=moment, code="duplicate_address", meter_number=number, detail=detail
        )
    look(tower)
    tell(tower, found=[Found(unit=1, note="twice"), Found(unit=5, note="garbled")])
    told = {(one.label, one.why): one.numbers for one in queries.suspicions(tower.admin)}
    assert told == {
        ("7", "configured"): ["m7", "m8"],
        ("1", "twice"): [tower.meters[0].number],
        ("5", "garbled"): [],
    }
    assert queries.suspicions(tower.stranger) == []
    look(tower, "i2")
    tell(tower, inquiry_id="i2", found=[Found(unit=1)])
    assert ("1", "twice") not in {(one.label, one.why) for one in queries.suspicions(tower.admin)}


def test_a_bus_that_is_taken_away_takes_its_working_papers_along(tower: Counter) -> None:
    empty = Bus.objects.create(gateway=tower.gateway, code="bus-2")
    look(tower, bus=empty)
    empty.delete()
    assert not Inquiry.objects.exists()
