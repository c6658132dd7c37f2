"""A sale that no meter carries: its page, its history, and that there is nothing to recall."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    from prewatt.domain.tariff.operations import assign, save_plan
    from prewatt.domain.vending.platform import open_on_platform

    meter = counter.meters[0]
    meter.allow = ["manual", "observed", "unverified", "simulated"]
    meter.save()
    facts: dict[str, Any] = {"operator": counter.admin, "now": counter.now - timedelta(days=1)}
    made = save_plan(
        plan=None, name="one", kind="flat", prices={"price_flat_e4": 10_000}, day=facts["now"].date(), **facts
    )
    assign(plan=made, meter_ids=[meter.pk], **facts)
    open_on_platform(
        opening_id="o1",
        meter=meter,
        customer=counter.customer,
        billing_kind="platform",
        operator=counter.admin,
        now=counter.now,
    )
    counter.sell(ID, "100")
    client.force_login(counter.admin)
    return client


def test_its_page_and_its_list_say_that_it_has_arrived(admin: Any) -> None:
    from django.urls import reverse

    page = admin.get(reverse("console:sale-show", args=[ID]))
    assert page.status_code == 200
    assert "100.00" in page.content.decode()
    assert admin.get(reverse("console:sale-progress", args=[ID])).status_code == 200
    assert admin.get(reverse("console:sales")).status_code == 200


def test_its_receipt_is_printed(admin: Any, counter: Counter) -> None:
    from django.urls import reverse

    from prewatt.domain.vending.models import Sale

    receipt = Sale.objects.get(pk=ID).receipt
    assert admin.post(reverse("console:print", args=[receipt]), {"form_id": "f" * 32}).status_code in (200, 302)


def test_there_is_nothing_to_recall(admin: Any) -> None:
    from django.urls import reverse

    assert admin.post(reverse("console:sale-cancel", args=[ID])).status_code == 404
