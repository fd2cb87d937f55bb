"""An OTLP receiver over HTTP and protobuf (opentelemetry.io/docs/specs/otlp): keeps all that it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """One span: ids in hex, `parent` empty for a root, `links` the trace ids it links to."""

    trace: str
    id: str
    parent: str
    name: str
    service: str
    attributes: dict[str, Any]
    links: list[str]
    error: bool


@dataclass
class Receiver:
    """`raw` is every request as it came, for whoever looks for what must not be in there."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)

    def trace_of(self, email_id: str) -> list[Received]:
        """Every span of the trace whose first span names this message."""
        traces = {s.trace for s in self.spans if s.attributes.get("postroom.email_id") == email_id}
        return [s for s in self.spans if s.trace in traces]

    async def _traces(self, request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest.FromString(await self._body(request))
        for resource in message.resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_received(span, service) for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    async def _metrics(self, request: web.Request) -> web.Response:
        message = ExportMetricsServiceRequest.FromString(await self._body(request))
        for resource in message.resource_metrics:
            for scope in resource.scope_metrics:
                self.metrics |= {metric.name: metric for metric in scope.metrics}
        return web.Response(content_type="application/x-protobuf")

    async def _body(self, request: web.Request) -> bytes:
        body = await request.read()
        self.raw.append(body)
        return body


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    application = web.Application(client_max_size=64 << 20)
    application.add_routes([web.post("/v1/traces", found._traces), web.post("/v1/metrics", found._metrics)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


def _received(span: Any, service: str) -> Received:
    return Received(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        service=service,
        attributes=_attributes(span.attributes),
        links=[link.trace_id.hex() for link in span.links],
        error=span.status.code == 2,
    )


def _attributes(found: Any) -> dict[str, Any]:
    return {a.key: _value(a.value) for a in found}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(v) for v in value.array_value.values] if kind == "array_value" else getattr(value, kind)
