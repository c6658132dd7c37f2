"""调试: who may look at which bus, what a scan's page shows, and fragments that follow until the end."""

from __future__ import annotations

import re
from typing import Any

import pytest
import weasyprint
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from counter import Counter
from prewatt.domain.commissioning import operations
from prewatt.domain.commissioning.models import Inquiry
from prewatt.domain.staff.models import Operator
from prewatt.link.messages import Finding, Found, Frame
from prewatt.web.console import labels

PAGES = ("scan", "live-read", "frames", "duplicates", "labels")
PROFILE = "acrel-dtsy1352-nk"


@pytest.fixture
def tower(db: None) -> Counter:
    tower = Counter(meters=3)
    tower.gateway.last_seen_at = timezone.now()
    tower.gateway.save()
    return tower


def client(operator: Operator) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def address(name: str, *args: Any) -> str:
    return reverse(f"console:commissioning-{name}", args=args)


def start(tower: Counter, name: str = "scan", who: Any = None, **form: Any) -> Any:
    facts = {"bus": tower.bus.pk, "form_id": "f1", "first": "1", "last": "12", **form}
    return client(who or tower.admin).post(address(name), facts)


def tell(tower: Counter, seq: int = 1, **facts: Any) -> Inquiry:
    finding = Finding(inquiry_id="f1", seq=seq, at_ms=1, **facts)
    operations.take_findings([finding], gateway=tower.gateway, now=timezone.now())
    return Inquiry.objects.get(pk="f1")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_engineers(tower: Counter, name: str) -> None:
    engineer = tower.person("engineer", "engineer")
    assert client(engineer).get(address(name)).status_code == 200
    for other in (tower.cashier, tower.reader):
        assert client(other).get(address(name)).status_code == 403


@pytest.mark.parametrize("name", ["scan", "live-read", "frames"])
def test_a_stranger_sees_no_foreign_bus_and_no_look_at_it(tower: Counter, name: str) -> None:
    start(tower)
    stranger = client(tower.stranger)
    page = stranger.get(address(name))
    assert page.status_code == 200
    assert tower.meters[0].number not in page.content.decode()
    assert stranger.get(address(name), {"bus": tower.bus.pk}).status_code == 404
    assert stranger.post(address(name), {"bus": tower.bus.pk, "first": "1", "last": "2"}).status_code == 404
    assert stranger.get(address("live", "f1")).status_code == 404
    assert stranger.post(address("stop", "f1")).status_code == 404
    assert Inquiry.objects.count() == 1


def test_a_stranger_gets_no_labels_of_foreign_meters(tower: Counter) -> None:
    page = client(tower.stranger).get(address("labels")).content.decode()
    assert tower.meters[0].number not in page
    assert client(tower.stranger).get(address("labels"), {"pdf": "1", "size": "24"}).status_code == 422


def test_a_double_click_is_one_scan(tower: Counter) -> None:
    assert start(tower).status_code == 302
    assert start(tower).status_code == 302
    assert Inquiry.objects.count() == 1


