"""`/metrics` and OTLP show the same figures: postroom's own, and Temporal's under its documentation's names."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from domain.metrics import HOUSE, MAILBOXES_NAMED
from tests.integration.telemetry.conftest import Fleet, until
from tests.letters import letter
from tests.roles import ROOT

# Every series of one process together; what grows with mail, tenants or messages would pass this soon.
SERIES = 2_000


Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def figures(fleet: Fleet, role: str = "worker") -> Figures:
    """Samples of a role's /metrics by name and labels."""
    _, text = await fleet.page(role, "/metrics")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0)


async def test_a_mail_counts_by_outcome_with_the_time_it_took(fleet: Fleet) -> None:
    before = await figures(fleet)
    await fleet.send(letter("ann@example.com", message_id="counted@ids.example"))
    await fleet.email("counted@ids.example")
    after = await figures(fleet)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("postroom_messages_total", outcome="ticket") == 1
    assert more("postroom_message_seconds_count", provider="smtp", asked="no") == 1
    assert 0 < more("postroom_message_seconds_sum", provider="smtp", asked="no") < 60


async def test_the_house_shows_its_mailboxes_and_their_lag(fleet: Fleet) -> None:
    async def shown() -> bool:
        found = await figures(fleet)
        lags = {dict(labels)["provider"] for name, labels in found if name == "postroom_mailbox_lag_seconds"}
        return value(found, "postroom_mailboxes", provider="smtp", state="active") == 1 and lags == {"smtp", "imap"}

    await until(shown, "mailboxes in the metrics")


async def test_only_workers_show_the_figures_of_the_house(fleet: Fleet) -> None:
    house = {family.name for family in HOUSE.collect()}

    async def shown(role: str) -> set[str]:
        return house & {name for name, _ in await figures(fleet, role)}

    async def counted() -> bool:
        return "postroom_counted_timestamp_seconds" in await shown("worker")

    await until(counted, "figures of the house")
    for role in fleet.ports.keys() - {"worker"}:
        assert await shown(role) == set(), role


async def test_temporals_metrics_have_the_names_of_its_documentation(fleet: Fleet) -> None:
    await fleet.send(letter("ann@example.com", message_id="named@ids.example"))
    await fleet.email("named@ids.example")
    documented = {
        "temporal_workflow_completed_total",
        "temporal_workflow_endtoend_latency_seconds_bucket",
        "temporal_activity_execution_latency_seconds_bucket",
        "temporal_workflow_task_schedule_to_start_latency_seconds_bucket",
        "temporal_worker_task_slots_available",
        "temporal_num_pollers",
        "temporal_request_total",
    }

    async def shown() -> bool:
        # The run ends, and is counted, a moment after its message is done.
        return documented <= {name for name, _ in await figures(fleet)}

    await until(shown, "Temporal's metrics")


async def test_otlp_gets_the_figures_that_prometheus_gets(fleet: Fleet) -> None:
    names = {"postroom_messages_total", "postroom_message_seconds", "postroom_mailboxes", "temporal_request_total"}

    async def there() -> bool:
        return names <= set(fleet.otlp.metrics)

    await until(there, "the metrics by OTLP")
    (point, *_) = fleet.otlp.metrics["postroom_message_seconds"].histogram.data_points
    assert point.count == sum(point.bucket_counts) > 0
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


async def test_no_label_names_a_tenant_a_message_or_a_person_and_series_are_few(fleet: Fleet) -> None:
    for role in fleet.ports:
        _, text = await fleet.page(role, "/metrics")
        assert str(fleet.tenant_id) not in text
        assert "@" not in text
        assert sum(not line.startswith("#") for line in text.splitlines()) < SERIES
    assert MAILBOXES_NAMED < SERIES


def test_the_documentation_lists_exactly_the_metrics_there_are() -> None:
    from prometheus_client.metrics import MetricWrapperBase

    from domain import metrics

    table = {m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)}
    ours = {
        (f.name + ("_total" if f.type == "counter" else ""), f.type, f.documentation)
        for m in table
        for f in m.describe()
    }
    text = (ROOT / "docs/metrics.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(postroom_\w+)` \| (\w+) \| [^|]*\| (.*) \|$", text, re.MULTILINE))
    assert documented == ours
