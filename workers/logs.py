"""Logs: JSON lines, or readable text for `postroom dev`. Content and secrets never reach them."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, WrappedLogger

from domain.identity import short_hash

# Libraries whose debug and info lines quote what passes through them.
_QUIET = ("mail.log", "aiosmtpd", "imapclient", "asyncio", "aiohttp.access", "urllib3")
# What the Temporal SDK adds to its log records: huge, and of no use in a line but for `_RUN`.
_NOISE = ("temporal_workflow", "temporal_activity", "temporal_log", "__temporal_error_identifier")

_SECRET_NAME = re.compile(r"passw|secret|token|authorization|cookie|credential|api_?key|master_key", re.IGNORECASE)
_PERSONAL_NAME = re.compile(r"subject|body|filename|address|sender|recipient", re.IGNORECASE)
_SECRET_VALUES = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [redacted]"),
    (re.compile(r"\b(whsec_|eyJ|ya29\.|EwB)[\w.+/=-]{8,}"), "[redacted]"),
    (re.compile(r"://[^/\s:@]*:[^/\s@]*@"), "://[redacted]@"),
    (re.compile(r"\?[^\s\"'?]*=[^\s\"']*"), "?[redacted]"),
    # Mail addresses, and Message-IDs with them.
    (re.compile(r"[^\s<>\"'(),;:@\[\]]+@[^\s<>\"'(),;:@\[\]]+\.[^\s<>\"'(),;:@\[\]]+"), "[address]"),
)


def configure(log_format: str, level: str) -> None:
    """Routes structlog and the standard library into one stream on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _identify,
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
                structlog.processors.ExceptionRenderer(_format_exception),
                redact,
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


def _identify(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The trace, and for lines of a workflow or activity which run and mailbox: enough to find all that belongs to it.

    A message is named by the digest that the search attribute MessageIdHash holds, not by its Message-ID.
    """
    run = event.get("temporal_activity") or event.get("temporal_workflow") or {}
    for name in _NOISE:
        event.pop(name, None)
    if isinstance(run, dict):
        kind, _, rest = str(run.get("workflow_id", "")).partition("/")
        owner, _, message = rest.partition("/")
        ids = {
            "run_id": run.get("workflow_run_id") or run.get("run_id"),
            "workflow": run.get("workflow_type"),
            "activity": run.get("activity_type"),
            "attempt": run.get("attempt"),
            "mailbox": owner if kind in ("inbound-email", "mailbox") else None,
            "message_hash": short_hash(message) if message else None,
        }
        for name, value in ids.items():
            if value is not None:
                event.setdefault(name, value)
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event.setdefault("trace_id", f"{span.trace_id:032x}")
        event.setdefault("span_id", f"{span.span_id:016x}")
    return event


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The last before a line is written: whatever a caller or a library put into it, no secret and no person."""
    for name, value in event.items():
        if _SECRET_NAME.search(name) or _PERSONAL_NAME.search(name):
            event[name] = "[redacted]"
        elif not isinstance(value, (bool, int, float, type(None))):
            event[name] = _redacted(value if isinstance(value, str) else str(value))
    return event


def _redacted(text: str) -> str:
    for pattern, instead in _SECRET_VALUES:
        text = pattern.sub(instead, text)
    return text


def _format_exception(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Where it happened and what kind of error it was: its text may quote a mail, so it is left out."""
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        lines[:0] = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines).rstrip()