def test_a_scan_shows_what_is_known_unknown_missing_and_another_model(tower: Counter) -> None:
    start(tower)
    tell(
        tower,
        asked=12,
        total=12,
        found=[
            Found(unit=1, profiles=[PROFILE]),
            Found(unit=2, profiles=["eastron-sdm630"]),
            Found(unit=9, profiles=[PROFILE]),
        ],
        missing=[3],
        final=True,
        reason="done",
    )
    page = client(tower.admin).get(address("scan"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    told = {re.search(r'class="num b">(\d+)<', row).group(1): row for row in rows if 'class="num b"' in row}  # type: ignore[union-attr]
    assert set(told) == {"1", "2", "3", "9"}
    assert tower.meters[0].number in told["1"]
    assert "eastron-sdm630" in told["2"]
    assert "—" in told["9"]
    assert tower.meters[2].number in told["3"]
    words = [re.search(r'class="stat (\w+)"', told[unit]).group(1) for unit in ("1", "2", "3", "9")]  # type: ignore[union-attr]
    assert words == ["good", "warn", "bad", "accent"]


def test_a_scan_of_a_dlt645_bus_is_compared_by_its_twelve_digits(tower: Counter) -> None:
    """Several meters of such a bus may have unit 1: only the digits tell them apart."""
    for meter, digits in zip(tower.meters[:2], ("000000000011", "000000000012"), strict=True):
        meter.profile, meter.address, meter.unit = "dlt645-2007", digits, 1
        meter.save()
    tower.meters[2].active = False
    tower.meters[2].save()
    start(tower)
    found = [Found(address=digits, profiles=["dlt645-2007"]) for digits in ("000000000011", "000000000099")]
    assert told_of(tower) == {}
    tell(tower, asked=101, found=found)
    assert set(told_of(tower)) == {"000000000011", "000000000099"}  # while it goes on, nobody is missing yet
    tell(tower, seq=2, asked=101, final=True, reason="done")
    assert told_of(tower) == {"000000000011": "good", "000000000012": "bad", "000000000099": "accent"}
    page = client(tower.admin).get(address("scan")).content.decode()
    (link,) = re.findall(r'href="([^"]*/meters/new/[^"]*)"', page)
    form = client(tower.admin).get(link.replace("&amp;", "&")).content.decode()
    assert re.search(r'name="address"[^>]*value="000000000099"', form)
    assert 'value="dlt645-2007" selected' in form


def told_of(tower: Counter) -> dict[str, str]:
    """What the page of the scan says of each address."""
    page = client(tower.admin).get(address("scan")).content.decode()
    rows = re.findall(r'<td class="num b">(\w+)<.*?class="stat (\w+)"', page, re.DOTALL)
    return dict(rows)


def test_what_a_scan_found_fills_the_form_of_a_new_meter(tower: Counter) -> None:
    start(tower)
    tell(tower, found=[Found(unit=9, profiles=[PROFILE])], final=True, reason="done")
    page = client(tower.admin).get(address("scan")).content.decode()
    (link,) = re.findall(r'href="([^"]*/meters/new/[^"]*)"', page)
    form = client(tower.admin).get(link.replace("&amp;", "&")).content.decode()
    assert re.search(r'name="unit"[^>]*value="9"', form)
    assert re.search(rf'value="{PROFILE}" selected', form)


def test_a_fragment_asks_again_until_the_look_has_ended(tower: Counter) -> None:
    start(tower)
    live = address("live", "f1")
    assert "hx-get" in client(tower.admin).get(live).content.decode()
    tell(tower, asked=3, total=12)
    running = client(tower.admin).get(live).content.decode()
    assert "hx-get" in running
    assert "3 / 12" in running
    tell(tower, 2, final=True, reason="done")
    assert "hx-get" not in client(tower.admin).get(live).content.decode()


def test_a_refused_form_keeps_what_was_typed_and_says_why(tower: Counter) -> None:
    answer = start(tower, first="30", last="7")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert 'name="first" type="number" min="1" max="247" required value="30"' in page
    assert start(tower, first="x").status_code == 422
    assert not Inquiry.objects.exists()


def test_a_silent_gateway_is_told_before_anything_is_asked(tower: Counter) -> None:
    tower.gateway.last_seen_at = None
    tower.gateway.save()
    assert start(tower).status_code == 422


def test_a_live_reading_shows_every_quantity_with_its_unit(tower: Counter) -> None:
    start(tower, "live-read", target=tower.meters[1].pk)
    inquiry = Inquiry.objects.get(pk="f1")
    assert (inquiry.kind, inquiry.unit, inquiry.profile) == ("read", tower.meters[1].unit, PROFILE)
    tell(tower, read_at_ms=1_780_000_000_000, values={"balance_fen": 12_345, "voltage_a_v": 2_298, "relay_closed": 1})
    page = client(tower.admin).get(address("live", "f1")).content.decode()
    assert "123.45" in page
    assert "229.8" in page
    assert tower.meters[1].number in page


def test_an_address_and_a_model_may_be_read_without_the_estate(tower: Counter) -> None:
    start(tower, "live-read", unit="9", profile="eastron-sdm630")
    inquiry = Inquiry.objects.get(pk="f1")
    assert (inquiry.unit, inquiry.profile) == (9, "eastron-sdm630")
    assert start(tower, "live-read", form_id="f2", unit="999").status_code == 422


def frame(number: int, **changes: Any) -> Frame:
    fields = {"unit": 1, "function": 3, "address": 16, "count": 2}
    facts = {"number": number, "at_ms": 1_780_000_000_123, "out": True, "hex": "01 03 00 10", "unit": 1}
    return Frame(**{**facts, "fields": fields, **changes})


def test_frames_come_in_order_once_decoded_and_faults_are_marked(tower: Counter) -> None:
    start(tower, "frames")
    tell(tower, frames=[frame(1), frame(2, out=False, error="crc_mismatch")])
    page = client(tower.admin).get(address("frames")).content.decode()
    assert page.count('<li class="cm-frame') == 2
    assert "0010 × 2" in page
    assert 'class="cm-frame err"' in page
    assert "after=2" in page
    tell(tower, 2, frames=[frame(3)])
    more = client(tower.admin).get(address("live", "f1"), {"after": "2"}).content.decode()
    assert more.count('<li class="cm-frame') == 1
    assert 'hx-swap-oob="beforeend"' in more
    assert "after=3" in more


def test_a_frame_from_a_wire_is_text_and_never_markup(tower: Counter) -> None:
    start(tower, "frames")
    tell(tower, frames=[frame(1, error="<b>x", fields={"function": 3, "name": "<script>", "value": "<i>"})])
    page = client(tower.admin).get(address("live", "f1")).content.decode()
    assert "<b>x" not in page
    assert "<script>" not in page


def test_stopping_asks_the_gateway_to_end_it(tower: Counter) -> None:
    start(tower)
    assert client(tower.admin).post(address("stop", "f1")).status_code == 302
    assert Inquiry.objects.get(pk="f1").cancel_asked_at is not None
    assert client(tower.admin).get(address("stop", "f1")).status_code == 405


def test_labels_are_a_pdf_of_whole_sheets(tower: Counter) -> None:
    answer = client(tower.admin).get(address("labels"), {"pdf": "1", "size": "10", "skip": "9"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    sheets = weasyprint.HTML(string=labels.html(tower.meters, labels.SHEETS["10"], skip=9)).render()
    assert len(sheets.pages) == 2


def test_labels_without_a_size_come_on_the_usual_sheet(tower: Counter) -> None:
    assert client(tower.admin).get(address("labels"), {"pdf": "1"}).status_code == 200
    assert client(tower.admin).get(address("labels"), {"pdf": "1", "size": "25"}).status_code == 422


@pytest.mark.parametrize("code", sorted(labels.SHEETS))
def test_a_sheet_fits_on_a4(code: str) -> None:
    size = labels.SHEETS[code]
    assert size.left + size.columns * size.width + (size.columns - 1) * size.gap <= 210
    assert size.top + size.rows * size.height <= 297
    assert size.qr <= size.height


def test_a_sheet_begins_behind_the_labels_that_were_used(tower: Counter) -> None:
    size = labels.SHEETS["24"]
    page = labels.html(tower.meters, size, skip=2)
    assert re.findall(r'<div class="label p(\d+)">', page) == ["2", "3", "4"]
    assert page.count("<img") == 3
    assert f'alt="{tower.meters[0].number}"' in page


def test_too_many_labels_are_refused(tower: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "LABELS_MAX", 2)
    answer = client(tower.admin).get(address("labels"), {"pdf": "1", "size": "24"})
    assert answer.status_code == 422
    one = client(tower.admin).get(address("labels"), {"pdf": "1", "size": "24", "text": tower.meters[0].number})
    assert one.status_code == 200


def test_a_server_without_pango_says_what_is_missing(tower: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    answer = client(tower.admin).get(address("labels"), {"pdf": "1", "size": "24"}, HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 422
    assert "libpango" in answer.content.decode()
