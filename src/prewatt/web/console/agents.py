"""A browser's own long name in the few words by which somebody knows it again."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first that fits: each of these also calls itself by the names that stand further down.
BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser", "QQ Browser"),
    ("360SE", "360"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def words(agent: str) -> str:
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if not browser and not system:
        return _("unknown browser")
    return " · ".join(part for part in (browser, system) if part)


def is_phone(agent: str) -> bool:
    return any(mark in agent for mark in ("Android", "iPhone", "HarmonyOS", "Mobile"))
