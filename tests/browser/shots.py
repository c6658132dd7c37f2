"""Every page × language × theme × size as a picture to look at: `python tests/browser/shots.py URL [FOLDER]`.

Needs a running building, for example `./run demo`. Also lists what the browser complained about, and each page that is
wider than its window. `--only customers,log` takes some pages, `--combination phone-en-dark` one look.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
TALLEST = 2600  # px of a picture; longer pages are cut
LOOKS = ["-".join(one) for one in product(SIZES, ("zh", "en"), ("light", "dark"))]
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
OUTSIDE = {"login": "/login/"}
# "→" follows the first link of the page so far whose address matches the pattern behind it.
PAGES = {
    "dashboard": "/",
    "backups": "/settings/backups/",
    "webhooks": "/settings/webhooks/",
    "webhook": r"/settings/webhooks/ → /settings/webhooks/\d+/$",
    "cutoff": "/cutoff/",
    "cutoff-account": r"/cutoff/ → /cutoff/\d+/$",
    "fair-rules": "/settings/switching/fair/",
    "building": "/building/",
    "building-card": "/building/?go=1806",
    "building-filter": "/building/?state=al1",
    "meters": "/meters/",
    "meter": "/meters/?go=1&q=0203",
    "sale": "/sale/",
    "sale-find": "/sale/?q=1",
    "sale-form": "/sale/?go=1806",
    "refund": "/refund/",
    "sales": "/sales/?from=&to=",
    "sales-empty": "/sales/?text=nobody",
    "sale-show": r"/sales/?from=&to= → /sales/[\w-]+/$",
    "orders": "/orders/",
    "waiting": "/orders/waiting/",
    "report-finance": "/reports/finance/",
    "report-finance-split": "/reports/finance/?per=month&by=tender&from=2026-01-01",
    "report-shape": "/reports/hours/",
    "report-balance": "/reports/balance/",
    "report-quality": "/reports/quality/",
    "report-balance-below": r"/reports/balance/ → /reports/balance/below/\?",
    "report-quality-day": r"/reports/quality/ → /reports/quality/day/\?",
    "report-sales": "/reports/sales/?from=&to=",
    "report-days": "/reports/days/",
    "report-day": r"/reports/days/?signed=yes → /reports/days/[\d-]+/$",
    "report-day-open": r"/reports/days/?signed=no → /reports/days/[\d-]+/$",
    "receipts": "/receipts/?code=S2026-000001",
    "receipt-refund": "/settings/receipt/?kind=refund",
    "shifts": "/shifts/",
    "shift-open": "/shifts/open/",
    "customers": "/customers/",
    "customers-empty": "/customers/?text=nobody",
    "customer-open": "/customers/open/",
    "customer": r"/customers/ → /customers/\d+/$",
    "customer-edit": r"/customers/ → /customers/\d+/$ → /edit/$",
    "customer-close": r"/customers/ → /customers/\d+/$ → /close/",
    "customer-hand-over": r"/customers/ → /customers/\d+/$ → /hand-over/",
    "account-edit": r"/customers/ → /customers/\d+/$ → /customers/account/\d+/$",
    "account-change": r"/customers/ → /customers/\d+/$ → /change-meter/",
    "closings": "/closings/",
    "closing": r"/closings/ → /closings/[\w-]+/$",
    "customer-batch": "/customers/batch/",
    "preset": r"/customers/batch/ → /customers/batch/[0-9A-Z]{20,}/$",
    "fleet": "/fleet/",
    "fleet-batches": "/fleet/batches/",
    "fleet-batch": r"/fleet/batches/ → /fleet/batches/[\w-]+/$",
    "differing": "/fleet/differing/",
    "estate-defaults": "/settings/defaults/",
    "alarms": "/alarms/",
    "alarm": r"/alarms/ → /alarms/\d+/$",
    "alarm-history": "/alarms/history/",
    "alarm-relay": r"/alarms/history/?kind=relay&from=2026-01-01 → /alarms/\d+/$",
    "notices": "/messages/",
    "notice": r"/messages/ → /messages/\d+/$",
    "notice-costs": "/messages/costs/",
    "carriers": "/settings/carriers/",
    "carrier": r"/settings/carriers/ → /settings/carriers/\d+/$",
    "notice-rules": "/settings/carriers/rules/",
    "exports": "/exports/",
    "lost": "/lost/",
    "lost-gateways": "/lost/gateways/",
    "reconciliation": "/reconciliation/",
    "reconciliation-days": "/reconciliation/days/",
    "commissioning-scan": "/commissioning/",
    "commissioning-live-read": "/commissioning/live/",
    "commissioning-frames": "/commissioning/frames/",
    "commissioning-duplicates": "/commissioning/duplicates/",
    "commissioning-labels": "/commissioning/labels/",
    "structure": "/settings/buildings/",
    "building-new": "/settings/buildings/new/",
    "building-edit": r"/settings/buildings/ → /settings/buildings/\d+/$",
    "floor-edit": r"/settings/buildings/ → /settings/floors/\d+/$",
    "area-new": r"/settings/buildings/ → /areas/new/$",
    "rooms": "/settings/rooms/",
    "room-new": "/settings/rooms/new/",
    "room": r"/settings/rooms/ → /settings/rooms/\d+/$",
    "room-uses": "/settings/rooms/uses/",
    "gateways": "/settings/gateways/",
    "gateway-new": "/settings/gateways/new/",
    "gateway": r"/settings/gateways/ → /settings/gateways/\d+/$",
    "gateway-edit": r"/settings/gateways/ → /settings/gateways/\d+/$ → /edit/$",
    "bus-new": r"/settings/gateways/ → /settings/gateways/\d+/$ → /buses/new/$",
    "bus": r"/settings/gateways/ → /settings/gateways/\d+/$ → /settings/buses/\d+/$",
    "gateway-events": "/settings/gateways/events/",
    "estate-meters": "/settings/meters/",
    "estate-meter-new": "/settings/meters/new/",
    "estate-meter": r"/settings/meters/ → /settings/meters/\d+/$",
    "import": "/settings/import/",
    "defaults": "/settings/defaults/",
    "messages": "/settings/messages/",
    "message": r"/settings/messages/ → /settings/messages/[\w-]+/$",
    "receipt": "/settings/receipt/",
    "plans": "/settings/prices/",
    "plan-new": "/settings/prices/new/",
    "plan": r"/settings/prices/ → /settings/prices/\d+/$",
    "purchase": "/settings/prices/purchase/",
    "switching": "/settings/switching/",
    "counter-settings": "/settings/counter/",
    "site": "/site/",
    "operators": "/operators/",
    "operator-new": "/operators/new/",
    "operator": r"/operators/ → /operators/\d+/$",
    "operator-password": r"/operators/ → /operators/\d+/$ → /password/$",
    "roles": "/roles/",
    "log": "/log/?from=&to=",
    "log-entry": r"/log/?from=&to= → /log/\d+/$",
    "account": "/account/",
    "account-password": "/account/password/",
    "account-second-factor": "/account/second-factor/",
    "missing": "/nowhere/",
}


def log_in(page: Page, base: str, username: str, password: str) -> None:
    page.goto(f"{base}/login/")
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def take(asked: argparse.Namespace) -> Iterator[str]:
    """Yields complaints: of the browser (blocked styles and scripts, failed requests, script errors) and of width."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for look in asked.combination or LOOKS:
            yield from one_look(browser, look, asked)
        browser.close()


