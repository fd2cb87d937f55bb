"""What leaves a process in a span: what the list allows, whatever was put in."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, TraceFlags

from workers.spans import ALLOWED, Guarded

SECRETS = ("hunter2", "ann@example.com", "Invoice for Ann", "?code=4/0Ab", "<m1@example.com>")


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exported: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(Guarded(exported)))
    return made


def test_attributes_that_are_not_on_the_list_stay_here(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    with provider.get_tracer("test").start_as_current_span("work") as span:
        span.set_attribute("http.url", "https://host/cb?code=4/0Ab")
        span.set_attribute("temporalWorkflowID", "inbound-email/1/m1@example.com")
        span.set_attribute("http.route", "/tickets/{id}")
    (left,) = exported.get_finished_spans()
    assert dict(left.attributes or {}) == {"http.route": "/tickets/{id}"}


@pytest.mark.parametrize("secret", [secret for secret in SECRETS if not secret[0].isalnum() or "@" in secret])
@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_no_listed_attribute_takes_an_address_a_query_or_a_message_id(
    provider: TracerProvider, exported: InMemorySpanExporter, name: str, secret: str
) -> None:
    with provider.get_tracer("test").start_as_current_span("work") as span:
        span.set_attribute(name, f"/x{secret}")
    (left,) = exported.get_finished_spans()
    assert not left.attributes


@pytest.mark.parametrize("secret", SECRETS)
def test_a_failure_leaves_its_class_and_no_text(
    provider: TracerProvider, exported: InMemorySpanExporter, secret: str
) -> None:
    def fail() -> None:
        raise ValueError(secret)

    with pytest.raises(ValueError, match=r"."), provider.get_tracer("test").start_as_current_span("work"):
        fail()
    (left,) = exported.get_finished_spans()
    assert secret not in left.to_json()
    assert (left.attributes or {})["error.type"] == "ValueError"
    assert not left.status.is_ok


def test_names_that_hold_more_than_words_are_replaced(provider: TracerProvider, exported: InMemorySpanExporter) -> None:
    provider.get_tracer("test").start_span("GET https://host/cb?code=1").end()
    provider.get_tracer("test").start_span("to ann@example.com").end()
    assert {span.name for span in exported.get_finished_spans()} == {"unnamed"}


def test_links_keep_the_trace_and_lose_the_rest(provider: TracerProvider, exported: InMemorySpanExporter) -> None:
    other = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    provider.get_tracer("test").start_span("work", links=[Link(other, {"who": "ann@example.com"})]).end()
    (left,) = exported.get_finished_spans()
    assert [(link.context.trace_id, dict(link.attributes or {})) for link in left.links] == [(1, {})]
