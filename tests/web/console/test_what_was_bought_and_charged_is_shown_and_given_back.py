"""Purchase bills, what was charged above them, the public sheet and giving back, as pages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from counter import Counter

pytestmark = pytest.mark.django_db
BILL = {
    "building": "",
    "month": "2026-05",
    "number": "GD-2026-05",
    "energy_peak": "200",
    "amount_peak": "200.00",
    "energy_valley": "100",
    "amount_valley": "30",
    "items": "基本电费 30.00\n功率因数 -6.00",
    "markup": "0",
    "contact": "物业 010-1234",
    "form_id": "f1",
}
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def opening(counter: Counter) -> Any:
    """100 kWh at one yuan a kWh for who counts no periods; the bill's mean is 254/300."""
    from prewatt.domain.metering.models import UsageDay
    from prewatt.domain.settlement import post_usage_day

    for person in (counter.admin, counter.second):
        person.set_password("long-enough-words")
        person.save()
    opening = counter.opened(balance_fen=100_000)
    opening.opened_at = datetime(2026, 4, 1, tzinfo=UTC)
    opening.save()
    for day, wh, fen in ((date(2026, 5, 10), 100_000, 10_000), (date(2026, 5, 31), 0, 0)):
        UsageDay.objects.create(
            meter=opening.meter,
            day=day,
            energy_wh=wh,
            deducted_fen=fen,
            first_ms=0,
            last_ms=0,
            closed_at=counter.now,
            posted_version=1,
        )
        post_usage_day(opening=opening, day=day, deducted_fen=fen, now=counter.now)
    return opening


@pytest.fixture
def admin(counter: Counter, client: Any, opening: Any) -> Any:
    client.cookies["django_language"] = "en"
    client.force_login(counter.admin)
    return client


def enter(admin: Any, **changes: str) -> Any:
    from prewatt.domain.resale.models import PurchaseBill

    assert admin.post("/resale/bills/new/", BILL | changes).status_code == 302
    return PurchaseBill.objects.latest("pk")


def give(admin: Any, bill: Any, **changes: str) -> Any:
    given = {
        "bill": str(bill.pk),
        "first": "2026-05",
        "shown_fen": "1533",
        "form_id": RUN,
        "reason": "自查",
        "second_username": "second",
        "second_password": "long-enough-words",
    }
    return admin.post("/resale/given-back/new/", given | changes)


def test_a_bill_is_typed_listed_and_corrected(admin: Any) -> None:
    bill = enter(admin)
    assert (bill.energy_peak_wh, bill.amount_valley_fen) == (200_000, 3_000)
    assert [(one.name, one.amount_fen) for one in bill.items.all()] == [("基本电费", 3_000), ("功率因数", -600)]
    text = admin.get("/resale/bills/").content.decode()
    assert "GD-2026-05" in text
    assert "0.8467" in text
    shown = admin.get(f"/resale/bills/{bill.pk}/").content.decode()
    assert "基本电费 30.00" in shown
    assert admin.post(f"/resale/bills/{bill.pk}/", BILL | {"amount_peak": "210"}).status_code == 302
    bill.refresh_from_db()
    assert bill.amount_peak_fen == 21_000


def test_a_refused_bill_keeps_what_was_typed_and_says_where(admin: Any) -> None:
    answer = admin.post("/resale/bills/new/", BILL | {"amount_peak": "2oo", "items": "基金", "month": "May"})
    assert answer.status_code == 422
    assert "2oo" in answer.content.decode()
    assert "GD-2026-05" in answer.content.decode()


def test_what_is_too_much_stands_by_account(admin: Any, opening: Any) -> None:
    bill = enter(admin)
    text = admin.get(f"/resale/charged/?bill={bill.pk}").content.decode()
    for word in ("100.00", "84.67", "15.33", "张三"):
        assert word in text, word
    assert admin.get(f"/resale/charged/?bill={bill.pk}&export=xlsx")["Content-Type"].endswith("sheet")


