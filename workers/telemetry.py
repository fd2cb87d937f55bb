"""Traces and metrics of one process, by OpenTelemetry's standard environment variables.

Nothing leaves the process unless `OTEL_EXPORTER_OTLP_ENDPOINT` (or the one of a signal) is set; OTLP goes over HTTP.
`OTEL_SDK_DISABLED=true` turns off Temporal's metrics as well. Prometheus reads `/metrics` either way.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import REGISTRY
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig

from domain.version import VERSION
from workers.metrics import OtlpMetrics, TemporalMetrics
from workers.spans import Guarded

# Seconds that the last spans and figures of a process may take to leave.
_FAREWELL = 3.0
_INTERVAL = 60.0


class Telemetry:
    """`Telemetry.start` once a process, before its first call to Temporal; `stop` as the last thing."""

    def __init__(self, tracing: TracerProvider | None, metrics: OtlpMetrics | None) -> None:
        self._tracing = tracing
        self._metrics = metrics

    @classmethod
    def start(cls, role: str) -> Telemetry:
        """`role` names the service `postroom-ROLE`, unless `OTEL_SERVICE_NAME` or the resource attributes do."""
        logs = LoggingConfig("WARN", LogForwardingConfig(logging.getLogger("temporal.core")))
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=logs)))
            return cls(None, None)
        port = _free_port()
        prometheus = PrometheusConfig(
            f"127.0.0.1:{port}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=logs, metrics=prometheus)))
        REGISTRY.register(TemporalMetrics(port))
        resource, tracing, metrics = _resource(role), None, None
        if _configured("TRACES"):
            tracing = TracerProvider(resource=resource)
            tracing.add_span_processor(BatchSpanProcessor(Guarded(OTLPSpanExporter())))
            trace.set_tracer_provider(tracing)
        if _configured("METRICS"):
            seconds = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", _INTERVAL * 1000)) / 1000
            metrics = OtlpMetrics(REGISTRY, OTLPMetricExporter(), resource, seconds)
            metrics.start()
        return cls(tracing, metrics)

    def stop(self) -> None:
        """Sends what is left, for a moment: a collector that is away keeps no process from ending."""
        leaving = threading.Thread(target=self._send_the_rest, daemon=True)
        leaving.start()
        leaving.join(_FAREWELL)

    def _send_the_rest(self) -> None:
        if self._tracing is not None:
            self._tracing.force_flush()
        if self._metrics is not None:
            self._metrics.export()


def _configured(signal: str) -> bool:
    return any(os.environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT") for name in ("", f"{signal}_"))


def _resource(role: str) -> Resource:
    ours = Resource(
        {
            "service.name": f"postroom-{role}",
            "service.version": VERSION,
            "service.instance.id": str(uuid.uuid4()),
        }
    )
    # What the environment says comes last, and so holds.
    return Resource.create().merge(ours).merge(OTELResourceDetector().detect())


def _free_port() -> int:
    """For Temporal's own metrics, which only a port of their own gives out; read from this process alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
