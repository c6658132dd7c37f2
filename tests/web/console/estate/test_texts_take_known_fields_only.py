"""短信模板 and 票据模板: own wording, unknown fields refused by name, counted as carriers count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter import Counter
from prewatt.domain.estate.messages import MESSAGES, SAMPLE, fill, sample, size

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "characters", "parts"),
    [
        ("", 0, 0),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 307, 307, 3),
        ("[" * 80, 160, 1),
        ("电" * 70, 70, 1),
        ("电" * 71, 71, 2),
        ("电" * 135, 135, 3),
        ("a" * 69 + "电", 70, 1),
        ("😀" * 35, 70, 1),
    ],
)
def test_texts_are_counted_as_carriers_count(text: str, characters: int, parts: int) -> None:
    found = size(text)
    assert (found.characters, found.parts) == (characters, parts)


def test_every_shipped_text_fits_its_own_fields_and_the_chinese_ones_one_message() -> None:
    for message in MESSAGES.values():
        for language in ("zh", "en"):
            filled = fill(message.shipped(language), {name: SAMPLE[name] for name in message.fields})
            assert "{" not in filled
        assert size(fill(message.zh, SAMPLE)).parts == 1, message.key


@given(value=st.text(max_size=20))
def test_a_value_that_looks_like_a_field_is_not_filled_again(value: str) -> None:
    assert fill("{a}", {"a": value, "b": "secret"}) == value


def test_an_own_text_is_kept_and_an_empty_one_is_the_shipped_again(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.messages import wording
    from prewatt.domain.staff.models import LogEntry

    engineer.post("/settings/messages/low1/", {"zh": "{room} 只剩 {balance} 元", "en": ""})
    assert wording("low1", "zh") == "{room} 只剩 {balance} 元"
    assert wording("low1", "en") == MESSAGES["low1"].en
    assert "0306 只剩 18.40 元" in engineer.get("/settings/messages/").content.decode()
    engineer.post("/settings/messages/low1/", {"zh": " ", "en": MESSAGES["low1"].en})
    assert wording("low1", "zh") == MESSAGES["low1"].zh
    assert LogEntry.objects.filter(action="estate.message_text", target="message low1").count() == 2


def test_an_unknown_field_is_refused_by_name_and_nothing_is_saved(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.estate.models import Wording

    page = engineer.post("/settings/messages/low1/", {"zh": "{room} {receipt}", "en": "a } b"})
    text = page.content.decode()
    assert page.status_code == 422
    assert "{receipt} is no field of this message." in text
    assert "a brace that belongs to no field" in text
    assert not Wording.objects.exists()


def test_a_building_has_its_own_receipt_and_the_others_the_sites(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.vending.receipt_template import template_of

    engineer.post("/settings/receipt/", {"text": "# 收据\r\n票号 #MBillID 金额 #MAllMoney 元"})
    engineer.post(f"/settings/receipt/{counter.building.pk}/", {"text": "# A座收据\n#MBillID #MAllMoney"})
    assert template_of(counter.building).startswith("# A座收据")
    assert template_of(None) == "# 收据\n票号 #MBillID 金额 #MAllMoney 元"
    assert "票号 S2026-000123 金额 贰佰元整 元" in engineer.get("/settings/receipt/").content.decode()
    engineer.post(f"/settings/receipt/{counter.building.pk}/", {"text": ""})
    assert template_of(counter.building) == template_of(None)


def test_a_receipt_refuses_unknown_fields_and_a_paper_without_an_amount(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.vending.receipt_template import DEFAULT, template_of

    page = engineer.post("/settings/receipt/", {"text": "#MBillID #MAllMoney #MSecret"})
    assert page.status_code == 422
    assert "#MSecret is no field of a receipt." in page.content.decode()
    assert "names no amount" in engineer.post("/settings/receipt/", {"text": "#MBillID"}).content.decode()
    assert template_of(None) == DEFAULT


def test_a_preview_saves_nothing(counter: Counter, engineer: Any) -> None:
    from prewatt.domain.vending.receipt_template import DEFAULT, template_of

    page = engineer.post("/settings/receipt/", {"text": "# 试印\n#MBillID #MAllMoney", "look": "1"})
    assert "<h3>试印</h3>" in page.content.decode()
    assert template_of(None) == DEFAULT


def test_strangers_and_readers(counter: Counter, client: Any) -> None:
    client.force_login(counter.stranger)
    assert client.get(f"/settings/receipt/{counter.building.pk}/").status_code == 404
    assert client.post("/settings/messages/low1/", {"zh": "x", "en": "x"}).status_code == 422
    assert client.post("/settings/receipt/", {"text": "#MBillID #MAllMoney"}).status_code == 422
    client.force_login(counter.reader)
    for path in ("/settings/messages/", "/settings/messages/low1/", "/settings/receipt/"):
        assert client.get(path).status_code == 403


def test_an_english_message_is_shown_without_a_chinese_word_but_the_names() -> None:
    sentence = fill(MESSAGES["switched_off"].en, sample("en") | {"site": "", "tenant": ""})
    assert sentence.isascii(), sentence
