"""Traces, by OpenTelemetry's API alone: where no exporter is configured, every call here does next to nothing.

A message has one trace. It begins where the message reaches us, its W3C traceparent stands in the ledger's first
timeline entry, and whoever starts the message's workflow, now or after a crash, goes on from there. Only the attributes
and names that `workers/spans.py` allows leave the process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER

TRACER = trace.get_tracer("postroom")
_W3C = TraceContextTextMapPropagator()


def enabled() -> bool:
    """Whether this process records spans at all."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def recording() -> bool:
    """Whether the present call belongs to a trace that is kept."""
    return trace.get_current_span().get_span_context().trace_flags.sampled


@contextmanager
def span(
    name: str, attributes: Mapping[str, str | int] | None = None, kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[Span]:
    """A span around the block. Of a failure it holds the class's name only."""
    with TRACER.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except Exception as error:
            failed(opened, error)
            raise


def failed(opened: Span, error: BaseException) -> None:
    opened.set_attribute("error.type", type(error).__name__)
    opened.set_status(Status(StatusCode.ERROR))


def add_ended(name: str, seconds: float, attributes: Mapping[str, str | int], failure: BaseException | None) -> None:
    """A span below the present one for a call to another system that took `seconds` and has just ended."""
    if not recording():
        return
    now = time.time_ns()
    ended = TRACER.start_span(name, kind=CLIENT, attributes=attributes, start_time=now - int(seconds * 1_000_000_000))
    if failure is not None:
        failed(ended, failure)
    ended.end(now)


def traceparent(of: Span | None = None) -> str:
    """The present span (or `of`) as a W3C traceparent; empty where nothing is traced."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, None if of is None else trace.set_span_in_context(of, Context()))
    return carrier.get("traceparent", "")


@contextmanager
def continuing(parent: str) -> Iterator[None]:
    """Goes on with the trace of a traceparent; an empty or malformed one begins a new trace."""
    token = context.attach(_W3C.extract({"traceparent": parent}, Context()))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def woken(by: str, name: str) -> Iterator[None]:
    """Work that a notification asked for goes on in its trace; without one, in the present one."""
    if not by:
        yield
        return
    with continuing(by), span(name):
        yield


def begin_messages(count: int) -> Sequence[Span]:
    """The first span of each of `count` messages that were listed together.

    A message that comes alone goes on in the present trace; of several, each begins a trace of its own that links to
    the present one. The caller ends the spans of those that are new: a span that is not ended is never exported.
    """
    present = trace.get_current_span()
    if count == 1 or not present.is_recording():
        return [present] * count
    links = [Link(present.get_span_context())]
    return [TRACER.start_span("listed", context=Context(), links=links) for _ in range(count)]


def listed(message: Span, **ids: str) -> None:
    """Names the message in its first span, and ends that span where it is the message's own."""
    for name, value in ids.items():
        message.set_attribute(f"postroom.{name}", value)
    if message is not trace.get_current_span():
        message.end()