def one_look(browser: Browser, look: str, asked: argparse.Namespace) -> Iterator[str]:
    size, language, theme = look.split("-")
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height})
    cookies = {"django_language": {"zh": "zh-hans"}.get(language, language), "prewatt_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": asked.url} for name, value in cookies.items()])
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for pages in (OUTSIDE, PAGES):
        if pages is PAGES:
            log_in(page, asked.url, asked.username, asked.password)
        for name, path in chosen(pages, asked.only):
            said.clear()
            if not reach(page, asked.url, name, path):
                yield f"{name} {look}: nothing to show"
                continue
            picture(page, asked.folder / f"{name}-{look}.png")
            if (over := page.evaluate(SIDEWAYS)) > 0:
                yield f"{name} {look}: {over} px wider than the window"
            yield from (f"{name} {look}: {text}" for text in said if "404" not in text)
    context.close()


def chosen(pages: dict[str, str], only: str) -> list[tuple[str, str]]:
    names = [one for one in only.split(",") if one]
    return [(name, path) for name, path in pages.items() if not names or name in names]


def reach(page: Page, base: str, name: str, path: str) -> bool:
    """Open the page; False when a link that leads there is not to be found."""
    if "?go=" in path and name != "meter":
        page.goto(f"{base}/meters/?go=1&q={path.partition('?go=')[2]}")
        key = page.url.rstrip("/").split("/")[-1]
        number = page.locator(".mono").first.inner_text()
        path = f"/building/?meter={key}" if name.startswith("building") else f"/sale/?meter={number}"
    start, *patterns = path.split(" → ")
    page.goto(base + start)
    for pattern in patterns:
        links = page.eval_on_selector_all("main a[href]", "all => all.map(one => one.getAttribute('href'))")
        found = next((link for link in links if re.search(pattern, link)), None)
        if found is None:
            return False
        page.goto(base + found if found.startswith("/") else found)
    return True


def picture(page: Page, file: Path) -> None:
    page.wait_for_timeout(350)
    file.parent.mkdir(parents=True, exist_ok=True)
    tall = page.evaluate("() => document.documentElement.scrollHeight")
    viewport = page.viewport_size or {"width": 0, "height": 0}
    clip = {"x": 0, "y": 0, "width": viewport["width"], "height": min(max(tall, viewport["height"]), TALLEST)}
    page.screenshot(path=str(file), full_page=True, clip=clip)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", type=lambda text: text.rstrip("/"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("shots"))
    parser.add_argument("--only", default="", help="names of pages, with commas between them")
    parser.add_argument("--combination", action="append", choices=LOOKS, help="may be given several times")
    parser.add_argument("--username", default="manager")
    parser.add_argument("--password", default="prewatt-demo")
    return parser.parse_args()


if __name__ == "__main__":
    complaints = list(take(arguments()))
    sys.stdout.write("\n".join(complaints) + f"\n{len(complaints)} complaints\n")
