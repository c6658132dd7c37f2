"""Every page × language × theme × size as a picture to look at: `python tests/browser/shots.py URL [FOLDER]`.

Needs a running building, for example `./run demo`. Also lists what the browser complained about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
LANGUAGES = ("zh-hans", "en")
THEMES = ("light", "dark")
PAGES = {
    "login": "/login/",
    "dashboard": "/",
    "building": "/building/",
    "building-card": "/building/?go=1806",
    "building-filter": "/building/?state=al1",
    "meter": "/meters/?go=1&q=0203",
    "fleet": "/fleet/",
    "sale": "/sale/",
    "sale-find": "/sale/?q=1",
    "sale-form": "/sale/?go=1806",
    "sales": "/sales/?from=&to=",
    "sales-empty": "/sales/?text=nobody",
    "orders": "/orders/",
    "missing": "/nowhere/",
}


def log_in(page: Page, base: str, username: str, password: str) -> None:
    page.goto(f"{base}/login/")
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(f"{base}/**")


def take(base: str, folder: Path, username: str, password: str) -> Iterator[str]:
    """Yields complaints of the browser: blocked styles and scripts, failed requests, script errors."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for (size, (width, height)), language, theme in product(SIZES.items(), LANGUAGES, THEMES):
            context = browser.new_context(viewport={"width": width, "height": height})
            context.add_cookies(
                [
                    {"name": "django_language", "value": language, "url": base},
                    {"name": "prewatt_theme", "value": theme, "url": base},
                ]
            )
            page = context.new_page()
            said: list[str] = []
            page.on(
                "console", lambda message, said=said: said.append(message.text) if message.type == "error" else None
            )
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            picture(page, base, "login", PAGES["login"], folder / f"login-{size}-{language}-{theme}.png")
            log_in(page, base, username, password)
            for name, path in list(PAGES.items())[1:]:
                said.clear()
                picture(page, base, name, path, folder / f"{name}-{size}-{language}-{theme}.png")
                yield from (f"{name} {size} {language} {theme}: {text}" for text in said if "404" not in text)
            context.close()
        browser.close()


def picture(page: Page, base: str, name: str, path: str, file: Path) -> None:
    if "?go=" in path and name != "meter":
        room = path.partition("?go=")[2]
        page.goto(f"{base}/meters/?go=1&q={room}")
        key = page.url.rstrip("/").split("/")[-1]
        number = page.locator(".mono").first.inner_text()
        path = f"/building/?meter={key}" if name.startswith("building") else f"/sale/?meter={number}"
    page.goto(base + path)
    page.wait_for_timeout(350)
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(file))


if __name__ == "__main__":
    url = sys.argv[1].rstrip("/")
    target = Path(sys.argv[2] if len(sys.argv) > 2 else "shots")
    complaints = list(take(url, target, "manager", "prewatt-demo"))
    sys.stdout.write("\n".join(complaints) + f"\n{len(complaints)} complaints\n")
