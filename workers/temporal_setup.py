"""`postroom temporal-setup`: the namespace of TEMPORAL_NAMESPACE and its search attributes, on a cluster of one's own.

Repeating it changes nothing. Temporal Cloud has its own tool for this: deploy/runbooks/temporal-cloud.md.
"""

from __future__ import annotations

import asyncio
import contextlib

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workers import temporal
from workers.settings import ConfigurationError, Settings
from workflows.names import RUNS_KEPT, SEARCH_ATTRIBUTES

# A cluster's frontends learn of a new namespace within ten seconds.
_PATIENCE = 60


async def run(settings: Settings) -> None:
    """Raises ConfigurationError where the cluster refuses, as Temporal Cloud does."""
    client = await temporal.connect()
    try:
        created = await ensure_namespace(client)
        print(
            f"namespace {client.namespace}: {'created' if created else 'there'}, keeps runs for {RUNS_KEPT.days} days"
        )
        added = await ensure_search_attributes(client)
        print(f"search attributes: {', '.join(added)} added" if added else "search attributes: all there")
    except RPCError as error:
        if error.status not in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            raise
        raise ConfigurationError(
            "This Temporal cluster does not let clients manage namespaces: make the namespace and its search "
            "attributes with the cluster's own tool (deploy/runbooks/temporal-cloud.md)."
        ) from None


async def ensure_namespace(client: Client) -> bool:
    """Registers the client's namespace, or sets the retention of the one that is there; whether it is new."""
    retention = Duration()
    retention.FromTimedelta(RUNS_KEPT)
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=retention)
        )
        return True
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=retention)
        )
    )
    return False


async def ensure_search_attributes(client: Client) -> list[str]:
    """Adds what the namespace lacks, and returns it."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        with contextlib.suppress(RPCError):
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=client.namespace)
            )
            break
        if asyncio.get_running_loop().time() > deadline:
            raise ConfigurationError(f"Temporal does not show the namespace {client.namespace}: run this again.")
        await asyncio.sleep(1)
    missing = [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes=dict.fromkeys(missing, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
            )
        )
    return missing
