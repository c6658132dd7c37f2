"""The port through which a gateway speaks to its centre. The real one is `prewatt.link.http.HttpCentre`;
tests and torture bring their own.
"""

from __future__ import annotations

from typing import Protocol

from prewatt.link.messages import Batch, BatchReply, Config, ConfigRequest, OrdersReply, OrdersRequest


class LinkError(Exception):
    """The centre was not reached, or did not take the message.

    `retry` says whether the same message may succeed later (the line, a busy centre) or never will (a wrong key, an
    unknown gateway):
    then a person has to act, and the gateway goes on reading, journalling and probing slowly.
    """

    def __init__(self, message: str, *, retry: bool, code: str = "link") -> None:
        super().__init__(message)
        self.retry = retry
        self.code = code  # short snake_case name for logs, statistics and JSON


class CentrePort(Protocol):
    """Every call may raise LinkError. Sending the same batch twice is harmless: the centre takes each row once."""

    async def send(self, batch: Batch) -> BatchReply: ...

    async def orders(self, request: OrdersRequest) -> OrdersReply:
        """Waits at most about `request.wait_s` for orders. An order not yet answered TAKEN may be given again."""
        ...

    async def config(self, request: ConfigRequest) -> Config: ...
