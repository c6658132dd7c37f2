"""A new version: typed field by field or as a document, looked at first, kept once, withdrawn before it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from counter import Counter

pytestmark = pytest.mark.django_db
FORM = {"form_id": "0123456789abcdef0123456789abcdef", "name": "居民", "kind": "flat", "price_flat": "0.5469"}
TOU = FORM | {
    "kind": "tou",
    "price_peak": "1.1",
    "price_flat": "0.7",
    "price_valley": "0.3",
    "hours_usual": "00:00 谷\n08:00 峰\n12:00 flat\n22:00 valley",
    "hours_weekend": "00:00 谷; 09:00 平",
    "hours_holiday": "00:00 谷",
    "hours_season": "00:00 平\n10:00 peak",
    "months": "7-9",
}
LADDER = FORM | {
    "every": "year",
    "step_1_up_to": "2760",
    "step_2_up_to": "4800",
    "step_2_add": "0.05",
    "step_3_add": "0.3",
}
FEES = FORM | {
    "fee_1_name": "计量装置维护费",
    "fee_1_amount": "3.50",
    "fee_1_kind": "month",
    "fee_2_name": "税",
    "fee_2_amount": "6.5",
    "fee_2_kind": "rate",
    "free_kwh": "10",
}
NEW = "/settings/prices/new/version/"


@pytest.fixture
def counter() -> Counter:
    return Counter(meters=2)


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def kept(admin: Any, given: dict[str, str], address: str = NEW) -> Any:
    from prewatt.domain.tariff.models import PlanVersion

    response = admin.post(address, given | {"act": "keep"})
    assert response.status_code == 302, response.content.decode()[:3000]
    return PlanVersion.objects.latest("pk")


@pytest.mark.parametrize("given", [FORM, TOU, LADDER, FEES])
def test_what_is_typed_becomes_a_document_and_the_same_fields_again(admin: Any, given: dict[str, str]) -> None:
    from prewatt.web.console.plan_form import document, fields

    made = kept(admin, given)
    again = fields(made.document)
    assert again is not None
    first = made.effective_from.date()
    assert document(again, name="居民", zone=made.document["zone"], first=first) == made.document


def test_a_ladder_is_looked_at_in_words_before_it_is_kept(admin: Any) -> None:
    from prewatt.domain.tariff.models import Plan

    text = admin.post(NEW, LADDER | {"act": "look"}).content.decode()
    assert "above 4800 kWh" in text
    assert "A meter itself cannot hold it: a ladder" in text
    assert "164.07" in text, "300 kWh at 0.5469"
    assert not Plan.objects.exists()
    made = kept(admin, LADDER)
    assert (made.plan.name, made.plan.kind, made.number) == ("居民", "full", 1)
    assert "a year, from month 1" in admin.get(f"/settings/prices/{made.plan_id}/").content.decode()


def test_days_have_their_tables(admin: Any) -> None:
    from datetime import date

    from prewatt.domain.tariff.pricing import read

    version = read(kept(admin, TOU).document).versions[0]
    year = min(version.holidays).year
    assert version.table_of(date(year, 10, 1)) == "holiday"
    assert [slot.band for slot in version.tables["usual"]] == ["valley", "peak", "flat", "valley"]
    tables = {version.table_of(date(year, 8, day)) for day in range(1, 29)}
    assert tables == {"season", "weekend"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (FORM | {"price_flat": "x"}, "price_flat"),
        (TOU | {"hours_usual": "08:00 峰"}, "hours_usual"),
        (TOU | {"hours_usual": "00:00 谷\n25:00 峰"}, "hours_usual"),
        (TOU | {"hours_usual": "00:00 深谷"}, "hours_usual"),
        (TOU | {"hours_usual": "\n".join(f"{hour:02d}:00 谷" for hour in range(15))}, "hours_usual"),
        (TOU | {"months": "13"}, "months"),
        (LADDER | {"step_2_up_to": "100"}, "step_2_up_to"),
        (LADDER | {"step_3_up_to": "9000"}, "step_3_up_to"),
        (FEES | {"fee_1_amount": "1.234"}, "fee_1_amount"),
        (FORM | {"day": "tomorrow"}, "day"),
    ],
)
def test_a_wrong_field_is_named_and_keeps_what_was_typed(admin: Any, given: dict[str, str], field: str) -> None:
    response = admin.post(NEW, given | {"act": "keep"})
    assert response.status_code == 422
    assert f'id="f-{field}-p"' in response.content.decode()


def test_a_documents_faults_are_listed_with_their_place(admin: Any) -> None:
    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": "0.5", "fees": [{"amount": "1"}]}]}
    given = {"form_id": "f" * 32, "name": "P", "document": json.dumps(document), "act": "look"}
    response = admin.post("/settings/prices/new/document/", given)
    assert response.status_code == 422
    assert "/versions/0/fees/0" in response.content.decode()


def test_a_file_is_a_document(admin: Any) -> None:
    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": "0.5"}]}
    file = SimpleUploadedFile("plan.json", json.dumps(document).encode())
    made = kept(admin, {"form_id": "f" * 32, "name": "P", "file": file}, "/settings/prices/new/document/")  # type: ignore[dict-item]
    assert made.document["versions"] == [{"price": "0.5"}]
    found = admin.get(f"/settings/prices/{made.plan_id}/versions/1/")
    assert json.loads(found.content) == made.document


def test_a_second_click_finds_the_first_version(admin: Any) -> None:
    from prewatt.domain.tariff.models import PlanVersion

    assert kept(admin, FORM).pk == kept(admin, FORM).pk
    assert PlanVersion.objects.count() == 1


def test_a_version_to_come_is_withdrawn_on_the_plans_page(admin: Any) -> None:
    plan = kept(admin, FORM).plan
    coming = FORM | {"form_id": "e" * 32, "price_flat": "0.6", "day": "2999-01-01"}
    later = kept(admin, coming, f"/settings/prices/{plan.pk}/versions/new/")
    text = admin.get(f"/settings/prices/{plan.pk}/").content.decode()
    assert "to come" in text
    assert "0.5469 yuan/kWh →" in text
    admin.post(f"/settings/prices/{plan.pk}/versions/{later.number}/withdraw/")
    later.refresh_from_db()
    assert later.withdrawn_at is not None
    first = admin.post(f"/settings/prices/{plan.pk}/versions/1/withdraw/", follow=True)
    assert "holds already" in first.content.decode()


def test_above_the_cap_a_version_needs_its_ground(admin: Any) -> None:
    paid = {"from_day": "2026-01-01", "kind": "flat", "price_flat_e4": "0.50", "markup": "0"}
    assert admin.post("/settings/prices/purchase/", paid).status_code == 302
    response = admin.post(NEW, FORM | {"act": "keep"})
    assert response.status_code == 422
    assert "lies above what the site pays" in response.content.decode()
    assert kept(admin, FORM | {"reason": "as approved"}).number == 1


def test_a_plan_of_more_than_five_prices_is_renamed_and_not_sent(counter: Counter, admin: Any) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.tariff.operations import assign

    plan = kept(admin, LADDER).plan
    assert admin.post(f"/settings/prices/{plan.pk}/", {"name": "新名", "active": "1"}).status_code == 302
    plan.refresh_from_db()
    assert (plan.name, plan.kind, plan.versions.count()) == ("新名", "full", 1)
    counter.opened()
    assign(plan=plan, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=counter.now)
    assert (
        "A meter itself cannot hold this plan: a ladder" in admin.get(f"/settings/prices/{plan.pk}/").content.decode()
    )
    response = admin.post(f"/settings/prices/{plan.pk}/send/", {"form_id": "b1", "round_down": "1"})
    assert response.status_code == 422
    assert not MeterOrder.objects.exists()


def test_who_may_only_look_makes_and_withdraws_no_version(counter: Counter, admin: Any, client: Any) -> None:
    made = kept(admin, FORM | {"day": "2999-01-01"})
    client.force_login(counter.reader)
    here = f"/settings/prices/{made.plan_id}/versions/"
    for address in (NEW, "/settings/prices/new/document/", f"{here}new/", f"{here}document/", f"{here}1/withdraw/"):
        assert client.post(address, FORM | {"act": "keep"}).status_code == 403
    assert client.get(f"{here}1/").status_code == 200
    assert made.plan.versions.count() == 1


def test_a_stranger_sees_no_meter_whom_a_version_would_change(counter: Counter, admin: Any, client: Any) -> None:
    from prewatt.domain.tariff.operations import assign

    plan = kept(admin, FORM).plan
    assign(plan=plan, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=counter.now)
    address, given = f"/settings/prices/{plan.pk}/versions/new/", FORM | {"act": "look"}
    assert "1 meter" in admin.post(address, given).content.decode()
    client.force_login(counter.stranger)
    text = client.post(address, given).content.decode()
    assert "0 meters" in text
    assert '<span class="mut">101' not in text
