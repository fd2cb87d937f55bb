"""What may leave this process in a span: names and attributes of this list, and nothing that a sender wrote.

The guard stands before the exporter, so it holds for the Temporal SDK's spans and for whatever anybody adds tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status, StatusCode
from temporalio.exceptions import WorkflowAlreadyStartedError

_WORDS = re.compile(r"[A-Za-z_][\w .:/{}*-]{0,99}")
_ID = re.compile(r"[0-9a-f-]{16,36}")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,253}")

# Attributes by the form of their values; numbers are let through under each of these names. No other attribute is:
# Temporal's workflow id, for one, holds the Message-ID.
ALLOWED: dict[str, re.Pattern[str]] = {
    "db.system.name": _WORDS,
    "error.type": _WORDS,
    "http.request.method": _WORDS,
    "http.response.status_code": _WORDS,
    "http.route": re.compile(r"/[\w./{}*-]{0,99}"),
    "postroom.email_id": _ID,
    "postroom.mailbox_id": _ID,
    "postroom.messages": _WORDS,
    "postroom.provider": _WORDS,
    "postroom.statements": _WORDS,
    "server.address": _HOST,
    "temporalRunID": _ID,
}


class Guarded(SpanExporter):
    """Hands spans on to `exporter` without anything but what is allowed: no events, no texts of errors."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([clean(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def clean(span: ReadableSpan) -> ReadableSpan:
    """The span as it may leave. Its exceptions become `error.type`; a workflow that runs already is no error."""
    given = span.attributes or {}
    attributes = _allowed(given)
    named = _WORDS.fullmatch(span.name) is not None
    if named and len(attributes) == len(given) and not (span.events or span.links or span.status.description):
        return span  # as most are: they need no copy
    failure = _failure(span)
    if failure:
        attributes["error.type"] = failure
    failed = span.status.status_code is StatusCode.ERROR and failure != WorkflowAlreadyStartedError.__name__
    return ReadableSpan(
        name=span.name if named else "unnamed",
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if _allows(ALLOWED.get(name), value)}


def _allows(form: re.Pattern[str] | None, value: Any) -> bool:
    if form is None:
        return False
    if isinstance(value, str):
        return form.fullmatch(value) is not None
    return isinstance(value, (int, float)) or all(_allows(form, part) for part in value)


def _failure(span: ReadableSpan) -> str:
    """The class of the last exception that the span recorded, without its module."""
    for event in reversed(span.events):
        kind = str((event.attributes or {}).get("exception.type", ""))
        if _WORDS.fullmatch(kind):
            return kind.rpartition(".")[2]
    return ""
