"""How figures and times are written for people, the same on pages, in exports and on paper. Text in, no HTML."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol
from unicodedata import east_asian_width

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from prewatt.units.values import round_half_up

MINUS = "\u2212"
NOTHING = "\u2014"
OLD = timedelta(seconds=180)  # a live value older than this is greyed and says its age
TILE_WHOLE_FEN = 100_00


def _signed(value: int, text: str) -> str:
    return MINUS + text if value < 0 else text


def yuan(fen: int | None) -> str:
    """1234567 -> 12,345.67; a minus is U+2212; nothing known is a dash."""
    if fen is None:
        return NOTHING
    return _signed(fen, f"{abs(fen) // 100:,}.{abs(fen) % 100:02d}")


def tile_yuan(fen: int | None) -> str:
    """Short, for a room's tile: whole yuan from 100 up, one digit below."""
    if fen is None:
        return NOTHING
    if abs(fen) >= TILE_WHOLE_FEN:
        return _signed(fen, str(round_half_up(abs(fen), 100)))
    tenths = round_half_up(abs(fen), 10)
    return _signed(fen, f"{tenths // 10}.{tenths % 10}")


def thousandth(value: int | None, digits: int = 2) -> str:
    """Wh as kWh, W as kW, mA as A: 11864 -> 11.86."""
    if value is None:
        return NOTHING
    steps = round_half_up(abs(value), 10 ** (3 - digits))
    whole, rest = divmod(steps, 10**digits)
    return _signed(value if steps else 0, f"{whole:,}" + (f".{rest:0{digits}d}" if digits else ""))


def scaled(value: int | None, scale: int) -> str:
    """A stored whole number in its unit: 2298 tenths of a volt -> 229.8."""
    if value is None:
        return NOTHING
    digits = len(str(scale)) - 1
    whole, rest = divmod(abs(value), scale)
    return _signed(value, f"{whole}" + (f".{rest:0{digits}d}" if digits else ""))


def local(at: datetime) -> datetime:
    return timezone.localtime(at)


def clock(at: datetime | None) -> str:
    return NOTHING if at is None else f"{local(at):%H:%M:%S}"


def moment(at: datetime | None) -> str:
    """The day and the minute, in the site's zone."""
    return NOTHING if at is None else f"{local(at):%Y-%m-%d %H:%M:%S}"


def short_moment(at: datetime | None, *, now: datetime) -> str:
    """Today only the time, otherwise month and day as well."""
    if at is None:
        return NOTHING
    if local(at).date() == local(now).date():
        return f"{local(at):%H:%M}"
    return f"{local(at):%m-%d %H:%M}" if local(at).year == local(now).year else f"{local(at):%Y-%m-%d}"


def in_seconds(span_s: int) -> str:
    return ngettext("%(n)d s", "%(n)d s", span_s) % {"n": span_s}


def duration(span: timedelta) -> str:
    """The two largest parts: 2 h 14 min."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return in_seconds(seconds)
    minutes = seconds // 60
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
    return ngettext("%(n)d day", "%(n)d days", hours // 24) % {"n": hours // 24}


def age(at: datetime | None, *, now: datetime) -> str:
    """How old a value is, said so that it can stand alone."""
    if at is None:
        return _("never read")
    if now - at < timedelta(seconds=10):
        return _("just now")
    return _("%(duration)s ago") % {"duration": duration(now - at)}


def is_old(at: datetime | None, *, now: datetime) -> bool:
    return at is None or now - at > OLD


def days(left: float | None) -> str:
    """How long money lasts: 0.6 days."""
    return NOTHING if left is None else pgettext("how long money lasts", "%(days)s days") % {"days": f"{left:.1f}"}


class Lasting(Protocol):
    """An estimate with its interval."""

    @property
    def days(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def lasting(left: Lasting) -> str:
    """An estimate is shown as one: 6 days, 4 to 8. Tenths only where they matter."""
    if left.days >= LASTING_DAYS_MAX:
        return pgettext("how long money lasts", "more than a year")
    digits = 1 if left.days < LASTING_FINE_DAYS else 0
    point, low, high = (f"{value:.{digits}f}" for value in (left.days, left.low, left.high))
    if low == high:
        return pgettext("how long money lasts", "%(days)s days") % {"days": point}
    if left.high >= LASTING_DAYS_MAX:
        return pgettext("how long money lasts", "%(days)s days, at least %(low)s") % {"days": point, "low": low}
    said = {"days": point, "low": low, "high": high}
    return pgettext("how long money lasts", "%(days)s days, %(low)s to %(high)s") % said


def lasts_about(left: Lasting) -> str:
    return pgettext("forecast", "lasts about %(days)s") % {"days": lasting(left)}


LASTING_DAYS_MAX, LASTING_FINE_DAYS = 365, 3


def masked(phone: str) -> str:
    """138****0000: enough to recognise, too little to copy."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else phone


def display_width(text: str) -> int:
    """Columns of a fixed-width face; a Chinese sign is two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
