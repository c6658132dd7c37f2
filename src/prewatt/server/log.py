"""One way to log for every server process: structlog to stderr, as text for a terminal, as JSON lines otherwise."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def configure() -> None:
    """PREWATT_LOG=json|text overrules what stderr is."""
    text = os.environ.get("PREWATT_LOG", "text" if sys.stderr.isatty() else "json") == "text"
    renderer = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
