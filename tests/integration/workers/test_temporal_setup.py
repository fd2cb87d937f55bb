"""The namespace and the search attributes of an installation on its own Temporal cluster."""

from __future__ import annotations

from uuid import uuid4

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from tests.temporal_server import TemporalServer
from workers import temporal_setup
from workflows.names import RUNS_KEPT, SEARCH_ATTRIBUTES


async def test_new_namespace_gets_retention_and_search_attributes(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address, namespace=f"n-{uuid4()}", lazy=True)
    assert await temporal_setup.ensure_namespace(client)
    assert set(await temporal_setup.ensure_search_attributes(client)) == set(SEARCH_ATTRIBUTES)
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RUNS_KEPT
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    assert set(SEARCH_ATTRIBUTES) <= set(known.custom_attributes)


async def test_repeating_it_changes_nothing(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address, namespace=f"n-{uuid4()}", lazy=True)
    await temporal_setup.ensure_namespace(client)
    await temporal_setup.ensure_search_attributes(client)
    assert not await temporal_setup.ensure_namespace(client)
    assert await temporal_setup.ensure_search_attributes(client) == []
