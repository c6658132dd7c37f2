"""A tenant's journey on a phone, 390×844: log in, read, pay, watch it arrive, power back on; and what it weighs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from counter import Counter, yuan
from prewatt.domain.payments import channels
from prewatt.domain.payments.channel import Ask, Fact, Lead, Opens, Standing, Way
from prewatt.link.messages import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
PASSWORD = "246810"
FIRST_LOAD_MAX = 150_000
SHOTS = os.environ.get("PREWATT_SHOTS", "")


class Provider:
    """A provider whose page is ours: it sends the payer straight back."""

    name = "alipay"
    ways = frozenset({Way.PHONE, Way.CODE})

    def create(self, ask: Ask, *, now: datetime) -> Lead:
        return Lead(Opens.VISIT, ask.return_url)


@pytest.fixture(autouse=True)
def _provider() -> Iterator[None]:
    channels.plug([Provider()])  # type: ignore[list-item]
    yield
    channels.plug([])


@pytest.fixture
def home(counter: Counter) -> Counter:
    """A tenant with two weeks of use, an evening's load by now, and a little money left."""
    from prewatt.domain.estate.models import Opening
    from prewatt.domain.forecast.models import Outlook
    from prewatt.domain.metering.models import UsageDay, UsageHour
    from prewatt.domain.metering.queries import today
    from prewatt.domain.notices.models import Carrier, Door

    Carrier.objects.create(door=Door.TEXT, on=True, name="modem", kind="modem", created_at=counter.now)
    counter.customer.password, counter.customer.phone = make_password(PASSWORD), "13800000001"
    counter.customer.save()
    meter = counter.meters[0]
    Opening.objects.update(opened_at=counter.now - timedelta(days=60))
    day = today(counter.now)
    UsageDay.objects.bulk_create(
        UsageDay(
            meter=meter,
            day=day - timedelta(days=n),
            energy_wh=118_000 + n * 4_000,
            energy_sharp_wh=18_000,
            energy_peak_wh=40_000 + n * 2_000,
            energy_flat_wh=35_000,
            energy_valley_wh=25_000 + n * 2_000,
            deducted_fen=110_00 + n * 350,
            counter_fen=0,
            first_ms=0,
            last_ms=1,
            closed_at=counter.now,
        )
        for n in range(1, 40)
    )
    hour_ms = int(counter.now.timestamp() * 1000) // 3_600_000 * 3_600_000
    UsageHour.objects.bulk_create(
        UsageHour(meter=meter, start_ms=hour_ms - n * 3_600_000, energy_wh=3_000 + 400 * (n % 7)) for n in range(1, 40)
    )
    sums = [115_00 * (n + 1) for n in range(60)]
    Outlook.objects.create(
        meter=meter, first=day, sums_fen=sums, mean_fen=115_00, day_spread=0.2, level_spread=0.1, known_days=30
    )
    counter.read(meter, balance_fen=yuan("148.20"), relay_closed=1, purchase_count=0, bought_fen=0)
    Client().get("/my/login/")  # what is loaded with the first request is loaded before a browser waits for it
    return counter


