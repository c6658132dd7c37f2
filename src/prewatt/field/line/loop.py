"""An event loop that wakes on time: a silent gap is 1.75 or 3.65 ms; epoll rounds every wait up to a millisecond."""

from __future__ import annotations

import asyncio
import select
import selectors

SHORT_S = 0.05  # longer waits may be a millisecond late


def new_loop() -> asyncio.AbstractEventLoop:
    """For programs that own serial buses: `asyncio.Runner(loop_factory=new_loop)`."""
    if not hasattr(selectors, "EpollSelector"):
        return asyncio.SelectorEventLoop(selectors.SelectSelector())
    return asyncio.SelectorEventLoop(_ExactSelector())


if hasattr(selectors, "EpollSelector"):

    class _ExactSelector(selectors.EpollSelector):
        """epoll for any number of files, and select(), which counts microseconds, for the short waits: on epoll's own
        file, so that it wakes for all of them.
        """

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and 0 < timeout < SHORT_S:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)
