"""What is not done with a webhook, and why."""

from __future__ import annotations

from typing import ClassVar

from prewatt.domain.staff.refusals import Refused


class WebhookRefused(Refused):
    code: ClassVar[str] = "webhook"


class NotYours(WebhookRefused):
    """A webhook tells of every building."""

    code: ClassVar[str] = "not_yours"


class BadAddress(WebhookRefused):
    code: ClassVar[str] = "bad_address"
