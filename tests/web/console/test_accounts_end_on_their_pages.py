"""销户, 换表, 过户 on their pages: what stands there before, what it comes to, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from counter import Counter, yuan
from leavers import Leavers
from prewatt.domain.metering.models import MeterState

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"
SECRET = "a long enough secret"


@pytest.fixture
def counter() -> Counter:
    one = Counter(meters=3)
    one._now = timezone.now()  # the pages know only the true time, and readings must be fresh
    return one


@pytest.fixture
def leavers(counter: Counter) -> Leavers:
    """Two accounts of one customer: 100 and 50 yuan, of which 30 and 0 are used."""
    one = Leavers(counter)
    one.account("100", used_fen=3000)
    one.account("50")
    return one


def closing() -> Any:
    from prewatt.domain.vending.records import Closing

    return Closing.objects.get()


def nothing_ended() -> bool:
    from prewatt.domain.vending.records import Closing

    return not Closing.objects.exists()


def at(counter: Counter, what: str) -> str:
    return f"/customers/{counter.customer.pk}/{what}/"


def close(client: Any, counter: Counter, **changes: Any) -> Any:
    return client.post(at(counter, "close"), {"form_id": FORM, "tender": "cash", "note": "搬走"} | changes)


def test_all_meters_close_in_one_act_and_the_sheet_says_what_came_back(
    counter: Counter, leavers: Leavers, client: Any
) -> None:
    client.force_login(counter.cashier)
    form = client.get(at(counter, "close"))
    assert (form.context["back_fen"], form.context["owed_fen"], len(form.context["rows"])) == (12000, 0, 2)
    done = close(client, counter)
    assert (done.status_code, done.url) == (302, f"/closings/{FORM}/")
    leavers.answer_all()
    sheet = client.get(done.url)
    assert sheet.context["sums"]["back_fen"] == yuan("120")
    assert [row["line"].state for row in sheet.context["rows"]] == ["done", "done"]
    assert "120.00" in sheet.content.decode()
    assert counter.drawer_fen() == yuan("30")


def test_a_second_click_closes_once(counter: Counter, leavers: Leavers, client: Any) -> None:
    client.force_login(counter.cashier)
    assert close(client, counter).url == close(client, counter).url
    assert closing().lines.count() == 2


def test_a_silent_meter_needs_a_typed_reading_and_a_second_person(
    counter: Counter, leavers: Leavers, client: Any
) -> None:
    silent = counter.meters[0]
    counter.read(silent, lost=True)
    counter.second.set_password(SECRET)
    counter.second.save()
    client.force_login(counter.cashier)
    typed = {f"t{silent.pk}-balance": "70.00", f"t{silent.pk}-energy": "68.46", f"t{silent.pk}-reason": "表烧坏"}
    alone = close(client, counter)
    assert (alone.status_code, alone.context["refused"]["code"]) == (422, "reading_needed")
    assert alone.context["second_needed"]
    unconfirmed = close(client, counter, **typed)
    assert unconfirmed.context["refused"]["code"] == "second_person_needed"
    assert unconfirmed.context["rows"][0]["typed"] == {
        "balance": "70.00",
        "energy": "68.46",
        "reason": "表烧坏",
        "sure": "",
    }
    wrong = close(client, counter, **typed, second_username="second", second_password="no")
    assert wrong.context["refused"]["code"] == "second_person_unknown"
    assert SECRET not in wrong.content.decode()
    assert nothing_ended()
    both = {"second_username": "second", "second_password": SECRET}
    MeterState.objects.filter(meter=silent).update(energy_at=counter.now)
    sure = f"t{silent.pk}-sure"
    assert sure not in wrong.content.decode()
    far = close(client, counter, **typed | {f"t{silent.pk}-energy": "684.60"}, **both)
    assert far.context["refused"]["code"] == "far_above_last_reading"
    assert sure in far.content.decode()
    assert close(client, counter, **typed | {f"t{silent.pk}-energy": "6.84"}, **both).status_code == 422
    assert nothing_ended()
    assert close(client, counter, **typed, **both).status_code == 302
    line = closing().lines.get(meter=silent)
    assert (line.how, line.balance_fen, line.second_person) == ("typed", yuan("70"), counter.second)


def test_a_second_person_without_the_right_is_told_its_name_and_not_its_code(
    counter: Counter, leavers: Leavers, client: Any
) -> None:
    silent = counter.meters[0]
    counter.read(silent, lost=True)
    counter.reader.set_password(SECRET)
    counter.reader.save()
    client.force_login(counter.cashier)
    client.cookies["django_language"] = "en"
    typed = {f"t{silent.pk}-balance": "70.00", f"t{silent.pk}-energy": "68.46", f"t{silent.pk}-reason": "burnt"}
    refused = close(client, counter, **typed, second_username="reader", second_password=SECRET)
    text = refused.content.decode()
    assert refused.status_code == 422
    assert "open and close accounts" in text
    assert "open_account" not in text


def test_a_typed_reading_that_is_no_figure_is_refused(counter: Counter, leavers: Leavers, client: Any) -> None:
    client.force_login(counter.cashier)
    response = close(client, counter, **{f"t{counter.meters[0].pk}-balance": "about 70"})
    assert (response.status_code, response.context["refused"]["code"]) == (422, "not_an_amount")
    assert nothing_ended()


def test_arrears_are_collected_on_the_acts_page(counter: Counter, leavers: Leavers, client: Any) -> None:
    leavers.use(counter.meters[1], yuan("62.50"))
    client.force_login(counter.cashier)
    close(client, counter)
    leavers.answer_all()
    page = client.get(f"/closings/{FORM}/")
    owing = next(row for row in page.context["rows"] if "collect_arrears" in row["may"])
    given = {"opening": owing["line"].opening_id, "amount": "12.50", "tender": "cash"}
    other = client.post(f"/closings/{FORM}/collect_arrears/", given | {"amount": "1"})
    assert (other.status_code, other.context["refused"]["code"]) == (422, "other_arrears")
    assert client.post(f"/closings/{FORM}/collect_arrears/", given).status_code == 302
    leavers.answer_all()
    assert client.get(f"/closings/{FORM}/").context["sums"] == {
        "paid_fen": yuan("12.50"),
        "back_fen": yuan("70"),
        "carried_fen": 0,
    }


def test_a_meter_is_changed_and_the_balance_goes_along(counter: Counter, leavers: Leavers, client: Any) -> None:
    opening = counter.meters[0].openings.get()
    new = counter.meters[2]
    leavers.know(new)
    leavers.read(new)
    client.force_login(counter.cashier)
    address = f"/customers/account/{opening.pk}/change-meter/"
    assert client.get(address).context["row"]["standing"].seen.balance_fen == yuan("70")
    found = client.get("/customers/find/new-meters/", {"q": new.number}).context["found"]
    assert [one.meter for one in found] == [new]
    nobody = client.post(address, {"form_id": FORM})
    assert (nobody.status_code, nobody.context["refused"]["code"]) == (422, "no_new_meter")
    assert client.post(address, {"form_id": FORM, "new_meter": new.pk}).url == f"/closings/{FORM}/"
    leavers.answer_all()
    assert client.post(address, {"form_id": FORM, "new_meter": new.pk}).url == f"/closings/{FORM}/"  # a second click
    after = new.openings.get()
    assert counter.on_meter_fen(after) == yuan("70")
    assert client.get(f"/closings/{FORM}/").context["sums"]["carried_fen"] == yuan("70")


def test_an_account_is_handed_to_somebody_new(counter: Counter, leavers: Leavers, client: Any) -> None:
    first = counter.meters[0].openings.get()
    client.force_login(counter.cashier)
    given = {"form_id": FORM, "opening": first.pk, "to": "new", "settle": "carry", "number": "K0009", "name": ""}
    refused = client.post(at(counter, "hand-over"), given)
    assert (refused.status_code, refused.context["wrong"]) == (422, "name")
    assert nothing_ended()
    done = client.post(at(counter, "hand-over"), given | {"name": "同舟茶饮"})
    assert done.url == client.post(at(counter, "hand-over"), given | {"name": "同舟茶饮"}).url
    after = counter.meters[0].openings.get(closed_at__isnull=True)
    assert after.customer.name == "同舟茶饮"
    assert counter.on_meter_fen(after) == yuan("70")


@pytest.mark.parametrize(("changes", "code"), [({"to": ""}, "nobody_chosen"), ({"opening": []}, "no_account_chosen")])
def test_handing_over_needs_somebody_and_something(
    counter: Counter, leavers: Leavers, client: Any, changes: dict[str, Any], code: str
) -> None:
    client.force_login(counter.cashier)
    given = {"form_id": FORM, "opening": counter.meters[0].openings.get().pk, "to": "new", "name": "x", "number": "K9"}
    response = client.post(at(counter, "hand-over"), given | changes)
    assert (response.status_code, response.context["refused"]["code"]) == (422, code)
    assert nothing_ended()


def test_closings_are_found_and_exported(counter: Counter, leavers: Leavers, client: Any) -> None:
    client.force_login(counter.cashier)
    close(client, counter)
    leavers.answer_all()
    found = client.get("/closings/", {"kind": "close"}).context["table"].rows()
    assert {cells[6].text for cells in found} == {meter.number for meter in counter.meters[:2]}
    assert client.get("/closings/", {"kind": "change"}).context["table"].rows() == []
    assert len(client.get("/closings/", {"text": "张"}).context["table"].rows()) == 2
    assert client.get("/closings/", {"export": "xlsx"}).status_code == 200
    assert client.get(f"/closings/{FORM}/live/").status_code == 200


def test_a_stranger_ends_nothing_and_a_reader_only_looks(counter: Counter, leavers: Leavers, client: Any) -> None:
    opening = counter.meters[0].openings.get()
    forms = [at(counter, "close"), at(counter, "hand-over"), f"/customers/account/{opening.pk}/change-meter/"]
    client.force_login(counter.cashier)
    close(client, counter)
    acts = [f"/closings/{FORM}/{verb}/" for verb in ("withdraw", "type_reading", "collect_arrears", "try_again")]
    given = {"opening": opening.pk, "form_id": FORM[::-1]}
    client.force_login(counter.stranger)
    assert [client.get(one).status_code for one in forms] == [404] * 3
    assert [client.post(one, given).status_code for one in [*forms, *acts]] == [404] * 7
    assert client.get(f"/closings/{FORM}/").status_code == 404
    assert client.get("/closings/").context["table"].rows() == []
    assert client.get("/customers/find/new-meters/", {"q": "03"}).context["found"] == []
    assert client.get("/customers/find/takers/", {"q": "张"}).context["found"] == []
    client.force_login(counter.reader)
    assert [client.post(one, given).status_code for one in [*forms, *acts]] == [403] * 7
    assert client.get(f"/closings/{FORM}/").status_code == 200
    assert closing().state == "open"
