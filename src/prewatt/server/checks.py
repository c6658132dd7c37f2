"""System checks: what is wrong with this site's settings, in words for the person who set them."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


@register("prewatt")
def data_folder(**_: Any) -> list[CheckMessage]:
    folder = settings.DATA_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return [_folder_error(f"cannot be made ({error.strerror})")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [_folder_error("cannot be written by this user")]
    return []


def _folder_error(what: str) -> Error:
    return Error(
        f"The data folder {settings.DATA_DIR} {what}.",
        hint="Give PREWATT_DATA a folder that this user may write.",
        id="prewatt.E001",
    )


@register("prewatt")
def hosts(**_: Any) -> list[CheckMessage]:
    if not all(host.strip() == host != "" for host in settings.ALLOWED_HOSTS):
        return [Error("PREWATT_HOSTS has an empty or padded name.", hint="Write it as a,b,c.", id="prewatt.E002")]
    if "*" in settings.ALLOWED_HOSTS:
        return [Error("PREWATT_HOSTS may not be *.", hint="Name the hosts that people type.", id="prewatt.E003")]
    return []


@register("prewatt")
def demo_stays_at_home(**_: Any) -> list[CheckMessage]:
    """The demo's passwords are published, so it may answer to nobody but this machine."""
    strangers = set(settings.ALLOWED_HOSTS) - LOOPBACK
    if not settings.DEMO or not strangers:
        return []
    return [
        Error(
            f"PREWATT_DEMO=1 has published passwords and cannot serve {', '.join(sorted(strangers))}.",
            hint="Leave PREWATT_HOSTS unset for the demo, or use `prewatt serve` for a real site.",
            id="prewatt.E004",
        )
    ]


@register("prewatt")
def front_end_files(**_: Any) -> list[CheckMessage]:
    if (settings.PACKAGE_DIR / "web/static/vendor/htmx.min.js").exists():
        return []
    return [
        Warning(
            "The front-end files are missing: pages will look bare.",
            hint="In a working copy run `./run setup`; an installed wheel carries them.",
            id="prewatt.W001",
        )
    ]
