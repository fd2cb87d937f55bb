"""Logs: JSON lines, or readable text for `postroom dev`. Content and secrets never reach them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

# Libraries whose debug and info lines quote what passes through them.
_QUIET = ("mail.log", "aiosmtpd", "imapclient", "asyncio", "aiohttp.access")
# What the Temporal SDK adds to its log records: huge, and of no use in a line.
_NOISE = ("temporal_workflow", "temporal_activity", "__temporal_error_identifier")


def configure(log_format: str, level: str) -> None:
    """Routes structlog and the standard library into one stream on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _tidy,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if log_format == "text"
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _tidy(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for name in _NOISE:
        event.pop(name, None)
    return event
