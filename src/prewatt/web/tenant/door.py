"""The phone site's own door."""

from __future__ import annotations

from prewatt.web.parts.visits import Door

DOOR = Door(cookie="prewatt_tenant", path="/my/", log_in="tenant:login")
