"""A sale's own page: its history, and refund, reversal, resend, pay-out and cancel, each once a form."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter, yuan
from prewatt.link.messages import Outcome

pytestmark = pytest.mark.django_db
ID = "0123456789abcdef0123456789abcdef"
BACK = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    from prewatt.web.console.views import sales, unclear

    one = Counter()
    for module in (sales, unclear):
        monkeypatch.setattr(module, "now", lambda: one.now)
    one.opened(balance_fen=yuan("50"))
    one.sell(ID, "100")
    return one


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.force_login(counter.admin)
    return client


def sale() -> Any:
    from prewatt.domain.vending.models import Sale

    return Sale.objects.get(pk=ID)


def post(admin: Any, doing: str, **given: str) -> Any:
    return admin.post(f"/sales/{ID}/{doing}/", {"form_id": BACK, **given})


def test_an_arrived_sale_is_reversed_once(counter: Counter, admin: Any) -> None:
    counter.arrive(ID)
    assert post(admin, "reverse", note="wrong room").status_code == 302
    assert post(admin, "reverse", note="wrong room").status_code == 302
    counter.arrive(BACK)
    assert (sale().state, sale().reversals.count()) == ("reversed", 1)
    again = admin.post(f"/sales/{ID}/reverse/", {"form_id": "0" * 32, "note": "wrong room"})
    assert again.status_code == 422
    assert sale().receipt in again.content.decode()


@pytest.mark.parametrize("note", ["", "   "])
@pytest.mark.parametrize(("doing", "given"), [("refund", {"amount": "30", "tender": "cash"}), ("reverse", {})])
def test_nothing_goes_back_without_a_reason(
    counter: Counter, admin: Any, doing: str, given: dict[str, str], note: str
) -> None:
    from prewatt.domain.vending.models import Refund

    counter.arrive(ID)
    response = post(admin, doing, note=note, **given)
    assert (response.status_code, response.context["refused"]["code"]) == (422, "note_needed")
    assert (Refund.objects.count(), sale().reversals.count()) == (0, 0)


def test_a_refund_above_what_the_meter_holds_offers_what_fits(counter: Counter, admin: Any) -> None:
    counter.arrive(ID)
    response = post(admin, "refund", amount="500", tender="cash", note="moves out")
    assert response.status_code == 422
    assert response.context["refused"]["code"] == "more_than_balance"
    assert response.context["fits_fen"] == yuan("150")
    assert post(admin, "refund", amount="20", tender="cash", note="moves out").status_code == 302


def test_money_the_meter_refused_is_sent_again_or_paid_out(counter: Counter, admin: Any) -> None:
    counter.lease()
    counter.settle(ID, Outcome.REFUSED, reason="above_ceiling")
    assert admin.get(f"/sales/{ID}/").context["can"] == {
        "resend": True,
        "pay_out": True,
        "reverse": True,
        "refund": False,
        "cancel": False,
    }
    assert post(admin, "resend").status_code == 302
    assert sale().state == "paid"
    counter.lease()
    counter.settle(BACK, Outcome.REFUSED, reason="above_ceiling")
    assert admin.post(f"/sales/{ID}/pay-out/", {"form_id": "0" * 32, "tender": "cash"}).status_code == 302
    assert (sale().state, counter.wallet_fen()) == ("returned", 0)


def test_a_sale_that_never_left_is_cancelled_and_its_money_waits(counter: Counter, admin: Any) -> None:
    assert post(admin, "cancel").status_code == 302
    assert (sale().state, counter.wallet_fen()) == ("waiting", yuan("100"))
    assert post(admin, "cancel").status_code in (302, 422)
    assert counter.wallet_fen() == yuan("100")


@pytest.mark.parametrize("doing", ["reverse", "refund", "resend", "pay-out"])
def test_a_form_without_its_id_books_nothing(counter: Counter, admin: Any, doing: str) -> None:
    counter.arrive(ID)
    response = admin.post(f"/sales/{ID}/{doing}/", {"amount": "1", "tender": "cash"})
    assert response.status_code == 422
    assert response.context["refused"]["code"] == "form_broken"
    assert sale().state == "arrived"


def test_the_history_tells_every_step_in_order(counter: Counter, admin: Any) -> None:
    counter.arrive(ID)
    post(admin, "reverse", note="wrong room")
    counter.arrive(BACK)
    steps = admin.get(f"/sales/{ID}/").context["steps_done"]
    assert [one.at for one in steps] == sorted(one.at for one in steps)
    notes = " ".join(one.note for one in steps)
    assert "50.00 → 150.00" in notes or "150.00" in notes
    assert "wrong room" in notes
    assert sale().reversals.get().receipt in notes
