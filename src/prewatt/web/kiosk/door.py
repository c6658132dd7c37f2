"""The terminal's own door: its cookie ends with the browser, its visit after a minute and a half without a touch."""

from __future__ import annotations

from prewatt.web.parts.visits import Door

DOOR = Door(cookie="prewatt_kiosk", path="/kiosk/", log_in="kiosk:start", kiosk=True)