@pytest.fixture
def phone(browser: Any, live_server: Any) -> Iterator[Any]:
    """Opens a phone: (language, dark) -> page. What it complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(language: str = "zh-hans", *, dark: bool = False) -> Any:
        context = browser.new_context(
            viewport=PHONE, color_scheme="dark" if dark else "light", is_mobile=True, has_touch=True
        )
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def log_in(page: Any, live_server: Any) -> None:
    page.goto(live_server.url + "/my/")
    page.fill("#number", "K0001")
    page.fill("#password", PASSWORD)
    page.locator("form.in .btn.pri").click()
    page.wait_for_selector("#hero")


def wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def test_log_in_read_pay_watch_it_arrive_and_power_back_on(phone: Any, home: Counter, live_server: Any) -> None:
    from prewatt.domain.control.models import SwitchRules
    from prewatt.domain.payments import operations as payments
    from prewatt.domain.payments.models import Attempt, Heard

    SwitchRules.objects.create(tenant_on=True)
    home.read(home.meters[0], balance_fen=yuan("-3.20"), relay_closed=0)
    page = phone("en")
    log_in(page, live_server)
    assert "3.20" in page.text_content("#hero .v")
    assert page.locator("#hero .lift").count() == 0, "power is for who has paid"
    page.locator(".qa label").first.click()
    page.locator(".pb .btn.alipay").click()
    page.wait_for_selector(".way .now")
    assert page.locator("[href*='paid/'].alipay").count() == 1
    attempt = Attempt.objects.get()
    assert (attempt.way, attempt.by) == ("phone", "tenant")
    fact = Fact(attempt.order_no, Standing.PAID, attempt.amount_fen, "A1", home.now)
    payments.settle_fact(channel="alipay", fact=fact, now=home.now, heard=Heard.QUERY)
    page.wait_for_selector(".way li:nth-child(1).done")
    assert page.locator("[href*='paid/'].alipay").count() == 0, "who has paid is not sent to pay again"
    shot(page, "paying")
    attempt.refresh_from_db()
    assert attempt.sale is not None
    home.arrive(attempt.sale.order_id)
    page.wait_for_selector(".way li:nth-child(3).done")
    home.read(home.meters[0], balance_fen=attempt.amount_fen - 320, relay_closed=0)
    page.locator(".out .btn").click()
    page.locator("#hero .lift").click()
    page.locator("form.in .btn.pri").click()
    page.wait_for_selector("main .stat")
    from prewatt.domain.dispatch.models import MeterOrder

    order = MeterOrder.objects.get(kind="switch_on")
    assert order.cause_kind == "tenant"
    home.lease()
    home.settle(order.pk, Outcome.DONE, relay_closed=1)
    page.wait_for_selector("main .stat.good")


def test_the_first_load_is_light_and_needs_no_chart_library(phone: Any, home: Counter, live_server: Any) -> None:
    """What comes over the line from the log-in to the drawn first page, with an empty cache."""
    page = phone()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    came: list[float] = []
    asked: list[str] = []
    session.on("Network.loadingFinished", lambda one: came.append(one["encodedDataLength"]))
    page.on("request", lambda one: asked.append(one.url))
    log_in(page, live_server)
    page.wait_for_load_state("networkidle")
    assert 10_000 < sum(came) < FIRST_LOAD_MAX, sum(came)
    assert [url for url in asked if "vendor" in url] == []


def test_it_can_be_put_on_the_first_page_and_keeps_nobodys_figures(phone: Any, home: Counter, live_server: Any) -> None:
    page = phone("en")
    log_in(page, live_server)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = page.evaluate(
        "caches.keys().then(names => Promise.all(names.map(n => caches.open(n).then(c => c.keys()))))"
        ".then(all => all.flat().map(r => new URL(r.url).pathname))"
    )
    assert kept
    assert all(path == "/my/offline/" or path.startswith("/static/") for path in kept)
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then(a => a.json())")
    assert (manifest["display"], [one["sizes"] for one in manifest["icons"]]) == ("standalone", ["192x192", "512x512"])
    assert page.evaluate(f"fetch('{manifest['icons'][0]['src']}').then(a => a.status)") == 200


PAGES = ("", "use/", "use/?per=hour", "use/?per=month", "why/", "purchases/", "messages/", "me/", "pay/", "switch/off/")


@pytest.mark.parametrize(("language", "dark"), [("zh-hans", False), ("en", True), ("en", False), ("zh-hans", True)])
def test_every_page_fits_a_phone_and_keeps_nobody_out(
    phone: Any, home: Counter, live_server: Any, language: str, dark: bool
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    from prewatt.domain.control.models import SwitchRules

    SwitchRules.objects.create(tenant_on=True, tenant_off=True)
    home.sell("s1", "100")
    page = phone(language, dark=dark)
    found = []
    pk = home.meters[0].openings.get().pk
    page.goto(live_server.url + "/my/login/")
    for path in ("/my/login/", "/my/login/phone/"):
        page.goto(live_server.url + path)
        found += _ill(Axe(), page, path)
        shot(page, f"{path.strip('/').replace('/', '-')}-{language}-{dark}")
    log_in(page, live_server)
    for name in PAGES:
        page.goto(f"{live_server.url}/my/{pk}/{name}")
        found += _ill(Axe(), page, name)
        shot(page, f"{name.strip('/').replace('/', '-').replace('?', '') or 'home'}-{language}-{dark}")
    assert found == []


def _ill(axe: Any, page: Any, name: str) -> list[str]:
    said = [f"{name} is wider than the phone"] if wide(page) else []
    ill = axe.run(page).response["violations"]
    return said + [f"{name}: {one['id']} {[node['html'][:120] for node in one['nodes']][:3]}" for one in ill]


def test_without_a_script_one_logs_in_reads_pays_and_sees_it_after_a_reload(
    browser: Any, home: Counter, live_server: Any
) -> None:
    """On a link so slow that the script never comes, or where it is blocked."""
    from prewatt.domain.payments import operations as payments
    from prewatt.domain.payments.models import Attempt, Heard

    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(60_000)
    log_in(page, live_server)
    assert "148.20" in page.text_content("#hero .v")
    page.locator(".qa label").first.click()
    page.locator(".pb .btn.alipay").click()
    page.wait_for_selector(".way .now")
    assert page.locator("a.btn.alipay").is_visible(), "the way to the provider is a link"
    attempt = Attempt.objects.get()
    fact = Fact(attempt.order_no, Standing.PAID, attempt.amount_fen, "A1", home.now)
    payments.settle_fact(channel="alipay", fact=fact, now=home.now, heard=Heard.QUERY)
    page.reload()
    page.wait_for_selector(".way li:nth-child(1).done")
    assert page.locator("a.btn.alipay").count() == 0
    context.close()
