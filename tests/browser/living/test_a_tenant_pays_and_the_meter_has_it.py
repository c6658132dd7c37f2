"""A tenant on his phone, at the demo's own providers: log in, read, pay by each channel, and the meter remembers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desk import OFFICES, customer_page, memory, remembers, yuan
from house.demo import Demo
from house.processes import wait_for
from prewatt.server.demo.log_ins import TENANT, TENANT_PASSWORD
from prewatt.server.demo.tower import RoomPlan, rooms

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
HIS = [room for room in rooms() if room.customer == TENANT]
OWES = OFFICES[22]
PASSWORD = "135791"
PATIENCE_MS = 120_000


@pytest.fixture
def phone(browser: Any, tower: Demo) -> Iterator[Any]:
    """Somebody's phone, before he logs in. What its pages complain of fails the test."""
    complaints: list[str] = []
    address = f"http://127.0.0.1:{tower.port}"
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, base_url=address)
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield page
    context.close()
    assert complaints == []


def come_in(page: Any, number: str, password: str) -> None:
    page.goto("/my/")
    page.fill("#number", number)
    page.fill("#password", password)
    page.locator("form.in .btn.pri").tap()
    page.wait_for_selector("#hero")


def pay(page: Any, amount: str, channel: str) -> None:
    """Two taps here, one at the provider, who sends the payer back; done when the page says: on the meter."""
    page.locator(".qa label").last.tap()
    page.fill("[name=own]", amount)
    page.locator(f".pb .btn.{channel}").tap()
    page.locator("button[value=pay]").tap()
    page.wait_for_url("**/my/paid/**")
    page.wait_for_selector(".way li:nth-child(1).done")
    page.wait_for_selector(".way li:nth-child(3).done")


def shown(page: Any) -> int:
    """What the phone calls the balance, in fen."""
    return yuan(page.locator("#hero .v").inner_text().removesuffix("yuan").replace("−", "-"))


@pytest.mark.parametrize(("channel", "amount"), [("alipay", "12.30"), ("wechat", "23.40"), ("unionpay", "34.50")])
def test_what_is_paid_by_phone_is_on_the_meter_once(phone: Any, tower: Demo, channel: str, amount: str) -> None:
    room = HIS[0]
    come_in(phone, TENANT, TENANT_PASSWORD)
    before = tower.meter(room.meter)
    balance = shown(phone)
    pay(phone, amount, channel)
    after = tower.meter(room.meter)
    assert after["bought_fen"] - before["bought_fen"] == yuan(amount)
    assert after["purchase_count"] == before["purchase_count"] + 1
    phone.locator(".out .btn").tap()
    phone.wait_for_function(f"parseFloat(document.querySelector('#hero .v').innerText) * 100 > {balance}")
    assert 0 <= balance + yuan(amount) - shown(phone) < 500, "the balance grew by what was paid, less what was used"
    phone.goto(phone.locator(".tabs a").nth(2).get_attribute("href"))
    assert amount in phone.locator("main").inner_text()


def cut_for_arrears(page: Any, room: RoomPlan) -> None:
    page.goto(f"/meters/?go=1&q={room.meter}")
    page.click("#acts a:has-text('Switch off…')")
    page.wait_for_selector("dialog[open]")
    page.select_option("#dlg-r", "arrears")
    if page.locator("#dlg-o").count():  # only inside the protected hours
        page.fill("#dlg-o", "agreed with the tenant")
    page.fill("#dlg-c", room.number)
    page.click("dialog[open] .df button:not([data-dismiss])")
    page.wait_for_selector("dialog[open]", state="detached")


def give_password(page: Any, room: RoomPlan) -> None:
    customer_page(page, room)
    page.goto(page.locator("main a[href$='/edit/']").first.get_attribute("href"))
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("#accounts")


def take_back(page: Any, room: RoomPlan, amount_fen: int) -> None:
    page.goto("/refund/")
    page.fill("#find", room.number)
    page.press("#find", "Enter")
    page.click(f".cand:has-text('{room.number}')")
    page.fill("#amount", f"{amount_fen // 100}.{amount_fen % 100:02d}")
    page.fill("#note", "paid by mistake")
    page.get_by_role("button", name="Take off the meter and pay back").click()
    page.wait_for_selector(".way li:last-child.done")


def looked(page: Any) -> None:
    page.goto("/my/")
    page.wait_for_selector("#hero")


def test_who_has_nothing_left_pays_and_switches_his_power_on(at: Any, phone: Any, tower: Demo) -> None:
    """Dark for arrears, and not a fen on the meter: it says so, takes the money, and only then offers the switch."""
    desk = at("/building/")
    give_password(desk, OWES)
    cut_for_arrears(desk, OWES)
    remembers(tower, OWES, contact_closed=False)
    wait_for(lambda: _is_off(desk, OWES), "the page to see the meter dark")
    come_in(phone, OWES.customer, PASSWORD)
    take_back(desk, OWES, shown(phone))

    def is_empty() -> bool:
        looked(phone)
        return shown(phone) <= 0

    wait_for(is_empty, "nothing left")
    assert phone.locator("#hero .lift").count() == 0, "power is for who has paid"
    before = tower.meter(OWES.meter)["bought_fen"]
    pay(phone, "60", "alipay")
    assert tower.meter(OWES.meter)["bought_fen"] - before == 6_000

    def offered() -> bool:
        looked(phone)
        return bool(phone.locator("#hero .lift").count())

    wait_for(offered, "power offered to who has paid")
    assert not memory(tower, OWES)["contact_closed"]
    phone.locator("#hero .lift").tap()
    phone.locator("form.in .btn.pri").tap()
    phone.wait_for_selector("main .stat.good")
    remembers(tower, OWES, contact_closed=True)


def _is_off(page: Any, room: RoomPlan) -> bool:
    page.goto(f"/meters/?go=1&q={room.meter}")
    page.wait_for_selector("#acts")
    return bool(page.locator(".st.s-off, .s-off").count())
