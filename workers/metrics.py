"""One registry for what postroom counts and what the Temporal SDK counts: read by Prometheus, or pushed by OTLP."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

log = logging.getLogger("postroom.metrics")

_CUMULATIVE = AggregationTemporality.CUMULATIVE


class TemporalMetrics(Collector):
    """The SDK's metrics, under the names of Temporal's documentation, from the loopback port it shows them on."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def collect(self) -> Iterator[Family]:
        try:
            with urllib.request.urlopen(self._url, timeout=2) as answer:  # noqa: S310 (a constant http URL)
                text = answer.read().decode()
        except OSError:  # not yet, or the port went to somebody else: our own figures still count
            return
        yield from text_string_to_metric_families(text)

    def describe(self) -> Iterable[Family]:
        """Nothing: registering must not ask."""
        return []


class OtlpMetrics:
    """Exports the registry every so many seconds, from a thread of its own; a collector that is away costs nothing."""

    def __init__(self, registry: CollectorRegistry, exporter: MetricExporter, resource: Resource, every: float) -> None:
        self._registry = registry
        self._exporter = exporter
        self._resource = resource
        self._every = every
        self._began = time.time_ns()

    def start(self) -> None:
        threading.Thread(target=self._run, name="otlp-metrics", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self._every)
            self.export()

    def export(self) -> None:
        try:
            self._exporter.export(to_otlp(self._registry.collect(), self._resource, self._began, time.time_ns()))
        except Exception as error:  # the next interval sends the same totals
            log.warning("metrics could not be exported", extra={"error": type(error).__name__})


def to_otlp(families: Iterable[Family], resource: Resource, began: int, now: int) -> MetricsData:
    """Prometheus' families as OTLP metrics: counters as cumulative sums, histograms with their own bounds."""
    metrics = [metric for family in families if (metric := _metric(family, began, now)) is not None]
    scope = ScopeMetrics(InstrumentationScope("postroom"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, began: int, now: int) -> Metric | None:
    data: Any
    if family.type == "histogram":
        points = [_distribution(labels, samples, began, now) for labels, samples in _by_labels(family.samples)]
        data = Histogram(points, _CUMULATIVE)
    elif family.type == "counter":
        totals = [s for s in family.samples if not s.name.endswith("_created")]
        data = Sum([NumberDataPoint(s.labels, began, now, s.value) for s in totals], _CUMULATIVE, True)
    elif family.type == "gauge":
        data = Gauge([NumberDataPoint(s.labels, began, now, s.value) for s in family.samples])
    else:
        return None
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Metric(name, family.documentation, "", data) if data.data_points else None


def _by_labels(samples: list[Sample]) -> Iterator[tuple[dict[str, str], list[Sample]]]:
    """A histogram's samples, one group for each set of labels but `le`; each group comes as one run."""

    def labels(sample: Sample) -> dict[str, str]:
        return {name: value for name, value in sample.labels.items() if name != "le"}

    for key, group in itertools.groupby((s for s in samples if not s.name.endswith("_created")), key=labels):
        yield key, list(group)


def _distribution(labels: dict[str, str], samples: list[Sample], began: int, now: int) -> HistogramDataPoint:
    buckets = [(float(s.labels["le"]), int(s.value)) for s in samples if s.name.endswith("_bucket")]
    below = [0, *(count for _, count in buckets)]
    total = next((s.value for s in samples if s.name.endswith("_sum")), 0.0)
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=below[-1],
        sum=total,
        bucket_counts=[after - before for before, after in itertools.pairwise(below)],
        explicit_bounds=[bound for bound, _ in buckets[:-1]],
        # Prometheus knows neither; optional in OTLP.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