def test_the_public_sheet_has_the_months_figures(admin: Any) -> None:
    bill = enter(admin)
    text = admin.get(f"/resale/bills/{bill.pk}/sheet/").content.decode()
    for word in ("200.00", "1.0000", "1.0800", "0.8467", "254.00", "100.00", "66.7", "物业 010-1234", "None: nothing"):
        assert word in text, word
    shared = admin.post(
        f"/resale/bills/{bill.pk}/", BILL | {"shared": "12.50", "shared_basis": "按面积分摊, 业主大会 3 号决议"}
    )
    assert shared.status_code == 302
    text = admin.get(f"/resale/bills/{bill.pk}/sheet/").content.decode()
    assert "12.50" in text
    assert "业主大会" in text
    assert "None: nothing" not in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_public_sheet_is_one_page_of_a4(admin: Any, language: str) -> None:
    import pypdfium2

    bill = enter(admin)
    answer = admin.get(f"/resale/bills/{bill.pk}/sheet.pdf?lang={language}")
    assert answer["Content-Type"] == "application/pdf"
    paper = pypdfium2.PdfDocument(answer.content)
    assert len(paper) == 1
    width, height = paper[0].get_size()
    assert (round(width), round(height)) == (595, 842)
    text = paper[0].get_textpage().get_text_range()
    assert "254.00" in text
    assert ("Public notice of resold electricity" in text) == (language == "en")


def test_two_persons_give_back_and_it_is_paid_out_once(admin: Any, counter: Counter, opening: Any) -> None:
    bill = enter(admin)
    preview = admin.get(f"/resale/given-back/new/?bill={bill.pk}").content.decode()
    assert "15.33" in preview
    assert give(admin, bill, second_username="").status_code == 422
    assert give(admin, bill, reason=" ").status_code == 422
    assert counter.wallet_fen() == 0
    assert give(admin, bill).status_code == 302
    assert give(admin, bill).status_code == 302
    assert counter.wallet_fen() == 1_533
    assert "15.33" in admin.get("/resale/given-back/").content.decode()
    assert "张三" in admin.get(f"/resale/given-back/accounts/?run={RUN}").content.decode()
    address = f"/resale/given-back/{RUN}/{opening.pk}/"
    assert "15.33" in admin.get(address).content.decode()
    assert admin.get(f"{address}note.pdf")["Content-Type"] == "application/pdf"
    assert admin.post(f"{address}pay/", {"tender": "gold"}).status_code == 422
    for _twice in range(2):
        assert admin.post(f"{address}pay/", {"tender": "cash"}).status_code == 302
    assert (counter.wallet_fen(), counter.drawer_fen()) == (0, -1_533)
    assert "Paid out with" in admin.get(address).content.decode()


def test_strangers_and_wrong_roles_see_and_do_nothing(admin: Any, client: Any, counter: Counter, opening: Any) -> None:
    bill = enter(admin)
    give(admin, bill)
    pages = (
        f"/resale/bills/{bill.pk}/",
        f"/resale/bills/{bill.pk}/sheet/",
        f"/resale/bills/{bill.pk}/sheet.pdf",
        f"/resale/given-back/new/?bill={bill.pk}",
        f"/resale/given-back/{RUN}/{opening.pk}/",
        f"/resale/given-back/{RUN}/{opening.pk}/note.pdf",
    )
    client.force_login(counter.stranger)
    assert {client.get(one).status_code for one in pages} <= {404, 200}
    assert [client.get(one).status_code for one in pages if "new" not in one] == [404] * 5
    for one in ("/resale/bills/", "/resale/charged/", "/resale/given-back/", "/resale/given-back/accounts/"):
        assert "GD-2026-05" not in client.get(one).content.decode()
        assert "张三" not in client.get(one).content.decode()
    assert client.post(f"/resale/given-back/{RUN}/{opening.pk}/pay/", {"tender": "cash"}).status_code == 404
    assert client.post("/resale/bills/new/", BILL | {"month": "2026-04"}).status_code == 422
    client.force_login(counter.cashier)
    assert client.post("/resale/bills/new/", BILL).status_code == 403
    assert give(client, bill, form_id="other").status_code == 403
    assert client.post(f"/resale/given-back/{RUN}/{opening.pk}/pay/", {"tender": "cash"}).status_code == 403
