"""What stands on the door: the site's name, a line of text, its logo. It belongs to staff, whose door it is."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.staff.models import Operator, Site
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.refusals import Refused

LOGO_BYTES_MAX = 512 * 1024
NAME_MAX, TEXT_MAX = 32, 120


class LogoTooLarge(Refused):
    code: ClassVar[str] = "logo_too_large"


class NotAPicture(Refused):
    code: ClassVar[str] = "not_a_picture"


class TextTooLong(Refused):
    code: ClassVar[str] = "text_too_long"


def door() -> Site:
    """Name, text, and whether there is a logo; the picture itself is left where it is."""
    return Site.objects.defer("logo").filter(pk=1).first() or Site(pk=1)


def logo() -> Site | None:
    return Site.objects.exclude(logo=None).first()


def kind_of(data: bytes) -> str:
    """By its first bytes, whatever its name says. SVG is refused: it can carry programs."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise NotAPicture(
        _("This file is no PNG, JPEG or WebP picture. The logo was not changed. Save it as PNG and try again.")
    )


@transaction.atomic
def change(
    *,
    name: str,
    text: str,
    by: Operator,
    now: datetime,
    logo: bytes | None = None,
    drop_logo: bool = False,
    address: str = "",
) -> Site:
    """`logo`: a new picture, None keeps the one that is there. Raises a `Refused`."""
    name, text = name.strip(), text.strip()
    if len(name) > NAME_MAX or len(text) > TEXT_MAX:
        raise TextTooLong(_("The name has room for 32 letters and the text for 120. Nothing was changed."))
    site = Site.objects.select_for_update().filter(pk=1).first() or Site(pk=1)
    before = _facts(site)
    site.name, site.text = name, text
    if logo is not None:
        _hang(site, logo)
    elif drop_logo:
        site.logo, site.logo_type, site.logo_digest = None, "", ""
    after = _facts(site)
    if after != before:
        site.save()
        log(operator=by, action="site.door", target="site", before=before, after=after, address=address, now=now)
    return site


def _hang(site: Site, logo: bytes) -> None:
    if len(logo) > LOGO_BYTES_MAX:
        raise LogoTooLarge(
            _("The picture is larger than 512 KB. The logo was not changed. Make it smaller and try again.")
        )
    site.logo_type = kind_of(logo)
    site.logo, site.logo_digest = logo, hashlib.sha256(logo).hexdigest()


def _facts(site: Site) -> dict[str, str]:
    return {"name": site.name, "text": site.text, "logo": site.logo_digest[:12]}
