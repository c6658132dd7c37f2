"""What every page around one account shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from prewatt.domain.estate.models import Opening
from prewatt.web.parts.pages import now
from prewatt.web.parts.visits import accounts


def frame(request: HttpRequest, opening: Opening, tab: str) -> dict[str, Any]:
    return {"opening": opening, "all": accounts(request), "tab": tab, "now": now()}
